/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BACKEND_BROKER_H
#define HOSPES_BACKEND_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "dom0/backends/common/loop.h"

/*
 * Separation of privileges. A daemon is two processes: the broker keeps root and does nothing but answer a
 * short list of requests; the worker serves the guests, as a user of its own, with no capabilities, no new
 * privileges, under resource limits and a filter of system calls. Whoever takes over a worker through a ring
 * gets what the worker has: the grants that guests give to dom0, the store as far as the broker passes it on
 * (store.h), and the answers to those requests.
 *
 * The broker starts a new worker when one ends, at most one a second; the worker is killed when the broker
 * ends in whatever way. A system call that is not on the list kills the worker; the log names it.
 *
 * SIGTERM or SIGINT at the broker: the worker is told to stop (its loop_run() returns), killed if it has not
 * after ten seconds, and the daemon ends. SIGHUP: the log is reopened, and the worker told (on_hangup).
 */
struct broker;

/* Requests from here on are the library's own. */
#define BROKER_OP_LIBRARY 0x10000U

struct broker_reply {
    _Alignas(16) uint8_t data[4096];
    size_t len;
    int fds[8]; /* the broker closes its copies after they were sent; what the worker receives is the worker's
                 */
    unsigned int nfds;
};

/*
 * In the broker: does what the worker asks, or not; what it asks is not trusted. 0 or an errno value. The
 * request is aligned for any type. It may take as long as it must: only this daemon's worker waits.
 */
typedef int broker_handler(void *arg, uint32_t op, const void *req, size_t len, struct broker_reply *reply);

struct broker_spec {
    const char *name; /* "hospes-blockd" */
    const char *user; /* whom the worker becomes; the daemon does not start without that user */
    /* Names of system calls beyond the common ones (broker_syscalls.c), NULL at the end; NULL: none. */
    const char *const *syscalls;
    /* ioctl()s beyond those of the Xen devices, 0 at the end; NULL: none. */
    const unsigned long *ioctls;
    /*
     * What of the store the worker may change: patterns as in store_filter.h, NULL at the end. Whatever the
     * broker itself believes must not be among them. The states of a backend's devices: BACKEND_WRITES().
     */
    const char *const *store_writes;
    rlim_t max_files;  /* RLIMIT_NOFILE of the worker; 0: 4096 */
    rlim_t max_memory; /* RLIMIT_DATA of the worker in bytes; 0: 1 GiB */

    /* In the broker, once, before the first worker. 0, or -1 after a log line: the daemon does not start. */
    int (*prepare)(void *arg);
    broker_handler *handle; /* NULL: all requests are refused with ENOSYS */
    /* In the broker, each time a worker has ended: forget what was done on its behalf. NULL: nothing. */
    void (*worker_gone)(void *arg);

    /*
     * In the worker while it is still root: opens what will be needed. The guests do not reach it yet. 0, or
     * -1 after a log line: the worker ends, and the daemon too if it was the first one.
     */
    int (*open)(struct broker *broker, void *arg);
    /* In the worker, confined: serves, most of the time in loop_run(broker_loop()). Its exit status. */
    int (*run)(struct broker *broker, void *arg);
    /* In the worker, from its loop. NULL: nothing. */
    void (*on_hangup)(void *arg);
    void *arg;
};

/* A whole daemon but for what is its own: daemon_start(), the broker, its workers. The exit status of main().
 */
int broker_main(const struct broker_spec *spec, int argc, char **argv);

/* ---- in the worker ---- */

/* The worker's loop; made before open(). */
struct loop *broker_loop(struct broker *broker);

/* Guests are served from now on. */
void broker_ready(struct broker *broker);

/*
 * Asks the broker and waits for its answer: 0 or an errno value. *reply (NULL: no data, no descriptors
 * wanted) is filled also on failure. Descriptors come with close-on-exec set.
 */
int broker_call(struct broker *broker, uint32_t op, const void *req, size_t len, struct broker_reply *reply);

/*
 * False only if the hypervisor says that there is no such domain, or that it is being taken apart: it may be
 * asked after the store was started anew, which has then forgotten everybody.
 */
bool broker_domain_lives(struct broker *broker, uint32_t domid);

/* ---- in the broker ---- */

/* 0; ESRCH as above; another errno value if the hypervisor cannot be asked. */
int broker_ask_hypervisor(uint32_t domid);

/* A program of the system that the broker starts; argv[0] is an absolute path. */
struct broker_program {
    const char *const *argv;
    const char *user; /* NULL: root */
    const int *fds;   /* what it gets as descriptors 3, 4, ...; nothing else beyond the standard ones */
    unsigned int nfds;
    int output;       /* its standard output; -1: /dev/null */
    int errors;       /* its standard error output; -1: our log */
    int death_signal; /* what it gets when the broker ends; 0: SIGKILL */
};

#define BROKER_PROGRAM_FDS 40U

/* Its pid, or -1 with errno. The standard input is /dev/null. One that ends is reaped by itself. */
int broker_spawn(const struct broker_program *program);

#endif
