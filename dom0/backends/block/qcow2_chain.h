/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_QCOW2_CHAIN_H
#define HOSPES_BLOCK_QCOW2_CHAIN_H

#include <stdint.h>

#include "dom0/backends/block/images.h"

#define QCOW2_MAX_BASES 32

struct qcow2_chain {
    uint32_t cluster_bytes;
    uint64_t bytes;             /* what the image on top holds */
    int bases[QCOW2_MAX_BASES]; /* open for reading and locked against writers */
    unsigned int count;
};

/*
 * Looks, with qemu-img, at what the image at reply->path is based on, and locks that. 0 or an errno value
 * with reply->why; qcow2_chain_close() either way.
 */
int qcow2_chain_open(const struct images_request *req, struct images_reply *reply, struct qcow2_chain *chain);
void qcow2_chain_close(struct qcow2_chain *chain);

/*
 * Makes the image at reply->path, which nobody has open, `bytes` large; what is new reads as zeroes. 0, or an
 * errno value with reply->why and the image as it was.
 */
int qcow2_grow(struct images_reply *reply, uint64_t bytes);

/* The last line of what a program of QEMU's has said, without its name and options. */
void qcow2_last_line(int fd, char *text, size_t size);

#endif
