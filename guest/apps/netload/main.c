/* SPDX-License-Identifier: MIT */
/*
 * Makes load on a network, and measures it.
 *
 *   mode=udp-send to=ADDR [port=9]      as fast as the card takes them
 *   mode=udp-recv [port=9]              counts what comes in
 *   mode=pingpong to=ADDR [port=7]      round trips to an echo service, each answer compared
 *   size=N | size=A-B                   bytes of a datagram; in turn. Default 64
 *   count=N seconds=N                   whichever is first; default count=1000
 *   window=N                            pingpong: datagrams under way (default 1, at most 256)
 *   wait=SECONDS                        pingpong: after which a datagram counts as lost (default 10)
 *   loss=PERCENT                        pingpong and udp-recv: how many may be lost (default 0)
 *   ip= gw= net.*                       guest/net/netif.h, guest/frontends/net.h
 */
#include "guest/guest.h"
#include "guest/result.h"
#include "guest/time.h"
#include "load.h"

#define START_NS   (60 * NS_PER_S)
#define DATA_MAX   65535u
#define SEQ_BYTES  8u
#define WINDOW_MAX 256u

/* --- datagrams --- */

size_t load_fill(const struct load_options *o, uint64_t seq, uint8_t *data)
{
    size_t len = o->size_from + seq % (o->size_to - o->size_from + 1);

    for (size_t i = 0; i < len; i++)
        data[i] = i < SEQ_BYTES ? (uint8_t)(seq >> 8 * i) : (uint8_t)(seq + i);
    return len;
}

uint64_t load_seq(const uint8_t *data)
{
    uint64_t seq;

    memcpy(&seq, data, sizeof(seq));
    return seq;
}

bool load_check(const struct load_options *o, uint64_t seq, const uint8_t *data, size_t len)
{
    size_t expected = o->size_from + seq % (o->size_to - o->size_from + 1);

    if (len != expected)
        return false;
    for (size_t i = 0; i < len; i++)
        if (data[i] != (i < SEQ_BYTES ? (uint8_t)(seq >> 8 * i) : (uint8_t)(seq + i)))
            return false;
    return true;
}

void load_print_rate(const char *what, uint64_t packets, uint64_t bytes, uint64_t ns)
{
    uint64_t us = ns / NS_PER_US ? ns / NS_PER_US : 1;

    printf("%s: %llu packets, %llu bytes in %llu us: %llu packets/s, %llu bytes/s\n", what,
           (unsigned long long)packets, (unsigned long long)bytes, (unsigned long long)us,
           (unsigned long long)(packets * 1000000 / us), (unsigned long long)(bytes * 1000000 / us));
}

/* --- the command line --- */

/* A number up to max; the default when the word is not there. */
static bool number(const char *key, uint64_t max, uint64_t otherwise, uint64_t *value)
{
    char text[24], *end;

    *value = otherwise;
    if (!cmdline_value(key, text, sizeof(text)))
        return true;
    *value = strtoul(text, &end, 10);
    return text[0] && !*end && *value <= max;
}

static bool sizes(struct load_options *o)
{
    char text[24], *end;

    o->size_from = o->size_to = 64;
    if (!cmdline_value("size=", text, sizeof(text)))
        return true;
    o->size_from = o->size_to = strtoul(text, &end, 10);
    if (*end == '-')
        o->size_to = strtoul(end + 1, &end, 10);
    return text[0] && !*end && o->size_from <= o->size_to && o->size_to <= DATA_MAX;
}

static const char *read_options(struct load_options *o, uint16_t default_port)
{
    char text[32];
    uint64_t port, count, seconds, window, wait, loss;

    if (!sizes(o))
        return "size= is no size";
    if (!number("port=", 65535, default_port, &port) || !number("count=", ~0ul, 0, &count) ||
        !number("seconds=", 1000000, 0, &seconds) || !number("window=", WINDOW_MAX, 1, &window) || !window ||
        !number("wait=", 3600, 10, &wait) || !wait || !number("loss=", 100, 0, &loss))
        return "a number is none";
    if (cmdline_value("to=", text, sizeof(text)) && !ipv4_parse(text, &o->to.addr, NULL))
        return "to= is no address";
    o->port = o->to.port = (uint16_t)port;
    o->count = count || seconds ? count : 1000;
    o->duration = seconds * NS_PER_S;
    o->window = (unsigned)window;
    o->patience = wait * NS_PER_S;
    o->loss = (unsigned)loss;
    return NULL;
}

static const struct mode {
    const char *name;
    uint16_t port;
    bool needs_peer;
    const char *(*run)(const struct load_options *o);
} modes[] = {
    {"udp-send", 9, true, load_send},
    {"udp-recv", 9, false, load_receive},
    {"pingpong", 7, true, load_pingpong},
};

static const struct mode *find_mode(void)
{
    char name[16];

    if (!cmdline_value("mode=", name, sizeof(name)))
        return NULL;
    for (unsigned i = 0; i < ARRAY_SIZE(modes); i++)
        if (strcmp(modes[i].name, name) == 0)
            return &modes[i];
    return NULL;
}

static const char *run(void)
{
    const struct mode *mode = find_mode();
    struct load_options o = {.nif = NULL};
    struct net_state state;
    const char *failure;

    if (!mode)
        return "mode= must be udp-send, udp-recv or pingpong";
    failure = read_options(&o, mode->port);
    if (failure)
        return failure;
    if (mode->needs_peer && !o.to.addr)
        return "to= is missing";
    if (netif_open(&o.nif, 0))
        return "no card";
    if (!netif_wait(o.nif, time_now() + START_NS))
        return "no link and address within a minute";
    failure = mode->run(&o);
    netif_print_counters(o.nif);
    net_state(o.nif->dev, &state);
    netif_close(o.nif);
    return failure ? failure : state.disabled ? "the card is disabled" : NULL;
}

int guest_main(const char *cmdline)
{
    (void)cmdline;
    return guest_result(run());
}
