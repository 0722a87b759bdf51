/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_NET_RING_H
#define HOSPES_NET_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/netif.h>

/* Of a guest, whatever ours is. */
#define NET_PAGE_SIZE 4096u

/*
 * Entries of a ring of one page, and with that the most that one batch can hold. A property of the protocol:
 * both structures round down to the same power of two.
 */
#define NET_RING_SLOTS 256u

/*
 * What has to outlive the daemon: answers on their way into the ring. An answer overwrites the request in its
 * slot, so a daemon that was killed between that and the move of rsp_prod would leave slots that hold
 * neither. Therefore all answers are first written down here, in a file, and `from` last; a new daemon that
 * finds `from` equal to the ring's rsp_prod writes them again. An answer is at most 8 bytes.
 */
struct net_journal {
    uint32_t from, to;
    uint64_t answer[NET_RING_SLOTS];
};

/* What both rings of a queue share. Free-running indices; requests are answered in order. */
struct net_ring {
    struct net_journal *journal;
    uint32_t next;   /* first request that is not answered; equal to the ring's rsp_prod between two calls */
    bool broken;     /* an index that no honest frontend writes; nothing more is read */
    const char *why; /* one clause for the operator, when broken */
};

/* How many requests wait, from the index that the frontend wrote; 0 and `broken` when there cannot be so
 * many. */
uint32_t net_ring_waiting(struct net_ring *ring, const uint32_t *req_prod);

/*
 * Asks the frontend to notify once `more` requests are there beyond those that are answered. True when they
 * came meanwhile.
 */
bool net_ring_wait(struct net_ring *ring, const uint32_t *req_prod, uint32_t *req_event, uint32_t more);

/*
 * Moves `count` answers (in ring->journal->answer) into the ring's slots, which are `slot_size` apart, and
 * rsp_prod behind them. True when the frontend wants to be notified.
 */
bool net_ring_answer(struct net_ring *ring, void *slots, size_t slot_size, size_t answer_size,
                     uint32_t *rsp_prod, const uint32_t *rsp_event, uint32_t count);

/*
 * Starts where rsp_prod says, after a redo of what a killed daemon had begun; a journal that does not fit
 * (all zeroes as well) is without effect.
 */
void net_ring_attach(struct net_ring *ring, struct net_journal *journal, void *slots, size_t slot_size,
                     size_t answer_size, uint32_t *rsp_prod);

#endif
