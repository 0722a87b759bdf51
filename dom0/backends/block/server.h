/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_SERVER_H
#define HOSPES_BLOCK_SERVER_H

#include <sys/queue.h>

#include "dom0/backends/block/grant_copy.h"
#include "dom0/backends/block/port.h"
#include "dom0/backends/block/uring.h"
#include "dom0/backends/common/xenbus_backend.h"

struct queue;
TAILQ_HEAD(queue_list, queue);

/* What all disks of the daemon share. */
struct server {
    struct backend_env env;
    struct uring *uring;
    struct ports *ports;
    struct grant_copy copy;
    struct buffers *buffers;
    struct queue_list ready;  /* something has happened to them; run before the next wait */
    struct loop_hook *hook;   /* runs them */
    struct loop_timer *again; /* set when they are not done after some rounds: others have their turn */
    struct loop_timer *trim;  /* gives back buffers when nothing has happened for a while */
    bool ending;              /* the daemon ends in order: journals stay for the next one */
};

/* 0, or -1 after a log line. */
int server_start(struct server *server);

#endif
