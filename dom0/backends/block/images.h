/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_IMAGES_H
#define HOSPES_BLOCK_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0/backends/common/broker.h"

/*
 * What the worker asks the broker for. A device is named by its numbers, never by a path: the broker reads
 * the device's nodes in the store itself and opens what the toolstack has written there.
 */
enum images_op {
    /*
     * struct images_request: the image; struct images_reply and one descriptor of a raw image, or of another
     * (reply.bytes is not 0) a socket for nbd.h and the file of its write log (writelog.h) unless readonly.
     */
    IMAGES_OPEN = 1,
    IMAGES_JOURNAL, /* struct images_request: the device's journal, `bytes` long; one descriptor */
    IMAGES_FORGET,  /* struct images_request: the device is gone, its journal goes too */
};

struct images_request {
    uint32_t domid, devid;
    uint64_t bytes; /* IMAGES_JOURNAL */
    bool keep;      /* IMAGES_JOURNAL: the last daemon's, or none; otherwise a new one, all zero */
};

struct images_reply {
    bool readonly;
    uint32_t cluster_bytes; /* with bytes */
    uint64_t bytes;
    char path[1024]; /* for the log */
    char why[256];   /* after an error: what was wrong, for the operator */
};

#ifndef IMAGES_RUN_DIR /* tests have their own */
#define IMAGES_RUN_DIR "/run/hospes/block"
#endif
#define IMAGES_JOURNAL_BYTES (8u << 20) /* the most that the broker makes */

/* The broker's half, functions of broker_spec. */
int images_prepare(void *arg);
void images_worker_gone(void *arg);
int images_handle(void *arg, uint32_t op, const void *req, size_t len, struct broker_reply *reply);

#endif
