/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HOST_GUEST_BLK_BACKEND_H
#define TESTS_HOST_GUEST_BLK_BACKEND_H

/*
 * An honest backend of one device, as dom0 has it: a thread of kernel.h that follows the states of the
 * frontend. What the rings say is the test's.
 */

#include <stdbool.h>
#include <stdint.h>
#include <xen/io/xenbus.h>

#define MS 1000000ul

struct backend {
    const char *front;       /* directory of the frontend */
    enum xenbus_state ready; /* in which the frontend has published its rings */
    void (*connect)(
        void);           /* maps them; all that machine_map() maps is let go of at the end of a connection */
    void (*serve)(void); /* each millisecond of a connection */
    char back[64];       /* directory of the backend */
    enum xenbus_state state;
    bool connected, stop;
    struct thread *thread;
};

void backend_start(struct backend *b);
void backend_stop(struct backend *b);

/* Its nodes, and its state. */
void backend_put(struct backend *b, const char *node, unsigned long value);
void backend_say(struct backend *b, enum xenbus_state state);

/* The toolstack's part: the device is there, with its backend below `back`. Other nodes must be there before.
 */
void backend_plug(struct backend *b, const char *back);
/* Asks for the device back. */
void backend_unplug(struct backend *b);

/* Lets go of the rings, and says so. */
void backend_let_go(struct backend *b, enum xenbus_state state);

#endif
