/* SPDX-License-Identifier: MIT */
/*
 * Addresses of neighbours. An entry is made when we have something to send or when somebody asks for us,
 * never for an answer that was not asked for. It is asked for again after a minute if it is in use, and goes
 * away when nobody answers. Frames wait in the entry that is being asked for.
 */
#include <xen/errno.h>
#include "guest/heap.h"
#include "guest/net/internal.h"
#include "guest/string.h"
#include "guest/time.h"

#define RETRY_NS (1 * NS_PER_S)
#define FRESH_NS (60 * NS_PER_S)
#define TRIES    3u

static struct arp_entry *find(struct netstack *ns, uint32_t addr)
{
    for (struct arp_entry *e = ns->arp; e < ns->arp + ARP_ENTRIES; e++)
        if (e->state != ARP_FREE && e->addr == addr)
            return e;
    return NULL;
}

/* Takes the frames out of an entry that is to be freed or was answered. */
static struct arp_held *take_held(struct arp_entry *e)
{
    struct arp_held *held = e->held;

    e->held = NULL;
    e->held_end = &e->held;
    e->nr_held = 0;
    return held;
}

static void drop_held(struct netstack *ns, struct arp_held *held)
{
    while (held) {
        struct arp_held *next = held->next;

        count(&ns->n.arp_unanswered);
        heap_free(held);
        held = next;
    }
}

/* A free entry, or the one that was not used for longest. NULL if all are being asked for. */
static struct arp_entry *make_entry(struct netstack *ns, uint32_t addr, uint64_t now)
{
    struct arp_entry *best = NULL;

    for (struct arp_entry *e = ns->arp; e < ns->arp + ARP_ENTRIES; e++) {
        if (e->state == ARP_FREE) {
            best = e;
            break;
        }
        if (e->state == ARP_KNOWN && (!best || e->used < best->used))
            best = e;
    }
    if (!best)
        return NULL;
    *best = (struct arp_entry){.addr = addr, .used = now};
    best->held_end = &best->held;
    return best;
}

/* target is ours for an announcement. */
static void send_arp(struct netstack *ns, uint16_t operation, const uint8_t to_mac[6], uint32_t target)
{
    struct arp_packet p = {.hardware_len = 6, .protocol_len = 4};
    struct net_frag frag = {&p, sizeof(p)};
    uint32_t own;

    put16(p.hardware, ARP_HARDWARE_ETHERNET);
    put16(p.protocol, ETH_TYPE_IPV4);
    put16(p.operation, operation);
    spin_lock(&ns->lock);
    memcpy(p.sender_mac, ns->link.mac, sizeof(p.sender_mac));
    own = ns->config.addr;
    spin_unlock(&ns->lock);
    if (!own)
        return;
    put32(p.sender_ip, own);
    if (operation == ARP_REPLY)
        memcpy(p.target_mac, to_mac, sizeof(p.target_mac));
    put32(p.target_ip, target);
    eth_send(ns, to_mac, ETH_TYPE_ARP, &frag, 1, NET_CSUM_UNKNOWN, target, NET_NO_WAIT);
}

void arp_announce(struct netstack *ns)
{
    struct ipv4_config config;

    netstack_config(ns, &config);
    send_arp(ns, ARP_REQUEST, eth_broadcast, config.addr);
}

void arp_forget_all(struct netstack *ns)
{
    for (struct arp_entry *e = ns->arp; e < ns->arp + ARP_ENTRIES; e++) {
        struct arp_held *held;

        spin_lock(&ns->lock);
        held = e->state == ARP_FREE ? NULL : take_held(e);
        e->state = ARP_FREE;
        spin_unlock(&ns->lock);
        drop_held(ns, held);
    }
}

/* --- sending --- */

static struct arp_held *hold(const struct net_frag *frags, unsigned nr_frags, enum net_csum csum,
                             uint32_t flow)
{
    struct arp_held *held;
    size_t len = 0;

    for (unsigned i = 0; i < nr_frags; i++)
        len += frags[i].len;
    held = heap_alloc(sizeof(*held) + len);
    if (!held)
        return NULL;
    for (unsigned i = 0; i < nr_frags; i++) {
        if (frags[i].len)
            memcpy(held->frame + held->len, frags[i].data, frags[i].len);
        held->len += frags[i].len;
    }
    held->csum = csum;
    held->flow = flow;
    return held;
}

/* Puts the frame behind those that wait already. Returns the frame that found no place. Locked. */
static struct arp_held *wait_for_answer(struct netstack *ns, uint32_t addr, struct arp_held *held, bool *ask)
{
    uint64_t now = time_now();
    struct arp_entry *e = find(ns, addr);

    if (!e) {
        e = make_entry(ns, addr, now);
        if (!e)
            return held;
        e->state = ARP_ASKED;
        e->tries = 1;
        e->due = now + RETRY_NS;
        netstack_due(ns, e->due);
        *ask = true;
    }
    if (e->nr_held == ARP_HELD)
        return held;
    *e->held_end = held;
    e->held_end = &held->next;
    e->nr_held++;
    return NULL;
}

static bool known_mac(struct netstack *ns, uint32_t addr, uint8_t mac[6])
{
    struct arp_entry *e = find(ns, addr);

    if (!e || e->state != ARP_KNOWN)
        return false;
    e->used = time_now();
    memcpy(mac, e->mac, sizeof(e->mac));
    return true;
}

int arp_send(struct netstack *ns, uint32_t neighbour, const struct net_frag *frags, unsigned nr_frags,
             enum net_csum csum, uint32_t flow, uint64_t deadline)
{
    struct arp_held *held;
    uint8_t mac[6];
    bool known, ask = false;

    spin_lock(&ns->lock);
    known = known_mac(ns, neighbour, mac);
    spin_unlock(&ns->lock);
    if (known)
        return eth_send(ns, mac, ETH_TYPE_IPV4, frags, nr_frags, csum, flow, deadline);
    held = hold(frags, nr_frags, csum, flow);
    if (!held)
        return -XEN_ENOMEM;
    spin_lock(&ns->lock);
    /* The answer may have come between the two looks. */
    known = known_mac(ns, neighbour, mac);
    if (!known)
        held = wait_for_answer(ns, neighbour, held, &ask);
    spin_unlock(&ns->lock);
    if (ask)
        send_arp(ns, ARP_REQUEST, eth_broadcast, neighbour);
    if (!known) {
        drop_held(ns, held);
        return 0;
    }
    heap_free(held);
    return eth_send(ns, mac, ETH_TYPE_IPV4, frags, nr_frags, csum, flow, deadline);
}

/* --- receiving --- */

static bool is_sound(const struct arp_packet *p)
{
    static const uint8_t none[6];

    return p && get16(p->hardware) == ARP_HARDWARE_ETHERNET && get16(p->protocol) == ETH_TYPE_IPV4 &&
           p->hardware_len == 6 && p->protocol_len == 4 && !(p->sender_mac[0] & 1) &&
           memcmp(p->sender_mac, none, sizeof(none)) != 0;
}

/* Writes down who has the address; the frames that waited for it. Locked. */
static struct arp_held *learn(struct netstack *ns, const struct arp_packet *p, bool asks_for_us)
{
    uint32_t addr = get32(p->sender_ip);
    uint64_t now = time_now();
    struct arp_entry *e = find(ns, addr);

    if (!e && asks_for_us && !((addr ^ ns->config.addr) & ns->config.mask))
        e = make_entry(ns, addr, now);
    if (!e)
        return NULL;
    memcpy(e->mac, p->sender_mac, sizeof(e->mac));
    e->state = ARP_KNOWN;
    e->tries = 0;
    e->due = now + FRESH_NS;
    netstack_due(ns, e->due);
    return take_held(e);
}

static void send_held(struct netstack *ns, const uint8_t mac[6], struct arp_held *held)
{
    while (held) {
        struct arp_held *next = held->next;
        struct net_frag frag = {held->frame, held->len};

        eth_send(ns, mac, ETH_TYPE_IPV4, &frag, 1, held->csum, held->flow, NET_NO_WAIT);
        heap_free(held);
        held = next;
    }
}

void arp_input(struct netstack *ns, struct view packet)
{
    const struct arp_packet *p = view_take(&packet, sizeof(*p));
    struct arp_held *held = NULL;
    bool asks_for_us;
    uint32_t sender, own;

    if (!is_sound(p)) {
        count(&ns->n.arp_bad);
        return;
    }
    sender = get32(p->sender_ip);
    spin_lock(&ns->lock);
    own = ns->config.addr;
    asks_for_us = own && get16(p->operation) == ARP_REQUEST && get32(p->target_ip) == own;
    if (own && sender == own)
        ns->n.arp_conflicts++;
    else if (own && sender) /* a sender of 0 only asks whether an address is free */
        held = learn(ns, p, asks_for_us);
    spin_unlock(&ns->lock);
    if (asks_for_us)
        send_arp(ns, ARP_REPLY, p->sender_mac, sender);
    send_held(ns, p->sender_mac, held);
}

/* --- time --- */

/* True if the address is to be asked for now. Locked. */
static bool tick_entry(struct arp_entry *e, uint64_t now, struct arp_held **lost)
{
    if (e->state == ARP_FREE || now < e->due)
        return false;
    if (e->tries == TRIES || (e->state == ARP_KNOWN && e->used + FRESH_NS < now)) {
        *lost = take_held(e);
        e->state = ARP_FREE;
        return false;
    }
    e->tries++;
    e->due = now + RETRY_NS;
    return true;
}

uint64_t arp_tick(struct netstack *ns, uint64_t now)
{
    uint64_t next = 0;

    for (struct arp_entry *e = ns->arp; e < ns->arp + ARP_ENTRIES; e++) {
        struct arp_held *lost = NULL;
        uint32_t addr;
        bool ask;

        spin_lock(&ns->lock);
        ask = tick_entry(e, now, &lost);
        addr = e->addr;
        if (e->state != ARP_FREE && (!next || e->due < next))
            next = e->due;
        spin_unlock(&ns->lock);
        if (ask)
            send_arp(ns, ARP_REQUEST, eth_broadcast, addr);
        drop_held(ns, lost);
    }
    return next;
}
