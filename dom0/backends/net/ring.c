/* SPDX-License-Identifier: MIT */
#include "dom0/backends/net/ring.h"

#include <string.h>

_Static_assert(__CONST_RING_SIZE(netif_tx, NET_PAGE_SIZE) == NET_RING_SLOTS, "one page of transmit ring");
_Static_assert(__CONST_RING_SIZE(netif_rx, NET_PAGE_SIZE) == NET_RING_SLOTS, "one page of receive ring");
_Static_assert(sizeof(union netif_tx_sring_entry) >= sizeof(netif_tx_response_t) &&
                   sizeof(netif_rx_response_t) <= sizeof(((struct net_journal *)0)->answer[0]),
               "an answer fits its slot and the journal");

static uint32_t load(const uint32_t *index)
{
    return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static void store(uint32_t *index, uint32_t value)
{
    __atomic_store_n(index, value, __ATOMIC_RELEASE);
}

uint32_t net_ring_waiting(struct net_ring *ring, const uint32_t *req_prod)
{
    uint32_t waiting = load(req_prod) - ring->next;

    if (ring->broken)
        return 0;
    if (waiting <= NET_RING_SLOTS)
        return waiting;
    ring->broken = true;
    ring->why = "the request index is more than the ring ahead";
    return 0;
}

bool net_ring_wait(struct net_ring *ring, const uint32_t *req_prod, uint32_t *req_event, uint32_t more)
{
    store(req_event, ring->next + more);
    /* The index is looked at after the event is set, or both sides may wait for each other. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return net_ring_waiting(ring, req_prod) >= more;
}

static void write_slots(const struct net_journal *journal, void *slots, size_t slot_size, size_t answer_size)
{
    for (uint32_t i = journal->from; i != journal->to; i++)
        memcpy((char *)slots + (i % NET_RING_SLOTS) * slot_size, &journal->answer[i - journal->from],
               answer_size);
}

bool net_ring_answer(struct net_ring *ring, void *slots, size_t slot_size, size_t answer_size,
                     uint32_t *rsp_prod, const uint32_t *rsp_event, uint32_t count)
{
    struct net_journal *journal = ring->journal;
    uint32_t old = ring->next;

    if (count == 0)
        return false;
    store(&journal->to, old + count);
    store(&journal->from, old);
    write_slots(journal, slots, slot_size, answer_size);
    ring->next = old + count;
    store(rsp_prod, ring->next);
    /* As above, with the sides exchanged. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return ring->next - load(rsp_event) < count;
}

void net_ring_attach(struct net_ring *ring, struct net_journal *journal, void *slots, size_t slot_size,
                     size_t answer_size, uint32_t *rsp_prod)
{
    uint32_t next = load(rsp_prod);

    *ring = (struct net_ring){.journal = journal};
    if (journal->from == next && journal->to - journal->from <= NET_RING_SLOTS) {
        write_slots(journal, slots, slot_size, answer_size);
        next = journal->to;
        store(rsp_prod, next);
    }
    ring->next = next;
}
