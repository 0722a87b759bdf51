/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/port.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <xenevtchn.h>

#define READ_PORTS 256u /* events fetched at once */

struct port {
    struct ports *ports;
    evtchn_port_t local;
    port_callback *callback;
    void *arg;
};

struct ports {
    struct uring *uring;
    xenevtchn_handle *handle;
    int fd;
    struct uring_op read_op;
    struct port **bound; /* by local port number */
    size_t room;
    evtchn_port_t events[READ_PORTS];
    /* What the kernel reads when an unmasking is submitted: as many as can wait for that, and no port's own,
     * which may be unbound first. */
    evtchn_port_t unmask[URING_ENTRIES];
    unsigned unmasked;
};

static void read_events(struct ports *ports)
{
    struct io_uring_sqe *sqe = uring_entry(ports->uring);

    io_uring_prep_read(sqe, ports->fd, ports->events, sizeof(ports->events), 0);
    uring_entry_op(sqe, &ports->read_op);
}

static void on_events(struct uring_op *op, int32_t res)
{
    struct ports *ports = (struct ports *)((char *)op - offsetof(struct ports, read_op));

    for (int32_t i = 0; i < res / (int32_t)sizeof(evtchn_port_t); i++) {
        evtchn_port_t local = ports->events[i];

        if (local < ports->room && ports->bound[local])
            ports->bound[local]->callback(ports->bound[local]->arg);
    }
    read_events(ports);
}

struct ports *ports_open(struct uring *uring)
{
    struct ports *ports = calloc(1, sizeof(*ports));

    if (!ports)
        return NULL;
    ports->uring = uring;
    ports->read_op.done = on_events;
    ports->handle = xenevtchn_open(NULL, 0);
    if (!ports->handle) {
        free(ports);
        return NULL;
    }
    ports->fd = xenevtchn_fd(ports->handle);
    /* Then a read without events is parked until there are some, instead of blocking a thread. */
    if (fcntl(ports->fd, F_SETFL, fcntl(ports->fd, F_GETFL) | O_NONBLOCK) != 0) {
        ports_close(ports);
        return NULL;
    }
    read_events(ports);
    return ports;
}

void ports_close(struct ports *ports)
{
    if (!ports)
        return;
    xenevtchn_close(ports->handle);
    free(ports->bound);
    free(ports);
}

static int make_room(struct ports *ports, evtchn_port_t local)
{
    size_t room = ports->room ? ports->room : 64;
    struct port **bound;

    while (room <= local)
        room *= 2;
    if (room == ports->room)
        return 0;
    bound = reallocarray(ports->bound, room, sizeof(struct port *));
    if (!bound)
        return -1;
    memset(bound + ports->room, 0, (room - ports->room) * sizeof(struct port *));
    ports->bound = bound;
    ports->room = room;
    return 0;
}

struct port *port_bind(struct ports *ports, uint32_t domid, uint32_t remote, port_callback *callback,
                       void *arg)
{
    struct port *port = calloc(1, sizeof(*port));
    xenevtchn_port_or_error_t local;

    if (!port)
        return NULL;
    local = xenevtchn_bind_interdomain(ports->handle, domid, remote);
    if (local < 0 || make_room(ports, (evtchn_port_t)local) != 0) {
        int error = local < 0 ? errno : ENOMEM;

        if (local >= 0)
            xenevtchn_unbind(ports->handle, (evtchn_port_t)local);
        free(port);
        errno = error;
        return NULL;
    }
    *port = (struct port){ports, (evtchn_port_t)local, callback, arg};
    ports->bound[local] = port;
    return port;
}

void port_notify(struct port *port)
{
    xenevtchn_notify(port->ports->handle, port->local);
}

void port_unmask(struct port *port)
{
    struct ports *ports = port->ports;
    struct io_uring_sqe *sqe = uring_entry(ports->uring);
    evtchn_port_t *local = &ports->unmask[ports->unmasked++ % URING_ENTRIES];

    *local = port->local;
    io_uring_prep_write(sqe, ports->fd, local, sizeof(*local), 0);
    uring_entry_op(sqe, NULL);
}

void port_unbind(struct port *port)
{
    if (!port)
        return;
    port->ports->bound[port->local] = NULL;
    xenevtchn_unbind(port->ports->handle, port->local);
    free(port);
}
