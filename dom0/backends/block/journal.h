/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_JOURNAL_H
#define HOSPES_BLOCK_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/blkif.h>

/*
 * What a daemon that was killed leaves to the next one: the requests of a device that were taken off its
 * rings and not answered. It is a file in a tmpfs, mapped shared, so the kernel keeps every store that was
 * executed before the kill. It does not have to survive the machine: no guest does.
 *
 * The ring alone cannot tell. Answers use the slots of requests, in the order in which requests finish, so
 * the request of a slow read may be overwritten by the answer to a fast one.
 *
 * The invariant: at every instruction,
 *
 *     the requests without an answer = entries that are TAKEN, or ANSWERED with a number that the ring's
 *     rsp_prod has not reached, of those whose index is before `taken`;  their count is taken - rsp_prod.
 *
 * So the store to rsp_prod, which shows answers to the frontend, is the only commit point. The order that
 * keeps it:
 *
 *   - take: the entry's copy and index, entry TAKEN, `taken` + 1. Killed before the last store: the request
 * is still in its slot.
 *   - execute.
 *   - answer: the answer's number, entry ANSWERED, the ring's slot.
 *   - publish: rsp_prod. Killed before: executed again, which is harmless, for the frontend has not touched
 *     the data.
 *   - release: entry FREE. Killed before: its answer's number is below rsp_prod.
 *
 * The frontend can write to rsp_prod. All it can get by that is its own device disabled, or its own requests
 * executed again.
 *
 * A request that kills every daemon that executes it must not take the other disks along for ever: after so
 * many daemons without one answer the ring is given up.
 */
#define JOURNAL_MAX_RESUMED    16u
#define JOURNAL_MAX_RINGS      8u
#define JOURNAL_MAX_RING_PAGES 16u

/* Which rings the entries belong to: a journal of other rings says nothing. */
struct journal_identity {
    uint32_t domid, devid;
    uint32_t rings, pages_per_ring, entries_per_ring;
    uint32_t grefs[JOURNAL_MAX_RINGS][JOURNAL_MAX_RING_PAGES];
};

enum journal_state { JOURNAL_FREE, JOURNAL_TAKEN, JOURNAL_ANSWERED };

struct journal_entry {
    uint32_t state;
    uint32_t index;  /* the request's number, counted from the ring's beginning */
    uint32_t answer; /* the answer's number, when ANSWERED */
    uint32_t unused;
    struct blkif_request request;
};

/* One ring's part of the file. */
struct journal_ring {
    uint32_t taken;   /* the ring's cursor */
    uint32_t resumed; /* daemons that took it over and died before they had answered anything */
    uint32_t unused[30];
    struct journal_entry entries[];
};

/* Bytes of the file. */
size_t journal_bytes(const struct journal_identity *id);

/* Makes an empty journal in zeroed or used memory of that size; valid from the last store on. */
void journal_format(void *file, const struct journal_identity *id);

/* Whether the memory holds a journal of just these rings. */
bool journal_matches(const void *file, size_t bytes, const struct journal_identity *id);

struct journal_ring *journal_ring(void *file, const struct journal_identity *id, unsigned ring);

/* An answer was given: whoever dies now has done something. */
void journal_lives(struct journal_ring *ring);

/* Starts a ring whose next request is number `cursor`. */
void journal_start(struct journal_ring *ring, uint32_t cursor);

/*
 * After a kill: puts the unanswered entries of a ring in `order`, by index, and frees the others. rsp_prod is
 * what the shared ring says. Their number, or -1: the ring and the journal contradict each other, or too many
 * daemons have died of it.
 */
int journal_recover(struct journal_ring *ring, uint32_t entries, uint32_t rsp_prod,
                    struct journal_entry **order);

/* Takes request `index`, which is ring->taken, into a FREE entry. */
void journal_take(struct journal_ring *ring, struct journal_entry *entry, uint32_t index,
                  const struct blkif_request *request);

/* Before the ring's slot is written. */
void journal_answer(struct journal_entry *entry, uint32_t number);

/* After the answer was published. */
void journal_release(struct journal_entry *entry);

#endif
