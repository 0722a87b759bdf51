/* SPDX-License-Identifier: MIT */
#ifndef GUEST_FRONTENDS_NET_FRAME_H
#define GUEST_FRONTENDS_NET_FRAME_H

/* What a network card and the stack above it hand to each other: Ethernet frames without their check
 * sequence. */

#include <stddef.h>
#include <stdint.h>

/* The longest frame: the protocol's lengths have 16 bits. */
#define NET_FRAME_MAX 65535u
#define NET_FRAME_MIN 14u

/* One piece of a frame to send. The pieces of a frame follow each other without gaps. */
struct net_frag {
    const void *data;
    size_t len;
};

/* What is known of the checksum of TCP or UDP in a frame. */
enum net_csum {
    NET_CSUM_UNKNOWN, /* received: not looked at. To send: the field is right, or the frame has none */
    NET_CSUM_BLANK, /* the field holds the sum of the pseudo header alone; whoever needs the rest computes it
                     */
    NET_CSUM_VALID, /* received: somebody compared it already */
};

#endif
