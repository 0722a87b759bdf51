/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BACKEND_BROKER_INTERNAL_H
#define HOSPES_BACKEND_BROKER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "dom0/backends/common/broker.h"
#include "dom0/backends/common/daemon.h"

/* What both sides of the separation know of each other. broker_main() is daemon_start() and broker_run(). */

/* The library's own requests. */
enum broker_library_op {
    BROKER_OP_READY = BROKER_OP_LIBRARY, /* guests are served */
    BROKER_OP_LOG,                       /* the log's file, for SIGHUP; ENOENT in the foreground */
    BROKER_OP_STORE,                     /* a connection to the store */
    BROKER_OP_LIVES,                     /* uint32_t domid: 0, or ESRCH if there is no such domain */
};

#define BROKER_REQUEST_ROOM 4096U

/* On the socket: one packet each way; the reply's descriptors travel beside it. */
struct broker_request_packet {
    uint32_t op;
    _Alignas(16) uint8_t data[BROKER_REQUEST_ROOM];
};

struct broker_reply_packet {
    uint32_t error; /* errno value */
    _Alignas(16) uint8_t data[sizeof(((struct broker_reply *)0)->data)];
};

/* Whom the worker becomes; looked up in the broker, where files can be read. */
struct broker_identity {
    uid_t uid;
    gid_t gid;
};

/* One worker's half. */
struct broker {
    const struct broker_spec *spec;
    struct loop *loop;
    int sock;
    int signals;
};

/* Runs the broker until it is told to stop; the daemon is started already. Exit status. */
int broker_run(const struct broker_spec *spec, struct daemon *daemon);

/*
 * The worker, from right after fork() to its exit status. sock and the daemon's lock are all it keeps of the
 * broker's descriptors. *forbidden is shared with the broker and takes the number of a forbidden system call.
 */
int broker_worker(const struct broker_spec *spec, const struct daemon *daemon, int sock, pid_t parent,
                  const struct broker_identity *identity, volatile int *forbidden);

/*
 * Gives up all that a worker does not need: identity, privileges, limits, system calls. Final. 0, or -1 after
 * a log line.
 */
int broker_confine(const struct broker_spec *spec, const struct broker_identity *identity, pid_t parent,
                   volatile int *forbidden);

/* From here on the parent's death, also one that has been, sends us the signal. 0, or -1. */
int broker_die_with(pid_t parent, int signal);

/* One packet with descriptors beside it. 0, or -1 with errno. */
int broker_send(int sock, const void *packet, size_t len, const int *fds, unsigned int nfds);

/* One packet, up to `room` bytes, and up to 8 descriptors. Its length; 0: the other side is gone; -1 with
 * errno. */
ssize_t broker_receive(int sock, void *packet, size_t room, int fds[8], unsigned int *nfds);

#endif
