/* SPDX-License-Identifier: MIT */
/* Attacks by way of a card's two rings. */
#include <stdint.h>
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/netif.h>
#include "guest/events.h"
#include "hostile.h"

#define SLOTS      __CONST_RING_SIZE(netif_tx, PAGE_SIZE)
#define SETTLE_NS  (30 * NS_PER_MS)
#define CHAIN_MAX  (2 * XEN_NETIF_NR_SLOTS_MIN)
#define FRAME_SIZE 60u

_Static_assert(SLOTS == 256, "one page of ring");

static RING_IDX tx_prod, rx_prod;

static struct netif_tx_sring *tx(const struct victim *v)
{
    return v->ring[0];
}

static struct netif_rx_sring *rx(const struct victim *v)
{
    return v->ring[1];
}

static RING_IDX answered(const struct victim *v)
{
    return __atomic_load_n(&tx(v)->rsp_prod, __ATOMIC_ACQUIRE);
}

static bool room(const struct victim *v, unsigned n)
{
    return SLOTS - (tx_prod - answered(v)) >= n;
}

static void settle(struct victim *v)
{
    uint64_t deadline = time_now() + SETTLE_NS;

    while (answered(v) != tx_prod && xenbus_backend_state(&v->xb) == XenbusStateConnected &&
           time_now() < deadline)
        time_sleep(NS_PER_MS / 4);
}

static void push(struct victim *v)
{
    __atomic_store_n(&rx(v)->req_prod, rx_prod, __ATOMIC_RELEASE);
    __atomic_store_n(&tx(v)->req_prod, tx_prod, __ATOMIC_RELEASE);
    event_send((unsigned)v->port);
}

/* Room for packets that are received, in good pages. */
static void offer(struct victim *v)
{
    while (rx_prod - __atomic_load_n(&rx(v)->rsp_prod, __ATOMIC_ACQUIRE) < SLOTS) {
        rx(v)->ring[rx_prod % SLOTS].req =
            (struct netif_rx_request){.id = (uint16_t)(rx_prod % SLOTS), .gref = pool_any()};
        rx_prod++;
    }
}

static bool start(struct victim *v)
{
    unsigned before = v->connections;

    if (!victim_ready(v))
        return false;
    if (v->connections != before)
        tx_prod = rx_prod = 0;
    if (room(v, CHAIN_MAX))
        return true;
    victim_reset(v);
    tx_prod = rx_prod = 0;
    return victim_connect(v);
}

/* --- packets --- */

static void put(struct victim *v, const struct netif_tx_request *req)
{
    memcpy(&tx(v)->ring[tx_prod++ % SLOTS].req, req, sizeof(*req));
}

static void put_extra(struct victim *v, const struct netif_extra_info *extra)
{
    memcpy(&tx(v)->ring[tx_prod++ % SLOTS].req, extra, sizeof(*extra));
}

/* To everybody, of a type that nobody knows; the rest is chance. */
static void write_frame(uint8_t *page)
{
    memset(page, 0xff, 6);
    page[6] = 2;
    page[12] = 0x88;
    page[13] = 0xb5;
}

static struct netif_tx_request good_slot(void)
{
    unsigned i = below(POOL_PAGES / 2);

    write_frame(pool_page(i));
    return (struct netif_tx_request){.gref = pool_ref(i), .id = (uint16_t)rnd(), .size = FRAME_SIZE};
}

/* --- attacks --- */

static void ring(struct victim *v, unsigned round)
{
    if (!start(v))
        return;
    scribble(round % 2 ? v->ring[0] : NULL);
    for (unsigned n = 1 + below(64); n > 0 && room(v, 1); n--) {
        struct netif_tx_request req;

        random_fill(&req, sizeof(req));
        if (below(2))
            req.gref = pool_any();
        put(v, &req);
    }
    push(v);
    settle(v);
    scribble(NULL);
}

static void segments(struct victim *v, unsigned round)
{
    (void)round;
    if (!start(v))
        return;
    for (unsigned n = 1 + below(64); n > 0 && room(v, 2); n--) {
        struct netif_tx_request req = good_slot();

        req.offset = (uint16_t)odd_number();
        req.size = (uint16_t)odd_number();
        if (below(3) == 0) {
            req.flags = NETTXF_more_data;
            put(v, &req);
            req = good_slot();
            req.size = (uint16_t)odd_number();
        }
        put(v, &req);
    }
    push(v);
    settle(v);
}

/* Packets that go on and on, some until the ring is full. */
static void chains(struct victim *v, unsigned round)
{
    unsigned length = below(4) ? 1 + below(CHAIN_MAX) : SLOTS;

    (void)round;
    if (!start(v))
        return;
    for (unsigned n = 0; n < length && room(v, 1); n++) {
        struct netif_tx_request req = good_slot();

        req.size = (uint16_t)(n == 0 ? odd_number() : FRAME_SIZE);
        req.flags = n + 1 < length || below(2) ? NETTXF_more_data : 0;
        put(v, &req);
    }
    push(v);
    settle(v);
}

static void extras(struct victim *v, unsigned round)
{
    (void)round;
    if (!start(v))
        return;
    for (unsigned n = 1 + below(8); n > 0 && room(v, 8); n--) {
        struct netif_tx_request req = good_slot();
        unsigned infos = 1 + below(6);

        req.flags = NETTXF_extra_info | (below(2) ? NETTXF_csum_blank | NETTXF_data_validated : 0);
        put(v, &req);
        for (unsigned i = 0; i < infos; i++) {
            struct netif_extra_info extra;

            random_fill(&extra, sizeof(extra));
            if (below(2)) {
                extra.type = XEN_NETIF_EXTRA_TYPE_GSO;
                extra.u.gso.type = (uint8_t)below(4);
                extra.u.gso.size = (uint16_t)odd_number();
            }
            extra.flags = i + 1 < infos || below(4) == 0 ? XEN_NETIF_EXTRA_FLAG_MORE : 0;
            put_extra(v, &extra);
        }
    }
    push(v);
    settle(v);
}

/* Whole packets whose headers lie, with checksums and segmentation to be done by the backend. */
static void headers(struct victim *v, unsigned round)
{
    static const uint16_t types[] = {0x0800, 0x86dd, 0x8100, 0x0806, 0x0000};

    (void)round;
    if (!start(v))
        return;
    for (unsigned n = 1 + below(32); n > 0 && room(v, 2); n--) {
        unsigned i = below(POOL_PAGES / 2);
        uint8_t *page = pool_page(i);
        uint16_t type = types[below(ARRAY_SIZE(types))];
        struct netif_tx_request req = {.gref = pool_ref(i), .size = (uint16_t)(14 + below(1500))};

        random_fill(page, 128);
        write_frame(page);
        page[12] = (uint8_t)(type >> 8);
        page[13] = (uint8_t)type;
        page[14] = below(4) ? (uint8_t)(type == 0x0800 ? 0x45 : 0x60) : page[14];
        page[23] = below(2) ? 6 : 17;
        page[20] = below(2) ? 6 : page[20];
        req.flags = (uint16_t)(below(4) ? NETTXF_csum_blank : 0);
        if (below(2)) {
            struct netif_extra_info extra = {.type = XEN_NETIF_EXTRA_TYPE_GSO};

            extra.u.gso.type = (uint8_t)(1 + below(2));
            extra.u.gso.size = (uint16_t)(1 + below(1500));
            req.flags |= NETTXF_extra_info | NETTXF_csum_blank;
            put(v, &req);
            put_extra(v, &extra);
        } else {
            put(v, &req);
        }
    }
    push(v);
    settle(v);
}

static void grants(struct victim *v, unsigned round)
{
    (void)round;
    if (!start(v))
        return;
    for (unsigned n = 1 + below(64); n > 0 && room(v, 1); n--) {
        struct netif_tx_request req = good_slot();

        req.gref = bad_ref();
        put(v, &req);
    }
    push(v);
    settle(v);
}

static void revoked(struct victim *v, unsigned round)
{
    (void)round;
    if (!start(v))
        return;
    offer(v);
    for (unsigned n = 0; n < 64 && room(v, 1); n++) {
        struct netif_tx_request req = good_slot();

        put(v, &req);
    }
    push(v);
    for (unsigned n = 0; n < 20; n++)
        pool_shuffle();
    settle(v);
    pool_restore();
}

static void indices(struct victim *v, unsigned round)
{
    (void)round;
    if (!start(v))
        return;
    switch (below(6)) {
    case 0:
        tx_prod += SLOTS + 1 + below(1000);
        break;
    case 1:
        tx_prod -= 1 + below(3);
        break;
    case 2:
        rx_prod += SLOTS + 1 + below(1000);
        break;
    case 3:
        rx_prod = (RING_IDX)odd_number();
        break;
    case 4:
        __atomic_store_n(&tx(v)->rsp_prod, (RING_IDX)odd_number(), __ATOMIC_RELEASE);
        __atomic_store_n(&rx(v)->rsp_prod, (RING_IDX)odd_number(), __ATOMIC_RELEASE);
        tx_prod += below(4);
        break;
    default:
        tx(v)->req_event = tx(v)->rsp_event = (RING_IDX)odd_number();
        rx(v)->req_event = rx(v)->rsp_event = (RING_IDX)odd_number();
        tx_prod += below(4);
    }
    push(v);
    xenbus_wait_backend(&v->xb, ~STATE(Connected), time_now() + 10 * SETTLE_NS);
}

/* Pages for received packets that cannot be had; something has to be on the bridge for them to matter. */
static void receive(struct victim *v, unsigned round)
{
    (void)round;
    if (!start(v))
        return;
    for (unsigned n = 1 + below(SLOTS); n > 0; n--) {
        if (rx_prod - __atomic_load_n(&rx(v)->rsp_prod, __ATOMIC_ACQUIRE) >= SLOTS)
            break;
        rx(v)->ring[rx_prod++ % SLOTS].req =
            (struct netif_rx_request){.id = (uint16_t)rnd(), .gref = below(4) ? bad_ref() : pool_any()};
    }
    scribble(round % 4 == 3 ? v->ring[1] : NULL);
    push(v);
    time_sleep(10 * NS_PER_MS);
    scribble(NULL);
}

static void storm(struct victim *v, unsigned round)
{
    (void)round;
    if (!start(v))
        return;
    offer(v);
    push(v);
    for (unsigned n = 0; n < 3000; n++)
        event_send((unsigned)v->port);
}

const struct attack vif_attacks[] = {
    {"ring", ring},       {"segments", segments}, {"chains", chains},   {"extras", extras},
    {"headers", headers}, {"grants", grants},     {"revoked", revoked}, {"indices", indices},
    {"receive", receive}, {"storm", storm},       {NULL, NULL},
};
