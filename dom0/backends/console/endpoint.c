/* SPDX-License-Identifier: MIT */
#include "dom0/backends/console/endpoint.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dom0/backends/console/requests.h"
#include "dom0/backends/console/viewer.h"

#define MAX_VIEWERS 64

static size_t count_viewers(const struct guest *guest)
{
    size_t n = 0;

    for (const struct viewer *v = guest->viewers; v; v = v->next)
        n++;
    return n;
}

static void on_connect(void *arg, uint32_t events)
{
    struct guest *guest = arg;
    int fd = accept4(guest->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct viewer *viewer;

    (void)events;
    if (fd < 0)
        return;
    if (count_viewers(guest) >= MAX_VIEWERS) {
        close(fd);
        return;
    }
    viewer = viewer_new(guest->services->loop, guest, fd, false);
    if (!viewer)
        return;
    viewer->next = guest->viewers;
    guest->viewers = viewer;
    guest_pump_viewers(guest);
}

void endpoint_open(struct guest *guest)
{
    guest->listener = request_for_domain(guest->services->broker, CONSOLE_OP_LISTEN, guest->domid);
    if (guest->listener >= 0)
        guest->listener_handle = loop_add(guest->services->loop, guest->listener, EPOLLIN, on_connect, guest);
    if (!guest->listener_handle)
        daemon_log("domain %u: socket for its viewers: %s", guest->domid, strerror(errno));
}

void endpoint_close(struct guest *guest)
{
    loop_remove(guest->listener_handle);
    guest->listener_handle = NULL;
    if (guest->listener >= 0)
        close(guest->listener);
    guest->listener = -1;
}
