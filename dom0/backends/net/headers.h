/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_NET_HEADERS_H
#define HOSPES_NET_HEADERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a packet that are enough for all headers that are looked at. */
#define NET_HEAD_BYTES 256u

/*
 * Where the headers of a frame are. Offsets from its start; all that they name lies inside the `len` bytes
 * that net_headers_find() was given.
 */
struct net_headers {
    uint16_t type;      /* EtherType, host order; 0x8100 is not looked behind */
    uint16_t network;   /* IP header, if type is IPv4 or IPv6 */
    uint16_t transport; /* what follows it and its options or extensions; 0 in a later fragment */
    uint16_t payload; /* what follows the TCP or UDP header; 0 when it is none of the two, or not all there */
    uint8_t protocol; /* of `transport` */
    bool cut;         /* extensions go on beyond `len`, or without end */
};

#define NET_TYPE_IPV4 0x0800u
#define NET_TYPE_ARP  0x0806u
#define NET_TYPE_IPV6 0x86ddu

/* Bytes of the checksum field from the start of the transport header. */
unsigned int net_headers_checksum_offset(const struct net_headers *headers);

/* False: not even an Ethernet header, or an IP header that is cut off or wrong. */
bool net_headers_find(struct net_headers *headers, const uint8_t *head, size_t len);

/* The sum of the pseudo header, folded, not inverted: what a blank checksum field holds. Big endian. */
uint16_t net_pseudo_sum(const struct net_headers *headers, const uint8_t *head, uint32_t packet_length);

/* The Internet checksum (inverted, big endian) of `len` bytes. */
uint16_t net_checksum(const uint8_t *data, size_t len);

static inline uint16_t net_get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline void net_put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

#endif
