/* SPDX-License-Identifier: MIT */
#ifndef GUEST_NET_INTERNAL_H
#define GUEST_NET_INTERNAL_H

/* Shared by the files of the stack. "locked": the caller holds ns->lock; "unlocked": it must not. */

#include "guest/net/bytes.h"
#include "guest/net/dhcp.h"
#include "guest/net/stack.h"
#include "guest/net/udp.h"
#include "guest/net/wire.h"
#include "guest/spinlock.h"
#include "guest/thread.h"

#define NS_PER_MS 1000000ul
#define NS_PER_S  1000000000ul

/* --- ARP --- */
#define ARP_ENTRIES 32u
#define ARP_HELD    8u

enum arp_state { ARP_FREE, ARP_ASKED, ARP_KNOWN };

/* A frame that waits for its address; the bytes follow. */
struct arp_held {
    struct arp_held *next;
    size_t len;
    enum net_csum csum;
    uint32_t flow;
    uint8_t frame[];
};

struct arp_entry {
    enum arp_state state;
    uint32_t addr;
    uint8_t mac[6];
    unsigned tries; /* requests without an answer */
    uint64_t due;   /* next request */
    uint64_t used;  /* last packet sent to it */
    struct arp_held *held, **held_end;
    unsigned nr_held;
};

/* --- DHCP --- */
enum dhcp_state { DHCP_OFF, DHCP_SELECTING, DHCP_REQUESTING, DHCP_BOUND, DHCP_RENEWING, DHCP_REBINDING };

struct dhcp {
    enum dhcp_state state;
    struct udp_socket *sock;
    uint32_t xid;
    unsigned tries;
    uint64_t due;                   /* next message or change of state; 0: none */
    uint64_t renew, rebind, expire; /* of the lease */
    uint64_t began;
    uint32_t server;
    struct ipv4_config offer;
};

struct netstack {
    struct spinlock lock;
    struct netstack_card card;
    struct netstack_link link;
    struct ipv4_config config;
    struct waitq changed;
    struct arp_entry arp[ARP_ENTRIES];
    struct udp_socket *sockets;
    struct dhcp dhcp;
    uint64_t due; /* what netstack_tick() said last */
    uint16_t ip_id;
    uint16_t next_port;
    uint64_t icmp_credit_at;
    unsigned icmp_credit;
    struct netstack_counters n;
};

static inline void count(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* --- stack.c --- */
/* A timer is set for that time. Locked. */
void netstack_due(struct netstack *ns, uint64_t when);

/* --- eth.c: unlocked --- */
extern const uint8_t eth_broadcast[6];
int eth_send(struct netstack *ns, const uint8_t mac[6], uint16_t type, const struct net_frag *frags,
             unsigned nr_frags, enum net_csum csum, uint32_t flow, uint64_t deadline);

/* --- arp.c --- */
void arp_input(struct netstack *ns, struct view packet);
/* Sends an IPv4 packet to a neighbour, now or as soon as its address is known. Unlocked. */
int arp_send(struct netstack *ns, uint32_t neighbour, const struct net_frag *frags, unsigned nr_frags,
             enum net_csum csum, uint32_t flow, uint64_t deadline);
/* Tells everybody our address. Unlocked. */
void arp_announce(struct netstack *ns);
void arp_forget_all(struct netstack *ns);
/* Returns the next time, 0 for none. Unlocked. */
uint64_t arp_tick(struct netstack *ns, uint64_t now);

/* --- ipv4.c --- */
struct ipv4_packet {
    uint32_t from, to;
    uint8_t protocol;
    bool to_all; /* a broadcast */
    enum net_csum csum;
    struct view header; /* with options */
    struct view data;
};

void ipv4_input(struct netstack *ns, struct view packet, enum net_csum csum);
/* The frags are the payload; from may be 0 (then to is everybody). Unlocked. */
int ipv4_send(struct netstack *ns, uint32_t from, uint32_t to, uint8_t protocol, const struct net_frag *frags,
              unsigned nr_frags, enum net_csum csum, uint32_t flow, uint64_t deadline);
bool ipv4_is_broadcast(const struct ipv4_config *config, uint32_t addr);

/* --- icmp.c: unlocked --- */
void icmp_input(struct netstack *ns, const struct ipv4_packet *packet);
void icmp_unreachable(struct netstack *ns, const struct ipv4_packet *packet, uint8_t code);

/* --- udp.c: unlocked --- */
void udp_input(struct netstack *ns, const struct ipv4_packet *packet);
/* A peer said that the port which this one of ours sent to is closed. */
void udp_refused(struct netstack *ns, uint16_t local_port);
/* From any address, for DHCP. */
int udp_send_from(struct udp_socket *sock, uint32_t from, const struct udp_peer *to, const void *data,
                  size_t len, uint64_t deadline);

/* --- dhcp.c: unlocked --- */
void dhcp_link_changed(struct netstack *ns, bool up);
uint64_t dhcp_tick(struct netstack *ns, uint64_t now);

#endif
