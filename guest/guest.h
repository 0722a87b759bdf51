/* SPDX-License-Identifier: MIT */
#ifndef GUEST_GUEST_H
#define GUEST_GUEST_H

/*
 * The library for PV guest kernels. An application defines guest_main(); everything else is set
 * up before it: console, traps, memory, events, time. When it returns, the domain powers off
 * with the message "exit status N" on the console.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include "guest/console.h"
#include "guest/hypercall.h"
#include "guest/layout.h"
#include "guest/printf.h"
#include "guest/shutdown.h"
#include "guest/string.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE_SIZE     4096ul
#define PAGE_SHIFT    12

int guest_main(const char *cmdline);

/* Valid from the first C instruction on; never NULL afterwards. */
extern struct start_info *start_info;

/* Mapped in guest_start() before anything else uses it. */
extern struct shared_info *const shared_info;

static inline bool guest_is_dom0(void)
{
    return start_info->flags & SIF_INITDOMAIN;
}

/*
 * True if word is one of the blank-separated words of the command line; for "key=" the value is
 * copied to value (terminated, at most size-1 characters).
 */
bool cmdline_word(const char *word);
bool cmdline_value(const char *key, char *value, size_t size);

/* Called by entry.S. */
void guest_start(struct start_info *si) __attribute__((noreturn));

#endif
