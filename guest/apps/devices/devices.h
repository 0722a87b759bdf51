/* SPDX-License-Identifier: MIT */
#ifndef GUEST_APPS_DEVICES_H
#define GUEST_APPS_DEVICES_H

/* Between the files of the application: one disk, and its thread. */

#include <stdbool.h>
#include "guest/thread.h"

struct disk {
    unsigned id;
    struct thread *thread; /* NULL: this place is free */
    bool stop;             /* for the thread: let go; atomic */
    bool unplugged;        /* from the thread, before it sets ended: that is why */
    bool ended;            /* from the thread: it has let go; atomic */
};

/* Has the main thread look at all again. */
void devices_look(void);

/* A thread's function, with a struct disk: uses it until it is taken away, or stop. */
void disk_main(void *arg);

#endif
