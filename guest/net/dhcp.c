/* SPDX-License-Identifier: MIT */
/*
 * The client's states, as RFC 2131 has them. Messages are sent by netstack_tick() alone: what comes in only
 * changes the state and makes the next tick due.
 */
#include <xen/errno.h>
#include "guest/net/dhcp_message.h"
#include "guest/net/internal.h"
#include "guest/string.h"
#include "guest/time.h"

#define BACKOFF_MAX   5u /* 2^n seconds */
#define REQUEST_TRIES 4u
#define RENEW_MIN_NS  (60 * NS_PER_S)
#define LEASE_MIN     60u
#define LEASE_FOREVER 0xffffffffu

/* --- changes of state: locked --- */

static void enter(struct netstack *ns, enum dhcp_state state, uint64_t due)
{
    ns->dhcp.state = state;
    ns->dhcp.tries = 0;
    ns->dhcp.due = due;
    if (due)
        netstack_due(ns, due);
}

static void begin(struct netstack *ns, uint64_t now)
{
    uint32_t mac_end = get32(ns->link.mac + 2);

    ns->dhcp.began = now;
    /* Unlike that of others who start at the same time; it need not be hard to guess, the network is shared.
     */
    ns->dhcp.xid = (uint32_t)(now * 2654435761u) ^ mac_end ^ (uint32_t)(now >> 32);
    enter(ns, DHCP_SELECTING, now);
}

/* --- messages: unlocked --- */

/* What is to be sent in the present state, and to whom. Locked. */
static void question(const struct netstack *ns, uint64_t now, struct dhcp_question *q, struct udp_peer *to)
{
    const struct dhcp *d = &ns->dhcp;
    bool has_address = d->state == DHCP_RENEWING || d->state == DHCP_REBINDING;
    uint64_t seconds = (now - d->began) / NS_PER_S;

    *q = (struct dhcp_question){
        .type = d->state == DHCP_SELECTING ? DHCP_DISCOVER : DHCP_REQUEST,
        .xid = d->xid,
        .seconds = seconds > 0xffff ? 0xffff : (uint16_t)seconds,
        .own = has_address ? ns->config.addr : 0,
        .wanted = d->state == DHCP_REQUESTING ? d->offer.addr : 0,
        .server = d->state == DHCP_REQUESTING ? d->server : 0,
    };
    *to = (struct udp_peer){d->state == DHCP_RENEWING ? d->server : IPV4_BROADCAST, DHCP_SERVER_PORT};
}

/* Half of what is left until `end`, but not too often. */
static uint64_t renew_again(uint64_t now, uint64_t end)
{
    uint64_t wait = end > now ? (end - now) / 2 : 0;

    if (wait < RENEW_MIN_NS)
        wait = RENEW_MIN_NS;
    return end > now && now + wait > end ? end : now + wait;
}

/* Time has come: moves on to the state whose message is due. True if the lease is over. Locked. */
static bool advance(struct netstack *ns, uint64_t now)
{
    struct dhcp *d = &ns->dhcp;
    bool lost = false;

    if (d->state == DHCP_REQUESTING && d->tries == REQUEST_TRIES)
        begin(ns, now);
    if (d->state == DHCP_BOUND)
        enter(ns, DHCP_RENEWING, now);
    if (d->state == DHCP_RENEWING && now >= d->rebind)
        enter(ns, DHCP_REBINDING, now);
    if (d->state == DHCP_REBINDING && now >= d->expire) {
        lost = true;
        begin(ns, now);
    }
    if (d->state == DHCP_RENEWING)
        d->due = renew_again(now, d->rebind);
    else if (d->state == DHCP_REBINDING)
        d->due = renew_again(now, d->expire);
    else
        d->due = now + (NS_PER_S << (d->tries < BACKOFF_MAX ? d->tries : BACKOFF_MAX)) + now % (NS_PER_S / 4);
    d->tries++;
    return lost;
}

uint64_t dhcp_tick(struct netstack *ns, uint64_t now)
{
    static const struct ipv4_config none;
    uint8_t message[DHCP_QUESTION_BYTES], mac[6];
    struct dhcp_question q = {.mac = mac};
    struct udp_peer to;
    struct dhcp *d = &ns->dhcp;
    bool send, lost = false;
    uint64_t due;

    spin_lock(&ns->lock);
    send = d->due && now >= d->due && ns->link.up;
    if (send)
        lost = advance(ns, now);
    due = ns->link.up ? d->due : 0;
    question(ns, now, &q, &to);
    q.mac = mac;
    memcpy(mac, ns->link.mac, sizeof(mac));
    spin_unlock(&ns->lock);
    if (lost)
        netstack_config_set(ns, &none);
    if (send) {
        dhcp_message_write(message, &q);
        udp_send_from(d->sock, q.own, &to, message, sizeof(message), NET_NO_WAIT);
    }
    return due;
}

/* --- answers --- */

static bool is_contiguous(uint32_t mask)
{
    return mask && !(~mask & (~mask + 1));
}

static bool offer_is_usable(const struct dhcp_answer *a)
{
    return a->addr && a->server && a->addr < 0xe0000000u && a->addr >> 24 != 127 && a->addr >> 24 != 0 &&
           (!a->mask || is_contiguous(a->mask));
}

static struct ipv4_config config_of(const struct dhcp_answer *a)
{
    struct ipv4_config config = {a->addr, a->mask ? a->mask : 0xffffff00u, a->gateway};

    /* One that is not on our network cannot be reached. */
    if ((config.gateway ^ config.addr) & config.mask || config.gateway == config.addr)
        config.gateway = 0;
    return config;
}

/* Times of the lease in ns from now. Locked. */
static void take_lease(struct netstack *ns, const struct dhcp_answer *a, uint64_t now)
{
    struct dhcp *d = &ns->dhcp;
    uint64_t lease = a->lease < LEASE_MIN ? LEASE_MIN : a->lease;
    uint64_t rebind = a->rebind > 0 && a->rebind < lease ? a->rebind : lease * 7 / 8;
    uint64_t renew = a->renew > 0 && a->renew < rebind ? a->renew : lease / 2;

    if (renew > rebind)
        renew = rebind;
    d->server = a->server;
    d->renew = now + renew * NS_PER_S;
    d->rebind = now + rebind * NS_PER_S;
    d->expire = now + lease * NS_PER_S;
    enter(ns, DHCP_BOUND, a->lease == LEASE_FOREVER ? 0 : d->renew);
}

enum verdict { IGNORED, USED, BOUND, LOST };

/* Locked. */
static enum verdict judge(struct netstack *ns, const struct dhcp_answer *a, uint64_t now)
{
    struct dhcp *d = &ns->dhcp;
    bool asked = d->state == DHCP_REQUESTING || d->state == DHCP_RENEWING || d->state == DHCP_REBINDING;

    if (a->xid != d->xid || memcmp(a->mac, ns->link.mac, sizeof(a->mac)) != 0)
        return IGNORED;
    if (d->state == DHCP_SELECTING && a->type == DHCP_OFFER && offer_is_usable(a)) {
        d->offer = config_of(a);
        d->server = a->server;
        enter(ns, DHCP_REQUESTING, now);
        return USED;
    }
    if (asked && a->type == DHCP_NAK && (d->state != DHCP_REQUESTING || a->server == d->server)) {
        begin(ns, now);
        return LOST;
    }
    if (!asked || a->type != DHCP_ACK || !offer_is_usable(a))
        return IGNORED;
    if (d->state == DHCP_REQUESTING && a->addr != d->offer.addr)
        return IGNORED;
    take_lease(ns, a, now);
    return BOUND;
}

static void receive(void *ctx, struct udp_socket *sock, const struct udp_peer *from, const void *data,
                    size_t len)
{
    struct netstack *ns = ctx;
    struct ipv4_config config = {.addr = 0}, old;
    struct dhcp_answer a;
    enum verdict verdict;

    (void)sock;
    if (from->port != DHCP_SERVER_PORT || !dhcp_message_read((struct view){data, len}, &a)) {
        count(&ns->n.dhcp_bad);
        return;
    }
    spin_lock(&ns->lock);
    verdict = judge(ns, &a, time_now());
    old = ns->config;
    spin_unlock(&ns->lock);
    if (verdict == BOUND)
        config = config_of(&a);
    if ((verdict == BOUND && memcmp(&config, &old, sizeof(old)) != 0) || (verdict == LOST && old.addr))
        netstack_config_set(ns, &config);
}

void dhcp_link_changed(struct netstack *ns, bool up)
{
    spin_lock(&ns->lock);
    /* A lease that still runs is asked for again from whoever is there now. */
    if (up && ns->dhcp.state >= DHCP_BOUND)
        enter(ns, DHCP_REBINDING, time_now());
    else if (up && ns->dhcp.state != DHCP_OFF)
        begin(ns, time_now());
    spin_unlock(&ns->lock);
}

int dhcp_start(struct netstack *ns)
{
    struct udp_socket *sock;
    int rc = udp_open(ns, &sock, DHCP_CLIENT_PORT, receive, ns);

    if (rc)
        return rc;
    spin_lock(&ns->lock);
    ns->dhcp.sock = sock;
    begin(ns, time_now());
    spin_unlock(&ns->lock);
    return 0;
}
