/* SPDX-License-Identifier: MIT */
#ifndef GUEST_NET_STACK_H
#define GUEST_NET_STACK_H

/*
 * A small IPv4 stack for one Ethernet card: ARP, IPv4 without fragments, ICMP echo and unreachable, UDP
 * (udp.h) and DHCP (dhcp.h). Addresses and ports are in host order.
 *
 * Locks: one for each stack, never held while a frame is sent or a callback of a user runs. All functions
 * may be called by threads of any vCPU, none by handlers of events.
 *
 * What comes from the network is hostile: it is read within its bounds, and whatever is wrong with it is
 * dropped and counted.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "guest/frontends/net_frame.h"

struct netstack;

/* deadline of calls that shall not wait for room in the card's ring. */
#define NET_NO_WAIT 1ul

struct netstack_card {
    /*
     * Sends one frame, copied before it returns. While the card has no room it waits until system time
     * deadline (0: as long as it takes). Frames of the same flow stay in order. 0 or a negative errno.
     */
    int (*send)(void *ctx, const struct net_frag *frags, unsigned nr_frags, enum net_csum csum, uint32_t flow,
                uint64_t deadline);
    /* netstack_tick() is due earlier than it said. */
    void (*rearm)(void *ctx);
    void *ctx;
};

/* State of the card. */
struct netstack_link {
    uint8_t mac[6];
    uint16_t mtu; /* bytes of IP packet, header included */
    bool up;
    bool csum_blank; /* frames with a blank UDP checksum may be sent */
};

struct ipv4_config {
    uint32_t addr; /* 0: none */
    uint32_t mask;
    uint32_t gateway; /* 0: none */
};

struct netstack_counters {
    uint64_t rx_frames, tx_frames, tx_failed;
    uint64_t rx_short, rx_other_type, rx_not_for_us; /* Ethernet */
    uint64_t arp_bad, arp_conflicts, arp_unanswered; /* unanswered: frames dropped for want of an address */
    uint64_t ip_bad, ip_bad_checksum, ip_fragments, ip_other_protocol;
    uint64_t icmp_bad, icmp_echoes, icmp_unreachable_sent, icmp_unreachable_seen, icmp_limited;
    uint64_t udp_bad, udp_bad_checksum, udp_no_port, udp_received, udp_overflow, udp_sent;
    uint64_t dhcp_bad;
};

/* NULL when out of memory. It stays for ever: there is no way to take a stack away from its sockets. */
struct netstack *netstack_new(const struct netstack_card *card);

/* The card has another state. */
void netstack_link_set(struct netstack *ns, const struct netstack_link *link);

/* A frame came in; it is read before the call returns. */
void netstack_input(struct netstack *ns, const uint8_t *frame, size_t len, enum net_csum csum);

/* Does what is due; returns when to call again in system time, 0 for not before rearm(). */
uint64_t netstack_tick(struct netstack *ns);

/* Sets (addr 0: takes away) the address, and announces it. */
void netstack_config_set(struct netstack *ns, const struct ipv4_config *config);
void netstack_config(struct netstack *ns, struct ipv4_config *config);

/* Waits until there is an address and the link is up; false if not by deadline (0: wait for ever). */
bool netstack_wait_ready(struct netstack *ns, uint64_t deadline);

void netstack_counters(struct netstack *ns, struct netstack_counters *counters);

/*
 * "10.0.5.2/24" to address and mask, "10.0.5.1" to an address; false if the text is anything else. mask NULL:
 * no length may follow.
 */
bool ipv4_parse(const char *text, uint32_t *addr, uint32_t *mask);

/* Into a buffer of IPV4_TEXT bytes; returns it. */
#define IPV4_TEXT 16
const char *ipv4_text(char *buf, uint32_t addr);

#endif
