/* SPDX-License-Identifier: MIT */
/* The fake machine of these tests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "boot/protocol.h"
#include "lib/printk.h"
#include "machine.h"

#define PIECES_MAX 64

unsigned machine_messages;
char machine_last_message[512];

static struct {
    paddr_t paddr;
    size_t size;
    u8 *data;
} pieces[PIECES_MAX];
static unsigned piece_count;

void machine_reset(void)
{
    while (piece_count)
        free(pieces[--piece_count].data);
    machine_messages = 0;
    machine_last_message[0] = '\0';
}

u8 *machine_put(paddr_t paddr, const void *data, size_t size)
{
    u8 *copy = malloc(size ? size : 1);

    if (piece_count == PIECES_MAX || !copy)
        abort();
    memcpy(copy, data, size);
    pieces[piece_count].paddr = paddr;
    pieces[piece_count].size = size;
    pieces[piece_count++].data = copy;
    return copy;
}

/* As on the real machine a range is there or it is not; where a piece ends, so does memory. */
const void *boot_phys(paddr_t paddr, u64 size)
{
    for (unsigned i = 0; i < piece_count; i++)
        if (paddr >= pieces[i].paddr && paddr - pieces[i].paddr <= pieces[i].size &&
            size <= pieces[i].size - (paddr - pieces[i].paddr))
            return pieces[i].data + (paddr - pieces[i].paddr);
    return NULL;
}

void printk(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    (void)level;
    machine_messages++;
    va_start(ap, fmt);
    vsnprintf(machine_last_message, sizeof(machine_last_message), fmt, ap);
    va_end(ap);
}

void panic(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    abort();
}
