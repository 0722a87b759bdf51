/* SPDX-License-Identifier: MIT */
#ifndef GUEST_NET_WIRE_H
#define GUEST_NET_WIRE_H

/* The headers as they are on the wire: bytes only, so that no compiler pads them and any address will do. */

#include <stdint.h>

#define ETH_TYPE_IPV4 0x0800u
#define ETH_TYPE_ARP  0x0806u

struct eth_header {
    uint8_t to[6];
    uint8_t from[6];
    uint8_t type[2];
};

#define ARP_HARDWARE_ETHERNET 1u
#define ARP_REQUEST           1u
#define ARP_REPLY             2u

struct arp_packet {
    uint8_t hardware[2];
    uint8_t protocol[2];
    uint8_t hardware_len;
    uint8_t protocol_len;
    uint8_t operation[2];
    uint8_t sender_mac[6];
    uint8_t sender_ip[4];
    uint8_t target_mac[6];
    uint8_t target_ip[4];
};

#define IPV4_DONT_FRAGMENT  0x4000u
#define IPV4_MORE_FRAGMENTS 0x2000u
#define IPV4_OFFSET         0x1fffu
#define IPV4_TTL            64u
#define IPV4_BROADCAST      0xffffffffu

#define PROTO_ICMP          1u
#define PROTO_UDP           17u

struct ipv4_header {
    uint8_t version_ihl;
    uint8_t tos;
    uint8_t total_len[2];
    uint8_t id[2];
    uint8_t fragment[2];
    uint8_t ttl;
    uint8_t protocol;
    uint8_t checksum[2];
    uint8_t from[4];
    uint8_t to[4];
};

#define ICMP_ECHO_REPLY           0u
#define ICMP_UNREACHABLE          3u
#define ICMP_ECHO_REQUEST         8u
#define ICMP_UNREACHABLE_PROTOCOL 2u
#define ICMP_UNREACHABLE_PORT     3u

struct icmp_header {
    uint8_t type;
    uint8_t code;
    uint8_t checksum[2];
    uint8_t rest[4];
};

struct udp_header {
    uint8_t from_port[2];
    uint8_t to_port[2];
    uint8_t len[2];
    uint8_t checksum[2];
};

/* What the checksum of UDP covers besides header and data. */
struct pseudo_header {
    uint8_t from[4];
    uint8_t to[4];
    uint8_t zero;
    uint8_t protocol;
    uint8_t len[2];
};

#define DHCP_SERVER_PORT    67u
#define DHCP_CLIENT_PORT    68u
#define DHCP_BOOTREQUEST    1u
#define DHCP_BOOTREPLY      2u
#define DHCP_FLAG_BROADCAST 0x8000u
#define DHCP_COOKIE         0x63825363u

struct dhcp_header {
    uint8_t op;
    uint8_t hardware;
    uint8_t hardware_len;
    uint8_t hops;
    uint8_t xid[4];
    uint8_t seconds[2];
    uint8_t flags[2];
    uint8_t client_ip[4];
    uint8_t your_ip[4];
    uint8_t server_ip[4];
    uint8_t relay_ip[4];
    uint8_t client_mac[16];
    uint8_t server_name[64];
    uint8_t file[128];
    uint8_t cookie[4];
};

_Static_assert(sizeof(struct eth_header) == 14 && sizeof(struct arp_packet) == 28 &&
                   sizeof(struct ipv4_header) == 20 && sizeof(struct icmp_header) == 8 &&
                   sizeof(struct udp_header) == 8 && sizeof(struct pseudo_header) == 12 &&
                   sizeof(struct dhcp_header) == 240,
               "sizes that the protocols give");

#endif
