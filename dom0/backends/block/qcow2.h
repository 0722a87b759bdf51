/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_QCOW2_H
#define HOSPES_BLOCK_QCOW2_H

#include "dom0/backends/block/images.h"

/*
 * qcow2 images, in the broker: QEMU's storage daemon opens the image and those that it is based on, one
 * process a device, and serves it on a socket that goes to the worker. The daemon holds the locks of all its
 * files (lock.h) as long as it lives, so a successor finds everything written that it had in memory.
 *
 * It is ended by SIGTERM, at which it finishes what it has begun and flushes: when the device goes, when the
 * worker dies, when the broker dies.
 */

/*
 * `top` is the image, open and locked; it stays the caller's. One that holds fewer than `at_least` bytes is
 * made that large first; if that cannot be, a log line says so and it is served as it is. fds: the socket
 * with the handshake made, and the write log's file unless readonly. 0 or an errno value with reply->why.
 */
int qcow2_open(const struct images_request *req, struct images_reply *reply, int top, uint64_t at_least,
               int fds[2], unsigned int *nfds);

/* Ends an earlier process of the device, which has its locks. */
void qcow2_end(const struct images_request *req);

/* The device is gone: its process ends, what is below IMAGES_RUN_DIR goes. */
void qcow2_close(const struct images_request *req);

/* The worker is gone: all processes end, without being waited for. */
void qcow2_end_all(void);

/* Where an operator's tools find the process: QMP, a stream socket. */
#define QCOW2_MONITOR_FORMAT IMAGES_RUN_DIR "/%u-%u.qmp"

#endif
