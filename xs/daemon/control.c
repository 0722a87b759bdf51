/* SPDX-License-Identifier: MIT */
/* CONTROL: commands to the server itself. */
#include <stdlib.h>
#include <string.h>

#include "xs/daemon/domain.h"
#include "xs/daemon/log.h"
#include "xs/store/wire_ops.h"

struct call {
    struct server *srv;
    unsigned int argc; /* words behind the command */
    const char *const *argv;
    FILE *answer;
};

static int cmd_check(const struct call *k)
{
    unsigned int flaws = xs_store_check(&k->srv->store, k->answer);

    if (flaws)
        log_error("check: %u flaws in the store", flaws);
    return 0;
}

static int cmd_log(const struct call *k)
{
    bool on;

    if (k->argc == 0) {
        fprintf(k->answer, "trace %s\n", log_trace_on() ? "on" : "off");
        return 0;
    }
    on = strcmp(k->argv[0], "on") == 0 || strcmp(k->argv[0], "+trace") == 0;
    if (!on && strcmp(k->argv[0], "off") != 0 && strcmp(k->argv[0], "-trace") != 0)
        return -EINVAL;
    log_set_trace(on);
    return 0;
}

static int cmd_logfile(const struct call *k)
{
    if (k->argc != 1)
        return -EINVAL;
    return log_open(k->argv[0]) ? -EINVAL : 0;
}

static int cmd_print(const struct call *k)
{
    if (k->argc != 1)
        return -EINVAL;
    log_info("control: %s", k->argv[0]);
    return 0;
}

int server_set_quota(struct server *srv, const char *name, const char *value)
{
    unsigned long n;

    if (xs_parse_number(value, UINT32_MAX, &n))
        return -EINVAL;
    for (int q = 0; q < XS_QUOTA_NR; q++)
        if (strcmp(name, xs_quota_name(q)) == 0) {
            srv->store.quota[q] = (unsigned int)n;
            return 0;
        }
    return -EINVAL;
}

static int print_domain(const struct call *k, const char *text)
{
    const struct domain *d;
    unsigned long domid;

    if (xs_parse_number(text, UINT16_MAX, &domid))
        return -EINVAL;
    d = domain_find(k->srv, (unsigned int)domid);
    if (!d)
        return -ENOENT;
    fprintf(k->answer,
            "Domain %lu:\nnodes: %d\nwatches: %u\ntransactions: %u\ntransaction-nodes: %u\noutstanding: %u\n",
            domid, xs_counts_get(&k->srv->store.main.counts, d->domid), d->conn.client.nr_watches,
            d->conn.client.nr_txs, d->conn.client.nr_tx_paths, d->conn.outstanding);
    return 0;
}

static int cmd_quota(const struct call *k)
{
    if (k->argc == 0) {
        for (int q = 0; q < XS_QUOTA_NR; q++)
            fprintf(k->answer, "%-17s: %8u\n", xs_quota_name(q), k->srv->store.quota[q]);
        return 0;
    }
    if (k->argc == 1)
        return print_domain(k, k->argv[0]);
    if (k->argc == 3 && strcmp(k->argv[0], "set") == 0)
        return server_set_quota(k->srv, k->argv[1], k->argv[2]);
    return -EINVAL;
}

static int cmd_memreport(const struct call *k)
{
    const struct xs_counts *c = &k->srv->store.main.counts;
    size_t waiting = 0;
    struct conn *conn;
    int nodes = 0;

    for (size_t i = 0; i < c->nr; i++)
        nodes += c->v[i].nodes;
    TAILQ_FOREACH (conn, &k->srv->conns, link)
        waiting += conn->out_bytes;
    fprintf(k->answer, "nodes: %d\nwatches: %u\nsockets: %u\nbytes waiting to be taken: %zu\n", nodes,
            k->srv->store.nr_watches, k->srv->nr_sockets, waiting);
    return 0;
}

static int cmd_help(const struct call *k);

static const struct command {
    const char *name;
    int (*run)(const struct call *k);
    const char *args;
} commands[] = {
    {"check", cmd_check, ""},
    {"help", cmd_help, ""},
    {"log", cmd_log, "[on|off]"},
    {"logfile", cmd_logfile, "<file>"},
    {"memreport", cmd_memreport, ""},
    {"print", cmd_print, "<string>"},
    {"quota", cmd_quota, "[set <name> <value>|<domid>]"},
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int cmd_help(const struct call *k)
{
    for (size_t i = 0; i < NR_COMMANDS; i++)
        fprintf(k->answer, "%-10s %s\n", commands[i].name, commands[i].args);
    return 0;
}

int server_control(struct xs_host *h, unsigned int argc, const char *const *argv, FILE *answer)
{
    struct call k = {.srv = server_of(h), .argc = argc - 1, .argv = argv + 1, .answer = answer};

    for (size_t i = 0; i < NR_COMMANDS; i++)
        if (strcmp(argv[0], commands[i].name) == 0)
            return commands[i].run(&k);
    return -EINVAL;
}
