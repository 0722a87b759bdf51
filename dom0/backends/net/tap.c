/* SPDX-License-Identifier: MIT */
#include "dom0/backends/net/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "dom0/backends/common/daemon.h"
#include "dom0/toolstack/net_link.h"

/*
 * Never the lowest of the bridge's ports, whose address the bridge takes for itself; the guest's own address
 * is on the other side.
 */
static const uint8_t tap_mac[6] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff};

static int refuse(char *why, size_t why_size, const char *what, int error)
{
    snprintf(why, why_size, "%s: %s", what, strerror(error));
    return -1;
}

static int open_queue(const char *name)
{
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), error;

    if (fd < 0)
        return -1;
    memcpy(ifr.ifr_name, name, strlen(name) + 1);
    if (ioctl(fd, TUNSETIFF, &ifr) == 0)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* dom0 itself is not to be reached through the port of a bridge. A kernel without IPv6 has no such file. */
static void without_ipv6(const char *name)
{
    char path[96];
    int fd;

    snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, "1", 1) != 1)
        daemon_log("%s: %s", path, strerror(errno));
    close(fd);
}

static int plug_in(struct net_link *net, const struct net_device *device, char *why, size_t why_size)
{
    struct net_link_info link, bridge = {0};

    if (device->bridge[0]) {
        if (net_link_get(net, device->bridge, &bridge) != 0)
            return refuse(why, why_size, device->bridge, errno);
        if (!bridge.is_bridge)
            return refuse(why, why_size, device->bridge, ENOTSUP);
    }
    if (net_link_get(net, device->name, &link) != 0)
        return refuse(why, why_size, device->name, errno);
    if (net_link_set_address(net, link.index, tap_mac) != 0)
        return refuse(why, why_size, "address", errno);
    if (device->mtu && net_link_set_mtu(net, link.index, device->mtu) != 0)
        return refuse(why, why_size, "mtu", errno);
    if (bridge.index && net_link_set_master(net, link.index, bridge.index) != 0)
        return refuse(why, why_size, device->bridge, errno);
    without_ipv6(device->name);
    if (net_link_set_up(net, link.index) != 0)
        return refuse(why, why_size, device->name, errno);
    return 0;
}

static void close_all(int *fd, unsigned int n)
{
    while (n > 0)
        close(fd[--n]);
}

/* Only a name that is free: a second descriptor would get packets of whoever has it. */
static int make(struct net_link *net, const struct net_device *device, int *fd, char *why, size_t why_size)
{
    struct net_link_info link;
    unsigned int n;

    if (net_link_get(net, device->name, &link) == 0)
        return refuse(why, why_size, device->name, EEXIST);
    for (n = 0; n < device->queues; n++) {
        fd[n] = open_queue(device->name);
        if (fd[n] < 0) {
            int error = errno;

            close_all(fd, n);
            return refuse(why, why_size, "/dev/net/tun", error);
        }
    }
    if (plug_in(net, device, why, why_size) == 0)
        return 0;
    close_all(fd, n);
    return -1;
}

int net_tap_make(const struct net_device *device, int *fd, char *why, size_t why_size)
{
    struct net_link *net = net_link_open();
    int rc;

    if (!net)
        return refuse(why, why_size, "netlink", errno);
    rc = make(net, device, fd, why, why_size);
    net_link_close(net);
    return rc;
}
