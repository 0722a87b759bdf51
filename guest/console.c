/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdint.h>
#include <xen/io/console.h>
#include "guest/console.h"
#include "guest/guest.h"
#include "guest/hypercall.h"
#include "guest/mm.h"
#include "guest/spinlock.h"

static struct spinlock console_lock;

static struct xencons_interface *console_ring(void)
{
    if (guest_is_dom0() || !start_info->console.domU.mfn)
        return NULL;
    return pfn_to_virt(mfn_to_pfn(start_info->console.domU.mfn));
}

unsigned console_port(void)
{
    return guest_is_dom0() ? 0 : start_info->console.domU.evtchn;
}

static void ring_notify(void)
{
    struct evtchn_send send = {.port = start_info->console.domU.evtchn};

    hv_event_channel_op(EVTCHNOP_send, &send);
}

/* The consumer index is the backend's: read once for each decision, never trusted as an index. */
static void ring_write(struct xencons_interface *ring, const char *text, size_t len)
{
    XENCONS_RING_IDX prod = ring->out_prod;

    while (len) {
        XENCONS_RING_IDX cons = __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE);

        if (prod - cons >= sizeof(ring->out)) {
            ring_notify();
            hv_sched_op(SCHEDOP_yield, NULL);
            continue;
        }
        ring->out[MASK_XENCONS_IDX(prod++, ring->out)] = *text++;
        len--;
        __atomic_store_n(&ring->out_prod, prod, __ATOMIC_RELEASE);
    }
    ring_notify();
}

void console_write(const char *text, size_t len)
{
    struct xencons_interface *ring = console_ring();
    uint8_t mask = spin_lock_masked(&console_lock);

    if (!ring)
        hv_console_io(CONSOLEIO_write, len, (void *)(uintptr_t)text);
    else
        ring_write(ring, text, len);
    spin_unlock_masked(&console_lock, mask);
}

static size_t ring_read(struct xencons_interface *ring, char *buf, size_t len)
{
    XENCONS_RING_IDX prod = __atomic_load_n(&ring->in_prod, __ATOMIC_ACQUIRE);
    XENCONS_RING_IDX cons = ring->in_cons;
    size_t n = 0;

    for (; n < len && cons != prod; n++)
        buf[n] = ring->in[MASK_XENCONS_IDX(cons++, ring->in)];
    if (n) {
        __atomic_store_n(&ring->in_cons, cons, __ATOMIC_RELEASE);
        ring_notify();
    }
    return n;
}

size_t console_read(char *buf, size_t len)
{
    struct xencons_interface *ring = console_ring();
    long n;

    if (ring) {
        uint8_t mask = spin_lock_masked(&console_lock);

        n = (long)ring_read(ring, buf, len);
        spin_unlock_masked(&console_lock, mask);
        return (size_t)n;
    }
    n = hv_console_io(CONSOLEIO_read, len, buf);
    return n > 0 ? (size_t)n : 0;
}
