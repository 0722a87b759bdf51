/* SPDX-License-Identifier: MIT */
#include "dom0/backends/console/requests.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Exactly `want` descriptors into fds. 0, or -1 with errno. */
static int request_fds(struct broker *broker, enum console_op op, const void *req, size_t len,
                       unsigned int want, struct broker_reply *reply)
{
    int rc = broker_call(broker, op, req, len, reply);

    if (rc == 0 && reply->nfds == want)
        return 0;
    while (reply->nfds > 0)
        close(reply->fds[--reply->nfds]);
    errno = rc ? rc : EIO;
    return -1;
}

int request_log(struct broker *broker, enum console_op op, const char *name)
{
    struct broker_reply reply;

    return request_fds(broker, op, name, strlen(name), 1, &reply) == 0 ? reply.fds[0] : -1;
}

int request_for_domain(struct broker *broker, enum console_op op, uint32_t domid)
{
    struct broker_reply reply;

    if (op == CONSOLE_OP_FORGET)
        return broker_call(broker, op, &domid, sizeof(domid), NULL) == 0 ? 0 : -1;
    return request_fds(broker, op, &domid, sizeof(domid), 1, &reply) == 0 ? reply.fds[0] : -1;
}

int request_terminal(struct broker *broker, int *slave, char *tty, size_t tty_len)
{
    struct broker_reply reply;

    *slave = -1;
    if (request_fds(broker, CONSOLE_OP_TERMINAL, NULL, 0, 2, &reply) != 0)
        return -1;
    if (reply.len >= tty_len)
        reply.len = tty_len - 1;
    memcpy(tty, reply.data, reply.len);
    tty[reply.len] = '\0';
    *slave = reply.fds[1];
    return reply.fds[0];
}
