/* SPDX-License-Identifier: MIT */
/*
 * Answers: ping, UDP port 7 (echo) and 9 (discard). Command line: ip= and gw= (guest/net/netif.h), seconds=N
 * to end by itself, net.* (guest/frontends/net.h). Ends also when it is asked to shut down.
 */
#include "guest/control.h"
#include "guest/guest.h"
#include "guest/net/netif.h"
#include "guest/result.h"
#include "guest/net/udp.h"
#include "guest/time.h"

#define NS_PER_S 1000000000ul
#define START_NS (60 * NS_PER_S)
#define ECHO     7
#define DISCARD  9

static uint64_t echoed, not_echoed, discarded, discarded_bytes;

static void add(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static void echo(void *ctx, struct udp_socket *sock, const struct udp_peer *from, const void *data,
                 size_t len)
{
    (void)ctx;
    add(udp_send(sock, from, data, len, NET_NO_WAIT) == 0 ? &echoed : &not_echoed, 1);
}

static void discard(void *ctx, struct udp_socket *sock, const struct udp_peer *from, const void *data,
                    size_t len)
{
    (void)ctx;
    (void)sock;
    (void)from;
    (void)data;
    add(&discarded, 1);
    add(&discarded_bytes, len);
}

/* --- the end --- */

static struct waitq wait;
static bool asked;

/* Suspending is the library's business. */
static bool on_request(enum control_request request, void *arg)
{
    (void)arg;
    if (request == CONTROL_SUSPEND)
        return false;
    printf("netecho: asked to end\n");
    __atomic_store_n(&asked, true, __ATOMIC_RELEASE);
    waitq_wake(&wait);
    return true;
}

static bool is_asked(void *arg)
{
    (void)arg;
    return __atomic_load_n(&asked, __ATOMIC_ACQUIRE);
}

static uint64_t end_of_time(void)
{
    char text[16];

    return cmdline_value("seconds=", text, sizeof(text)) ? time_now() + strtoul(text, NULL, 10) * NS_PER_S
                                                         : 0;
}

static const char *serve(struct netif *nif)
{
    struct udp_socket *sock;
    struct net_state state;

    if (udp_open(nif->ns, &sock, ECHO, echo, NULL) || udp_open(nif->ns, &sock, DISCARD, discard, NULL))
        return "no sockets";
    if (control_start(on_request, NULL))
        return "cannot watch control/shutdown";
    if (!netif_wait(nif, time_now() + START_NS))
        return "no link and address within a minute";
    printf("netecho: ready\n");
    waitq_wait(&wait, is_asked, NULL, end_of_time());
    printf("echoed %llu, not echoed %llu, discarded %llu of %llu bytes\n", (unsigned long long)echoed,
           (unsigned long long)not_echoed, (unsigned long long)discarded,
           (unsigned long long)discarded_bytes);
    netif_print_counters(nif);
    net_state(nif->dev, &state);
    netif_close(nif);
    return state.disabled ? "the card is disabled" : NULL;
}

int guest_main(const char *cmdline)
{
    struct netif *nif;

    (void)cmdline;
    return guest_result(netif_open(&nif, 0) ? "no card" : serve(nif));
}
