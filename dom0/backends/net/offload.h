/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_NET_OFFLOAD_H
#define HOSPES_NET_OFFLOAD_H

#include <linux/virtio_net.h>

#include "dom0/backends/net/headers.h"
#include "dom0/backends/net/rx_ring.h"
#include "dom0/backends/net/tx_ring.h"

/*
 * Between the flags of the rings and the header that a tap puts in front of a packet. What is left to be done
 * to a packet (a checksum to fill in, segments to be cut) is passed on in either direction and only done here
 * when the receiver has not promised that it can.
 */

/* What the frontend can take. */
struct net_offers {
    bool scatter;     /* packets of several slots */
    bool checksum_v4; /* a blank checksum */
    bool checksum_v6;
    bool gso_v4, gso_v6;
};

/* TUN_F_* to be set for the tap. */
unsigned int net_offload_tap_flags(const struct net_offers *offers);

/*
 * For a packet from the guest: `head` holds its first bytes (min(NET_HEAD_BYTES, length)), headers are what
 * was found in there. A blank checksum of a packet to be segmented gets its pseudo header, which some
 * frontends leave out. NULL, or why the packet cannot be sent.
 */
const char *net_offload_from_guest(struct virtio_net_hdr *hdr, const struct net_tx_packet *packet,
                                   const struct net_headers *headers, uint8_t *head);

/*
 * For a packet to the guest: packet->data and length are set; fills in the rest, and the packet's checksum
 * when the frontend cannot (and says so in *hdr). False when the tap gave nonsense or what was not asked for:
 * to be dropped.
 */
bool net_offload_to_guest(struct net_rx_packet *packet, struct virtio_net_hdr *hdr, uint8_t *data,
                          const struct net_offers *offers);

#endif
