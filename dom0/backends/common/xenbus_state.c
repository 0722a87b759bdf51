/* SPDX-License-Identifier: MIT */
/*
 * One device's states. backend_follow() compares what the store says now with what the device is, and does
 * what is missing; it relies on no event having been seen, on no order of states, and not on the frontend
 * having waited for anything. It is called as often as something may have changed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dom0/backends/common/xenbus_internal.h"

#define SHARE_COST          4
#define SHARE_CHARGE_MAX_NS 200000000LL /* nobody waits longer than two seconds for one look */

struct facts {
    enum xenbus_state back;  /* what our node says; the toolstack writes it too */
    enum xenbus_state front; /* Closed for anything that is no state */
    bool online;
};

/* False: the store is gone, the device is looked at again when it is back. */
static bool read_facts(struct backend_dev_state *s, struct facts *f)
{
    struct backend_node nodes[] = {{.dir = s->back, .node = "state"},
                                   {.dir = s->back, .node = "online"},
                                   {.dir = s->front, .node = "state"}};
    size_t count = *s->front ? 3 : 2;
    uint64_t online = 0;
    int back = -1, front = XenbusStateUnknown;

    if (backend_fetch(s->dev.backend, nodes, count) == 0) {
        back = backend_state_of(&nodes[0].answer);
        backend_number_of(&nodes[1].answer, UINT32_MAX, &online);
        if (count == 3)
            front = backend_state_of(&nodes[2].answer);
    }
    backend_fetched(nodes, count);
    if (back < 0 || front < 0)
        return false;
    *f = (struct facts){(enum xenbus_state)back, (enum xenbus_state)front, online != 0};
    return true;
}

static void set_state(struct backend_dev_state *s, enum xenbus_state state)
{
    char value[4];
    int error;

    if (s->ours == state)
        return;
    snprintf(value, sizeof(value), "%d", state);
    error = backend_put(s, XSC_NO_TX, "state", value);
    if (error == 0)
        s->ours = state;
    else if (error != EIO && error != ENOENT)
        backend_log(&s->dev, "cannot write its state: %s", strerror(error));
}

bool backend_leave(struct backend_dev_state *s)
{
    if (s->phase != BACKEND_CONNECTED)
        return s->phase != BACKEND_LEAVING;
    s->phase = BACKEND_LEAVING;
    s->dev.resumed = false;
    if (s->dev.backend->ops->disconnect(&s->dev))
        s->phase = BACKEND_IDLE;
    return s->phase == BACKEND_IDLE;
}

void backend_disconnected(struct backend_dev *dev)
{
    if (dev->state->phase != BACKEND_LEAVING)
        return;
    dev->state->phase = BACKEND_IDLE;
    backend_mark(dev->state);
}

bool backend_connected(const struct backend_dev *dev)
{
    return dev->state->phase == BACKEND_CONNECTED;
}

/* ---- devices that the store does not know any more ---- */

/*
 * A store that was started anew has forgotten its guests, who live on and want their disks. Only the
 * hypervisor knows then when they have gone.
 */
static bool is_adrift(struct backend_dev_state *s)
{
    struct backend *b = s->dev.backend;
    struct xsc *xs = store_xs(b->env.store);
    char home[32];
    int exists;

    if (!s->reconnected || s->phase != BACKEND_CONNECTED || !xs)
        return false;
    snprintf(home, sizeof(home), "/local/domain/%u", s->dev.domid);
    exists = xsc_exists(xs, XSC_NO_TX, home);
    if (exists == 1 || !broker_domain_lives(b->env.broker, s->dev.domid))
        return false;
    if (!s->adrift)
        backend_log(&s->dev, "the store has lost it, it is served until its domain ends");
    s->adrift = true;
    return true;
}

/* ---- new devices ---- */

static bool in_use(const struct facts *f)
{
    return f->front == XenbusStateInitialised || f->front == XenbusStateConnected;
}

/* Offline, and no daemon before us had it connected to the last: the toolstack waits for nothing but Closed.
 */
static bool is_over(const struct facts *f)
{
    return !f->online && !(in_use(f) && (f->back == XenbusStateConnected || f->back == XenbusStateClosing));
}

/* True when it was probed. */
static bool begin(struct backend_dev_state *s, const struct facts *f)
{
    const struct backend_ops *ops = s->dev.backend->ops;
    s->ours = f->back == XenbusStateInitialising ? XenbusStateUnknown : f->back;
    if (s->failed || s->over || is_over(f)) {
        set_state(s, XenbusStateClosed);
        return false;
    }
    s->dev.resumed = in_use(f) && (f->back == XenbusStateConnected || !f->online);
    if (s->dev.resumed)
        s->ours = XenbusStateConnected;
    if (ops->probe(&s->dev) != 0) {
        s->failed = true;
        set_state(s, XenbusStateClosed);
        return false;
    }
    s->phase = BACKEND_IDLE;
    return true;
}

/* ---- the table of xenbus_backend.h ---- */

static enum xenbus_state by_frontend(const struct backend_dev_state *s, enum xenbus_state front)
{
    bool closed = s->ours == XenbusStateClosed || s->ours == XenbusStateClosing;

    switch (front) {
    case XenbusStateInitialising:
        return XenbusStateInitWait;
    case XenbusStateInitWait:
        return closed ? s->ours : XenbusStateInitWait;
    case XenbusStateInitialised:
    case XenbusStateConnected:
        return closed ? s->ours : XenbusStateConnected;
    case XenbusStateClosing:
        return s->ours == XenbusStateClosed ? XenbusStateClosed : XenbusStateClosing;
    default:
        return XenbusStateClosed;
    }
}

static enum xenbus_state wanted(struct backend_dev_state *s, const struct facts *f)
{
    enum xenbus_state want = by_frontend(s, f->front);
    bool served = s->phase == BACKEND_CONNECTED || s->dev.resumed;

    if (s->failed) {
        s->parted |= f->front != XenbusStateInitialising;
        if (!s->parted || s->ours != XenbusStateClosed || f->front != XenbusStateInitialising)
            return XenbusStateClosed;
        s->failed = false;
        backend_clear_error(s);
    }
    /* Nothing begins any more on a device that is to go. */
    if (!f->online && (want == XenbusStateInitWait || (want == XenbusStateConnected && !served)))
        return XenbusStateClosed;
    return want;
}

/* False: the device failed, or waits for its I/O. */
static bool become(struct backend_dev_state *s, enum xenbus_state want)
{
    if (want != XenbusStateConnected) {
        s->dev.resumed = false;
        return backend_leave(s);
    }
    if (s->phase == BACKEND_CONNECTED)
        return true;
    if (s->dev.backend->ops->connect(&s->dev) == 0) {
        s->phase = BACKEND_CONNECTED;
        return true;
    }
    s->dev.resumed = false;
    s->failed = true;
    backend_mark(s);
    return false;
}

static void tell_changes(struct backend_dev_state *s)
{
    const struct backend_ops *ops = s->dev.backend->ops;
    uint32_t changed = s->changed;

    s->changed = 0;
    for (unsigned int i = 0; ops->changed && i < BACKEND_MAX_NODES && changed >> i; i++)
        if (changed & (1U << i) && (s->phase == BACKEND_IDLE || s->phase == BACKEND_CONNECTED))
            ops->changed(&s->dev, ops->nodes[i]);
}

/* ---- time ---- */

int64_t backend_share_due(const struct backend_share *share, int64_t burst_ns, int64_t now)
{
    int64_t due = share->paid_until - burst_ns;

    return due > now ? due : 0;
}

void backend_share_spend(struct backend_share *share, int64_t from, int64_t to)
{
    int64_t spent = to - from < SHARE_CHARGE_MAX_NS ? to - from : SHARE_CHARGE_MAX_NS;

    if (share->paid_until < from)
        share->paid_until = from;
    share->paid_until += SHARE_COST * spent;
}

/* False: the device is no more. */
static bool follow(struct backend_dev_state *s)
{
    enum xenbus_state want;
    struct facts f;

    if (s->phase == BACKEND_LEAVING || !read_facts(s, &f))
        return true;
    s->dirty = false;
    if (f.back == XenbusStateUnknown && is_adrift(s))
        return true;
    /* Gone, or another one of the same number is in its place. */
    if (f.back == XenbusStateUnknown ||
        (f.back == XenbusStateInitialising && s->ours != XenbusStateUnknown)) {
        if (!backend_leave(s)) {
            s->dirty = true;
            return true;
        }
        backend_forget(s);
        return false;
    }
    s->reconnected = s->adrift = false;
    if (s->phase == BACKEND_NEW && !begin(s, &f))
        return true;
    want = wanted(s, &f);
    if (!become(s, want))
        return true;
    if (want == XenbusStateClosed && !f.online) {
        s->dev.backend->ops->remove(&s->dev);
        s->phase = BACKEND_NEW;
        s->over = true;
    }
    /* The toolstack waits for it, and has written Closing over what we had written. */
    if (want == XenbusStateClosed)
        s->ours = f.back;
    set_state(s, want);
    tell_changes(s);
    return true;
}

/* To open an image may take its time, and is the toolstack's wish. */
void backend_follow(struct backend_dev_state *s)
{
    bool is_new = s->phase == BACKEND_NEW;
    int64_t begun = loop_now_ns();

    if (follow(s) && !is_new)
        backend_share_spend(&s->share, begun, loop_now_ns());
}
