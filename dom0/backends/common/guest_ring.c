/* SPDX-License-Identifier: MIT */
#include "dom0/backends/common/guest_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xentoollog.h>

#include "dom0/backends/common/daemon.h"

#define ROUND_PORTS 64

struct guest_port {
    struct guest_access *access;
    evtchn_port_t local;
    bool fresh; /* the first call is owed */
    guest_port_callback *callback;
    void *arg;
    struct guest_port *next_fresh;
};

struct guest_access {
    xenevtchn_handle *evtchn;
    xengnttab_handle *gnttab;
    xentoollog_logger *quiet;
    struct loop_handle *handle;
    struct loop_timer *first_calls;
    /* By local port. The kernel hands out the lowest that is free, so the array is as long as there are
     * ports. */
    struct guest_port **ports;
    size_t room;
    struct guest_port *fresh;
};

/* ---- access ---- */

struct guest_access *guest_access_open(void)
{
    struct guest_access *access = calloc(1, sizeof(*access));
    const char *what = "memory";

    if (access) {
        /* The library would write a line for every grant that a guest has not made. */
        access->quiet = (xentoollog_logger *)xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
        what = "/dev/xen/evtchn (is xen-evtchn loaded?)";
        access->evtchn = xenevtchn_open(access->quiet, 0);
    }
    if (access && access->evtchn) {
        what = "/dev/xen/gntdev (is xen-gntdev loaded?)";
        access->gnttab = xengnttab_open(access->quiet, 0);
    }
    if (access && access->gnttab && fcntl(xenevtchn_fd(access->evtchn), F_SETFL, O_RDWR | O_NONBLOCK) == 0)
        return access;
    daemon_log("%s: %s", what, strerror(errno));
    guest_access_close(access);
    return NULL;
}

void guest_access_close(struct guest_access *access)
{
    if (!access)
        return;
    loop_remove(access->handle);
    loop_timer_free(access->first_calls);
    if (access->gnttab)
        xengnttab_close(access->gnttab);
    if (access->evtchn)
        xenevtchn_close(access->evtchn);
    if (access->quiet)
        xtl_logger_destroy(access->quiet);
    free(access->ports);
    free(access);
}

struct xengntdev_handle *guest_access_gnttab(struct guest_access *access)
{
    return access->gnttab;
}

/* ---- pages ---- */

void *guest_map(struct guest_access *access, uint32_t domid, const uint32_t *refs, unsigned int n, int prot)
{
    /* The library takes the references for its own to change, and does not. */
    return xengnttab_map_domain_grant_refs(access->gnttab, n, domid, (uint32_t *)(uintptr_t)refs, prot);
}

void guest_unmap(struct guest_access *access, void *pages, unsigned int n)
{
    if (pages && xengnttab_unmap(access->gnttab, pages, n) != 0)
        daemon_log("cannot unmap %u pages of a guest: %s", n, strerror(errno));
}

/* ---- event channels ---- */

static void call(struct guest_port *port)
{
    struct guest_access *access = port->access;
    evtchn_port_t local = port->local;

    if (port->callback(port->arg) && local < access->room && access->ports[local])
        guest_port_unmask(access->ports[local]);
}

/* The descriptor gives as many ports as have fired and fit. */
static void on_events(void *arg, uint32_t events)
{
    struct guest_access *access = arg;
    evtchn_port_t fired[ROUND_PORTS];
    ssize_t got = read(xenevtchn_fd(access->evtchn), fired, sizeof(fired));

    (void)events;
    for (ssize_t i = 0; i < got / (ssize_t)sizeof(fired[0]); i++)
        /* One that was unbound in this round is closed already. */
        if (fired[i] < access->room && access->ports[fired[i]])
            call(access->ports[fired[i]]);
}

static void on_first_calls(void *arg)
{
    struct guest_access *access = arg;

    while (access->fresh) {
        struct guest_port *port = access->fresh;

        access->fresh = port->next_fresh;
        port->fresh = false;
        call(port);
    }
}

int guest_access_start(struct guest_access *access, struct loop *loop)
{
    access->first_calls = loop_timer_new(loop, on_first_calls, access);
    access->handle = loop_add(loop, xenevtchn_fd(access->evtchn), EPOLLIN, on_events, access);
    return access->first_calls && access->handle ? 0 : -1;
}

static int make_room(struct guest_access *access, evtchn_port_t local)
{
    size_t room = access->room ? access->room : 64;
    struct guest_port **ports;

    while (room <= local)
        room *= 2;
    if (room == access->room)
        return 0;
    ports = reallocarray(access->ports, room, sizeof(struct guest_port *));
    if (!ports)
        return -1;
    memset(ports + access->room, 0, (room - access->room) * sizeof(struct guest_port *));
    access->ports = ports;
    access->room = room;
    return 0;
}

struct guest_port *guest_port_bind(struct guest_access *access, uint32_t domid, uint32_t remote_port,
                                   guest_port_callback *callback, void *arg)
{
    struct guest_port *port = calloc(1, sizeof(*port));
    xenevtchn_port_or_error_t local;

    if (!port)
        return NULL;
    local = xenevtchn_bind_interdomain(access->evtchn, domid, remote_port);
    if (local < 0 || make_room(access, (evtchn_port_t)local) != 0) {
        int saved = errno;

        if (local >= 0)
            xenevtchn_unbind(access->evtchn, (evtchn_port_t)local);
        free(port);
        errno = saved;
        return NULL;
    }
    *port = (struct guest_port){access, (evtchn_port_t)local, true, callback, arg, access->fresh};
    access->fresh = access->ports[local] = port;
    loop_timer_set(access->first_calls, loop_now_ns());
    return port;
}

void guest_port_notify(struct guest_port *port)
{
    xenevtchn_notify(port->access->evtchn, port->local);
}

void guest_port_unmask(struct guest_port *port)
{
    xenevtchn_unmask(port->access->evtchn, port->local);
}

void guest_port_unbind(struct guest_port *port)
{
    struct guest_port **link;

    if (!port)
        return;
    for (link = &port->access->fresh; port->fresh && *link; link = &(*link)->next_fresh)
        if (*link == port) {
            *link = port->next_fresh;
            break;
        }
    port->access->ports[port->local] = NULL;
    xenevtchn_unbind(port->access->evtchn, port->local);
    free(port);
}
