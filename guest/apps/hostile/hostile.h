/* SPDX-License-Identifier: MIT */
#ifndef HOSTILE_H
#define HOSTILE_H

/*
 * A frontend that does what it likes to a live backend. What it writes depends only on the seed; when the
 * backend looks at it does not.
 */

#include "guest/guest.h"
#include "guest/grant.h"
#include "guest/time.h"
#include "guest/xenbus.h"

#define NS_PER_MS  1000000ul
#define POOL_PAGES 64u
#define STATE(s)   (1u << XenbusState##s)

/* --- chance (random.c) --- */

void random_seed(uint64_t seed);
uint64_t rnd(void);
unsigned below(unsigned n);
/* Small, huge, at a power of two, or anything. */
uint64_t odd_number(void);
void random_fill(void *data, size_t size);

/* --- the device (device.c) --- */

/* Shared with the backend: up to two rings (a card: transmit, receive), one port for both. */
struct victim {
    struct xenbus_device xb;
    bool net;
    void *ring[2];
    grant_ref_t ring_ref[2];
    int port; /* negative: none */
    uint64_t sectors;
    unsigned connections; /* that the backend agreed to */
    unsigned refusals;    /* that it did not */
    unsigned cut_off;     /* that it ended */
    bool stuck;           /* it no longer answers */
};

int victim_open(struct victim *v, const char *kind);

/* Writes the nodes that an honest frontend writes, without the state. */
int victim_write_nodes(xenbus_tx_t tx, struct victim *v);

/* Grants rings that are empty, and makes the port. */
bool victim_prepare(struct victim *v);

/* From whatever state to a backend that waits for nodes; false, and stuck, if it does not. */
bool victim_begin(struct victim *v);

/* From whatever state to one of two that agree; false if the backend would not have it. */
bool victim_connect(struct victim *v);

/* Ends the connection in good order and takes everything back. */
void victim_reset(struct victim *v);

/* Connected, if need be anew. */
bool victim_ready(struct victim *v);

/* Waits until the backend is in one of the states; false, and stuck, after a while. */
bool victim_wait(struct victim *v, unsigned states);

/* --- pages (pool.c) --- */

/* Pages 0.. are granted for writing, the last quarter for reading only. */
bool pool_init(domid_t backend);
void *pool_page(unsigned i);
grant_ref_t pool_ref(unsigned i);
grant_ref_t pool_any(void);

/* A reference that is not what it should be, or is and will not be for long. */
grant_ref_t bad_ref(void);

/* Withdraws some grants as if they were not in use, and grants other frames in their place. */
void pool_shuffle(void);
/* As at the start; how many pages the backend has still mapped. */
unsigned pool_restore(void);

/* --- another vCPU that writes to shared memory (scribble.c) --- */

bool scribble_init(void);
/* From now on random bytes go there; NULL: nowhere. Without a second vCPU nothing happens. */
void scribble(void *page);

/* --- attacks --- */

struct attack {
    const char *name;
    void (*round)(struct victim *v, unsigned round);
};

extern const struct attack vbd_attacks[], vif_attacks[], store_attacks[]; /* name NULL ends */

#endif
