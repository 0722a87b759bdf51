/* SPDX-License-Identifier: MIT */
/*
 * Attacks the backend of its own disk or card, by ring, grants, events and store.
 *
 *   dev=vbd|vif     which
 *   attack=NAME     one of those at the end of vbd.c, vif.c and nodes.c; default all of them in turn
 *   rounds=N        of each attack (default 50)
 *   store=N         rounds of those by way of the store, which take a connection each (default: as many)
 *   seed=N          of everything that is chance (default 1)
 *
 * A second vCPU writes to rings and pages while the backend reads them. After each attack an honest
 * connection is tried, and a line says how that went. RESULT: PASSED says that the guest has done its rounds
 * and the backend answers still; what became of others is for the others to say.
 */
#include "guest/result.h"
#include "hostile.h"

static uint64_t number(const char *key, uint64_t otherwise)
{
    char text[24];

    return cmdline_value(key, text, sizeof(text)) ? strtoul(text, NULL, 10) : otherwise;
}

/* By name, so that an attack is the same one alone and among others. */
static uint64_t salt(const char *name)
{
    uint64_t hash = 14695981039346656037ul;

    while (*name)
        hash = (hash ^ (uint8_t)*name++) * 1099511628211ul;
    return hash;
}

static void run(struct victim *v, const struct attack *attack, uint64_t seed, unsigned rounds)
{
    unsigned held;
    bool recovered = false;

    random_seed(seed ^ salt(attack->name));
    v->connections = v->refusals = v->cut_off = 0;
    for (unsigned i = 0; i < rounds && !v->stuck; i++)
        attack->round(v, i);
    victim_reset(v);
    held = pool_restore();
    /* What the backend has seen of our end and what we have seen of its may lie a moment apart. */
    for (unsigned i = 0; i < 100 && held; i++) {
        time_sleep(50 * NS_PER_MS);
        held = pool_restore();
    }
    for (unsigned i = 0; i < 3 && !recovered && !v->stuck; i++) {
        recovered = victim_connect(v);
        victim_reset(v);
    }
    printf("hostile: %s %s: %u connections, %u refused, %u cut off, %u pages held, %s\n", v->xb.kind,
           attack->name, v->connections, v->refusals, v->cut_off, held,
           recovered ? "recovered" : "not recovered");
}

static unsigned run_list(struct victim *v, const struct attack *list, const char *only, unsigned rounds)
{
    unsigned n = 0;

    for (; list->name && !v->stuck; list++)
        if (!only[0] || !strcmp(only, list->name)) {
            run(v, list, number("seed=", 1), rounds);
            n++;
        }
    return n;
}

static const char *test(void)
{
    char kind[8] = "", only[24] = "";
    struct victim *v;
    static struct victim the_victim;
    unsigned n, rounds = (unsigned)number("rounds=", 50);

    v = &the_victim;
    if (!cmdline_value("dev=", kind, sizeof(kind)) || (strcmp(kind, "vbd") && strcmp(kind, "vif")))
        return "dev= must be vbd or vif";
    cmdline_value("attack=", only, sizeof(only));
    if (!grant_init(0) || xenbus_init())
        return "no store or no grant table";
    if (victim_open(v, kind))
        return "there is no such device";
    if (!pool_init(v->xb.backend) || !scribble_init())
        return "out of memory";
    n = run_list(v, v->net ? vif_attacks : vbd_attacks, only, rounds);
    n += run_list(v, store_attacks, only, (unsigned)number("store=", rounds));
    xenbus_device_close(&v->xb);
    if (v->stuck)
        return "see above";
    return n ? NULL : "there is no such attack";
}

int guest_main(const char *cmdline)
{
    (void)cmdline;
    return guest_result(test());
}
