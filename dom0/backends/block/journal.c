/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/journal.h"

#include <string.h>

#define JOURNAL_MAGIC   0x4c4e524a4b4c4248ull /* "HBLKJRNL" */
#define JOURNAL_VERSION 1u

struct journal_header {
    uint64_t magic; /* written last */
    uint32_t version;
    uint32_t unused;
    struct journal_identity identity;
};

_Static_assert(sizeof(struct journal_entry) == 128, "an entry is two cache lines");
_Static_assert(sizeof(struct journal_ring) == 128, "entries stay aligned to cache lines");

#define HEADER_BYTES ((sizeof(struct journal_header) + 127) / 128 * 128)

/* A store that is visible after all before it: to us after a kill, since it was executed after them. */
static void store(uint32_t *field, uint32_t value)
{
    __atomic_store_n(field, value, __ATOMIC_RELEASE);
    /* Nor may the compiler move later stores up. */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static size_t ring_bytes(const struct journal_identity *id)
{
    return sizeof(struct journal_ring) + id->entries_per_ring * sizeof(struct journal_entry);
}

size_t journal_bytes(const struct journal_identity *id)
{
    return HEADER_BYTES + id->rings * ring_bytes(id);
}

void journal_format(void *file, const struct journal_identity *id)
{
    struct journal_header *header = file;

    __atomic_store_n(&header->magic, 0, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    memset((char *)file + HEADER_BYTES, 0, journal_bytes(id) - HEADER_BYTES);
    header->version = JOURNAL_VERSION;
    header->identity = *id;
    __atomic_store_n(&header->magic, JOURNAL_MAGIC, __ATOMIC_RELEASE);
}

bool journal_matches(const void *file, size_t bytes, const struct journal_identity *id)
{
    const struct journal_header *header = file;

    return bytes >= sizeof(*header) && header->magic == JOURNAL_MAGIC && header->version == JOURNAL_VERSION &&
           memcmp(&header->identity, id, sizeof(*id)) == 0 && bytes >= journal_bytes(id);
}

struct journal_ring *journal_ring(void *file, const struct journal_identity *id, unsigned ring)
{
    return (void *)((char *)file + HEADER_BYTES + ring * ring_bytes(id));
}

void journal_start(struct journal_ring *ring, uint32_t cursor)
{
    store(&ring->taken, cursor);
}

void journal_lives(struct journal_ring *ring)
{
    if (ring->resumed)
        store(&ring->resumed, 0);
}

/* Before the cursor, as numbers that wrap. */
static bool before(uint32_t number, uint32_t cursor)
{
    return (int32_t)(number - cursor) < 0;
}

static bool unanswered(const struct journal_entry *entry, uint32_t taken, uint32_t rsp_prod)
{
    if (entry->state == JOURNAL_FREE || !before(entry->index, taken))
        return false;
    return entry->state == JOURNAL_TAKEN || !before(entry->answer, rsp_prod);
}

/* Few, and once in a daemon's life. */
static void sort_by_index(struct journal_entry **order, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct journal_entry *entry = order[i];
        uint32_t at = i;

        for (; at > 0 && before(entry->index, order[at - 1]->index); at--)
            order[at] = order[at - 1];
        order[at] = entry;
    }
}

int journal_recover(struct journal_ring *ring, uint32_t entries, uint32_t rsp_prod,
                    struct journal_entry **order)
{
    uint32_t found = 0;

    if (ring->taken - rsp_prod > entries)
        return -1;
    for (uint32_t i = 0; i < entries; i++)
        if (unanswered(&ring->entries[i], ring->taken, rsp_prod))
            order[found++] = &ring->entries[i];
    if (found != ring->taken - rsp_prod)
        return -1;
    for (uint32_t i = 0; i < entries; i++) {
        struct journal_entry *entry = &ring->entries[i];

        store(&entry->state, unanswered(entry, ring->taken, rsp_prod) ? JOURNAL_TAKEN : JOURNAL_FREE);
    }
    sort_by_index(order, found);
    if (found > 0)
        store(&ring->resumed, ring->resumed + 1);
    if (ring->resumed > JOURNAL_MAX_RESUMED)
        return -1;
    return (int)found;
}

void journal_take(struct journal_ring *ring, struct journal_entry *entry, uint32_t index,
                  const struct blkif_request *request)
{
    entry->request = *request;
    entry->index = index;
    store(&entry->state, JOURNAL_TAKEN);
    store(&ring->taken, index + 1);
}

void journal_answer(struct journal_entry *entry, uint32_t number)
{
    store(&entry->answer, number);
    store(&entry->state, JOURNAL_ANSWERED);
}

void journal_release(struct journal_entry *entry)
{
    store(&entry->state, JOURNAL_FREE);
}
