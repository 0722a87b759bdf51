/* SPDX-License-Identifier: MIT */
#include "tests/host/guest/blk/backend.h"

#include <stdio.h>

#include "guest/thread.h"
#include "guest/time.h"
#include "tests/host/guest/blk/kernel.h"
#include "tests/host/guest/blk/machine.h"

#define PATH_BYTES 96u

void backend_put(struct backend *b, const char *node, unsigned long value)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "%s/%s", b->back, node);
    store_put(path, "%lu", value);
}

void backend_say(struct backend *b, enum xenbus_state state)
{
    b->state = state;
    backend_put(b, "state", state);
}

static void put_front(struct backend *b, const char *node, const char *value)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "%s/%s", b->front, node);
    store_put(path, "%s", value);
}

static unsigned long front_number(struct backend *b, const char *node, unsigned long otherwise)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "%s/%s", b->front, node);
    return store_number_at(path, otherwise);
}

void backend_plug(struct backend *b, const char *back)
{
    if (back != b->back)
        snprintf(b->back, sizeof(b->back), "%s", back);
    backend_put(b, "online", 1);
    backend_say(b, XenbusStateInitWait);
    put_front(b, "backend-id", "0");
    put_front(b, "state", "1");
    put_front(b, "backend", back);
}

void backend_unplug(struct backend *b)
{
    backend_put(b, "online", 0);
    backend_say(b, XenbusStateClosing);
}

void backend_let_go(struct backend *b, enum xenbus_state state)
{
    if (b->connected)
        machine_unmap_all();
    b->connected = false;
    backend_say(b, state);
}

static void follow(struct backend *b)
{
    enum xenbus_state front = front_number(b, "state", XenbusStateUnknown);

    if (front == b->ready && b->state == XenbusStateInitWait) {
        b->connect();
        b->connected = true;
        backend_say(b, XenbusStateConnected);
    } else if (front == XenbusStateInitialising && b->state == XenbusStateClosed) {
        backend_say(b, XenbusStateInitWait);
    } else if (front == XenbusStateClosing && b->state == XenbusStateConnected) {
        backend_say(b, XenbusStateClosing);
    } else if ((front == XenbusStateUnknown || front == XenbusStateClosed) &&
               (b->state == XenbusStateConnected || b->state == XenbusStateClosing)) {
        backend_let_go(b, XenbusStateClosed);
    }
}

static void backend_main(void *arg)
{
    struct backend *b = arg;

    while (!b->stop) {
        follow(b);
        if (b->connected)
            b->serve();
        time_sleep(MS);
    }
}

void backend_start(struct backend *b)
{
    b->thread = thread_start("backend", 0, backend_main, b);
}

void backend_stop(struct backend *b)
{
    b->stop = true;
    thread_join(b->thread);
}
