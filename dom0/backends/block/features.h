/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_FEATURES_H
#define HOSPES_BLOCK_FEATURES_H

#include "dom0/backends/block/disk.h"

/* What the two sides of a disk tell each other in the store. */

/* What a frontend has chosen. */
struct disk_wishes {
    bool persistent;
    unsigned queues, pages; /* pages of each ring */
    uint32_t grefs[DISK_MAX_QUEUES][JOURNAL_MAX_RING_PAGES];
    uint32_t ports[DISK_MAX_QUEUES];
};

/* Writes what the disk offers. 0 or an errno value. */
int features_write(struct disk *disk);

/* Writes the size alone, after it has changed. 0 or an errno value. */
int features_write_size(struct disk *disk);

/* Reads what the frontend has chosen, each value checked. 0, or -1 after backend_dev_fail(). */
int features_read(struct disk *disk, struct disk_wishes *wishes);

#endif
