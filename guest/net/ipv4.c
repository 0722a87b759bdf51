/* SPDX-License-Identifier: MIT */
#include <xen/errno.h>
#include "guest/net/checksum.h"
#include "guest/net/internal.h"
#include "guest/string.h"

#define MAX_FRAGS 4u

bool ipv4_is_broadcast(const struct ipv4_config *config, uint32_t addr)
{
    return addr == IPV4_BROADCAST ||
           (config->addr && ~config->mask && addr == (config->addr | ~config->mask));
}

/* --- receiving --- */

/* No multicast, no broadcast, no loopback; 0 is said by those who have none yet. */
static bool is_sender(const struct ipv4_config *config, uint32_t addr)
{
    return addr < 0xe0000000u && addr >> 24 != 127 && !ipv4_is_broadcast(config, addr) &&
           (!config->addr || addr != config->addr);
}

/* Takes the header with its options off the packet and cuts what the card has padded. */
static bool take_header(struct netstack *ns, struct view packet, struct ipv4_packet *p)
{
    const struct ipv4_header *h;
    size_t header_len, total;

    if (packet.len < sizeof(*h))
        return false;
    h = (const struct ipv4_header *)packet.data;
    header_len = (h->version_ihl & 15u) * 4;
    total = get16(h->total_len);
    if (h->version_ihl >> 4 != 4 || header_len < sizeof(*h) || total < header_len || total > packet.len)
        return false;
    if (checksum_fold(checksum_add(0, h, header_len)) != 0xffff) {
        count(&ns->n.ip_bad_checksum);
        return false;
    }
    p->header = (struct view){packet.data, header_len};
    p->data = (struct view){packet.data + header_len, total - header_len};
    p->from = get32(h->from);
    p->to = get32(h->to);
    p->protocol = h->protocol;
    return true;
}

/* Without an address of our own, only what a DHCP server sends is for us, whatever address it is sent to. */
static bool is_for_us(const struct ipv4_config *config, struct ipv4_packet *p)
{
    const struct udp_header *udp = (const struct udp_header *)p->data.data;

    p->to_all = ipv4_is_broadcast(config, p->to);
    if (p->to_all || (config->addr && p->to == config->addr))
        return true;
    return !config->addr && p->protocol == PROTO_UDP && p->data.len >= sizeof(*udp) &&
           get16(udp->to_port) == DHCP_CLIENT_PORT;
}

void ipv4_input(struct netstack *ns, struct view packet, enum net_csum csum)
{
    struct ipv4_packet p = {.csum = csum};
    struct ipv4_config config;

    netstack_config(ns, &config);
    if (!take_header(ns, packet, &p) || !is_sender(&config, p.from)) {
        count(&ns->n.ip_bad);
        return;
    }
    if (!is_for_us(&config, &p)) {
        count(&ns->n.rx_not_for_us);
        return;
    }
    if (get16(((const struct ipv4_header *)p.header.data)->fragment) & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET)) {
        count(&ns->n.ip_fragments);
        return;
    }
    switch (p.protocol) {
    case PROTO_ICMP:
        icmp_input(ns, &p);
        break;
    case PROTO_UDP:
        udp_input(ns, &p);
        break;
    default:
        count(&ns->n.ip_other_protocol);
        icmp_unreachable(ns, &p, ICMP_UNREACHABLE_PROTOCOL);
        break;
    }
}

/* --- sending --- */

/* The neighbour to give a packet to, IPV4_BROADCAST for all of them. 0 or a negative errno. */
static int route(const struct ipv4_config *config, uint32_t to, uint32_t *neighbour)
{
    if (ipv4_is_broadcast(config, to)) {
        *neighbour = IPV4_BROADCAST;
        return 0;
    }
    if (!config->addr || !to || to == config->addr || to >= 0xe0000000u || to >> 24 == 127)
        return -XEN_EADDRNOTAVAIL;
    *neighbour = (to ^ config->addr) & config->mask ? config->gateway : to;
    return *neighbour ? 0 : -XEN_ENXIO;
}

static void fill_header(struct netstack *ns, struct ipv4_header *h, uint32_t from, uint32_t to,
                        uint8_t protocol, size_t total)
{
    uint16_t sum;

    *h = (struct ipv4_header){.version_ihl = 0x45, .ttl = IPV4_TTL, .protocol = protocol};
    put16(h->total_len, (uint16_t)total);
    put16(h->id, __atomic_fetch_add(&ns->ip_id, 1, __ATOMIC_RELAXED));
    put16(h->fragment, IPV4_DONT_FRAGMENT);
    put32(h->from, from);
    put32(h->to, to);
    sum = (uint16_t)~checksum_fold(checksum_add(0, h, sizeof(*h)));
    memcpy(h->checksum, &sum, sizeof(sum));
}

int ipv4_send(struct netstack *ns, uint32_t from, uint32_t to, uint8_t protocol, const struct net_frag *frags,
              unsigned nr_frags, enum net_csum csum, uint32_t flow, uint64_t deadline)
{
    struct ipv4_header header;
    struct net_frag all[MAX_FRAGS + 1] = {{&header, sizeof(header)}};
    struct ipv4_config config;
    size_t total = sizeof(header);
    uint32_t neighbour;
    uint16_t mtu;
    int rc;

    spin_lock(&ns->lock);
    config = ns->config;
    mtu = ns->link.mtu;
    spin_unlock(&ns->lock);
    rc = route(&config, to, &neighbour);
    if (rc)
        return rc;
    for (unsigned i = 0; i < nr_frags; i++) {
        all[i + 1] = frags[i];
        total += frags[i].len;
    }
    if (nr_frags > MAX_FRAGS || total > mtu)
        return -XEN_EMSGSIZE;
    fill_header(ns, &header, from, to, protocol, total);
    if (neighbour == IPV4_BROADCAST)
        return eth_send(ns, eth_broadcast, ETH_TYPE_IPV4, all, nr_frags + 1, csum, flow, deadline);
    return arp_send(ns, neighbour, all, nr_frags + 1, csum, flow, deadline);
}
