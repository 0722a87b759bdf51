/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_NBD_HANDSHAKE_H
#define HOSPES_BLOCK_NBD_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The beginning of NBD's conversation, up to where nbd.h goes on: asks for the export `name` on a connected,
 * blocking socket, and is told its size. 0 or an errno value: EPIPE when the other side ends, ETIMEDOUT,
 * EPROTO.
 */
int nbd_handshake(int fd, const char *name, int timeout_ms, uint64_t *bytes, bool *readonly);

#endif
