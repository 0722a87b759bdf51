/* SPDX-License-Identifier: MIT */
#include "dom0/backends/net/rate.h"

#include <errno.h>
#include <stdlib.h>

#define BURST_MIN (128 * 1024)
#define BYTES_MAX (UINT64_C(1) << 40)
#define USECS_MAX UINT64_C(60000000)
#define UNLIMITED (INT64_C(1) << 40)

static bool number(const char **text, uint64_t max, uint64_t *value)
{
    char *end;

    if (**text < '0' || **text > '9')
        return false;
    errno = 0;
    *value = strtoull(*text, &end, 10);
    if (errno || *value == 0 || *value > max)
        return false;
    *text = end;
    return true;
}

static int64_t burst(const struct net_rate *rate)
{
    return rate->bytes > BURST_MIN ? (int64_t)rate->bytes : BURST_MIN;
}

bool net_rate_parse(struct net_rate *rate, const char *text, int64_t now_ns)
{
    uint64_t bytes = 0, usecs = 0;

    if (text && *text) {
        if (!number(&text, BYTES_MAX, &bytes) || *text++ != ',' || !number(&text, USECS_MAX, &usecs) || *text)
            return false;
    }
    rate->bytes = bytes;
    rate->usecs = usecs;
    rate->tokens = bytes ? burst(rate) : UNLIMITED;
    rate->filled_ns = now_ns;
    return true;
}

int64_t net_rate_tokens(struct net_rate *rate, int64_t now_ns)
{
    /* Long ago is as good as full, and the product below stays small enough. */
    uint64_t period = rate->usecs * 1000, passed = (uint64_t)(now_ns - rate->filled_ns), more;

    if (rate->bytes == 0)
        return UNLIMITED;
    more = (uint64_t)((unsigned __int128)passed * rate->bytes / period);
    if (more == 0)
        return rate->tokens;
    if (more > (uint64_t)(burst(rate) - rate->tokens)) {
        rate->tokens = burst(rate);
        rate->filled_ns = now_ns;
    } else {
        rate->tokens += (int64_t)more;
        /* Only the time that was turned into whole bytes is used up. */
        rate->filled_ns += (int64_t)((unsigned __int128)more * period / rate->bytes);
    }
    return rate->tokens;
}

void net_rate_spend(struct net_rate *rate, int64_t bytes)
{
    if (rate->bytes)
        rate->tokens -= bytes;
}

int64_t net_rate_due(const struct net_rate *rate)
{
    uint64_t missing = rate->tokens > 0 ? 0 : (uint64_t)(1 - rate->tokens);

    if (rate->bytes == 0)
        return rate->filled_ns;
    return rate->filled_ns +
           (int64_t)(((unsigned __int128)missing * rate->usecs * 1000 + rate->bytes - 1) / rate->bytes);
}
