/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/server.h"

#include <errno.h>
#include <string.h>

#include "dom0/backends/block/buffers.h"
#include "dom0/backends/block/queue.h"

#define ROUNDS  8 /* over the ready queues, before the loop looks at everything else */
#define TRIM_NS 5000000000ll

/* One round over those that are ready now. */
static void run_once(struct server *server)
{
    struct queue_list now = TAILQ_HEAD_INITIALIZER(now);
    struct queue *queue;

    TAILQ_CONCAT(&now, &server->ready, ready_link);
    while ((queue = TAILQ_FIRST(&now))) {
        TAILQ_REMOVE(&now, queue, ready_link);
        queue->is_ready = false;
        if (queue_run(queue))
            queue_ready(queue);
    }
}

static void run_ready(void *arg)
{
    struct server *server = arg;

    if (TAILQ_EMPTY(&server->ready))
        return;
    for (int i = 0; i < ROUNDS && !TAILQ_EMPTY(&server->ready); i++)
        run_once(server);
    if (!TAILQ_EMPTY(&server->ready))
        loop_timer_set(server->again, 1); /* due already: the wait only looks */
    if (!loop_timer_is_set(server->trim))
        loop_timer_set(server->trim, loop_now_ns() + TRIM_NS);
}

static void look_again(void *arg)
{
    (void)arg;
}

static void trim(void *arg)
{
    buffers_trim(((struct server *)arg)->buffers);
}

int server_start(struct server *server)
{
    struct loop *loop = server->env.loop;

    TAILQ_INIT(&server->ready);
    grant_copy_init(&server->copy, server->env.access);
    server->hook = loop_hook_new(loop, run_ready, server);
    server->again = loop_timer_new(loop, look_again, server);
    server->trim = loop_timer_new(loop, trim, server);
    server->buffers = buffers_new(server->uring);
    if (server->hook && server->again && server->trim && server->buffers) {
        uring_start(server->uring, loop);
        return 0;
    }
    daemon_log("event loop: %s", strerror(ENOMEM));
    return -1;
}
