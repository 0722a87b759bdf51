/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_NET_TAP_IO_H
#define HOSPES_NET_TAP_IO_H

#include <stdint.h>
#include <sys/uio.h>

/*
 * Packets into taps, many with one system call. Every descriptor has to be an O_NONBLOCK tap without a limit
 * on what is under way (TUNSETSNDBUF), which never makes a writer wait: the kernel does all within the call,
 * one after the other, and what a packet consists of is free afterwards.
 */
struct net_tap_io;

#define NET_TAP_IO_MAX 256u /* packets of one call */

/* NULL with errno, as where the administrator allows no io_uring. */
struct net_tap_io *net_tap_io_open(void);

/* NULL is allowed. */
void net_tap_io_close(struct net_tap_io *io);

/* Packets may be lost: a tap that is down or refuses this one is no error. Stays queued until the flush, and
 * so have iov and data. At most NET_TAP_IO_MAX. */
void net_tap_io_write(struct net_tap_io *io, int tap, const struct iovec *iov, unsigned int n);
void net_tap_io_flush(struct net_tap_io *io);

#endif
