/* SPDX-License-Identifier: MIT */
#include "dom0/backends/net/headers.h"

#include <string.h>

#include <netinet/in.h>

#define ETHERNET_BYTES 14u
#define IPV4_BYTES     20u
#define IPV6_BYTES     40u
#define TCP_BYTES      20u
#define UDP_BYTES      8u

#define IPV4_FRAGMENT  0x3fffu /* more fragments, or an offset */
#define IPV6_FRAGMENT  0xfff9u

/* A chain of extension headers ends somewhere; nobody honest needs more. */
#define IPV6_EXTENSIONS_MAX 8

/* The transport header, as far as it is there. */
static void find_transport(struct net_headers *headers, const uint8_t *head, size_t len, size_t at,
                           uint8_t protocol)
{
    size_t bytes = protocol == IPPROTO_TCP ? TCP_BYTES : UDP_BYTES;

    if (at > len) {
        headers->cut = true;
        return;
    }
    headers->protocol = protocol;
    headers->transport = (uint16_t)at;
    if ((protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) || at + bytes > len)
        return;
    if (protocol == IPPROTO_TCP)
        bytes = (size_t)(head[at + 12] >> 4) * 4;
    if ((protocol == IPPROTO_UDP || bytes >= TCP_BYTES) && at + bytes <= len)
        headers->payload = (uint16_t)(at + bytes);
}

static bool find_ipv4(struct net_headers *headers, const uint8_t *head, size_t len)
{
    const uint8_t *ip = head + headers->network;
    size_t bytes;

    if (len < headers->network + IPV4_BYTES || ip[0] >> 4 != 4)
        return false;
    bytes = (size_t)(ip[0] & 15) * 4;
    if (bytes < IPV4_BYTES || headers->network + bytes > len)
        return false;
    if ((net_get16(ip + 6) & IPV4_FRAGMENT) == 0)
        find_transport(headers, head, len, headers->network + bytes, ip[9]);
    return true;
}

static bool is_extension(uint8_t protocol)
{
    return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING || protocol == IPPROTO_DSTOPTS ||
           protocol == IPPROTO_FRAGMENT;
}

static bool find_ipv6(struct net_headers *headers, const uint8_t *head, size_t len)
{
    size_t at = headers->network + IPV6_BYTES;
    uint8_t protocol;

    if (at > len || head[headers->network] >> 4 != 6)
        return false;
    protocol = head[headers->network + 6];
    for (int i = 0; is_extension(protocol); i++) {
        if (i == IPV6_EXTENSIONS_MAX || at + 8 > len) {
            headers->cut = true;
            return true;
        }
        if (protocol == IPPROTO_FRAGMENT && (net_get16(head + at + 2) & IPV6_FRAGMENT))
            return true;
        protocol = head[at];
        at += protocol == IPPROTO_FRAGMENT ? 8 : ((size_t)head[at + 1] + 1) * 8;
    }
    find_transport(headers, head, len, at, protocol);
    return true;
}

bool net_headers_find(struct net_headers *headers, const uint8_t *head, size_t len)
{
    memset(headers, 0, sizeof(*headers));
    if (len < ETHERNET_BYTES)
        return false;
    headers->type = net_get16(head + 12);
    headers->network = ETHERNET_BYTES;
    if (headers->type == NET_TYPE_IPV4)
        return find_ipv4(headers, head, len);
    if (headers->type == NET_TYPE_IPV6)
        return find_ipv6(headers, head, len);
    return true;
}

unsigned int net_headers_checksum_offset(const struct net_headers *headers)
{
    return headers->protocol == IPPROTO_TCP ? 16 : 6;
}

static uint32_t sum_words(uint32_t sum, const uint8_t *data, size_t len)
{
    uint64_t wide = sum;

    for (; len >= 2; data += 2, len -= 2)
        wide += net_get16(data);
    if (len)
        wide += (uint32_t)data[0] << 8;
    while (wide >> 32)
        wide = (wide & UINT32_MAX) + (wide >> 32);
    return (uint32_t)wide;
}

static uint16_t fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

uint16_t net_pseudo_sum(const struct net_headers *headers, const uint8_t *head, uint32_t packet_length)
{
    uint32_t length = packet_length - headers->transport;
    bool v4 = headers->type == NET_TYPE_IPV4;
    uint32_t sum = headers->protocol + (length >> 16) + (length & 0xffff);

    return fold(sum_words(sum, head + headers->network + (v4 ? 12 : 8), v4 ? 8 : 32));
}

uint16_t net_checksum(const uint8_t *data, size_t len)
{
    return (uint16_t)~fold(sum_words(0, data, len));
}
