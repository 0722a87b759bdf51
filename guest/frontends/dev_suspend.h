/* SPDX-License-Identifier: MIT */
#ifndef GUEST_FRONTENDS_DEV_SUSPEND_H
#define GUEST_FRONTENDS_DEV_SUSPEND_H

/*
 * Disks and cards, when the domain is suspended: their ports and grants end with it, so each is disconnected
 * before by its own thread, and looks for its backend afterwards as if that had come back.
 */

#include <stdbool.h>

struct dev_suspend {
    /* Leave the device's thread a note: to disconnect and call dev_suspend_ready(); to go on. */
    void (*suspend)(struct dev_suspend *dev);
    void (*resume)(struct dev_suspend *dev);
    bool ready;               /* atomic; private, as the next one */
    struct dev_suspend *next; /* of all that are open */
};

/* Both within suspend_hold(). A device is removed before its thread ends. */
void dev_suspend_add(struct dev_suspend *dev);
void dev_suspend_remove(struct dev_suspend *dev);

/* The device's thread: it is disconnected, and stays so until resume(). */
void dev_suspend_ready(struct dev_suspend *dev);

/* Between dev_suspend_ready() and resume(). */
bool dev_is_suspended(const struct dev_suspend *dev);

#endif
