/* SPDX-License-Identifier: MIT */
#include "guest/net/checksum.h"
#include "guest/net/internal.h"
#include "guest/string.h"
#include "guest/time.h"

/* Unreachable messages a second, and how many of them at once. */
#define CREDIT_RATE 20u
#define CREDIT_MAX  20u

/* What an unreachable message quotes behind the header. */
#define QUOTED_BYTES 8u

static void finish(struct icmp_header *h, const struct net_frag *rest, unsigned nr_rest)
{
    uint64_t sum = checksum_add(0, h, sizeof(*h));
    uint16_t field;

    for (unsigned i = 0; i < nr_rest; i++)
        sum = checksum_add(sum, rest[i].data, rest[i].len);
    field = (uint16_t)~checksum_fold(sum);
    memcpy(h->checksum, &field, sizeof(field));
}

static void echo(struct netstack *ns, const struct ipv4_packet *p, const struct icmp_header *request,
                 struct view data)
{
    struct icmp_header reply = {.type = ICMP_ECHO_REPLY};
    struct net_frag frags[] = {{&reply, sizeof(reply)}, {data.data, data.len}};

    count(&ns->n.icmp_echoes);
    memcpy(reply.rest, request->rest, sizeof(reply.rest));
    finish(&reply, frags + 1, 1);
    ipv4_send(ns, p->to, p->from, PROTO_ICMP, frags, 2, NET_CSUM_UNKNOWN, p->from, NET_NO_WAIT);
}

/* The quoted packet is one that we sent, if it is honest. */
static void unreachable_seen(struct netstack *ns, const struct ipv4_packet *p, uint8_t code,
                             struct view quoted)
{
    const struct ipv4_header *h = view_take(&quoted, sizeof(*h));
    const struct udp_header *udp;

    count(&ns->n.icmp_unreachable_seen);
    if (!h || h->version_ihl >> 4 != 4 || (h->version_ihl & 15u) < 5 ||
        !view_take(&quoted, ((h->version_ihl & 15u) - 5) * 4))
        return;
    udp = view_take(&quoted, sizeof(*udp));
    if (!udp || h->protocol != PROTO_UDP || code != ICMP_UNREACHABLE_PORT || get32(h->from) != p->to)
        return;
    udp_refused(ns, get16(udp->from_port));
}

void icmp_input(struct netstack *ns, const struct ipv4_packet *p)
{
    struct view data = p->data;
    const struct icmp_header *h = view_take(&data, sizeof(*h));

    if (!h || checksum_fold(checksum_add(0, p->data.data, p->data.len)) != 0xffff) {
        count(&ns->n.icmp_bad);
        return;
    }
    /* Nobody may make many of us answer one packet, or answer to nobody. */
    if (p->to_all || !p->from)
        return;
    if (h->type == ICMP_ECHO_REQUEST && h->code == 0)
        echo(ns, p, h, data);
    else if (h->type == ICMP_UNREACHABLE)
        unreachable_seen(ns, p, h->code, data);
}

static bool may_complain(struct netstack *ns)
{
    uint64_t now = time_now(), fresh;
    bool may;

    spin_lock(&ns->lock);
    fresh = (now - ns->icmp_credit_at) / (NS_PER_S / CREDIT_RATE);
    if (fresh) {
        ns->icmp_credit =
            fresh + ns->icmp_credit > CREDIT_MAX ? CREDIT_MAX : ns->icmp_credit + (unsigned)fresh;
        ns->icmp_credit_at = now;
    }
    may = ns->icmp_credit > 0;
    ns->icmp_credit -= may;
    spin_unlock(&ns->lock);
    return may;
}

void icmp_unreachable(struct netstack *ns, const struct ipv4_packet *p, uint8_t code)
{
    struct icmp_header h = {.type = ICMP_UNREACHABLE, .code = code};
    size_t quoted = p->data.len < QUOTED_BYTES ? p->data.len : QUOTED_BYTES;
    struct net_frag frags[] = {{&h, sizeof(h)}, {p->header.data, p->header.len}, {p->data.data, quoted}};

    if (p->to_all || !p->from)
        return;
    if (!may_complain(ns)) {
        count(&ns->n.icmp_limited);
        return;
    }
    finish(&h, frags + 1, 2);
    count(&ns->n.icmp_unreachable_sent);
    ipv4_send(ns, p->to, p->from, PROTO_ICMP, frags, 3, NET_CSUM_UNKNOWN, p->from, NET_NO_WAIT);
}
