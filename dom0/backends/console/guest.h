/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_CONSOLE_GUEST_H
#define HOSPES_CONSOLE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0/backends/common/broker.h"
#include "dom0/backends/common/daemon.h"
#include "dom0/backends/common/guest_ring.h"
#include "dom0/backends/common/loop.h"
#include "dom0/backends/common/store.h"
#include "dom0/backends/console/backlog.h"
#include "dom0/backends/console/logfile.h"
#include "dom0/backends/console/ring.h"

/* What all guests share. */
struct guest_services {
    struct broker *broker;
    struct loop *loop;
    struct store *store;
    struct guest_access *access;
};

/*
 * One guest with a console. Its output goes into a backlog, from there to a log file and any number of
 * viewers. A guest that puts out more than its share of a period is not served again before the next one: its
 * ring fills and it waits, as with a slow serial line.
 */
struct guest {
    struct guest_services *services;
    struct guest *next;
    uint32_t domid;
    bool open;    /* the ring is mapped and served */
    bool watched; /* its console nodes are watched, because they were not complete yet */
    bool seen;    /* mark of a scan */
    bool ended;   /* only viewers are left, who have not been told everything yet */

    struct console_ring ring;
    struct guest_port *port;
    bool masked; /* the port is not unmasked before the period ends */

    struct loop_timer *timer; /* end of the period; after the guest's end, of the viewers' patience */
    int64_t period_end;       /* loop_now_ms() */
    unsigned int period_events;
    size_t period_bytes;

    struct backlog *backlog;
    bool backlog_is_file;
    struct logfile log;
    char name[128];     /* the log's */
    int terminal_slave; /* kept open, so that the master sees no end when its user leaves; -1: none */
    int listener;       /* -1: none */
    struct loop_handle *listener_handle;
    struct viewer *viewers;
};

/* NULL: no memory. */
struct guest *guest_new(struct guest_services *services, uint32_t domid);

/*
 * Maps the ring and starts to serve it. 0; 1 when the store has not all that is needed yet; -1 after a log
 * line.
 */
int guest_open(struct guest *guest);

/*
 * The guest is gone: takes the rest out of the ring and gives everything back; frees itself as soon as its
 * viewers have been told the rest, or have not wanted to hear it for ten seconds.
 */
void guest_end(struct guest *guest);

/* The daemon ends, the guest does not: the next one finds the backlog. */
void guest_abandon(struct guest *guest);

/* For viewers. */
size_t guest_input_space(struct guest *guest);
void guest_input(struct guest *guest, const char *buf, size_t len);
void guest_drop_viewer(struct guest *guest, struct viewer *viewer);
void guest_pump_viewers(struct guest *guest);

#endif
