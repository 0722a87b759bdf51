/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BACKEND_PERSISTENT_H
#define HOSPES_BACKEND_PERSISTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "dom0/backends/common/guest_ring.h"

/*
 * A device's persistent grants: pages that the frontend has promised to use again, kept mapped. Pages are
 * mapped in chunks - all that a batch of requests lacks, in one call - and unmapped in chunks. Bounded for
 * the device and for the daemon: what does not fit is not mapped, and the hypervisor copies its data, so a
 * frontend that never uses a page twice gains nothing and costs little.
 */
#define PERSISTENT_TOTAL_CHUNKS \
    16384u /* for the daemon: a chunk is a mapping, of which a process has 65530 */
#define PERSISTENT_IDLE_NS    1000000000ll
#define PERSISTENT_PAGE_BYTES 4096u

/* Of one device, or of one direction of it. */
struct persistent_bounds {
    int prot; /* PROT_READ: only read */
    unsigned pages, chunks;
};

struct persistent;

/* NULL: no memory. */
struct persistent *persistent_new(struct guest_access *access, uint32_t domid,
                                  const struct persistent_bounds *bounds);

/* Nothing may be in use. NULL is allowed. */
void persistent_free(struct persistent *p);

/* The page of a grant, NULL when it is not mapped. Valid until the next persistent_map(). */
void *persistent_page(struct persistent *p, uint32_t gref);

/* The same, in use until persistent_put() with the same gref. */
void *persistent_get(struct persistent *p, uint32_t gref);
void persistent_put(struct persistent *p, uint32_t gref);

/* A grant that is wanted: mapped by the next persistent_map(), if there is room. */
void persistent_want(struct persistent *p, uint32_t gref);

/*
 * Maps what is wanted. When there was no room, chunks are unmapped that nobody used for a second, the longest
 * unused first; the others stay, but small ones may be mapped anew as one. now_ns as of loop_now_ns().
 */
void persistent_map(struct persistent *p, int64_t now_ns);

#endif
