/* SPDX-License-Identifier: MIT */
/* Attacks by way of the store: on disks and cards alike. */
#include "guest/events.h"
#include "guest/mm.h"
#include "hostile.h"

#define LONG_VALUE 900u

static const char *const vbd_nodes[] = {"ring-ref",         "ring-ref0",
                                        "ring-ref1",        "event-channel",
                                        "protocol",         "feature-persistent",
                                        "ring-page-order",  "multi-queue-num-queues",
                                        "queue-0/ring-ref", "queue-0/event-channel",
                                        "queue-1/ring-ref", "queue-1/event-channel"};
static const char *const vif_nodes[] = {"tx-ring-ref",
                                        "rx-ring-ref",
                                        "event-channel",
                                        "event-channel-tx",
                                        "event-channel-rx",
                                        "request-rx-copy",
                                        "feature-rx-notify",
                                        "feature-sg",
                                        "feature-gso-tcpv4",
                                        "feature-no-csum-offload",
                                        "multi-queue-num-queues",
                                        "queue-0/tx-ring-ref",
                                        "queue-0/rx-ring-ref",
                                        "queue-0/event-channel",
                                        "queue-1/tx-ring-ref",
                                        "queue-1/event-channel-tx"};

static const char *any_node(const struct victim *v)
{
    return v->net ? vif_nodes[below(ARRAY_SIZE(vif_nodes))] : vbd_nodes[below(ARRAY_SIZE(vbd_nodes))];
}

static const char *nonsense(void)
{
    static const char *const texts[] = {"",
                                        "-1",
                                        "4294967295",
                                        "4294967296",
                                        " 1",
                                        "1 ",
                                        "18446744073709551615",
                                        "18446744073709551616",
                                        "0x10",
                                        "99999999999999999999999999999999",
                                        "abc",
                                        "00000000001",
                                        "%s%n",
                                        "../../0/backend"};
    static char text[LONG_VALUE + 1];

    if (below(3) == 0)
        return texts[below(ARRAY_SIZE(texts))];
    if (below(8) == 0)
        memset(text, 'A', LONG_VALUE);
    else /* small ones are other domains' ports, references that are something else */
        snprintf(text, sizeof(text), "%llu",
                 (unsigned long long)(below(2) ? below(64) : odd_number() & UINT32_MAX));
    return text;
}

static void spoil(struct victim *v)
{
    if (below(4))
        xenbus_write(XENBUS_NO_TX, nonsense(), "%s/%s", v->xb.front, any_node(v));
    else
        xenbus_rm(XENBUS_NO_TX, "%s/%s", v->xb.front, any_node(v));
}

/* --- attacks --- */

/* Good nodes with a few bad ones among them, and then the state that says that they are good. */
static void nodes(struct victim *v, unsigned round)
{
    (void)round;
    if (v->port >= 0)
        victim_reset(v);
    if (!victim_begin(v))
        return;
    victim_prepare(v);
    victim_write_nodes(XENBUS_NO_TX, v);
    for (unsigned n = 1 + below(4); n > 0; n--)
        spoil(v);
    xenbus_set_state(XENBUS_NO_TX, &v->xb, below(2) ? XenbusStateInitialised : XenbusStateConnected);
    if (!victim_wait(v, STATE(Connected) | STATE(Closing) | STATE(Closed)))
        return;
    if (xenbus_backend_state(&v->xb) == XenbusStateConnected)
        v->connections++;
    else
        v->refusals++;
    for (unsigned n = below(4); n > 0; n--)
        spoil(v);
    victim_reset(v);
}

static void write_any_state(struct victim *v)
{
    static const char *const texts[] = {"", "4 ", "-4", "04", "4294967300", "four", "\x01", "6666"};

    if (below(4))
        xenbus_write_uint(XENBUS_NO_TX, below(9), "%s/state", v->xb.front);
    else if (below(6))
        xenbus_write(XENBUS_NO_TX, texts[below(ARRAY_SIZE(texts))], "%s/state", v->xb.front);
    else
        xenbus_rm(XENBUS_NO_TX, "%s/state", v->xb.front);
}

/* A walk over the states with nodes that are right, so that each Connected is taken at its word. */
static void states(struct victim *v, unsigned round)
{
    (void)round;
    if (!victim_ready(v))
        return;
    for (unsigned step = 0; step < 10; step++) {
        write_any_state(v);
        if (below(2))
            time_sleep(below(5) * NS_PER_MS);
    }
    victim_reset(v);
}

static void removed(struct victim *v, unsigned round)
{
    (void)round;
    if (!victim_ready(v))
        return;
    for (unsigned n = 1 + below(6); n > 0; n--)
        xenbus_rm(XENBUS_NO_TX, "%s/%s", v->xb.front, below(4) ? any_node(v) : "state");
    event_send((unsigned)v->port);
    time_sleep(below(10) * NS_PER_MS);
}

static void reconnect(struct victim *v, unsigned round)
{
    (void)round;
    if (v->port >= 0)
        victim_reset(v);
    victim_connect(v);
}

/* Ends that come twice, in the wrong order, or with the rings gone before them. */
static void disconnect(struct victim *v, unsigned round)
{
    static const enum xenbus_state ends[] = {XenbusStateClosing, XenbusStateClosed, XenbusStateClosing,
                                             XenbusStateUnknown};

    (void)round;
    if (!victim_ready(v))
        return;
    if (below(2))
        grant_end(v->ring_ref[0]);
    if (below(3) == 0) {
        event_close((unsigned)v->port);
        v->port = event_alloc_unbound(v->xb.backend);
    }
    for (unsigned n = 2 + below(4); n > 0; n--)
        xenbus_set_state(XENBUS_NO_TX, &v->xb, ends[below(ARRAY_SIZE(ends))]);
    victim_reset(v);
}

const struct attack store_attacks[] = {
    {"nodes", nodes},         {"states", states},         {"removed", removed},
    {"reconnect", reconnect}, {"disconnect", disconnect}, {NULL, NULL},
};
