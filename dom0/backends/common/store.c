/* SPDX-License-Identifier: MIT */
#include "dom0/backends/common/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "dom0/backends/common/broker_internal.h"

#define RETRY_NS     200000000LL
#define ROUND_EVENTS 256 /* then others have their turn; what is left keeps the descriptor readable */

struct store {
    struct broker *broker;
    struct loop *loop;
    struct xsc *xs; /* NULL: lost */
    struct loop_handle *handle;
    struct loop_timer *retry;
    struct store_user user;
};

static struct xsc *connect_store(struct broker *broker)
{
    struct broker_reply reply;
    int rc = broker_call(broker, BROKER_OP_STORE, NULL, 0, &reply);

    if (rc == 0 && reply.nfds == 1)
        return xsc_adopt(reply.fds[0]);
    errno = rc ? rc : EIO;
    return NULL;
}

static void lose(struct store *store)
{
    daemon_log("the store is gone, guests are served on");
    loop_remove(store->handle);
    store->handle = NULL;
    xsc_close(store->xs);
    store->xs = NULL;
    loop_timer_set(store->retry, loop_now_ns() + RETRY_NS);
}

static void on_readable(void *arg, uint32_t events)
{
    struct store *store = arg;
    struct xsc_event *event = NULL;

    (void)events;
    for (int i = 0; i < ROUND_EVENTS && (event = xsc_check_watch(store->xs)); i++) {
        store->user.event(store->user.arg, event->path, event->token);
        free(event);
    }
    if (!event && errno != EAGAIN && errno != EINTR && errno != ENOMEM)
        lose(store);
    else
        store->user.settled(store->user.arg);
}

/* The first connection is told from here as well, so that there is one order of things. */
static void on_retry(void *arg)
{
    struct store *store = arg;
    bool again = !store->xs;

    if (again)
        store->xs = connect_store(store->broker);
    if (store->xs)
        store->handle = loop_add(store->loop, xsc_fd(store->xs), EPOLLIN, on_readable, store);
    if (!store->handle) {
        xsc_close(store->xs);
        store->xs = NULL;
        loop_timer_set(store->retry, loop_now_ns() + RETRY_NS);
        return;
    }
    if (again)
        daemon_log("the store is back");
    store->user.connected(store->user.arg, store->xs);
}

struct store *store_open(struct broker *broker)
{
    struct store *store = calloc(1, sizeof(*store));

    if (!store) {
        daemon_log("the store: %s", strerror(errno));
        return NULL;
    }
    store->broker = broker;
    store->loop = broker_loop(broker);
    store->retry = loop_timer_new(store->loop, on_retry, store);
    store->xs = connect_store(broker);
    if (store->xs && store->retry)
        return store;
    daemon_log("no connection to the store: %s", strerror(errno));
    store_close(store);
    return NULL;
}

void store_start(struct store *store, const struct store_user *user)
{
    store->user = *user;
    loop_timer_set(store->retry, loop_now_ns());
}

struct xsc *store_xs(struct store *store)
{
    return store->xs;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    loop_remove(store->handle);
    loop_timer_free(store->retry);
    xsc_close(store->xs);
    free(store);
}
