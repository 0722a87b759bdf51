/* SPDX-License-Identifier: MIT */
#ifndef NETLOAD_LOAD_H
#define NETLOAD_LOAD_H

/* The parts of netload. Each mode returns NULL or why it failed, and has printed its figures. */

#include "guest/net/netif.h"
#include "guest/net/udp.h"

#define NS_PER_S  1000000000ul
#define NS_PER_US 1000ul

struct load_options {
    struct netif *nif;
    struct udp_peer to;
    uint16_t port;             /* our own, for udp-recv */
    size_t size_from, size_to; /* of datagrams, in turn */
    uint64_t count;            /* 0: no limit */
    uint64_t duration;         /* ns, 0: no limit */
    unsigned window;           /* datagrams under way at a time */
    uint64_t patience;         /* ns after which an answer is lost */
    unsigned loss;             /* percent that may be lost */
};

/* Datagrams of all modes: a sequence number, then bytes that follow from it, cut at the size. */
size_t load_fill(const struct load_options *o, uint64_t seq, uint8_t *data);
bool load_check(const struct load_options *o, uint64_t seq, const uint8_t *data, size_t len);
uint64_t load_seq(const uint8_t *data);

/* "what: N packets of B bytes in T ms: packets/s, bytes/s". */
void load_print_rate(const char *what, uint64_t packets, uint64_t bytes, uint64_t ns);

const char *load_send(const struct load_options *o);
const char *load_receive(const struct load_options *o);
const char *load_pingpong(const struct load_options *o);

#endif
