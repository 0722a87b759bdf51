/* SPDX-License-Identifier: MIT */
#ifndef GUEST_THREAD_H
#define GUEST_THREAD_H

/*
 * Cooperative threads. Each stays on the vCPU that it was started for and runs until it waits, yields or
 * ends; guest_main() is a thread too. A vCPU with nothing to run blocks in the hypervisor.
 *
 * Handlers of events interrupt whatever thread runs, on its stack and with upcalls masked; they may wake,
 * never wait. A thread must not wait while it holds a spinlock.
 */

#include <stdbool.h>
#include <stdint.h>
#include "guest/spinlock.h"

struct thread;

/*
 * Threads that wait for something. All zero is empty. It must outlive every waitq_wake() on it: one that
 * belongs to an object that a waiter may free at once needs more care than a condition.
 */
struct waitq {
    struct spinlock lock;
    struct thread *first;
};

/*
 * Starts fn(arg) on a stack of its own of GUEST_STACK_SIZE bytes. A vCPU above 0 is brought up by its first
 * thread. name is kept, not copied. NULL: out of memory, no such vCPU, or one that smp_start() has. Must be
 * joined, or lives as long as the domain.
 */
struct thread *thread_start(const char *name, unsigned vcpu, void (*fn)(void *), void *arg);

/* Lets the other threads of this vCPU that are ready run first. */
void thread_yield(void);

/* Waits until the thread's function has returned, and frees the thread. By one thread only. */
void thread_join(struct thread *t);

const char *thread_name(const struct thread *t);
struct thread *thread_self(void);

/*
 * Sleeps until cond(arg) holds, and returns true; or until system time deadline (ns, as time_now() counts; 0:
 * never), and returns false. cond is called with upcalls masked on this vCPU, at the start and after each
 * waitq_wake(). A NULL cond never holds.
 */
bool waitq_wait(struct waitq *q, bool (*cond)(void *), void *arg, uint64_t deadline);

/* All that wait on q look at their conditions again. From any vCPU, from threads and from handlers. */
void waitq_wake(struct waitq *q);

/* A lock that threads wait for; not for handlers. All zero is free. */
struct mutex {
    struct waitq waiters;
    unsigned held;
};

void mutex_lock(struct mutex *m);
void mutex_unlock(struct mutex *m);

#endif
