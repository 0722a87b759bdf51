/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_CONSOLE_GUEST_H
#define HOSPES_CONSOLE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>

#include "dom0/backends/console/backlog.h"
#include "dom0/backends/console/logfile.h"
#include "dom0/backends/common/loop.h"
#include "dom0/backends/console/ring.h"
#include "xs/client/xs.h"

/* What all guests share. */
struct guest_services {
    struct loop *loop;
    struct xsc *xs;
    xenevtchn_handle *evtchn;
    xengnttab_handle *gnttab;
    xenforeignmemory_handle *fmem; /* NULL: only grants */
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

    struct console_ring ring;
    bool by_grant; /* how the ring is mapped */
    evtchn_port_t port;
    bool masked; /* the port is not unmasked before the period ends */

    int64_t period_end;
    unsigned int period_events;
    size_t period_bytes;

    struct backlog *backlog;
    struct logfile log;
    int terminal_slave; /* kept open, so that the master sees no end when its user leaves; -1: none */
    int listener;       /* -1: none */
    struct loop_handle *listener_handle;
    struct viewer *viewers;
};

struct guest *guest_new(struct guest_services *services, uint32_t domid);

/*
 * Maps the ring and starts to serve it. 0; 1 when the store has not all that is needed yet; -1 after a log
 * line.
 */
int guest_open(struct guest *guest);

/* Delivers the rest, ends the viewers, gives everything back. */
void guest_free(struct guest *guest);

/* The guest's event channel fired. */
void guest_event(struct guest *guest);

/* When guest_tick() is due, -1 for never. */
int64_t guest_due(const struct guest *guest);
void guest_tick(struct guest *guest, int64_t now);

/* For viewers. */
size_t guest_input_space(struct guest *guest);
void guest_input(struct guest *guest, const char *buf, size_t len);
void guest_drop_viewer(struct guest *guest, struct viewer *viewer);
void guest_pump_viewers(struct guest *guest);

/* One line in the daemon's own log. */
void daemon_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
