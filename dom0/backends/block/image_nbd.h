/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_IMAGE_NBD_H
#define HOSPES_BLOCK_IMAGE_NBD_H

#include <stdbool.h>
#include <stdint.h>

#include "dom0/backends/block/image.h"
#include "dom0/backends/block/writelog.h"
#include "dom0/backends/common/loop.h"

/*
 * An image whose format another process knows (qcow2: QEMU's storage daemon, which the broker starts). This
 * end has a socket to it, and a log of what that process might lose.
 *
 * Should the process end, another one is asked for; what had not been answered is sent again, after what the
 * log still has. Only if none can be had any more (a missing base, a full file system) do all operations
 * fail.
 */
struct image_nbd_source {
    /*
     * A socket to a new process, handshake made; the earlier one has ended by then. A descriptor, or -1 after
     * a log line. *bytes is what the image holds now, not less than before.
     */
    int (*reopen)(void *arg, uint64_t *bytes);
    /* It holds more than before. NULL: that does not happen. */
    void (*grown)(void *arg);
    void *arg;
};

struct image_nbd_config {
    struct loop *loop;
    int fd; /* the first socket */
    uint64_t bytes;
    uint32_t cluster_bytes; /* what the format allocates and gives back at a time */
    bool readonly;
    void *log; /* WRITELOG_BYTES of a file in memory, mapped; NULL if readonly. What is in it is written first
                */
    struct image_nbd_source source;
};

/* Another process is to be asked for although this one lives: something about the image has changed. */
void image_nbd_renew(struct image *image);

/* Takes over the socket and the mapping, also on failure (NULL with errno). */
struct image *image_nbd_open(const struct image_nbd_config *config);

#endif
