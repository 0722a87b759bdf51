/* SPDX-License-Identifier: MIT */
#ifndef GUEST_SUSPEND_H
#define GUEST_SUSPEND_H

/*
 * Suspending the domain so that a toolstack can save it, and going on afterwards, in the same domain or in
 * one that was made from the saved image.
 *
 * In the new domain the library sets up again: start_info and the p2m list (the toolstack renews them in
 * place), shared_info, the scheduler's ports and timers, the grant table's frames, the console's ring, the
 * connection to the store with its watches. time_now() goes on where it stopped. What it cannot know is up to
 * hooks: ports, granted pages (the new table is empty), devices, and every mapping of a frame that is not the
 * domain's own, which has to be gone before the domain is suspended (the toolstack refuses to save it
 * otherwise).
 */

#include <stdbool.h>

struct suspend_hook {
    /* Called on vCPU 0 by the thread that suspends; may wait and use the store. */
    void (*before)(void *arg);
    /* cancelled: nothing has changed, the domain is the one that it was. */
    void (*after)(void *arg, bool cancelled);
    void *arg;
    struct suspend_hook *next; /* private */
};

/* before is called in the reverse order of addition, after in the order of addition. Stays for good. */
void suspend_hook_add(struct suspend_hook *hook);

/*
 * Between these two the domain is not suspended: guest_suspend() waits for the end of it, and while one is
 * under way nobody passes suspend_hold(). For what must not be half done, such as opening a device. Threads
 * only, not from hooks.
 */
void suspend_hold(void);
void suspend_release(void);

/*
 * Suspends, and returns when the domain runs again: 0 in a new domain, 1 if it was cancelled. From a thread
 * on vCPU 0 that is not the watches'; -XEN_EBUSY if a vCPU runs that smp_start() has, -XEN_EINVAL on another
 * vCPU or in the first domain.
 */
int guest_suspend(void);

#endif
