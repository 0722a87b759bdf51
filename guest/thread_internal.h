/* SPDX-License-Identifier: MIT */
#ifndef GUEST_THREAD_INTERNAL_H
#define GUEST_THREAD_INTERNAL_H

/* A thread as start.c, smp.c and thread.c see it. */

#include <stdbool.h>
#include <stdint.h>
#include "guest/thread.h"
#include "guest/vcpu.h"

enum thread_state { THREAD_RUNNING, THREAD_READY, THREAD_WAITING, THREAD_ENDED };

/* At the lowest address of its stack. */
struct thread {
    struct stack_head head; /* first: what this_vcpu() looks for */
    const char *name;
    void *sp; /* of a thread that does not run */
    void (*fn)(void *);
    void *arg;

    /* Under the lock of the run queue of its vCPU. */
    enum thread_state state;
    bool woken; /* while it was not (yet) waiting */
    struct thread *next_ready;

    /* Under the lock of the waitq. */
    struct waitq *on;
    struct thread *next_waiter;

    /* For its own vCPU, upcalls masked. */
    uint64_t deadline;
    struct thread *next_timed;

    bool gone; /* ended, and its stack is not in use any more */
    uint64_t guard;
};

/* The thread that a vCPU begins with; the stack it lies at the bottom of is in use or will be. */
void thread_init(struct thread *t, const char *name, struct vcpu_local *vcpu);

/*
 * Around a suspend, upcalls masked: all other vCPUs of the scheduler spin with upcalls masked until
 * sched_go_on(). False: a vCPU runs that is not the scheduler's. sched_bind_again() gives each its ports in a
 * new domain.
 */
bool sched_stop_others(void);
void sched_bind_again(void);
void sched_go_on(void);

/* guest/switch.S: saves the callee's registers and the stack pointer, goes on with those of another thread.
 */
void thread_switch(void **save_sp, void *sp);
void thread_first(void);

#endif
