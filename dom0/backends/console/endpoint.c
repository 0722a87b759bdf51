/* SPDX-License-Identifier: MIT */
#include "dom0/backends/console/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "dom0/backends/console/console_paths.h"
#include "dom0/backends/console/viewer.h"

#define LISTEN_BACKLOG 8
#define MAX_VIEWERS    64

static void socket_address(struct sockaddr_un *addr, uint32_t domid)
{
    memset(addr, 0, sizeof(*addr));
    addr->sun_family = AF_UNIX;
    snprintf(addr->sun_path, sizeof(addr->sun_path), CONSOLE_SOCKET_DIR "/%u", domid);
}

int endpoint_listen(uint32_t domid)
{
    struct sockaddr_un addr;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    socket_address(&addr, domid);
    /* Left by a daemon that was killed, or by an earlier guest of that number. */
    unlink(addr.sun_path);
    /* The directory is root's alone, so nobody connects before the mode is set. */
    if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && chmod(addr.sun_path, 0600) == 0 &&
        listen(fd, LISTEN_BACKLOG) == 0)
        return fd;
    daemon_log("domain %u: socket %s: %s", domid, addr.sun_path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

void endpoint_close_listener(int fd, uint32_t domid)
{
    struct sockaddr_un addr;

    if (fd < 0)
        return;
    socket_address(&addr, domid);
    unlink(addr.sun_path);
    close(fd);
}

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

struct loop_handle *endpoint_accept_on(struct loop *loop, struct guest *guest)
{
    return loop_add(loop, guest->listener, EPOLLIN, on_connect, guest);
}

int endpoint_terminal(int *slave, char *tty, size_t tty_len)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    struct termios raw;

    *slave = -1;
    if (master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, tty, tty_len) == 0)
        *slave = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*slave >= 0 && tcgetattr(*slave, &raw) == 0) {
        cfmakeraw(&raw);
        if (tcsetattr(*slave, TCSANOW, &raw) == 0)
            return master;
    }
    daemon_log("pseudo-terminal: %s", strerror(errno));
    if (*slave >= 0)
        close(*slave);
    if (master >= 0)
        close(master);
    *slave = -1;
    return -1;
}
