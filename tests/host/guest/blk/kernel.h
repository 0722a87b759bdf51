/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HOST_GUEST_BLK_KERNEL_H
#define TESTS_HOST_GUEST_BLK_KERNEL_H

/*
 * What a frontend needs of the kernel around it, on the host: cooperative threads, a clock that jumps to the
 * next deadline when all wait, event channels, a store with watches, and suspending. All of it runs in one
 * thread of the host, so a test is the same each time. A thread that waits runs again only after a wake or
 * its deadline; when there is neither, the test aborts.
 */

#include <stdbool.h>
#include <stdint.h>
#include <xen/io/xenbus.h>

/* From nothing: no threads but the caller's, an empty store. */
void kernel_begin(void);

/* Aborts if threads are left other than those of the kernel itself, or watches, or ports. */
void kernel_end(void);

/* Nodes, for the other side; path is absolute, or relative to the guest's directory. NULL: none. */
const char *store_get(const char *path);
unsigned long store_number_at(const char *path, unsigned long otherwise);
void store_put(const char *path, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* With all that is below it. */
void store_remove(const char *path);
unsigned store_count(const char *below);

/* The other end of the guest's port sends an event; nothing happens if nobody has it. */
void port_raise(unsigned port);

/* Suspends as guest_suspend() does. in_between() is the life of the toolstack, NULL: it was cancelled. */
void kernel_suspend(void (*in_between)(void));

#endif
