/* SPDX-License-Identifier: MIT */
#include "guest/frontends/net_internal.h"
#include "guest/guest.h"
#include "guest/smp.h"

/* The value of a word of the command line, if it is a number from 1 to max. */
static unsigned option_number(const char *key, unsigned max, unsigned otherwise)
{
    char text[16], *end;
    unsigned long value;

    if (!cmdline_value(key, text, sizeof(text)))
        return otherwise;
    value = strtoul(text, &end, 10);
    if (*end || !value || value > max) {
        printf("net: %s%s is not a number from 1 to %u: ignored\n", key, text, max);
        return otherwise;
    }
    return (unsigned)value;
}

void net_options_read(struct net_options *options)
{
    unsigned vcpus = smp_vcpus();

    options->sg = !cmdline_word("net.nosg");
    options->csum = !cmdline_word("net.nocsum");
    options->split = !cmdline_word("net.nosplit");
    options->rx_notify = !cmdline_word("net.norxnotify");
    options->persistent = !cmdline_word("net.nopersistent");
    options->queues =
        option_number("net.queues=", NET_MAX_QUEUES, vcpus < NET_MAX_QUEUES ? vcpus : NET_MAX_QUEUES);
    options->slot_bytes = option_number("net.slot=", NET_SLOT_BYTES, NET_SLOT_BYTES);
}
