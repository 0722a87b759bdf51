/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BACKEND_RESTRICTED_URING_H
#define HOSPES_BACKEND_RESTRICTED_URING_H

#include <stddef.h>
#include <stdint.h>

#include <liburing.h>

/*
 * An io_uring for a worker. Its operations are not seen by the filter of system calls (broker.h), so the ring
 * itself accepts those that the daemon uses and no others: whoever takes over the worker finds no open,
 * connect or exec in it.
 */
struct restricted_uring {
    const uint8_t *operations; /* IORING_OP_*, at most RESTRICTED_URING_MAX */
    size_t count;
    uint8_t sqe_flags;        /* IOSQE_* that an entry may have */
    unsigned int entries;     /* operations that can wait to be submitted */
    unsigned int completions; /* room for those that have ended; 0: twice the entries */
    unsigned int setup;       /* IORING_SETUP_* in addition */
    unsigned int buffers; /* numbers for registered memory, which may be given to it at any time; they need
                             not be there: registering fails where the kernel does not know such */
};

#define RESTRICTED_URING_MAX 16u

/* 0, or a negative errno: as where the administrator allows no io_uring, or the kernel does not know `setup`
 * (-EINVAL). To be ended with io_uring_queue_exit(). */
int restricted_uring_open(struct io_uring *ring, const struct restricted_uring *what);

#endif
