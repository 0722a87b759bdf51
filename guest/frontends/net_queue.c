/* SPDX-License-Identifier: MIT */
/*
 * What a queue owns: pages and their grants, event channels, a thread. A page is granted from
 * net_queue_prepare() to net_queue_release(); one that the backend has still mapped then is put aside with
 * its reference, and another one takes its place.
 */
#include "guest/events.h"
#include "guest/frontends/net_internal.h"
#include "guest/grant.h"
#include "guest/guest.h"
#include "guest/heap.h"
#include "guest/mm.h"
#include "guest/smp.h"
#include "guest/spinlock.h"
#include "guest/time.h"

#define FRAME_ORDER 4u

_Static_assert((PAGE_SIZE << FRAME_ORDER) > NET_FRAME_MAX, "the longest frame fits the buffer");

struct net_queue *net_queue_new(struct net_device *dev, unsigned index)
{
    struct net_queue *q = heap_alloc(sizeof(*q));

    if (!q)
        return NULL;
    q->dev = dev;
    q->index = index;
    q->vcpu = index % smp_vcpus();
    q->frame = page_alloc(FRAME_ORDER);
    if (!q->frame) {
        heap_free(q);
        return NULL;
    }
    return q;
}

/* --- pages --- */

static int slot_grant(struct net_slot *slot, domid_t backend, unsigned flags)
{
    int ref;

    if (!slot->page) {
        ref = grant_alloc();
        if (ref < 0)
            return ref;
        slot->page = page_alloc(0);
        if (!slot->page) {
            grant_free((grant_ref_t)ref);
            return -XEN_ENOMEM;
        }
        slot->gref = (grant_ref_t)ref;
    }
    grant_access(slot->gref, backend, virt_to_mfn(slot->page), flags);
    return 0;
}

/* A page that a backend did not let go of when it was disconnected. */
struct held {
    struct held *next;
    struct net_slot slot;
};

/* Of all cards: one may be closed long before its backend lets go. */
static struct {
    struct spinlock lock;
    struct held *first;
    unsigned count;
} aside;

static void slot_put_aside(struct net_slot *slot)
{
    struct held *held = heap_alloc(sizeof(*held));

    spin_lock(&aside.lock);
    aside.count++;
    /* Without memory for the note nobody will ever look at the page again, which is as safe. */
    if (held) {
        held->slot = *slot;
        held->next = aside.first;
        aside.first = held;
    }
    spin_unlock(&aside.lock);
    *slot = (struct net_slot){.page = NULL};
}

static void slot_free(struct net_slot *slot)
{
    if (!slot->page)
        return;
    grant_free(slot->gref);
    page_free(slot->page, 0);
    *slot = (struct net_slot){.page = NULL};
}

static void slot_release(struct net_slot *slot)
{
    if (slot->page && !grant_end(slot->gref))
        slot_put_aside(slot);
}

unsigned net_held_retry(void)
{
    struct held **at = &aside.first;
    unsigned left;

    spin_lock(&aside.lock);
    while (*at) {
        struct held *held = *at;

        if (!grant_end(held->slot.gref)) {
            at = &held->next;
            continue;
        }
        *at = held->next;
        slot_free(&held->slot);
        heap_free(held);
        aside.count--;
    }
    left = aside.count;
    spin_unlock(&aside.lock);
    return left;
}

static int grant_all(struct net_queue *q)
{
    domid_t backend = q->dev->xb.backend;
    int rc = slot_grant(&q->tx_shared, backend, 0);

    if (!rc)
        rc = slot_grant(&q->rx_shared, backend, 0);
    for (unsigned i = 0; !rc && i < NET_RING_SLOTS; i++)
        rc = slot_grant(&q->tx_slots[i], backend, GTF_readonly);
    for (unsigned i = 0; !rc && i < NET_RING_SLOTS; i++)
        rc = slot_grant(&q->rx_slots[i], backend, 0);
    return rc;
}

void net_queue_release(struct net_queue *q)
{
    slot_release(&q->tx_shared);
    slot_release(&q->rx_shared);
    for (unsigned i = 0; i < NET_RING_SLOTS; i++) {
        slot_release(&q->tx_slots[i]);
        slot_release(&q->rx_slots[i]);
    }
}

void net_queue_free(struct net_queue *q)
{
    slot_free(&q->tx_shared);
    slot_free(&q->rx_shared);
    for (unsigned i = 0; i < NET_RING_SLOTS; i++) {
        slot_free(&q->tx_slots[i]);
        slot_free(&q->rx_slots[i]);
    }
    page_free(q->frame, FRAME_ORDER);
    heap_free(q);
}

/* --- event channels --- */

static void tx_event(unsigned port, void *data)
{
    struct net_queue *q = data;

    (void)port;
    __atomic_fetch_add(&q->n.tx_events, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&q->event, true, __ATOMIC_RELEASE);
    waitq_wake(&q->wait);
}

static void rx_event(unsigned port, void *data)
{
    struct net_queue *q = data;

    (void)port;
    __atomic_fetch_add(&q->n.rx_events, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&q->event, true, __ATOMIC_RELEASE);
    waitq_wake(&q->wait);
}

/* A port for the backend, on the queue's vCPU. */
static int make_port(struct net_queue *q, unsigned *port, event_handler_t handler)
{
    int rc = event_alloc_unbound(q->dev->xb.backend);

    if (rc < 0)
        return rc;
    *port = (unsigned)rc;
    rc = event_bind_vcpu(*port, q->vcpu);
    event_handle(*port, handler, q);
    return rc;
}

static void close_ports(struct net_queue *q)
{
    if (q->tx_port)
        event_close(q->tx_port);
    if (q->rx_port && q->rx_port != q->tx_port)
        event_close(q->rx_port);
    q->tx_port = q->rx_port = 0;
}

static int make_ports(struct net_queue *q)
{
    int rc = make_port(q, &q->rx_port, rx_event);

    if (!rc && q->dev->state.split)
        rc = make_port(q, &q->tx_port, tx_event);
    else
        q->tx_port = q->rx_port;
    return rc;
}

/* --- life --- */

int net_queue_prepare(struct net_queue *q)
{
    int rc = grant_all(q);

    if (!rc)
        rc = make_ports(q);
    if (rc) {
        close_ports(q);
        net_queue_release(q);
        return rc;
    }
    net_tx_init(&q->tx, q->tx_shared.page, q->tx_slots);
    net_rx_init(&q->rx, q->rx_shared.page, q->rx_slots);
    /* The backend looks at the ring when it connects: no need to notify. */
    net_rx_post(&q->rx);
    q->stop = q->event = false;
    return 0;
}

static bool has_work(void *arg)
{
    const struct net_queue *q = arg;

    return __atomic_load_n(&q->event, __ATOMIC_ACQUIRE) || __atomic_load_n(&q->stop, __ATOMIC_ACQUIRE);
}

static void queue_main(void *arg)
{
    struct net_queue *q = arg;

    while (!__atomic_load_n(&q->stop, __ATOMIC_ACQUIRE)) {
        waitq_wait(&q->wait, has_work, q, 0);
        __atomic_store_n(&q->event, false, __ATOMIC_SEQ_CST);
        net_rx_run(q);
        net_tx_poll(q);
    }
}

int net_queue_start(struct net_queue *q)
{
    spin_lock(&q->tx_lock);
    q->live = true;
    spin_unlock(&q->tx_lock);
    q->thread = thread_start("net-queue", q->vcpu, queue_main, q);
    return q->thread ? 0 : -XEN_ENOMEM;
}

void net_queue_stop(struct net_queue *q)
{
    spin_lock(&q->tx_lock);
    q->live = false;
    spin_unlock(&q->tx_lock);
    waitq_wake(&q->room);
    __atomic_store_n(&q->stop, true, __ATOMIC_RELEASE);
    waitq_wake(&q->wait);
    if (q->thread)
        thread_join(q->thread);
    q->thread = NULL;
    close_ports(q);
}
