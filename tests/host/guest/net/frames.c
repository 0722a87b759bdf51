/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "frames.h"
#include "guest/heap.h"
#include "guest/net/checksum.h"
#include "guest/net/internal.h"

const uint8_t own_mac[6] = {0, 0x16, 0x3e, 0, 0, 2}, peer_mac[6] = {0, 0x16, 0x3e, 0, 0, 1};
const uint8_t all_mac[6] = {255, 255, 255, 255, 255, 255};
struct sent_frame sent[64];
unsigned nr_sent;
int card_result;
bool rearmed;

static int card_send(void *ctx, const struct net_frag *frags, unsigned nr_frags, enum net_csum csum,
                     uint32_t flow, uint64_t deadline)
{
    struct sent_frame *f = &sent[nr_sent % 64];

    (void)ctx;
    (void)flow;
    (void)deadline;
    if (card_result)
        return card_result;
    f->len = 0;
    f->csum = csum;
    for (unsigned i = 0; i < nr_frags; i++) {
        if (frags[i].len > sizeof(f->data) - f->len)
            abort();
        if (frags[i].len)
            memcpy(f->data + f->len, frags[i].data, frags[i].len);
        f->len += frags[i].len;
    }
    nr_sent++;
    return 0;
}

static void card_rearm(void *ctx)
{
    (void)ctx;
    rearmed = true;
}

void sent_forget(void)
{
    nr_sent = 0;
    rearmed = false;
}

struct netstack *stack_make(bool configured)
{
    static const struct netstack_card card = {.send = card_send, .rearm = card_rearm};
    struct netstack_link link = {.mtu = 1500, .up = true};
    struct ipv4_config config = {.addr = OWN_IP, .mask = 0xffffff00u, .gateway = PEER_IP};
    struct netstack *ns = netstack_new(&card);

    card_result = 0;
    memcpy(link.mac, own_mac, sizeof(own_mac));
    netstack_link_set(ns, &link);
    if (configured)
        netstack_config_set(ns, &config);
    sent_forget();
    return ns;
}

void stack_drop(struct netstack *ns)
{
    while (ns->sockets)
        udp_close(ns->sockets);
    arp_forget_all(ns);
    heap_free(ns);
}

void stack_receive(struct netstack *ns, const void *frame, size_t len, enum net_csum csum)
{
    uint8_t *exact = malloc(len ? len : 1);

    memcpy(exact, frame, len);
    netstack_input(ns, exact, len, csum);
    free(exact);
}

static size_t make_eth(uint8_t *buf, const uint8_t to[6], uint16_t type)
{
    struct eth_header *h = (struct eth_header *)buf;

    memcpy(h->to, to, 6);
    memcpy(h->from, peer_mac, 6);
    put16(h->type, type);
    return sizeof(*h);
}

size_t make_arp(uint8_t *buf, uint16_t operation, uint32_t sender, uint32_t target)
{
    size_t at = make_eth(buf, operation == ARP_REQUEST ? all_mac : own_mac, ETH_TYPE_ARP);
    struct arp_packet *p = (struct arp_packet *)(buf + at);

    memset(p, 0, sizeof(*p));
    put16(p->hardware, 1);
    put16(p->protocol, ETH_TYPE_IPV4);
    p->hardware_len = 6;
    p->protocol_len = 4;
    put16(p->operation, operation);
    memcpy(p->sender_mac, peer_mac, 6);
    put32(p->sender_ip, sender);
    put32(p->target_ip, target);
    return at + sizeof(*p);
}

void fix_ipv4(uint8_t *frame)
{
    struct ipv4_header *h = (struct ipv4_header *)(frame + sizeof(struct eth_header));
    uint16_t sum;

    memset(h->checksum, 0, 2);
    sum = (uint16_t)~checksum_fold(checksum_add(0, h, (h->version_ihl & 15u) * 4));
    memcpy(h->checksum, &sum, 2);
}

size_t make_ipv4(uint8_t *buf, uint32_t from, uint32_t to, uint8_t protocol, const void *data, size_t len)
{
    size_t at = make_eth(buf, to == OWN_IP ? own_mac : all_mac, ETH_TYPE_IPV4);
    struct ipv4_header *h = (struct ipv4_header *)(buf + at);

    *h = (struct ipv4_header){.version_ihl = 0x45, .ttl = 64, .protocol = protocol};
    put16(h->total_len, (uint16_t)(sizeof(*h) + len));
    put32(h->from, from);
    put32(h->to, to);
    fix_ipv4(buf);
    if (len)
        memcpy(buf + at + sizeof(*h), data, len);
    return at + sizeof(*h) + len;
}

size_t make_udp(uint8_t *buf, uint32_t from, uint32_t to, uint16_t from_port, uint16_t to_port,
                const void *data, size_t len)
{
    uint8_t udp[2048] = {0};
    struct udp_header *h = (struct udp_header *)udp;
    uint16_t total = (uint16_t)(sizeof(*h) + len), sum;

    put16(h->from_port, from_port);
    put16(h->to_port, to_port);
    put16(h->len, total);
    if (len)
        memcpy(udp + sizeof(*h), data, len);
    sum = (uint16_t)~checksum_fold(checksum_add(checksum_pseudo(from, to, PROTO_UDP, total), udp, total));
    memcpy(h->checksum, &sum, 2);
    return make_ipv4(buf, from, to, PROTO_UDP, udp, total);
}

size_t make_icmp(uint8_t *buf, uint32_t from, uint32_t to, uint8_t type, uint8_t code, const void *data,
                 size_t len)
{
    uint8_t icmp[2048] = {type, code};
    uint16_t sum;

    if (len)
        memcpy(icmp + 4, data, len);
    sum = (uint16_t)~checksum_fold(checksum_add(0, icmp, 4 + len));
    memcpy(icmp + 2, &sum, 2);
    return make_ipv4(buf, from, to, PROTO_ICMP, icmp, 4 + len);
}

const struct eth_header *eth_of(const struct sent_frame *f)
{
    return (const struct eth_header *)f->data;
}

const struct arp_packet *arp_of(const struct sent_frame *f)
{
    return (const struct arp_packet *)(f->data + sizeof(struct eth_header));
}

const struct ipv4_header *ipv4_of(const struct sent_frame *f)
{
    return (const struct ipv4_header *)(f->data + sizeof(struct eth_header));
}

const struct icmp_header *icmp_of(const struct sent_frame *f)
{
    return (const struct icmp_header *)(ipv4_of(f) + 1);
}

const struct udp_header *udp_of(const struct sent_frame *f)
{
    return (const struct udp_header *)(ipv4_of(f) + 1);
}

bool sums_are_right(const struct sent_frame *f)
{
    const struct ipv4_header *h = ipv4_of(f);
    size_t len = get16(h->total_len) - sizeof(*h);
    uint64_t pseudo = checksum_pseudo(get32(h->from), get32(h->to), h->protocol, (uint16_t)len);
    uint16_t field;

    if (get16(h->total_len) + sizeof(struct eth_header) != f->len ||
        checksum_fold(checksum_add(0, h, sizeof(*h))) != 0xffff)
        return false;
    if (h->protocol == PROTO_ICMP)
        return checksum_fold(checksum_add(0, h + 1, len)) == 0xffff;
    memcpy(&field, udp_of(f)->checksum, 2);
    if (f->csum == NET_CSUM_BLANK)
        return field == checksum_fold(pseudo);
    return field && checksum_fold(checksum_add(pseudo, h + 1, len)) == 0xffff;
}

void meet_peer(struct netstack *ns)
{
    uint8_t frame[64];

    stack_receive(ns, frame, make_arp(frame, ARP_REQUEST, PEER_IP, OWN_IP), NET_CSUM_UNKNOWN);
    sent_forget();
}
