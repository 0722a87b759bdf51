/* SPDX-License-Identifier: MIT */
#include <xen/io/protocols.h>
#include "guest/events.h"
#include "guest/mm.h"
#include "hostile.h"

#define ANSWER_NS (20000 * NS_PER_MS)
#define TRIES     5u

static unsigned rings(const struct victim *v)
{
    return v->net ? 2 : 1;
}

int victim_open(struct victim *v, const char *kind)
{
    unsigned id;

    *v = (struct victim){.net = !strcmp(kind, "vif"), .port = -1};
    if (xenbus_device_ids(kind, &id, 1) < 1)
        return -XEN_ENODEV;
    for (unsigned i = 0; i < rings(v); i++) {
        int ref = grant_alloc();

        v->ring[i] = page_alloc(0);
        if (ref < 0 || !v->ring[i])
            return -XEN_ENOMEM;
        v->ring_ref[i] = (grant_ref_t)ref;
    }
    return xenbus_device_open(&v->xb, kind, id);
}

/* --- what an honest frontend does --- */

static int write_vbd(xenbus_tx_t tx, struct victim *v)
{
    int rc = xenbus_write_uint(tx, v->ring_ref[0], "%s/ring-ref", v->xb.front);

    if (!rc)
        rc = xenbus_write(tx, XEN_IO_PROTO_ABI_NATIVE, "%s/protocol", v->xb.front);
    if (!rc)
        rc = xenbus_write_uint(tx, below(2), "%s/feature-persistent", v->xb.front);
    return rc;
}

static int write_vif(xenbus_tx_t tx, struct victim *v)
{
    static const char *const flags[] = {"request-rx-copy", "feature-rx-notify", "feature-sg",
                                        "feature-gso-tcpv4", "feature-gso-tcpv6"};
    int rc = xenbus_write_uint(tx, v->ring_ref[0], "%s/tx-ring-ref", v->xb.front);

    if (!rc)
        rc = xenbus_write_uint(tx, v->ring_ref[1], "%s/rx-ring-ref", v->xb.front);
    for (unsigned i = 0; !rc && i < ARRAY_SIZE(flags); i++)
        rc = xenbus_write_uint(tx, 1, "%s/%s", v->xb.front, flags[i]);
    return rc;
}

/* What an attack on the nodes may have left. */
static void remove_odd(xenbus_tx_t tx, struct victim *v)
{
    static const char *const nodes[] = {"multi-queue-num-queues", "queue-0",          "queue-1",
                                        "ring-page-order",        "event-channel-tx", "event-channel-rx",
                                        "feature-no-csum-offload"};

    for (unsigned i = 0; i < ARRAY_SIZE(nodes); i++)
        xenbus_rm(tx, "%s/%s", v->xb.front, nodes[i]);
}

int victim_write_nodes(xenbus_tx_t tx, struct victim *v)
{
    int rc;

    remove_odd(tx, v);
    rc = v->net ? write_vif(tx, v) : write_vbd(tx, v);
    return rc ? rc : xenbus_write_uint(tx, (unsigned)v->port, "%s/event-channel", v->xb.front);
}

static void nothing(unsigned port, void *data)
{
    (void)port;
    (void)data;
}

bool victim_prepare(struct victim *v)
{
    for (unsigned i = 0; i < rings(v); i++) {
        memset(v->ring[i], 0, PAGE_SIZE);
        /* req_prod 0, req_event 1, rsp_prod 0, rsp_event 1: in both protocols. */
        ((uint32_t *)v->ring[i])[1] = 1;
        ((uint32_t *)v->ring[i])[3] = 1;
        grant_access(v->ring_ref[i], v->xb.backend, virt_to_mfn(v->ring[i]), 0);
    }
    if (v->port < 0) {
        v->port = event_alloc_unbound(v->xb.backend);
        if (v->port >= 0)
            event_handle((unsigned)v->port, nothing, NULL);
    }
    return v->port >= 0;
}

bool victim_wait(struct victim *v, unsigned states)
{
    if (v->stuck)
        return false;
    if (states && xenbus_wait_backend(&v->xb, states, time_now() + ANSWER_NS) >= 0)
        return true;
    printf("hostile: the backend stays in state %d\n", xenbus_backend_state(&v->xb));
    v->stuck = true;
    return false;
}

/*
 * Whoever jumps from state to state has states of the backend's on their way that answer an earlier one; what
 * came of one step is therefore looked at again.
 */
bool victim_begin(struct victim *v)
{
    for (unsigned i = 0; i < TRIES && !v->stuck; i++) {
        if (!xenbus_set_state(XENBUS_NO_TX, &v->xb, XenbusStateInitialising) &&
            xenbus_wait_backend(&v->xb, STATE(InitWait), time_now() + ANSWER_NS / TRIES) >= 0)
            return true;
        xenbus_set_state(XENBUS_NO_TX, &v->xb, XenbusStateClosed);
        time_sleep(50 * NS_PER_MS);
    }
    return victim_wait(v, 0);
}

bool victim_connect(struct victim *v)
{
    enum xenbus_state state = v->net ? XenbusStateConnected : XenbusStateInitialised;

    if (!victim_begin(v))
        return false;
    if (!victim_prepare(v) || victim_write_nodes(XENBUS_NO_TX, v) ||
        xenbus_set_state(XENBUS_NO_TX, &v->xb, state)) {
        printf("hostile: no port, or a node that the store refuses\n");
        v->stuck = true;
        return false;
    }
    if (!victim_wait(v, STATE(Connected) | STATE(Closing) | STATE(Closed)))
        return false;
    if (xenbus_backend_state(&v->xb) != XenbusStateConnected) {
        v->refusals++;
        return false;
    }
    xenbus_set_state(XENBUS_NO_TX, &v->xb, XenbusStateConnected);
    if (!v->net)
        xenbus_read_uint(XENBUS_NO_TX, &v->sectors, "%s/sectors", v->xb.back);
    v->connections++;
    return true;
}

/* The page is ours again, at once or a moment later. */
static bool take_back(grant_ref_t ref)
{
    uint64_t deadline = time_now() + ANSWER_NS;

    while (!grant_end(ref)) {
        if (time_now() > deadline)
            return false;
        time_sleep(10 * NS_PER_MS);
    }
    return true;
}

void victim_reset(struct victim *v)
{
    scribble(NULL);
    xenbus_set_state(XENBUS_NO_TX, &v->xb, XenbusStateClosing);
    xenbus_set_state(XENBUS_NO_TX, &v->xb, XenbusStateClosed);
    victim_wait(v, STATE(Closed) | STATE(Unknown));
    if (v->port >= 0)
        event_close((unsigned)v->port);
    v->port = -1;
    for (unsigned i = 0; i < rings(v) && !v->stuck; i++)
        if (!take_back(v->ring_ref[i])) {
            printf("hostile: the backend is closed and has a ring mapped\n");
            v->stuck = true;
        }
}

bool victim_ready(struct victim *v)
{
    if (v->port >= 0 && xenbus_backend_state(&v->xb) == XenbusStateConnected)
        return true;
    if (v->port >= 0) {
        v->cut_off++;
        victim_reset(v);
    }
    return victim_connect(v);
}
