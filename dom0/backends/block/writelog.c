/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/writelog.h"

#include <string.h>

#define MAGIC      0x686f737065736c67ull
#define ALIGN      64u
#define DATA_BYTES (WRITELOG_BYTES - (uint32_t)sizeof(struct writelog))

enum record_state { EMPTY, SENT, ENDED, VOID };

/* Followed by its data; both together a multiple of ALIGN. */
struct record {
    _Alignas(ALIGN) uint64_t offset;
    uint32_t bytes; /* of data */
    uint32_t span;  /* of the record, to the next one */
    uint32_t state;
};

struct writelog {
    uint64_t magic, image;
    uint64_t head, tail; /* positions, multiples of ALIGN; a record never goes across the end of the room */
    _Alignas(ALIGN) uint8_t room[];
};

static struct record *at(const struct writelog *log, uint64_t position)
{
    return (struct record *)(uintptr_t)(log->room + position % DATA_BYTES);
}

/* A record as a log of a killed worker has it; one that makes no sense ends the log. */
static bool is_sound(const struct writelog *log, uint64_t position)
{
    const struct record *r = at(log, position);

    return r->span >= sizeof(*r) && r->span % ALIGN == 0 && r->span <= log->tail - position &&
           r->span <= DATA_BYTES - position % DATA_BYTES && r->bytes <= r->span - sizeof(*r);
}

bool writelog_is_of(const struct writelog *log, uint64_t image)
{
    return log->magic == MAGIC && log->image == image && log->head <= log->tail &&
           log->tail - log->head <= DATA_BYTES && log->head % ALIGN == 0 && log->tail % ALIGN == 0;
}

void writelog_format(struct writelog *log, uint64_t image)
{
    log->head = log->tail = 0;
    log->image = image;
    __atomic_store_n(&log->magic, MAGIC, __ATOMIC_RELEASE);
}

/* The record is in the log when the tail has moved: a worker that is killed before has sent nothing of it. */
static struct record *put(struct writelog *log, uint64_t offset, uint32_t bytes, uint32_t span,
                          uint32_t state)
{
    struct record *r = at(log, log->tail);

    *r = (struct record){.offset = offset, .bytes = bytes, .span = span, .state = state};
    __atomic_store_n(&log->tail, log->tail + span, __ATOMIC_RELEASE);
    return r;
}

void *writelog_append(struct writelog *log, uint64_t offset, uint32_t bytes, uint64_t *position)
{
    uint32_t span = (uint32_t)(sizeof(struct record) + bytes + ALIGN - 1) / ALIGN * ALIGN;
    uint32_t to_end = DATA_BYTES - (uint32_t)(log->tail % DATA_BYTES);
    uint32_t skip = to_end < span ? to_end : 0;

    if (bytes > WRITELOG_MAX_WRITE || DATA_BYTES - (log->tail - log->head) < (uint64_t)skip + span)
        return NULL;
    if (skip)
        put(log, 0, 0, skip, VOID);
    *position = log->tail;
    return put(log, offset, bytes, span, EMPTY) + 1;
}

void writelog_filled(struct writelog *log, uint64_t position)
{
    __atomic_store_n(&at(log, position)->state, SENT, __ATOMIC_RELEASE);
}

void writelog_ended(struct writelog *log, uint64_t position, bool ok)
{
    at(log, position)->state = ok ? ENDED : VOID;
}

uint64_t writelog_mark(const struct writelog *log)
{
    uint64_t mark = log->head;

    while (mark < log->tail && is_sound(log, mark) && at(log, mark)->state >= ENDED)
        mark += at(log, mark)->span;
    return mark;
}

bool writelog_can_release(const struct writelog *log)
{
    return writelog_mark(log) > log->head;
}

void writelog_release(struct writelog *log, uint64_t mark)
{
    if (mark > log->head && mark <= log->tail)
        __atomic_store_n(&log->head, mark, __ATOMIC_RELEASE);
}

size_t writelog_used(const struct writelog *log)
{
    return log->tail - log->head;
}

bool writelog_next(struct writelog *log, uint64_t *position, struct writelog_write *write)
{
    struct record *r;

    if (*position < log->head)
        *position = log->head;
    do {
        if (*position >= log->tail || !is_sound(log, *position))
            return false;
        r = at(log, *position);
        write->position = *position;
        *position += r->span;
        if (r->state == EMPTY)
            r->state = VOID;
    } while (r->state == VOID);
    write->offset = r->offset;
    write->bytes = r->bytes;
    write->data = r + 1;
    return true;
}
