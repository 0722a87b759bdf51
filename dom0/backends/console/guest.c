/* SPDX-License-Identifier: MIT */
#include "dom0/backends/console/guest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/grant_table.h>

#include "dom0/backends/console/console_paths.h"
#include "dom0/backends/console/endpoint.h"
#include "dom0/backends/console/viewer.h"

#define PERIOD_MS     100
#define PERIOD_BYTES  65536U /* 640 KiB/s: ten times what a person scrolls through */
#define PERIOD_EVENTS 256U

struct guest *guest_new(struct guest_services *services, uint32_t domid)
{
    struct guest *guest = calloc(1, sizeof(*guest));

    if (!guest)
        return NULL;
    guest->services = services;
    guest->domid = domid;
    guest->log.fd = guest->terminal_slave = guest->listener = -1;
    return guest;
}

/* The guest grants its ring by reference 0; a guest that took that grant away has the frame's number left. */
static int map_ring(struct guest *guest, uint64_t mfn)
{
    struct guest_services *s = guest->services;
    xen_pfn_t frame = mfn;
    void *page;

    page = xengnttab_map_grant_ref(s->gnttab, guest->domid, GNTTAB_RESERVED_CONSOLE, PROT_READ | PROT_WRITE);
    guest->by_grant = page != NULL;
    if (!page && s->fmem)
        page = xenforeignmemory_map(s->fmem, guest->domid, PROT_READ | PROT_WRITE, 1, &frame, NULL);
    if (!page) {
        daemon_log("domain %u: cannot map its console ring: %s", guest->domid, strerror(errno));
        return -1;
    }
    console_ring_attach(&guest->ring, page);
    return 0;
}

static void unmap_ring(struct guest *guest)
{
    if (!guest->ring.page)
        return;
    if (guest->by_grant)
        xengnttab_unmap(guest->services->gnttab, guest->ring.page, 1);
    else
        xenforeignmemory_unmap(guest->services->fmem, guest->ring.page, 1);
    guest->ring.page = NULL;
}

static int read_nodes(struct guest *guest, uint64_t *mfn, uint64_t *port)
{
    struct xsc *xs = guest->services->xs;
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u/console/ring-ref", guest->domid);
    if (xsc_read_u64(xs, XSC_NO_TX, path, mfn) != 0)
        return -1;
    snprintf(path, sizeof(path), "/local/domain/%u/console/port", guest->domid);
    return xsc_read_u64(xs, XSC_NO_TX, path, port) == 0 && *port <= UINT32_MAX ? 0 : -1;
}

static int bind_port(struct guest *guest, uint32_t remote)
{
    xenevtchn_port_or_error_t port =
        xenevtchn_bind_interdomain(guest->services->evtchn, guest->domid, remote);

    if (port < 0) {
        daemon_log("domain %u: cannot bind its console port %u: %s", guest->domid, remote, strerror(errno));
        return -1;
    }
    guest->port = (evtchn_port_t)port;
    guest->open = true;
    return 0;
}

static void open_log(struct guest *guest)
{
    char fallback[24];
    char *name = xsc_readf(guest->services->xs, XSC_NO_TX, "/local/domain/%u/name", guest->domid);

    snprintf(fallback, sizeof(fallback), "%u", guest->domid);
    logfile_open(&guest->log, CONSOLE_LOG_DIR, name && *name ? name : fallback);
    free(name);
}

/* Whatever fails here leaves a console that is logged and has fewer ways to be seen. */
static void open_endpoints(struct guest *guest)
{
    char path[64], tty[64];
    int fd;

    guest->listener = endpoint_listen(guest->domid);
    if (guest->listener >= 0)
        guest->listener_handle = endpoint_accept_on(guest->services->loop, guest);
    fd = endpoint_terminal(&guest->terminal_slave, tty, sizeof(tty));
    if (fd < 0)
        return;
    guest->viewers = viewer_new(guest->services->loop, guest, fd, true);
    snprintf(path, sizeof(path), "/local/domain/%u/console/tty", guest->domid);
    if (xsc_write(guest->services->xs, XSC_NO_TX, path, tty, strlen(tty)) != 0)
        daemon_log("domain %u: cannot write %s: %s", guest->domid, path, strerror(errno));
}

int guest_open(struct guest *guest)
{
    uint64_t mfn, port;

    if (read_nodes(guest, &mfn, &port) != 0)
        return 1;
    guest->backlog = calloc(1, sizeof(*guest->backlog));
    if (!guest->backlog) {
        daemon_log("domain %u: out of memory", guest->domid);
        return -1;
    }
    if (map_ring(guest, mfn) != 0 || bind_port(guest, (uint32_t)port) != 0) {
        unmap_ring(guest);
        free(guest->backlog);
        guest->backlog = NULL;
        return -1;
    }
    open_log(guest);
    open_endpoints(guest);
    /* What was put out before we came raises no event. */
    guest_event(guest);
    return 0;
}

/* Moves what is in the ring, at most one ring's worth; true when it was all. */
static bool drain(struct guest *guest)
{
    char buf[sizeof(guest->ring.page->out)];
    size_t len = console_ring_read(&guest->ring, buf, sizeof(buf));

    if (len == 0)
        return true;
    backlog_append(guest->backlog, buf, len);
    logfile_write(&guest->log, buf, len);
    guest->period_bytes += len;
    xenevtchn_notify(guest->services->evtchn, guest->port);
    return !console_ring_has_output(&guest->ring);
}

static void begin_period(struct guest *guest, int64_t now)
{
    if (now < guest->period_end)
        return;
    guest->period_end = now + PERIOD_MS;
    guest->period_events = 0;
    guest->period_bytes = 0;
}

static bool over_share(const struct guest *guest)
{
    return guest->period_bytes >= PERIOD_BYTES || guest->period_events >= PERIOD_EVENTS;
}

/* Serves the ring as far as the guest's share allows; the port stays masked until that is so again. */
static void serve(struct guest *guest)
{
    bool was_broken = guest->ring.broken;

    while (!over_share(guest) && !drain(guest))
        ;
    guest_pump_viewers(guest);
    if (guest->ring.broken) {
        /* Masked for good: there is nothing more that it could tell us. */
        if (!was_broken)
            daemon_log(
                "domain %u: indices of its console ring make no sense, its console is no longer served",
                guest->domid);
        guest->masked = true;
        return;
    }
    guest->masked = over_share(guest);
    if (!guest->masked)
        xenevtchn_unmask(guest->services->evtchn, guest->port);
}

void guest_event(struct guest *guest)
{
    begin_period(guest, loop_now_ms());
    guest->period_events++;
    serve(guest);
}

int64_t guest_due(const struct guest *guest)
{
    return guest->open && guest->masked && !guest->ring.broken ? guest->period_end : -1;
}

void guest_tick(struct guest *guest, int64_t now)
{
    if (guest_due(guest) < 0 || now < guest->period_end)
        return;
    begin_period(guest, now);
    serve(guest);
}

size_t guest_input_space(struct guest *guest)
{
    return console_ring_space(&guest->ring);
}

void guest_input(struct guest *guest, const char *buf, size_t len)
{
    if (console_ring_write(&guest->ring, buf, len) > 0)
        xenevtchn_notify(guest->services->evtchn, guest->port);
}

void guest_drop_viewer(struct guest *guest, struct viewer *viewer)
{
    struct viewer **link = &guest->viewers;

    while (*link && *link != viewer)
        link = &(*link)->next;
    if (!*link)
        return;
    *link = viewer->next;
    viewer_free(viewer);
}

void guest_pump_viewers(struct guest *guest)
{
    bool takes_input = guest_input_space(guest) > 0;
    struct viewer *viewer = guest->viewers;

    while (viewer) {
        struct viewer *next = viewer->next;

        if (viewer_flush(viewer, guest->backlog))
            viewer_update(viewer, guest->backlog, takes_input);
        else
            guest_drop_viewer(guest, viewer);
        viewer = next;
    }
}

void guest_free(struct guest *guest)
{
    if (guest->open) {
        /* One ring's worth is all that a guest which is gone can have left. */
        drain(guest);
        guest_pump_viewers(guest);
        xenevtchn_unbind(guest->services->evtchn, guest->port);
    }
    unmap_ring(guest);
    while (guest->viewers)
        guest_drop_viewer(guest, guest->viewers);
    loop_remove(guest->listener_handle);
    endpoint_close_listener(guest->listener, guest->domid);
    if (guest->terminal_slave >= 0)
        close(guest->terminal_slave);
    logfile_close(&guest->log);
    free(guest->backlog);
    free(guest);
}
