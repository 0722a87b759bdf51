/* SPDX-License-Identifier: MIT */
#include <xen/errno.h>
#include "guest/net/internal.h"
#include "guest/string.h"

#define MAX_FRAGS 6u

const uint8_t eth_broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

int eth_send(struct netstack *ns, const uint8_t mac[6], uint16_t type, const struct net_frag *frags,
             unsigned nr_frags, enum net_csum csum, uint32_t flow, uint64_t deadline)
{
    struct eth_header header;
    struct net_frag all[MAX_FRAGS] = {{&header, sizeof(header)}};
    bool up;
    int rc;

    if (nr_frags >= MAX_FRAGS)
        return -XEN_EMSGSIZE;
    memcpy(header.to, mac, sizeof(header.to));
    put16(header.type, type);
    spin_lock(&ns->lock);
    memcpy(header.from, ns->link.mac, sizeof(header.from));
    up = ns->link.up;
    spin_unlock(&ns->lock);
    if (!up)
        return -XEN_ENOTCONN;
    for (unsigned i = 0; i < nr_frags; i++)
        all[i + 1] = frags[i];
    rc = ns->card.send(ns->card.ctx, all, nr_frags + 1, csum, flow, deadline);
    count(rc ? &ns->n.tx_failed : &ns->n.tx_frames);
    return rc;
}

/* To us or to everybody, and not from us: a bridge may return what we broadcast. */
static bool is_for_us(struct netstack *ns, const struct eth_header *header)
{
    uint8_t mac[6];

    spin_lock(&ns->lock);
    memcpy(mac, ns->link.mac, sizeof(mac));
    spin_unlock(&ns->lock);
    if (memcmp(header->from, mac, sizeof(mac)) == 0)
        return false;
    return memcmp(header->to, mac, sizeof(mac)) == 0 || memcmp(header->to, eth_broadcast, sizeof(mac)) == 0;
}

void netstack_input(struct netstack *ns, const uint8_t *frame, size_t len, enum net_csum csum)
{
    struct view packet = {frame, len};
    const struct eth_header *header = view_take(&packet, sizeof(*header));

    count(&ns->n.rx_frames);
    if (!header) {
        count(&ns->n.rx_short);
        return;
    }
    if (!is_for_us(ns, header)) {
        count(&ns->n.rx_not_for_us);
        return;
    }
    switch (get16(header->type)) {
    case ETH_TYPE_ARP:
        arp_input(ns, packet);
        break;
    case ETH_TYPE_IPV4:
        ipv4_input(ns, packet, csum);
        break;
    default:
        count(&ns->n.rx_other_type);
        break;
    }
}
