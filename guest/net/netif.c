/* SPDX-License-Identifier: MIT */
#include "guest/guest.h"
#include "guest/heap.h"
#include "guest/net/dhcp.h"
#include "guest/net/netif.h"
#include "guest/thread.h"

/* --- between card and stack --- */

static void receive(void *ctx, const uint8_t *frame, size_t len, enum net_csum csum)
{
    netstack_input(((struct netif *)ctx)->ns, frame, len, csum);
}

static void changed(void *ctx, const struct net_state *state)
{
    struct netif *nif = ctx;
    struct netstack_link link = {.mtu = state->mtu, .up = state->up, .csum_blank = state->csum_blank};

    memcpy(link.mac, state->mac, sizeof(link.mac));
    if (state->up != nif->was_up)
        printf("net%u: link %s\n", nif->id, state->up ? "up" : "down");
    nif->was_up = state->up;
    netstack_link_set(nif->ns, &link);
}

/* The stack may have something to say before net_open() has returned. */
static int send(void *ctx, const struct net_frag *frags, unsigned nr_frags, enum net_csum csum, uint32_t flow,
                uint64_t deadline)
{
    struct net_device *dev = __atomic_load_n(&((struct netif *)ctx)->dev, __ATOMIC_ACQUIRE);

    return dev ? net_send(dev, frags, nr_frags, csum, flow, deadline) : -XEN_ENOTCONN;
}

static void rearm(void *ctx)
{
    struct netif *nif = ctx;

    __atomic_store_n(&nif->rearmed, true, __ATOMIC_RELEASE);
    waitq_wake(&nif->wait);
}

static bool is_rearmed(void *arg)
{
    return __atomic_load_n(&((struct netif *)arg)->rearmed, __ATOMIC_ACQUIRE);
}

static void tick_main(void *arg)
{
    struct netif *nif = arg;

    for (;;) {
        uint64_t next;

        __atomic_store_n(&nif->rearmed, false, __ATOMIC_SEQ_CST);
        next = netstack_tick(nif->ns);
        waitq_wait(&nif->wait, is_rearmed, nif, next);
    }
}

/* --- the command line --- */

/* "ip=" for vif 0, "ip1=" for vif 1. */
static bool option(const char *name, unsigned id, char *value, size_t size)
{
    char key[16];

    if (id)
        snprintf(key, sizeof(key), "%s%u=", name, id);
    else
        snprintf(key, sizeof(key), "%s=", name);
    return cmdline_value(key, value, size);
}

/* addr 0: by DHCP. */
static int read_config(unsigned id, struct ipv4_config *config)
{
    char text[32];

    *config = (struct ipv4_config){.addr = 0};
    if (!option("ip", id, text, sizeof(text)) || strcmp(text, "dhcp") == 0)
        return 0;
    if (!ipv4_parse(text, &config->addr, &config->mask) || !config->addr) {
        printf("net%u: ip=%s is no ADDRESS/LENGTH\n", id, text);
        return -XEN_EINVAL;
    }
    if (option("gw", id, text, sizeof(text)) && !ipv4_parse(text, &config->gateway, NULL)) {
        printf("net%u: gw=%s is no address\n", id, text);
        return -XEN_EINVAL;
    }
    return 0;
}

/* --- opening --- */

static int start(struct netif *nif, unsigned id, const struct ipv4_config *config)
{
    const struct net_handlers handlers = {.receive = receive, .changed = changed, .ctx = nif};
    const struct netstack_card card = {.send = send, .rearm = rearm, .ctx = nif};
    struct net_device *dev;
    int rc;

    nif->id = id;
    nif->ns = netstack_new(&card);
    if (!nif->ns || !thread_start("net-ip", 0, tick_main, nif))
        return -XEN_ENOMEM;
    rc = config->addr ? 0 : dhcp_start(nif->ns);
    if (rc)
        return rc;
    if (config->addr)
        netstack_config_set(nif->ns, config);
    rc = net_open(&dev, id, &handlers);
    if (!rc)
        __atomic_store_n(&nif->dev, dev, __ATOMIC_RELEASE);
    return rc;
}

/* What was started in vain is not taken back: an application that has no network ends. */
int netif_open(struct netif **out, unsigned id)
{
    struct ipv4_config config;
    struct netif *nif;
    int rc = read_config(id, &config);

    if (rc)
        return rc;
    nif = heap_alloc(sizeof(*nif));
    rc = nif ? start(nif, id, &config) : -XEN_ENOMEM;
    if (rc)
        printf("net%u: cannot be opened (%d)\n", id, rc);
    else
        *out = nif;
    return rc;
}

bool netif_wait(struct netif *nif, uint64_t deadline)
{
    struct net_state s;
    struct ipv4_config config;
    char addr[IPV4_TEXT], mask[IPV4_TEXT], gateway[IPV4_TEXT];

    if (!netstack_wait_ready(nif->ns, deadline))
        return false;
    net_state(nif->dev, &s);
    netstack_config(nif->ns, &config);
    printf("net: %02x:%02x:%02x:%02x:%02x:%02x mtu %u, %u queue%s%s%s%s\n", s.mac[0], s.mac[1], s.mac[2],
           s.mac[3], s.mac[4], s.mac[5], s.mtu, s.queues, s.queues == 1 ? "" : "s", s.sg ? ", sg" : "",
           s.csum_blank ? ", csum" : "", s.split ? ", split" : "");
    printf("net: address %s mask %s gateway %s\n", ipv4_text(addr, config.addr), ipv4_text(mask, config.mask),
           ipv4_text(gateway, config.gateway));
    return true;
}

void netif_close(struct netif *nif)
{
    struct net_device *dev = nif->dev;

    /* Threads that have the card in hand already are the queues' own, which net_close() waits for. */
    __atomic_store_n(&nif->dev, NULL, __ATOMIC_RELEASE);
    net_close(dev);
}

static void print_some(const char *what, const char *const *names, const uint64_t *values, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (values[i])
            printf("%s %s %llu\n", what, names[i], (unsigned long long)values[i]);
}

void netif_print_counters(struct netif *nif)
{
    static const char *const card_names[] = {"tx-frames",  "tx-bytes",   "rx-frames",   "rx-bytes",
                                             "tx-refused", "rx-refused", "rx-long",     "tx-events",
                                             "rx-events",  "kicks",      "connections", "held"};
    static const char *const stack_names[] = {"rx-frames",
                                              "tx-frames",
                                              "tx-failed",
                                              "rx-short",
                                              "rx-other-type",
                                              "rx-not-for-us",
                                              "arp-bad",
                                              "arp-conflicts",
                                              "arp-unanswered",
                                              "ip-bad",
                                              "ip-bad-checksum",
                                              "ip-fragments",
                                              "ip-other-protocol",
                                              "icmp-bad",
                                              "icmp-echoes",
                                              "icmp-unreachable-sent",
                                              "icmp-unreachable-seen",
                                              "icmp-limited",
                                              "udp-bad",
                                              "udp-bad-checksum",
                                              "udp-no-port",
                                              "udp-received",
                                              "udp-overflow",
                                              "udp-sent",
                                              "dhcp-bad"};
    struct net_counters card;
    struct netstack_counters stack;

    _Static_assert(ARRAY_SIZE(card_names) * sizeof(uint64_t) == sizeof(card), "one name for each counter");
    _Static_assert(ARRAY_SIZE(stack_names) * sizeof(uint64_t) == sizeof(stack), "one name for each counter");
    net_counters(nif->dev, &card);
    netstack_counters(nif->ns, &stack);
    print_some("card:", card_names, (const uint64_t *)&card, ARRAY_SIZE(card_names));
    print_some("stack:", stack_names, (const uint64_t *)&stack, ARRAY_SIZE(stack_names));
}
