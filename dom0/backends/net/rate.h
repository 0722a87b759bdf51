/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_NET_RATE_H
#define HOSPES_NET_RATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A token bucket for what a guest sends: `bytes` more every `usecs`, at most `bytes` (or 128 KiB, so that the
 * largest packet always fits) saved up. A packet may overdraw it and the next ones wait.
 */
struct net_rate {
    uint64_t bytes, usecs; /* bytes 0: no limit */
    int64_t tokens;
    int64_t filled_ns;
};

/* From the node "BYTES,USECS"; "" or NULL for no limit. False for anything else, and the limit stays. */
bool net_rate_parse(struct net_rate *rate, const char *text, int64_t now_ns);

/* Bytes that may be sent now; not positive: none before net_rate_due(). */
int64_t net_rate_tokens(struct net_rate *rate, int64_t now_ns);

/* Takes what was sent. */
void net_rate_spend(struct net_rate *rate, int64_t bytes);

/* When tokens will be positive again. */
int64_t net_rate_due(const struct net_rate *rate);

#endif
