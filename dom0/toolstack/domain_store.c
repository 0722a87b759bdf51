/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/domain_store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dom0/toolstack/device.h"
#include "dom0/toolstack/report.h"
#include "xs/client/xs.h"

#define HOME_ROOM 64
#define PATH_ROOM 256

/* Nodes that the guest writes: it owns them. Everything else it only reads. */
static const char *const guest_nodes[] = {
    "control/shutdown",
    "control/feature-poweroff",
    "control/feature-reboot",
    "control/feature-suspend",
    "control/sysrq",
    "device/suspend/event-channel",
    "data",
    "drivers",
    "feature",
    "attr",
    "error",
};

/* No domain has this number. */
#define NOBODY UINT32_MAX

struct creation {
    struct toolstack *ts;
    const struct build *b;
    char home[HOME_ROOM], vm[HOME_ROOM], priv[HOME_ROOM];
    uint32_t taken_by; /* a domain with the name, or NOBODY */
};

static void format_vm(char *path, size_t room, const uint8_t uuid[16])
{
    size_t used = (size_t)snprintf(path, room, "/vm/");

    for (size_t i = 0; i < 16; i++)
        used += (size_t)snprintf(path + used, room - used, "%s%02x",
                                 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

/*
 * Domain with that name other than `self`, or NOBODY. A node that outlived its domain does not count. -1 in
 * *rc when the store cannot be read.
 */
static uint32_t find_name(struct toolstack *ts, xsc_tx_t tx, const char *name, uint32_t self, int *rc)
{
    size_t count = 0;
    char **domids = xsc_directory(ts->xs, tx, "/local/domain", &count);
    uint32_t found = NOBODY;

    *rc = 0;
    if (!domids) {
        *rc = errno == ENOENT ? 0 : -1;
        return NOBODY;
    }
    for (size_t i = 0; i < count && found == NOBODY; i++) {
        uint32_t domid = (uint32_t)strtoul(domids[i], NULL, 10);
        char *other = domid != self ? xsc_readf(ts->xs, tx, "/local/domain/%u/name", domid) : NULL;
        struct xen_domctl_getdomaininfo info;

        if (other && strcmp(other, name) == 0 && hv_domain_info(&ts->hv, domid, &info) == 0)
            found = domid;
        free(other);
    }
    free(domids);
    return found;
}

/* DIR/NODE with a value made by printf. */
static __attribute__((format(printf, 5, 6))) int put(struct xsc *xs, xsc_tx_t tx, const char *dir,
                                                     const char *node, const char *fmt, ...)
{
    char path[PATH_ROOM], value[MAX_GUEST_CMDLINE];
    va_list ap;
    int len;

    va_start(ap, fmt);
    len = vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    if (len < 0 || (size_t)len >= sizeof(value)) {
        errno = E2BIG;
        return -1;
    }
    snprintf(path, sizeof(path), "%s/%s", dir, node);
    return xsc_write(xs, tx, path, value, (size_t)len);
}

static int write_home(struct xsc *xs, xsc_tx_t tx, const struct creation *c)
{
    const struct domain_config *cfg = c->b->cfg;
    const struct xsc_perm guest_reads[] = {{0, 'n'}, {c->b->domid, 'r'}};

    /* Nodes below inherit this; the guest's own come after. */
    if (xsc_mkdir(xs, tx, c->home) != 0 || xsc_set_perms(xs, tx, c->home, guest_reads, 2) != 0 ||
        put(xs, tx, c->home, "domid", "%u", c->b->domid) != 0 ||
        put(xs, tx, c->home, "name", "%s", cfg->name) != 0 || put(xs, tx, c->home, "vm", "%s", c->vm) != 0 ||
        put(xs, tx, c->home, "memory/static-max", "%" PRIu64, cfg->maxmem_kib) != 0 ||
        put(xs, tx, c->home, "memory/target", "%" PRIu64, cfg->memory_kib) != 0 ||
        put(xs, tx, c->home, "memory/videoram", "0") != 0 ||
        put(xs, tx, c->home, "control/platform-feature-multiprocessor-suspend", "1") != 0 ||
        put(xs, tx, c->home, "control/platform-feature-xs_reset_watches", "1") != 0)
        return -1;
    for (uint32_t i = 0; i < cfg->maxvcpus; i++) {
        char node[32];

        snprintf(node, sizeof(node), "cpu/%u/availability", i);
        if (put(xs, tx, c->home, node, i < cfg->vcpus ? "online" : "offline") != 0)
            return -1;
    }
    return 0;
}

static int write_guest_nodes(struct xsc *xs, xsc_tx_t tx, const struct creation *c)
{
    const struct xsc_perm guest_owns = {c->b->domid, 'n'};
    char path[PATH_ROOM];

    for (size_t i = 0; i < sizeof(guest_nodes) / sizeof(guest_nodes[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", c->home, guest_nodes[i]);
        if (xsc_mkdir(xs, tx, path) != 0 || xsc_set_perms(xs, tx, path, &guest_owns, 1) != 0)
            return -1;
    }
    return 0;
}

static int write_vm(struct xsc *xs, xsc_tx_t tx, const struct creation *c)
{
    const struct domain_config *cfg = c->b->cfg;
    const struct xsc_perm guest_reads[] = {{0, 'n'}, {c->b->domid, 'r'}};

    if (xsc_mkdir(xs, tx, c->vm) != 0 || xsc_set_perms(xs, tx, c->vm, guest_reads, 2) != 0 ||
        put(xs, tx, c->vm, "uuid", "%s", c->vm + strlen("/vm/")) != 0 ||
        put(xs, tx, c->vm, "name", "%s", cfg->name) != 0 ||
        put(xs, tx, c->vm, "start_time", "%lld", (long long)time(NULL)) != 0 ||
        put(xs, tx, c->vm, "image/ostype", "linux") != 0 ||
        put(xs, tx, c->vm, "image/kernel", "%s", cfg->kernel) != 0 ||
        put(xs, tx, c->vm, "image/cmdline", "%s", cfg->cmdline) != 0)
        return -1;
    if (cfg->ramdisk && put(xs, tx, c->vm, "image/ramdisk", "%s", cfg->ramdisk) != 0)
        return -1;
    return put(xs, tx, c->priv, "type", "pv");
}

static int create_body(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    struct creation *c = arg;
    int rc;

    c->taken_by = find_name(c->ts, tx, c->b->cfg->name, c->b->domid, &rc);
    if (rc != 0)
        return -1;
    if (c->taken_by != NOBODY) {
        errno = EEXIST;
        return -1;
    }
    /* A domain of the same number that died without its toolstack may have left nodes. */
    if (xsc_rm(xs, tx, c->home) != 0 && errno != ENOENT)
        return -1;
    if (write_home(xs, tx, c) != 0 || write_guest_nodes(xs, tx, c) != 0)
        return -1;
    return write_vm(xs, tx, c);
}

int domain_store_create(struct toolstack *ts, const struct build *b)
{
    struct creation c = {.ts = ts, .b = b, .taken_by = NOBODY};

    snprintf(c.home, sizeof(c.home), "/local/domain/%u", b->domid);
    snprintf(c.priv, sizeof(c.priv), "/libxl/%u", b->domid);
    format_vm(c.vm, sizeof(c.vm), b->cfg->uuid);
    if (xsc_transact(ts->xs, create_body, &c) == 0)
        return 0;
    if (c.taken_by != NOBODY)
        report_error("create %s: the name is in use by domain %u", b->cfg->name, c.taken_by);
    else
        build_failed(b, "nodes in the store");
    return -1;
}

int domain_store_introduce(struct toolstack *ts, const struct build *b)
{
    char home[HOME_ROOM];

    snprintf(home, sizeof(home), "/local/domain/%u", b->domid);
    if (put(ts->xs, XSC_NO_TX, home, "store/port", "%u", b->store_port) != 0 ||
        put(ts->xs, XSC_NO_TX, home, "store/ring-ref", "%" PRIu64, b->store_mfn) != 0)
        return build_failed(b, "nodes in the store");
    if (console_write_nodes(ts, b->domid, b->console_mfn, b->console_port) != 0)
        return -1;
    if (xsc_introduce(ts->xs, b->domid, b->store_mfn, b->store_port) != 0)
        return build_failed(b, "introduction to the store");
    return 0;
}

static int remove_node(struct toolstack *ts, uint32_t domid, const char *path)
{
    if (xsc_rm(ts->xs, XSC_NO_TX, path) == 0 || errno == ENOENT)
        return 0;
    report_error("domain %u: cannot remove %s from the store: %s", domid, path, strerror(errno));
    return -1;
}

/* The guest cannot write its vm node, but removing what it names calls for certainty. */
static bool is_vm_path(const char *path)
{
    return strncmp(path, "/vm/", 4) == 0 && path[4] != '\0' && strchr(path + 4, '/') == NULL;
}

int domain_store_remove(struct toolstack *ts, uint32_t domid)
{
    char path[PATH_ROOM];
    char *vm = xsc_readf(ts->xs, XSC_NO_TX, "/local/domain/%u/vm", domid);
    int rc = 0;

    if (vm && is_vm_path(vm))
        rc |= remove_node(ts, domid, vm);
    free(vm);
    snprintf(path, sizeof(path), "/local/domain/%u", domid);
    rc |= remove_node(ts, domid, path);
    snprintf(path, sizeof(path), "/libxl/%u", domid);
    rc |= remove_node(ts, domid, path);
    return rc;
}

int domain_store_name_is_free(struct toolstack *ts, const char *name, bool *is_free)
{
    int rc;

    *is_free = find_name(ts, XSC_NO_TX, name, NOBODY, &rc) == NOBODY;
    if (rc != 0)
        report_error("the names in the store: %s", strerror(errno));
    return rc;
}

struct renaming {
    struct toolstack *ts;
    uint32_t domid, taken_by;
    const char *name;
};

static int rename_body(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    struct renaming *r = arg;
    char *vm;
    int rc;

    r->taken_by = find_name(r->ts, tx, r->name, r->domid, &rc);
    if (rc != 0)
        return -1;
    if (r->taken_by != NOBODY) {
        errno = EEXIST;
        return -1;
    }
    if (xsc_writef(xs, tx, r->name, "/local/domain/%u/name", r->domid) != 0)
        return -1;
    vm = xsc_readf(xs, tx, "/local/domain/%u/vm", r->domid);
    rc = vm ? xsc_writef(xs, tx, r->name, "%s/name", vm) : 0;
    free(vm);
    return rc;
}

int domain_store_rename(struct toolstack *ts, uint32_t domid, const char *name)
{
    struct renaming r = {.ts = ts, .domid = domid, .taken_by = NOBODY, .name = name};

    if (xsc_transact(ts->xs, rename_body, &r) == 0)
        return 0;
    if (r.taken_by != NOBODY)
        report_error("rename: the name %s is in use by domain %u", name, r.taken_by);
    else
        report_error("rename: domain %u: %s", domid, strerror(errno));
    return -1;
}

struct aside {
    struct renaming renaming;
    char vm[HOME_ROOM];
};

/* The new /vm node holds what is needed to find and remove the domain; the old one goes. */
static int aside_body(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    struct aside *a = arg;
    const struct xsc_perm guest_reads[] = {{0, 'n'}, {a->renaming.domid, 'r'}};
    char home[HOME_ROOM];
    char *old;
    int rc = 0;

    if (rename_body(xs, tx, &a->renaming) != 0)
        return -1;
    snprintf(home, sizeof(home), "/local/domain/%u", a->renaming.domid);
    old = xsc_readf(xs, tx, "%s/vm", home);
    if (xsc_mkdir(xs, tx, a->vm) != 0 || xsc_set_perms(xs, tx, a->vm, guest_reads, 2) != 0 ||
        put(xs, tx, a->vm, "uuid", "%s", a->vm + strlen("/vm/")) != 0 ||
        put(xs, tx, a->vm, "name", "%s", a->renaming.name) != 0 || put(xs, tx, home, "vm", "%s", a->vm) != 0)
        rc = -1;
    if (rc == 0 && old && is_vm_path(old) && xsc_rm(xs, tx, old) != 0 && errno != ENOENT)
        rc = -1;
    free(old);
    return rc;
}

int domain_store_put_aside(struct toolstack *ts, uint32_t domid, const char *name)
{
    struct aside a = {.renaming = {.ts = ts, .domid = domid, .taken_by = NOBODY, .name = name}};
    uint8_t uuid[16];

    if (domain_config_new_uuid(uuid) != 0) {
        report_error("domain %u: no random numbers for a UUID: %s", domid, strerror(errno));
        return -1;
    }
    format_vm(a.vm, sizeof(a.vm), uuid);
    if (xsc_transact(ts->xs, aside_body, &a) != 0) {
        report_error("domain %u: cannot be kept as %s: %s", domid, name, strerror(errno));
        return -1;
    }
    if (hv_domain_set_handle(&ts->hv, domid, uuid) != 0)
        report_warning("domain %u: the hypervisor keeps its old UUID: %s", domid, strerror(errno));
    return 0;
}

int domain_store_set_monitor(struct toolstack *ts, uint32_t domid, pid_t pid)
{
    char path[PATH_ROOM];

    snprintf(path, sizeof(path), "/libxl/%u/hospes/monitor", domid);
    if (xsc_printf(ts->xs, XSC_NO_TX, path, "%ld", (long)pid) == 0)
        return 0;
    report_error("domain %u: cannot name its monitor in the store: %s", domid, strerror(errno));
    return -1;
}
