/* SPDX-License-Identifier: MIT */
#include "dom0/backends/net/offload.h"

#include <string.h>

#include <linux/if_tun.h>
#include <netinet/in.h>

unsigned int net_offload_tap_flags(const struct net_offers *offers)
{
    unsigned int flags = 0;

    /* The tap knows one kind of checksum; the other one is then filled in here. */
    if (offers->checksum_v4 || offers->checksum_v6)
        flags |= TUN_F_CSUM;
    if (offers->scatter && offers->checksum_v4 && offers->gso_v4)
        flags |= TUN_F_TSO4;
    if (offers->scatter && offers->checksum_v6 && offers->gso_v6)
        flags |= TUN_F_TSO6;
    return flags;
}

static void blank_checksum(struct virtio_net_hdr *hdr, const struct net_headers *headers)
{
    hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    hdr->csum_start = headers->transport;
    hdr->csum_offset = (uint16_t)net_headers_checksum_offset(headers);
}

static const char *segmented(struct virtio_net_hdr *hdr, const struct net_tx_packet *packet,
                             const struct net_headers *headers, uint8_t *head)
{
    bool v4 = packet->gso_type == XEN_NETIF_GSO_TYPE_TCPV4;
    uint8_t *field = head + headers->transport + net_headers_checksum_offset(headers);

    if (headers->payload == 0 || headers->protocol != IPPROTO_TCP ||
        headers->type != (v4 ? NET_TYPE_IPV4 : NET_TYPE_IPV6))
        return "segmentation of what is not that kind of TCP";
    if (!packet->checksum_blank)
        net_put16(field, net_pseudo_sum(headers, head, packet->length));
    blank_checksum(hdr, headers);
    /* One segment is no segmentation; the kernel would have to find that out. */
    if (packet->length - headers->payload <= packet->gso_size)
        return NULL;
    hdr->gso_type = v4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
    hdr->gso_size = packet->gso_size;
    hdr->hdr_len = headers->payload;
    return NULL;
}

const char *net_offload_from_guest(struct virtio_net_hdr *hdr, const struct net_tx_packet *packet,
                                   const struct net_headers *headers, uint8_t *head)
{
    memset(hdr, 0, sizeof(*hdr));
    if (packet->gso_type != XEN_NETIF_GSO_TYPE_NONE)
        return segmented(hdr, packet, headers, head);
    if (packet->checksum_blank) {
        if (headers->payload == 0)
            return "a blank checksum in what is neither TCP nor UDP";
        blank_checksum(hdr, headers);
    } else if (packet->checksum_good) {
        hdr->flags = VIRTIO_NET_HDR_F_DATA_VALID;
    }
    return NULL;
}

/* Whether the frontend finds the field by itself: it looks for the same headers as we do. */
static bool guest_fills_in(const struct net_headers *headers, const struct virtio_net_hdr *hdr,
                           const struct net_offers *offers)
{
    bool offered = headers->type == NET_TYPE_IPV4 ? offers->checksum_v4 : offers->checksum_v6;

    return offered && headers->payload != 0 && hdr->csum_start == headers->transport &&
           hdr->csum_offset == net_headers_checksum_offset(headers);
}

static bool fill_in(struct virtio_net_hdr *hdr, uint8_t *data, uint32_t length)
{
    uint32_t field = (uint32_t)hdr->csum_start + hdr->csum_offset;
    uint16_t sum;

    if (hdr->csum_start >= length || field + 2 > length)
        return false;
    sum = net_checksum(data + hdr->csum_start, length - hdr->csum_start);
    net_put16(data + field, sum ? sum : 0xffff); /* 0 would mean "none" in UDP */
    hdr->flags = VIRTIO_NET_HDR_F_DATA_VALID;
    return true;
}

static bool take_gso(struct net_rx_packet *packet, const struct virtio_net_hdr *hdr,
                     const struct net_offers *offers)
{
    unsigned int type = hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;

    packet->gso_type = XEN_NETIF_GSO_TYPE_NONE;
    packet->gso_size = 0;
    if (type == VIRTIO_NET_HDR_GSO_NONE)
        return true;
    if (hdr->gso_size == 0)
        return false;
    packet->gso_size = hdr->gso_size;
    packet->gso_type = type == VIRTIO_NET_HDR_GSO_TCPV4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6;
    return (type == VIRTIO_NET_HDR_GSO_TCPV4 && offers->gso_v4) ||
           (type == VIRTIO_NET_HDR_GSO_TCPV6 && offers->gso_v6);
}

bool net_offload_to_guest(struct net_rx_packet *packet, struct virtio_net_hdr *hdr, uint8_t *data,
                          const struct net_offers *offers)
{
    struct net_headers headers;

    packet->data = data;
    packet->checksum_blank = false;
    packet->checksum_good = hdr->flags & VIRTIO_NET_HDR_F_DATA_VALID;
    if (!take_gso(packet, hdr, offers))
        return false;
    /* One slot is all that such a frontend can take. */
    if (!offers->scatter && packet->length > NET_PAGE_SIZE)
        return false;
    if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
        return packet->gso_type == XEN_NETIF_GSO_TYPE_NONE;
    if (net_headers_find(&headers, data, packet->length) && guest_fills_in(&headers, hdr, offers)) {
        packet->checksum_blank = true;
        return true;
    }
    return packet->gso_type == XEN_NETIF_GSO_TYPE_NONE && fill_in(hdr, data, packet->length);
}
