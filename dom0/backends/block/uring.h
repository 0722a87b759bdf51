/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_URING_H
#define HOSPES_BLOCK_URING_H

#include <stdbool.h>
#include <stdint.h>

#include <liburing.h>

#include "dom0/backends/common/loop.h"

/*
 * The daemon's one io_uring: the I/O of all disks, the events of all guests (port.h), and the wait. The loop
 * sleeps in it (loop_set_waiter()), so one system call hands everything collected to the kernel and brings
 * back everything that has ended.
 */
struct uring;

#define URING_ENTRIES 512u /* operations that can wait to be submitted */

/* Embedded in what waits for it. done() is called from the loop's wait; res is the result or -errno. */
struct uring_op {
    void (*done)(struct uring_op *op, int32_t res);
};

/* NULL with errno. The ring accepts only the operations that this daemon uses. */
struct uring *uring_open(void);
void uring_close(struct uring *uring);

/* From now on the loop waits here. */
void uring_start(struct uring *uring, struct loop *loop);

/*
 * An empty entry for one operation, to be filled with an io_uring_prep function at once; submitted with the
 * next wait. op NULL: nobody is told unless it fails, which is then ignored. Never NULL.
 */
struct io_uring_sqe *uring_entry(struct uring *uring);
void uring_entry_op(struct io_uring_sqe *sqe, struct uring_op *op);

#define URING_BUFFERS 32 /* pieces of memory that can be registered at a time */

/*
 * Registers memory: fixed reads and writes name it by the number returned, and the kernel, which looked up
 * its pages here, does not do so for each of them. It stays in memory until it is removed. -1: not now, or
 * not on this kernel.
 */
int uring_buffer_add(struct uring *uring, void *memory, size_t bytes);

/* No operation with it is under way. */
void uring_buffer_remove(struct uring *uring, int number);

#endif
