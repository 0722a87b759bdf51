/* SPDX-License-Identifier: MIT */
#include "dom0/backends/net/forward.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <nftables/libnftables.h>

/* Its existence says that there is a table of ours, which may be a dead daemon's. */
#define TABLE_MARK "/run/hospes/net/forwarding"

/* Delete works only on what exists, add always. */
#define TABLE_GONE "add table ip hospes_forward\ndelete table ip hospes_forward\n"

/* dom0's own connections go through `output`; those to a loopback address could not be answered. */
#define TABLE                                                                            \
    TABLE_GONE                                                                           \
    "table ip hospes_forward {\n"                                                        \
    "    map tcp_ports { type inet_service : ipv4_addr . inet_service; }\n"              \
    "    map udp_ports { type inet_service : ipv4_addr . inet_service; }\n"              \
    "    chain forward { fib daddr type != local return\n"                               \
    "        ip daddr 127.0.0.0/8 return\n"                                              \
    "        dnat ip to tcp dport map @tcp_ports\n"                                      \
    "        dnat ip to udp dport map @udp_ports\n"                                      \
    "    }\n"                                                                            \
    "    chain prerouting { type nat hook prerouting priority dstnat; jump forward; }\n" \
    "    chain output { type nat hook output priority -100; jump forward; }\n"           \
    "}\n"

/* What stands in the table for one device. */
struct entry {
    LIST_ENTRY(entry) link;
    uint32_t domid, devid;
    unsigned int forwards;
    struct net_forward forward[NET_FORWARDS_MAX];
};

static LIST_HEAD(entry_list, entry) entries = LIST_HEAD_INITIALIZER(entries);

/* Runs commands as one transaction. why NULL: nobody asks. */
static int nft(const char *commands, char *why, size_t why_size)
{
    struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
    int rc = -1;

    if (!ctx) {
        if (why)
            snprintf(why, why_size, "forward: no memory");
        return -1;
    }
    nft_ctx_buffer_error(ctx);
    nft_ctx_buffer_output(ctx);
    rc = nft_run_cmd_from_buffer(ctx, commands) == 0 ? 0 : -1;
    if (rc != 0 && why) {
        const char *error = nft_ctx_get_error_buffer(ctx);

        snprintf(why, why_size, "forward: nftables: %.*s", (int)strcspn(error, "\n"), error);
    }
    nft_ctx_free(ctx);
    return rc;
}

static int make_table(char *why, size_t why_size)
{
    FILE *mark;

    if (access(TABLE_MARK, F_OK) == 0)
        return 0;
    mark = fopen(TABLE_MARK, "we");
    if (!mark) {
        snprintf(why, why_size, "forward: " TABLE_MARK " cannot be written");
        return -1;
    }
    fclose(mark);
    if (nft(TABLE, why, why_size) == 0)
        return 0;
    unlink(TABLE_MARK);
    return -1;
}

/* One command for each port; address NULL: they are removed. */
static int change(const struct entry *entry, const char *address, char *why, size_t why_size)
{
    char *commands = NULL;
    size_t size;
    FILE *out = open_memstream(&commands, &size);
    int rc;

    if (!out) {
        if (why)
            snprintf(why, why_size, "forward: no memory");
        return -1;
    }
    for (unsigned int i = 0; i < entry->forwards; i++) {
        const struct net_forward *forward = &entry->forward[i];

        if (address)
            fprintf(out, "create element ip hospes_forward %s_ports { %u : %s . %u }\n", forward->protocol,
                    forward->port, address, forward->guest_port);
        else
            fprintf(out, "delete element ip hospes_forward %s_ports { %u }\n", forward->protocol,
                    forward->port);
    }
    rc = fclose(out) == 0 ? nft(commands, why, why_size) : -1;
    free(commands);
    return rc;
}

/* Whose port it is already, NULL for nobody's. */
static const struct entry *holder(const struct net_forward *forward)
{
    const struct entry *entry;

    LIST_FOREACH (entry, &entries, link)
        for (unsigned int i = 0; i < entry->forwards; i++)
            if (entry->forward[i].port == forward->port &&
                strcmp(entry->forward[i].protocol, forward->protocol) == 0)
                return entry;
    return NULL;
}

static int add(const struct net_device *device, struct entry *entry, char *why, size_t why_size)
{
    char address[16];
    int n = net_forward_parse(entry->forward, device->forward);

    if (n < 0) {
        snprintf(why, why_size, "forward: expected tcp:PORT:GUEST-PORT or udp:PORT:GUEST-PORT");
        return -1;
    }
    entry->forwards = (unsigned int)n;
    if (net_forward_address(address, device->ip) != 0) {
        snprintf(why, why_size, "forward: needs an IPv4 address in ip=");
        return -1;
    }
    for (int i = 0; i < n; i++) {
        const struct entry *other = holder(&entry->forward[i]);

        if (other) {
            snprintf(why, why_size, "forward: %s port %u leads to vif%" PRIu32 ".%" PRIu32 " already",
                     entry->forward[i].protocol, entry->forward[i].port, other->domid, other->devid);
            return -1;
        }
    }
    if (make_table(why, why_size) != 0)
        return -1;
    return change(entry, address, why, why_size);
}

int net_forward_set(const struct net_device *device, char *why, size_t why_size)
{
    struct entry *entry;

    net_forward_clear(device->domid, device->devid);
    if (!device->forward || !*device->forward)
        return 0;
    entry = calloc(1, sizeof(*entry));
    if (!entry) {
        snprintf(why, why_size, "forward: no memory");
        return -1;
    }
    entry->domid = device->domid;
    entry->devid = device->devid;
    if (add(device, entry, why, why_size) != 0) {
        free(entry);
        return -1;
    }
    LIST_INSERT_HEAD(&entries, entry, link);
    return 0;
}

void net_forward_clear(uint32_t domid, uint32_t devid)
{
    struct entry *entry;

    LIST_FOREACH (entry, &entries, link)
        if (entry->domid == domid && entry->devid == devid)
            break;
    if (!entry)
        return;
    (void)change(entry, NULL, NULL, 0);
    LIST_REMOVE(entry, link);
    free(entry);
}

void net_forward_clear_all(void)
{
    struct entry *entry;

    while ((entry = LIST_FIRST(&entries))) {
        LIST_REMOVE(entry, link);
        free(entry);
    }
    if (access(TABLE_MARK, F_OK) == 0 && nft(TABLE_GONE, NULL, 0) == 0)
        unlink(TABLE_MARK);
}
