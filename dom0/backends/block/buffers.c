/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/buffers.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>

#include "dom0/backends/block/request.h"

#define CHUNK_BYTES BUFFERS_MAX_BYTES
#define CHUNK_PAGES (CHUNK_BYTES / BLK_PAGE_BYTES)
#define WORD_PAGES  64u
#define KEPT_CHUNKS 8u

struct buffer_chunk {
    TAILQ_ENTRY(buffer_chunk) link;
    char *memory;
    unsigned used;                            /* pages */
    int number;                               /* the ring's; -1: not registered */
    uint64_t taken[CHUNK_PAGES / WORD_PAGES]; /* a bit for each page */
};

struct buffers {
    struct uring *uring;
    TAILQ_HEAD(chunk_list, buffer_chunk) chunks;
    unsigned unused; /* chunks of which nothing is in use */
};

struct buffers *buffers_new(struct uring *uring)
{
    struct buffers *buffers = calloc(1, sizeof(*buffers));

    if (!buffers)
        return NULL;
    buffers->uring = uring;
    TAILQ_INIT(&buffers->chunks);
    return buffers;
}

static struct buffer_chunk *new_chunk(struct buffers *buffers)
{
    struct buffer_chunk *chunk = calloc(1, sizeof(*chunk));

    if (!chunk)
        return NULL;
    chunk->memory = mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (chunk->memory == MAP_FAILED) {
        free(chunk);
        return NULL;
    }
    chunk->number = uring_buffer_add(buffers->uring, chunk->memory, CHUNK_BYTES);
    TAILQ_INSERT_TAIL(&buffers->chunks, chunk, link);
    buffers->unused++;
    return chunk;
}

static void free_chunk(struct buffers *buffers, struct buffer_chunk *chunk)
{
    TAILQ_REMOVE(&buffers->chunks, chunk, link);
    buffers->unused--;
    if (chunk->number >= 0)
        uring_buffer_remove(buffers->uring, chunk->number);
    munmap(chunk->memory, CHUNK_BYTES);
    free(chunk);
}

/* Free pages in a row from `first` on, counted to the end of its word. */
static unsigned free_in_word(const struct buffer_chunk *chunk, unsigned first)
{
    uint64_t taken = chunk->taken[first / WORD_PAGES] >> first % WORD_PAGES;

    return taken ? (unsigned)__builtin_ctzll(taken) : WORD_PAGES - first % WORD_PAGES;
}

/* The same, to the end of the chunk, but at most about `count`. */
static unsigned free_from(const struct buffer_chunk *chunk, unsigned first, unsigned count)
{
    unsigned length = 0, step;

    do {
        step = free_in_word(chunk, first + length);
        length += step;
    } while (step > 0 && length < count && first + length < CHUNK_PAGES);
    return length;
}

/* The first of `count` free pages in a row; CHUNK_PAGES: there are none. */
static unsigned find_run(const struct buffer_chunk *chunk, unsigned count)
{
    unsigned first = 0;

    while (first + count <= CHUNK_PAGES) {
        uint64_t free_here = ~chunk->taken[first / WORD_PAGES] >> first % WORD_PAGES;
        unsigned length;

        if (free_here == 0) {
            first = (first / WORD_PAGES + 1) * WORD_PAGES;
            continue;
        }
        first += (unsigned)__builtin_ctzll(free_here);
        length = free_from(chunk, first, count);
        if (length >= count)
            return first;
        first += length;
    }
    return CHUNK_PAGES;
}

/* Marks pages as taken that were free, or the other way. */
static void turn(struct buffer_chunk *chunk, unsigned first, unsigned count)
{
    while (count > 0) {
        unsigned at = first % WORD_PAGES, here = WORD_PAGES - at < count ? WORD_PAGES - at : count;

        chunk->taken[first / WORD_PAGES] ^= (here == WORD_PAGES ? ~0ull : (1ull << here) - 1) << at;
        first += here;
        count -= here;
    }
}

static struct buffer_chunk *find_chunk(struct buffers *buffers, unsigned count, unsigned *first)
{
    struct buffer_chunk *chunk;

    for (chunk = TAILQ_FIRST(&buffers->chunks); chunk; chunk = TAILQ_NEXT(chunk, link)) {
        *first = chunk->used + count <= CHUNK_PAGES ? find_run(chunk, count) : CHUNK_PAGES;
        if (*first < CHUNK_PAGES)
            return chunk;
    }
    *first = 0;
    return new_chunk(buffers);
}

static unsigned pages_of(size_t bytes)
{
    return (unsigned)((bytes + BLK_PAGE_BYTES - 1) / BLK_PAGE_BYTES);
}

bool buffer_get(struct buffers *buffers, struct buffer_account *account, size_t bytes, struct buffer *buffer)
{
    unsigned count = pages_of(bytes), first;
    struct buffer_chunk *chunk;

    if (count > CHUNK_PAGES || account->used + count * (size_t)BLK_PAGE_BYTES > BUFFERS_DISK_BYTES)
        return false;
    chunk = find_chunk(buffers, count, &first);
    if (!chunk)
        return false;
    turn(chunk, first, count);
    buffers->unused -= chunk->used == 0;
    chunk->used += count;
    account->used += count * (size_t)BLK_PAGE_BYTES;
    *buffer = (struct buffer){chunk->memory + first * (size_t)BLK_PAGE_BYTES, bytes, chunk};
    return true;
}

void buffer_put(struct buffers *buffers, struct buffer_account *account, struct buffer *buffer)
{
    unsigned count = pages_of(buffer->bytes);
    struct buffer_chunk *chunk = buffer->chunk;

    if (!buffer->data)
        return;
    turn(chunk, (unsigned)((size_t)(buffer->data - chunk->memory) / BLK_PAGE_BYTES), count);
    chunk->used -= count;
    account->used -= count * (size_t)BLK_PAGE_BYTES;
    buffers->unused += chunk->used == 0;
    if (chunk->used == 0 && buffers->unused > KEPT_CHUNKS)
        free_chunk(buffers, chunk);
    *buffer = (struct buffer){0};
}

int buffer_number(const struct buffer *buffer)
{
    return buffer->chunk->number;
}

void buffers_trim(struct buffers *buffers)
{
    struct buffer_chunk *chunk, *next;

    for (chunk = TAILQ_FIRST(&buffers->chunks); chunk; chunk = next) {
        next = TAILQ_NEXT(chunk, link);
        if (chunk->used == 0)
            free_chunk(buffers, chunk);
    }
}

void buffers_free(struct buffers *buffers)
{
    if (!buffers)
        return;
    buffers_trim(buffers);
    free(buffers);
}
