/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/buffers.h"

#include <stdlib.h>
#include <sys/mman.h>

/* Sizes are 4 KiB shifted by a class. */
#define CLASSES    9u
#define KEPT_BYTES (8u << 20)

_Static_assert(4096u << (CLASSES - 1) == BUFFERS_MAX_BYTES, "the last class is the largest buffer");

/* A kept buffer holds its own link. */
struct kept {
    struct kept *next;
};

static struct kept *kept[CLASSES];
static size_t kept_bytes;

static size_t class_bytes(unsigned class)
{
    return (size_t)4096 << class;
}

static unsigned class_of(size_t bytes)
{
    unsigned class = 0;

    while (class < CLASSES - 1 && class_bytes(class) < bytes)
        class ++;
    return class;
}

void *buffer_get(struct buffer_account *account, size_t bytes)
{
    unsigned class = class_of(bytes);
    size_t size = class_bytes(class);
    struct kept *buffer = kept[class];

    if (bytes > size || account->used + size > BUFFERS_DISK_BYTES)
        return NULL;
    if (buffer) {
        kept[class] = buffer->next;
        kept_bytes -= size;
    } else {
        buffer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (buffer == MAP_FAILED)
            return NULL;
    }
    account->used += size;
    return buffer;
}

void buffer_put(struct buffer_account *account, void *buffer, size_t bytes)
{
    unsigned class = class_of(bytes);
    size_t size = class_bytes(class);
    struct kept *link = buffer;

    if (!buffer)
        return;
    account->used -= size;
    if (kept_bytes + size > KEPT_BYTES) {
        munmap(buffer, size);
        return;
    }
    link->next = kept[class];
    kept[class] = link;
    kept_bytes += size;
}

void buffers_trim(void)
{
    for (unsigned class = 0; class < CLASSES; class ++) {
        while (kept[class]) {
            struct kept *buffer = kept[class];

            kept[class] = buffer->next;
            munmap(buffer, class_bytes(class));
        }
    }
    kept_bytes = 0;
}
