/* SPDX-License-Identifier: MIT */
#include "guest/heap.h"
#include "guest/net/internal.h"
#include "guest/string.h"
#include "guest/time.h"

struct netstack *netstack_new(const struct netstack_card *card)
{
    struct netstack *ns = heap_alloc(sizeof(*ns));

    if (!ns)
        return NULL;
    ns->card = *card;
    ns->ip_id = (uint16_t)time_now();
    return ns;
}

void netstack_due(struct netstack *ns, uint64_t when)
{
    if (ns->due && ns->due <= when)
        return;
    ns->due = when;
    ns->card.rearm(ns->card.ctx);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return !a || (b && b < a) ? b : a;
}

/* Times that others set meanwhile are kept: they may be earlier than what the parts have returned. */
uint64_t netstack_tick(struct netstack *ns)
{
    uint64_t now = time_now(), next;

    spin_lock(&ns->lock);
    ns->due = 0;
    spin_unlock(&ns->lock);
    next = earlier(arp_tick(ns, now), dhcp_tick(ns, now));
    spin_lock(&ns->lock);
    next = ns->due = earlier(ns->due, next);
    spin_unlock(&ns->lock);
    return next;
}

void netstack_link_set(struct netstack *ns, const struct netstack_link *link)
{
    bool was_up, other_mac;

    spin_lock(&ns->lock);
    was_up = ns->link.up;
    other_mac = memcmp(ns->link.mac, link->mac, sizeof(link->mac)) != 0;
    ns->link = *link;
    spin_unlock(&ns->lock);
    if (!link->up || other_mac)
        arp_forget_all(ns);
    if (was_up != link->up)
        dhcp_link_changed(ns, link->up);
    if (link->up)
        arp_announce(ns);
    waitq_wake(&ns->changed);
}

void netstack_config_set(struct netstack *ns, const struct ipv4_config *config)
{
    spin_lock(&ns->lock);
    ns->config = *config;
    spin_unlock(&ns->lock);
    arp_forget_all(ns);
    arp_announce(ns);
    waitq_wake(&ns->changed);
}

void netstack_config(struct netstack *ns, struct ipv4_config *config)
{
    spin_lock(&ns->lock);
    *config = ns->config;
    spin_unlock(&ns->lock);
}

static bool is_ready(void *arg)
{
    const struct netstack *ns = arg;

    return __atomic_load_n(&ns->config.addr, __ATOMIC_RELAXED) &&
           __atomic_load_n(&ns->link.up, __ATOMIC_RELAXED);
}

bool netstack_wait_ready(struct netstack *ns, uint64_t deadline)
{
    return waitq_wait(&ns->changed, is_ready, ns, deadline);
}

void netstack_counters(struct netstack *ns, struct netstack_counters *counters)
{
    spin_lock(&ns->lock);
    *counters = ns->n;
    spin_unlock(&ns->lock);
}
