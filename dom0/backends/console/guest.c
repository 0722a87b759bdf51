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

#include "dom0/backends/console/endpoint.h"
#include "dom0/backends/console/requests.h"
#include "dom0/backends/console/viewer.h"

#define PERIOD_MS     100
#define PERIOD_BYTES  65536U /* 640 KiB/s: ten times what a person scrolls through */
#define PERIOD_EVENTS 256U
#define PATIENCE_NS   10000000000LL
#define NS_PER_MS     1000000LL

static void on_timer(void *arg);
static bool on_event(void *arg);

struct guest *guest_new(struct guest_services *services, uint32_t domid)
{
    struct guest *guest = calloc(1, sizeof(*guest));

    if (!guest)
        return NULL;
    guest->services = services;
    guest->domid = domid;
    guest->log.fd = guest->terminal_slave = guest->listener = -1;
    guest->timer = loop_timer_new(services->loop, on_timer, guest);
    if (guest->timer)
        return guest;
    free(guest);
    return NULL;
}

static void free_guest(struct guest *guest)
{
    while (guest->viewers)
        guest_drop_viewer(guest, guest->viewers);
    loop_timer_free(guest->timer);
    if (guest->backlog_is_file)
        munmap(guest->backlog, sizeof(*guest->backlog));
    else
        free(guest->backlog);
    free(guest);
}

/* ---- opening ---- */

static int read_nodes(struct guest *guest, uint64_t *mfn, uint64_t *port)
{
    struct xsc *xs = store_xs(guest->services->store);
    char path[64];

    if (!xs)
        return -1;
    snprintf(path, sizeof(path), "/local/domain/%u/console/ring-ref", guest->domid);
    if (xsc_read_u64(xs, XSC_NO_TX, path, mfn) != 0)
        return -1;
    snprintf(path, sizeof(path), "/local/domain/%u/console/port", guest->domid);
    return xsc_read_u64(xs, XSC_NO_TX, path, port) == 0 && *port <= UINT32_MAX ? 0 : -1;
}

/* In a file, so that it outlives us; without one it is still good for the time that we live. */
static int open_backlog(struct guest *guest)
{
    int fd = request_for_domain(guest->services->broker, CONSOLE_OP_BACKLOG, guest->domid);
    void *map = MAP_FAILED;

    if (fd >= 0) {
        map = mmap(NULL, sizeof(*guest->backlog), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    guest->backlog_is_file = map != MAP_FAILED;
    if (!guest->backlog_is_file)
        daemon_log("domain %u: its backlog will not outlive this daemon: %s", guest->domid, strerror(errno));
    guest->backlog = guest->backlog_is_file ? map : calloc(1, sizeof(*guest->backlog));
    return guest->backlog ? 0 : -1;
}

/* The toolstack grants the ring by reference 0 before a guest runs. */
static int map_ring(struct guest *guest)
{
    const uint32_t ref = GNTTAB_RESERVED_CONSOLE;
    void *page = guest_map(guest->services->access, guest->domid, &ref, 1, PROT_READ | PROT_WRITE);

    if (!page) {
        daemon_log("domain %u: cannot map its console ring: %s", guest->domid, strerror(errno));
        return -1;
    }
    console_ring_attach(&guest->ring, page);
    return 0;
}

static void unmap_ring(struct guest *guest)
{
    guest_unmap(guest->services->access, guest->ring.page, 1);
    guest->ring.page = NULL;
}

static int bind_port(struct guest *guest, uint32_t remote)
{
    guest->port = guest_port_bind(guest->services->access, guest->domid, remote, on_event, guest);
    if (guest->port) {
        /* A daemon before us may have given it input and died before it could say so. */
        guest_port_notify(guest->port);
        return 0;
    }
    daemon_log("domain %u: cannot bind its console port %u: %s", guest->domid, remote, strerror(errno));
    return -1;
}

static int open_log_file(void *arg, bool rotate)
{
    struct guest *guest = arg;

    return request_log(guest->services->broker, rotate ? CONSOLE_OP_ROTATE : CONSOLE_OP_LOG, guest->name);
}

static void open_log(struct guest *guest)
{
    struct xsc *xs = store_xs(guest->services->store);
    char *name = xs ? xsc_readf(xs, XSC_NO_TX, "/local/domain/%u/name", guest->domid) : NULL;

    if (name && *name)
        snprintf(guest->name, sizeof(guest->name), "%s", name);
    else
        snprintf(guest->name, sizeof(guest->name), "%u", guest->domid);
    free(name);
    logfile_open(&guest->log, open_log_file, guest);
}

/* Whatever fails here leaves a console that is logged and has fewer ways to be seen. */
static void open_terminal(struct guest *guest)
{
    struct xsc *xs = store_xs(guest->services->store);
    char tty[64];
    int fd = request_terminal(guest->services->broker, &guest->terminal_slave, tty, sizeof(tty));

    if (fd < 0) {
        daemon_log("domain %u: pseudo-terminal: %s", guest->domid, strerror(errno));
        return;
    }
    guest->viewers = viewer_new(guest->services->loop, guest, fd, true);
    if (xs && xsc_writef(xs, XSC_NO_TX, tty, "/local/domain/%u/console/tty", guest->domid) != 0)
        daemon_log("domain %u: cannot write console/tty: %s", guest->domid, strerror(errno));
}

int guest_open(struct guest *guest)
{
    uint64_t mfn, port;

    if (read_nodes(guest, &mfn, &port) != 0)
        return 1;
    if (map_ring(guest) != 0)
        return -1;
    if (!guest->backlog && open_backlog(guest) != 0) {
        daemon_log("domain %u: out of memory", guest->domid);
        unmap_ring(guest);
        return -1;
    }
    backlog_adopt(guest->backlog, mfn, (uint32_t)port, guest->ring.out_cons);
    guest->ring.out_cons = backlog_ring_index(guest->backlog);
    if (bind_port(guest, (uint32_t)port) != 0) {
        unmap_ring(guest);
        return -1;
    }
    guest->open = true;
    open_log(guest);
    endpoint_open(guest);
    open_terminal(guest);
    return 0;
}

/* ---- serving ---- */

/*
 * Moves what is in the ring, at most one ring's worth; true when it was all. Should we be killed in here,
 * then it is in the log before it is in the backlog, and in both before the guest has its room back.
 */
static bool drain(struct guest *guest)
{
    char buf[sizeof(guest->ring.page->out)];
    size_t len = console_ring_read(&guest->ring, buf, sizeof(buf));

    if (len == 0)
        return true;
    /* A guest's share is what it costs: empty lines are not for nothing. */
    guest->period_bytes += logfile_write(&guest->log, buf, len);
    backlog_append(guest->backlog, buf, len);
    console_ring_release(&guest->ring);
    guest_port_notify(guest->port);
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

    begin_period(guest, loop_now_ms());
    while (!over_share(guest) && !drain(guest))
        ;
    guest_pump_viewers(guest);
    guest->masked = guest->ring.broken || over_share(guest);
    /* Masked for good: there is nothing more that it could tell us. */
    if (guest->ring.broken && !was_broken)
        daemon_log("domain %u: indices of its console ring make no sense, its console is no longer served",
                   guest->domid);
    loop_timer_set(guest->timer, guest->masked && !guest->ring.broken ? guest->period_end * NS_PER_MS : 0);
}

static bool on_event(void *arg)
{
    struct guest *guest = arg;

    begin_period(guest, loop_now_ms());
    guest->period_events++;
    serve(guest);
    return !guest->masked;
}

static void on_timer(void *arg)
{
    struct guest *guest = arg;

    if (guest->ended) {
        free_guest(guest);
        return;
    }
    serve(guest);
    if (!guest->masked)
        guest_port_unmask(guest->port);
}

size_t guest_input_space(struct guest *guest)
{
    return guest->open ? console_ring_space(&guest->ring) : 0;
}

void guest_input(struct guest *guest, const char *buf, size_t len)
{
    if (console_ring_write(&guest->ring, buf, len) > 0)
        guest_port_notify(guest->port);
}

/* ---- viewers ---- */

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

        if (!viewer_flush(viewer, guest->backlog) || (guest->ended && viewer_done(viewer, guest->backlog)))
            guest_drop_viewer(guest, viewer);
        else
            viewer_update(viewer, guest->backlog, takes_input);
        viewer = next;
    }
    /* Not in here: a viewer may be what called. */
    if (guest->ended && !guest->viewers)
        loop_timer_set(guest->timer, loop_now_ns());
}

/* ---- the end ---- */

/* What is the guest's, and the places where it is found. */
static void let_go(struct guest *guest)
{
    if (guest->open) {
        guest_port_unbind(guest->port);
        unmap_ring(guest);
        logfile_close(&guest->log);
    }
    guest->open = false;
    endpoint_close(guest);
    if (guest->terminal_slave >= 0)
        close(guest->terminal_slave);
    guest->terminal_slave = -1;
}

void guest_end(struct guest *guest)
{
    /* One ring's worth is all that a guest which is gone can have left. */
    if (guest->open)
        drain(guest);
    let_go(guest);
    request_for_domain(guest->services->broker, CONSOLE_OP_FORGET, guest->domid);
    guest->ended = true;
    loop_timer_set(guest->timer, loop_now_ns() + PATIENCE_NS);
    guest_pump_viewers(guest);
}

void guest_abandon(struct guest *guest)
{
    let_go(guest);
    free_guest(guest);
}
