/* SPDX-License-Identifier: MIT */
#include "dom0/backends/console/ring.h"

#include <string.h>

#define OUT_BYTES sizeof(((struct xencons_interface *)0)->out)
#define IN_BYTES  sizeof(((struct xencons_interface *)0)->in)

_Static_assert((OUT_BYTES & (OUT_BYTES - 1)) == 0 && (IN_BYTES & (IN_BYTES - 1)) == 0,
               "free-running indices need rings of a power of two");

static uint32_t load(const XENCONS_RING_IDX *index)
{
    return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static void store(XENCONS_RING_IDX *index, uint32_t value)
{
    __atomic_store_n(index, value, __ATOMIC_RELEASE);
}

void console_ring_attach(struct console_ring *ring, struct xencons_interface *page)
{
    ring->page = page;
    ring->out_cons = load(&page->out_cons);
    ring->in_prod = load(&page->in_prod);
    ring->broken = false;
}

/* Bytes of output that wait; the guest's index is read once and judged. */
static uint32_t pending_output(struct console_ring *ring)
{
    uint32_t pending;

    if (ring->broken)
        return 0;
    pending = load(&ring->page->out_prod) - ring->out_cons;
    if (pending > OUT_BYTES) {
        ring->broken = true;
        return 0;
    }
    return pending;
}

bool console_ring_has_output(struct console_ring *ring)
{
    return pending_output(ring) > 0;
}

size_t console_ring_read(struct console_ring *ring, char *buf, size_t len)
{
    uint32_t pending = pending_output(ring);
    uint32_t start = ring->out_cons & (OUT_BYTES - 1);
    size_t first;

    if (len > pending)
        len = pending;
    if (len == 0)
        return 0;
    first = OUT_BYTES - start < len ? OUT_BYTES - start : len;
    memcpy(buf, ring->page->out + start, first);
    memcpy(buf + first, ring->page->out, len - first);
    ring->out_cons += (uint32_t)len;
    return len;
}

void console_ring_release(struct console_ring *ring)
{
    store(&ring->page->out_cons, ring->out_cons);
}

size_t console_ring_space(struct console_ring *ring)
{
    uint32_t used;

    if (ring->broken)
        return 0;
    used = ring->in_prod - load(&ring->page->in_cons);
    if (used > IN_BYTES) {
        ring->broken = true;
        return 0;
    }
    return IN_BYTES - used;
}

size_t console_ring_write(struct console_ring *ring, const char *buf, size_t len)
{
    size_t space = console_ring_space(ring);
    uint32_t start = ring->in_prod & (IN_BYTES - 1);
    size_t first;

    if (len > space)
        len = space;
    if (len == 0)
        return 0;
    first = IN_BYTES - start < len ? IN_BYTES - start : len;
    memcpy(ring->page->in + start, buf, first);
    memcpy(ring->page->in, buf + first, len - first);
    ring->in_prod += (uint32_t)len;
    store(&ring->page->in_prod, ring->in_prod);
    return len;
}
