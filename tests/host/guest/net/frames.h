/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HOST_GUEST_NET_FRAMES_H
#define TESTS_HOST_GUEST_NET_FRAMES_H

/* A stack with a card that keeps what is sent, and frames as its neighbours would send them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "guest/net/stack.h"
#include "guest/net/wire.h"

#define OWN_IP  0x0a000502u /* 10.0.5.2/24 */
#define PEER_IP 0x0a000501u
#define NS_S    1000000000ul

extern const uint8_t own_mac[6], peer_mac[6], all_mac[6];

/* The frames sent, oldest first; sent_forget() empties the list. */
struct sent_frame {
    uint8_t data[2048];
    size_t len;
    enum net_csum csum;
};
extern struct sent_frame sent[64];
extern unsigned nr_sent;
extern int card_result; /* what the card answers to all frames */
extern bool rearmed;

void sent_forget(void);

/* With link up and OWN_IP, unless configured is false. What was sent up to then is forgotten. */
struct netstack *stack_make(bool configured);

/* Frees it with its sockets; the stack itself has no need to. */
void stack_drop(struct netstack *ns);

/* Hands len bytes over in a buffer of exactly that size. */
void stack_receive(struct netstack *ns, const void *frame, size_t len, enum net_csum csum);

/* These write a frame to buf and return its length. */
size_t make_arp(uint8_t *buf, uint16_t operation, uint32_t sender, uint32_t target);
size_t make_ipv4(uint8_t *buf, uint32_t from, uint32_t to, uint8_t protocol, const void *data, size_t len);
size_t make_udp(uint8_t *buf, uint32_t from, uint32_t to, uint16_t from_port, uint16_t to_port,
                const void *data, size_t len);
size_t make_icmp(uint8_t *buf, uint32_t from, uint32_t to, uint8_t type, uint8_t code, const void *data,
                 size_t len);

/* Sets the checksum of the IPv4 header in a frame anew. */
void fix_ipv4(uint8_t *frame);

/* Headers of a frame that was sent. */
const struct eth_header *eth_of(const struct sent_frame *f);
const struct arp_packet *arp_of(const struct sent_frame *f);
const struct ipv4_header *ipv4_of(const struct sent_frame *f);
const struct icmp_header *icmp_of(const struct sent_frame *f);
const struct udp_header *udp_of(const struct sent_frame *f);

/* True if the checksums of IPv4, and of ICMP or UDP, are right (for a blank one: the sum of the pseudo
 * header). */
bool sums_are_right(const struct sent_frame *f);

/* Makes PEER_IP known. */
void meet_peer(struct netstack *ns);

#endif
