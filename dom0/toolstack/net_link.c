/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/net_link.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

/*
 * Two sockets: answers to requests come on one, announcements of new interfaces on the other, so that
 * neither has to be told from the other and no announcement between open and wait is lost.
 */
struct net_link {
    struct mnl_socket *requests;
    struct mnl_socket *events;
    unsigned int seq;
    union {
        char bytes[16384];
        struct nlmsghdr align;
    } buf;
};

static struct mnl_socket *open_socket(unsigned int groups)
{
    struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

    if (!nl)
        return NULL;
    if (mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID) == 0)
        return nl;
    mnl_socket_close(nl);
    return NULL;
}

struct net_link *net_link_open(void)
{
    struct net_link *net = calloc(1, sizeof(*net));

    if (!net)
        return NULL;
    net->requests = open_socket(0);
    net->events = open_socket(RTMGRP_LINK);
    if (!net->requests || !net->events) {
        net_link_close(net);
        return NULL;
    }
    return net;
}

void net_link_close(struct net_link *net)
{
    if (!net)
        return;
    if (net->requests)
        mnl_socket_close(net->requests);
    if (net->events)
        mnl_socket_close(net->events);
    free(net);
}

bool net_link_name_valid(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (; *name; name++)
        if (*name == '/' || *name == ':' || !isgraph((unsigned char)*name))
            return false;
    return true;
}

static struct nlmsghdr *request(struct net_link *net, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(net->buf.bytes);

    nlh->nlmsg_type = type;
    nlh->nlmsg_flags = NLM_F_REQUEST | flags;
    nlh->nlmsg_seq = ++net->seq;
    return nlh;
}

static struct nlmsghdr *link_request(struct net_link *net, uint16_t type, uint16_t flags, unsigned int index,
                                     unsigned int if_flags, unsigned int if_change)
{
    struct nlmsghdr *nlh = request(net, type, flags);
    struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

    ifi->ifi_family = AF_UNSPEC;
    ifi->ifi_index = (int)index;
    ifi->ifi_flags = if_flags;
    ifi->ifi_change = if_change;
    return nlh;
}

/* Sends the request and runs cb over the answer; errno is the kernel's. */
static int talk(struct net_link *net, struct nlmsghdr *nlh, mnl_cb_t cb, void *arg)
{
    unsigned int portid = mnl_socket_get_portid(net->requests);
    ssize_t len;
    int r;

    if (mnl_socket_sendto(net->requests, nlh, nlh->nlmsg_len) < 0)
        return -1;
    do {
        len = mnl_socket_recvfrom(net->requests, net->buf.bytes, sizeof(net->buf.bytes));
        if (len < 0)
            return -1;
        r = mnl_cb_run(net->buf.bytes, (size_t)len, net->seq, portid, cb, arg);
    } while (r > MNL_CB_STOP);
    return r < 0 ? -1 : 0;
}

static int acknowledged(struct net_link *net, struct nlmsghdr *nlh)
{
    nlh->nlmsg_flags |= NLM_F_ACK;
    return talk(net, nlh, NULL, NULL);
}

static int linkinfo_attr(const struct nlattr *attr, void *arg)
{
    struct net_link_info *info = arg;

    if (mnl_attr_get_type(attr) == IFLA_INFO_KIND && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
        info->is_bridge = strcmp(mnl_attr_get_str(attr), "bridge") == 0;
    return MNL_CB_OK;
}

static int link_attr(const struct nlattr *attr, void *arg)
{
    struct net_link_info *info = arg;

    switch (mnl_attr_get_type(attr)) {
    case IFLA_MTU:
        if (mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
            info->mtu = mnl_attr_get_u32(attr);
        break;
    case IFLA_MASTER:
        if (mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
            info->master = mnl_attr_get_u32(attr);
        break;
    case IFLA_LINKINFO:
        mnl_attr_parse_nested(attr, linkinfo_attr, info);
        break;
    default:
        break;
    }
    return MNL_CB_OK;
}

static int link_message(const struct nlmsghdr *nlh, void *arg)
{
    struct net_link_info *info = arg;
    const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

    memset(info, 0, sizeof(*info));
    info->index = (unsigned int)ifi->ifi_index;
    info->up = (ifi->ifi_flags & IFF_UP) != 0;
    mnl_attr_parse(nlh, sizeof(*ifi), link_attr, info);
    return MNL_CB_STOP;
}

int net_link_get(struct net_link *net, const char *name, struct net_link_info *info)
{
    struct nlmsghdr *nlh = link_request(net, RTM_GETLINK, 0, 0, 0, 0);

    if (!net_link_name_valid(name)) {
        errno = EINVAL;
        return -1;
    }
    mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
    return talk(net, nlh, link_message, info);
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int net_link_wait(struct net_link *net, const char *name, int timeout_ms, struct net_link_info *info)
{
    int64_t deadline = now_ms() + timeout_ms;
    struct pollfd pfd = {.fd = mnl_socket_get_fd(net->events), .events = POLLIN};

    /* Any announcement is a reason to look again; what it says is not needed. */
    while (net_link_get(net, name, info) != 0) {
        int64_t left = deadline - now_ms();

        if (errno != ENODEV)
            return -1;
        if (left <= 0) {
            errno = ETIMEDOUT;
            return -1;
        }
        if (poll(&pfd, 1, (int)left) < 0 && errno != EINTR)
            return -1;
        if (pfd.revents & POLLIN)
            (void)recv(pfd.fd, net->buf.bytes, sizeof(net->buf.bytes), MSG_DONTWAIT);
    }
    return 0;
}

int net_link_set_mtu(struct net_link *net, unsigned int index, uint32_t mtu)
{
    struct nlmsghdr *nlh = link_request(net, RTM_NEWLINK, 0, index, 0, 0);

    mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
    return acknowledged(net, nlh);
}

int net_link_set_address(struct net_link *net, unsigned int index, const uint8_t mac[6])
{
    struct nlmsghdr *nlh = link_request(net, RTM_NEWLINK, 0, index, 0, 0);

    mnl_attr_put(nlh, IFLA_ADDRESS, 6, mac);
    return acknowledged(net, nlh);
}

int net_link_rename(struct net_link *net, unsigned int index, const char *name)
{
    struct nlmsghdr *nlh = link_request(net, RTM_NEWLINK, 0, index, 0, 0);

    mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
    return acknowledged(net, nlh);
}

int net_link_set_up(struct net_link *net, unsigned int index)
{
    return acknowledged(net, link_request(net, RTM_NEWLINK, 0, index, IFF_UP, IFF_UP));
}

int net_link_set_master(struct net_link *net, unsigned int index, unsigned int master)
{
    struct nlmsghdr *nlh = link_request(net, RTM_NEWLINK, 0, index, 0, 0);

    mnl_attr_put_u32(nlh, IFLA_MASTER, master);
    return acknowledged(net, nlh);
}

int net_bridge_create(struct net_link *net, const char *name)
{
    struct nlmsghdr *nlh = link_request(net, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, 0, 0);
    struct nlattr *linkinfo;

    mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
    linkinfo = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
    mnl_attr_put_str(nlh, IFLA_INFO_KIND, "bridge");
    mnl_attr_nest_end(nlh, linkinfo);
    return acknowledged(net, nlh);
}

int net_address_add(struct net_link *net, unsigned int index, uint32_t address, unsigned int prefix_len)
{
    struct nlmsghdr *nlh = request(net, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
    struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

    ifa->ifa_family = AF_INET;
    ifa->ifa_prefixlen = (uint8_t)prefix_len;
    ifa->ifa_scope = RT_SCOPE_UNIVERSE;
    ifa->ifa_index = index;
    mnl_attr_put_u32(nlh, IFA_LOCAL, address);
    mnl_attr_put_u32(nlh, IFA_ADDRESS, address);
    if (prefix_len < 31)
        mnl_attr_put_u32(nlh, IFA_BROADCAST, address | htonl(UINT32_MAX >> prefix_len));
    return acknowledged(net, nlh);
}
