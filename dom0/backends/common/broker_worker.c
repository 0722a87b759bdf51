/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "dom0/backends/common/broker_internal.h"

struct loop *broker_loop(struct broker *broker)
{
    return broker->loop;
}

int broker_call(struct broker *broker, uint32_t op, const void *req, size_t len, struct broker_reply *reply)
{
    struct broker_request_packet request = {.op = op};
    struct broker_reply_packet answer;
    unsigned int nfds;
    ssize_t got;
    int fds[8];

    if (reply)
        reply->len = reply->nfds = 0;
    if (len > sizeof(request.data))
        return EMSGSIZE;
    if (len > 0)
        memcpy(request.data, req, len);
    if (broker_send(broker->sock, &request, offsetof(struct broker_request_packet, data) + len, NULL, 0) != 0)
        return errno;
    got = broker_receive(broker->sock, &answer, sizeof(answer), fds, &nfds);
    if (got < 0)
        return errno;
    /* Without its broker a worker is about to be killed. */
    if ((size_t)got < offsetof(struct broker_reply_packet, data))
        return EPIPE;
    if (!reply) {
        while (nfds > 0)
            close(fds[--nfds]);
        return (int)answer.error;
    }
    reply->len = (size_t)got - offsetof(struct broker_reply_packet, data);
    memcpy(reply->data, answer.data, reply->len);
    reply->nfds = nfds;
    memcpy(reply->fds, fds, nfds * sizeof(int));
    return (int)answer.error;
}

void broker_ready(struct broker *broker)
{
    broker_call(broker, BROKER_OP_READY, NULL, 0, NULL);
}

static void reopen_log(struct broker *broker)
{
    struct broker_reply reply;

    broker_call(broker, BROKER_OP_LOG, NULL, 0, &reply);
    for (unsigned int i = 0; i < reply.nfds; i++) {
        if (i == 0)
            dup3(reply.fds[0], STDERR_FILENO, 0);
        close(reply.fds[i]);
    }
}

static void on_signal(void *arg, uint32_t events)
{
    struct broker *broker = arg;
    struct signalfd_siginfo info;

    (void)events;
    if (read(broker->signals, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo != SIGHUP) {
        loop_stop(broker->loop);
        return;
    }
    reopen_log(broker);
    if (broker->spec->on_hangup)
        broker->spec->on_hangup(broker->spec->arg);
}

/* The broker blocks these signals, so they are blocked here as well. */
static int listen_to_signals(struct broker *broker)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    broker->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return broker->signals >= 0 && loop_add(broker->loop, broker->signals, EPOLLIN, on_signal, broker) ? 0
                                                                                                       : -1;
}

/*
 * Of what the broker had open only these two stay: requests are the one way to it. They are moved to the
 * lowest numbers.
 */
static int keep_only(int *sock, const struct daemon *daemon)
{
    int lock = daemon->lock, low;

    if (lock >= 0 && lock < *sock) {
        low = dup2(lock, 3);
        *sock = low < 0 ? -1 : dup2(*sock, 4);
    } else {
        low = *sock = dup2(*sock, 3);
        if (lock >= 0 && low >= 0)
            low = dup2(lock, 4);
    }
    return low >= 0 && *sock >= 0 && close_range(lock >= 0 ? 5 : 4, ~0U, 0) == 0 ? 0 : -1;
}

int broker_worker(const struct broker_spec *spec, const struct daemon *daemon, int sock, pid_t parent,
                  const struct broker_identity *identity, volatile int *forbidden)
{
    struct broker broker = {.spec = spec, .signals = -1};
    int status;

    if (broker_die_with(parent, SIGKILL) != 0)
        return EXIT_FAILURE;
    if (keep_only(&sock, daemon) != 0) {
        daemon_log("worker: descriptors: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    broker.sock = sock;
    broker.loop = loop_new();
    if (!broker.loop || listen_to_signals(&broker) != 0) {
        daemon_log("worker: event loop: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    if (spec->open(&broker, spec->arg) != 0)
        return EXIT_FAILURE;
    if (broker_confine(spec, identity, parent, forbidden) != 0)
        return EXIT_FAILURE;
    status = spec->run(&broker, spec->arg);
    loop_free(broker.loop);
    return status;
}
