/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dom0/backends/common/broker_internal.h"

#define MAX_FDS 8U

union control {
    struct cmsghdr align;
    char room[CMSG_SPACE(MAX_FDS * sizeof(int))];
};

int broker_send(int sock, const void *packet, size_t len, const int *fds, unsigned int nfds)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)packet, .iov_len = len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    union control control = {0};
    ssize_t sent;

    if (nfds > MAX_FDS) {
        errno = EINVAL;
        return -1;
    }
    if (nfds > 0) {
        struct cmsghdr *c;

        msg.msg_control = control.room;
        msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
    }
    do
        sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)len ? 0 : -1;
}

/* The descriptors of a message that has come. */
static void take_fds(struct msghdr *msg, int fds[8], unsigned int *nfds)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t n;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n && *nfds < MAX_FDS; i++)
            memcpy(&fds[(*nfds)++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
    }
}

ssize_t broker_receive(int sock, void *packet, size_t room, int fds[8], unsigned int *nfds)
{
    struct iovec iov = {.iov_base = packet, .iov_len = room};
    union control control;
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.room,
                         .msg_controllen = sizeof(control.room)};
    ssize_t got;

    *nfds = 0;
    do
        got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return got;
    take_fds(&msg, fds, nfds);
    if (!(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
        return got;
    for (unsigned int i = 0; i < *nfds; i++)
        close(fds[i]);
    *nfds = 0;
    errno = EMSGSIZE;
    return -1;
}
