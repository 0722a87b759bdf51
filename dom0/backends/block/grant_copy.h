/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_GRANT_COPY_H
#define HOSPES_BLOCK_GRANT_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include <xengnttab.h>

#include "dom0/backends/common/guest_ring.h"

/*
 * Copies between guests' pages and our memory, collected and then done in one system call: the hypervisor
 * checks the grants and moves the bytes. That is cheaper than to map and unmap a page that is used once.
 */
#define GRANT_COPY_BATCH 512u

struct grant_copy {
    struct guest_access *access;
    unsigned count;
    bool *failed[GRANT_COPY_BATCH];
    xengnttab_grant_copy_segment_t segments[GRANT_COPY_BATCH];
};

void grant_copy_init(struct grant_copy *copy, struct guest_access *access);

/*
 * bytes at `offset` of the granted page, offset + bytes at most a page. *failed is set if the guest did not
 * grant it; it is only known after grant_copy_run(), which is called by itself when the batch is full.
 */
void grant_copy_in(struct grant_copy *copy, uint32_t domid, uint32_t gref, unsigned offset, unsigned bytes,
                   void *to, bool *failed);
void grant_copy_out(struct grant_copy *copy, uint32_t domid, uint32_t gref, unsigned offset, unsigned bytes,
                    void *from, bool *failed);

void grant_copy_run(struct grant_copy *copy);

#endif
