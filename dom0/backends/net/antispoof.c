/* SPDX-License-Identifier: MIT */
#include "dom0/backends/net/antispoof.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#define ETHERNET_BYTES 14u
#define ARP_BYTES      28u
#define MAPPED_BITS    96u
#define NA_TYPE        136u
#define NA_BYTES       24u
#define DHCP_CLIENT    68u
#define DHCP_SERVER    67u

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};
static const uint8_t unspecified[16];

bool net_parse_mac(uint8_t mac[6], const char *text)
{
    unsigned int byte[6];
    int end = 0;

    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2], &byte[3], &byte[4], &byte[5],
               &end) != 6 ||
        text[end])
        return false;
    for (int i = 0; i < 6; i++)
        mac[i] = (uint8_t)byte[i];
    return true;
}

static void map_ipv4(uint8_t out[16], const uint8_t *address)
{
    memcpy(out, mapped_prefix, sizeof(mapped_prefix));
    memcpy(out + sizeof(mapped_prefix), address, 4);
}

static bool parse_address(struct net_address *out, char *text)
{
    char *slash = strchr(text, '/'), *end;
    unsigned int base = 0;
    unsigned long bits;
    struct in_addr v4;

    if (slash)
        *slash++ = '\0';
    if (inet_pton(AF_INET, text, &v4) == 1) {
        map_ipv4(out->bytes, (const uint8_t *)&v4);
        base = MAPPED_BITS;
    } else if (inet_pton(AF_INET6, text, out->bytes) != 1) {
        return false;
    }
    out->bits = 128;
    if (!slash)
        return true;
    bits = strtoul(slash, &end, 10);
    if (end == slash || *end || bits > 128 - base)
        return false;
    out->bits = (uint8_t)(base + bits);
    return true;
}

bool net_antispoof_parse(struct net_antispoof *rule, const char *mac, const char *ip)
{
    char *copy, *save = NULL;
    bool ok = true;

    rule->addresses = 0;
    if (!net_parse_mac(rule->mac, mac))
        return false;
    copy = strdup(ip ? ip : "");
    if (!copy)
        return false;
    for (char *word = strtok_r(copy, " ,", &save); word && ok; word = strtok_r(NULL, " ,", &save))
        ok = rule->addresses < NET_ADDRESSES_MAX && parse_address(&rule->address[rule->addresses++], word);
    free(copy);
    return ok;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
    unsigned int rest = bits % 8;

    if (memcmp(a, b, bits / 8) != 0)
        return false;
    return rest == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0;
}

static bool listed(const struct net_antispoof *rule, const uint8_t address[16])
{
    for (unsigned int i = 0; i < rule->addresses; i++)
        if (same_bits(rule->address[i].bytes, address, rule->address[i].bits))
            return true;
    return false;
}

static bool ipv4_listed(const struct net_antispoof *rule, const uint8_t *address)
{
    uint8_t mapped[16];

    map_ipv4(mapped, address);
    return listed(rule, mapped);
}

static bool is_own_link_local(const struct net_antispoof *rule, const uint8_t *address)
{
    const uint8_t *mac = rule->mac;
    const uint8_t own[16] = {0xfe, 0x80, [8] = mac[0] ^ 2, mac[1], mac[2],
                             0xff, 0xfe, mac[3],           mac[4], mac[5]};

    return memcmp(address, own, sizeof(own)) == 0;
}

static bool ipv6_allowed(const struct net_antispoof *rule, const uint8_t *address)
{
    /* An IPv4 address in the list is none for IPv6, however it is written. */
    return (listed(rule, address) && memcmp(address, mapped_prefix, sizeof(mapped_prefix)) != 0) ||
           is_own_link_local(rule, address);
}

static bool arp_passes(const struct net_antispoof *rule, const uint8_t *head, size_t len)
{
    static const uint8_t ethernet_ipv4[6] = {0, 1, 8, 0, 6, 4};
    const uint8_t *arp = head + ETHERNET_BYTES;

    if (len < ETHERNET_BYTES + ARP_BYTES || memcmp(arp, ethernet_ipv4, sizeof(ethernet_ipv4)) != 0 ||
        memcmp(arp + 8, rule->mac, 6) != 0)
        return false;
    return rule->addresses == 0 || memcmp(arp + 14, unspecified, 4) == 0 || ipv4_listed(rule, arp + 14);
}

static bool ipv4_passes(const struct net_antispoof *rule, const uint8_t *head,
                        const struct net_headers *headers)
{
    const uint8_t *source = head + headers->network + 12, *udp = head + headers->transport;

    if (memcmp(source, unspecified, 4) != 0)
        return ipv4_listed(rule, source);
    return headers->payload && headers->protocol == IPPROTO_UDP && net_get16(udp) == DHCP_CLIENT &&
           net_get16(udp + 2) == DHCP_SERVER;
}

static bool ipv6_passes(const struct net_antispoof *rule, const uint8_t *head, size_t len,
                        const struct net_headers *headers)
{
    const uint8_t *source = head + headers->network + 8;
    size_t icmp = headers->transport;

    if (headers->cut || (memcmp(source, unspecified, 16) != 0 && !ipv6_allowed(rule, source)))
        return false;
    if (icmp == 0 || headers->protocol != IPPROTO_ICMPV6)
        return true;
    if (icmp + NA_BYTES > len)
        return icmp < len && head[icmp] != NA_TYPE;
    return head[icmp] != NA_TYPE || ipv6_allowed(rule, head + icmp + 8);
}

bool net_antispoof_pass(const struct net_antispoof *rule, const uint8_t *head, size_t len)
{
    struct net_headers headers;

    if (!rule->on)
        return true;
    if (memcmp(head + 6, rule->mac, 6) != 0 || !net_headers_find(&headers, head, len))
        return false;
    if (headers.type == NET_TYPE_ARP)
        return arp_passes(rule, head, len);
    if (rule->addresses == 0)
        return true;
    if (headers.type == NET_TYPE_IPV4)
        return ipv4_passes(rule, head, &headers);
    return headers.type == NET_TYPE_IPV6 && ipv6_passes(rule, head, len, &headers);
}
