/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_CONSOLE_RING_H
#define HOSPES_CONSOLE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/io/console.h>

/*
 * dom0's half of a console ring (struct xencons_interface). The guest can change any byte of the page at any
 * time: each of its indices is read once per call, and one that claims more than the ring holds disables the
 * ring for good. Our own indices are kept here and only ever written to the page.
 */
struct console_ring {
    struct xencons_interface *page;
    uint32_t out_cons; /* ours, as in page->out_cons */
    uint32_t in_prod;  /* ours, as in page->in_prod */
    bool broken;       /* the guest's indices made no sense */
};

/*
 * Takes over a page, with the indices that a daemon before us left in it. Nonsense there breaks the ring at
 * its first use.
 */
void console_ring_attach(struct console_ring *ring, struct xencons_interface *page);

/*
 * Copies up to len bytes of the guest's output into buf; how many. The guest has its room back with
 * console_ring_release(), of which the caller tells it.
 */
size_t console_ring_read(struct console_ring *ring, char *buf, size_t len);
void console_ring_release(struct console_ring *ring);

/* Whether the guest has put out more than was read. */
bool console_ring_has_output(struct console_ring *ring);

/* Bytes of input that the ring could take now. */
size_t console_ring_space(struct console_ring *ring);

/* Gives the guest len bytes of input, at most console_ring_space(); how many. */
size_t console_ring_write(struct console_ring *ring, const char *buf, size_t len);

#endif
