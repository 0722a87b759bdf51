/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/xlcfg_keys.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/cpuset.h"
#include "dom0/toolstack/report.h"

#define MAX_MIB   (1ULL << 24) /* 16 TiB: what the machine address of a PTE can name */
#define MAX_VCPUS 8192U

static int fail(const struct xlcfg_setting *s, const char *why)
{
    report_error_at(s->source, s->line, "%s: %s", s->key, why);
    return -1;
}

static int set_copy(const struct xlcfg_setting *s, char **field)
{
    const char *text;

    if (xlcfg_get_string(s, &text) != 0)
        return -1;
    free(*field);
    *field = strdup(text);
    return *field ? 0 : fail(s, "out of memory");
}

static int set_u32(const struct xlcfg_setting *s, uint64_t min, uint64_t max, uint32_t *field)
{
    uint64_t value;

    if (xlcfg_get_number(s, min, max, &value) != 0)
        return -1;
    *field = (uint32_t)value;
    return 0;
}

int set_name(struct config_draft *d, const struct xlcfg_setting *s)
{
    if (set_copy(s, &d->cfg->name) != 0)
        return -1;
    return domain_name_is_valid(d->cfg->name) ? 0 : fail(s, DOMAIN_NAME_RULE);
}

int set_uuid(struct config_draft *d, const struct xlcfg_setting *s)
{
    const char *text, *p;
    size_t digits = 0;

    if (xlcfg_get_string(s, &text) != 0)
        return -1;
    memset(d->cfg->uuid, 0, sizeof(d->cfg->uuid));
    for (p = text; *p; p++) {
        const char *hex = "0123456789abcdef", *at;

        if (*p == '-')
            continue;
        at = strchr(hex, tolower((unsigned char)*p));
        if (!at || digits == 32)
            return fail(s, "not a UUID (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)");
        d->cfg->uuid[digits / 2] = (uint8_t)(d->cfg->uuid[digits / 2] << 4 | (at - hex));
        digits++;
    }
    if (digits != 32)
        return fail(s, "not a UUID (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)");
    d->has_uuid = true;
    return 0;
}

int set_type(struct config_draft *d, const struct xlcfg_setting *s)
{
    const char *text;

    (void)d;
    if (xlcfg_get_string(s, &text) != 0)
        return -1;
    return strcmp(text, "pv") == 0 ? 0 : fail(s, "only PV guests exist here (type = \"pv\")");
}

int set_builder(struct config_draft *d, const struct xlcfg_setting *s)
{
    const char *text;

    (void)d;
    if (xlcfg_get_string(s, &text) != 0)
        return -1;
    return strcmp(text, "generic") == 0 || strcmp(text, "linux") == 0 ? 0
                                                                      : fail(s, "only PV guests exist here");
}

/* Remembers where a setting stands. */
static int set_place(const struct xlcfg_setting *s, char **place)
{
    free(*place);
    if (asprintf(place, "%s:%u", s->source, s->line) >= 0)
        return 0;
    *place = NULL;
    return fail(s, "out of memory");
}

int set_kernel(struct config_draft *d, const struct xlcfg_setting *s)
{
    d->kernel = s;
    return set_place(s, &d->cfg->kernel_at) == 0 ? set_copy(s, &d->cfg->kernel) : -1;
}

int set_ramdisk(struct config_draft *d, const struct xlcfg_setting *s)
{
    d->ramdisk = s;
    return set_place(s, &d->cfg->ramdisk_at) == 0 ? set_copy(s, &d->cfg->ramdisk) : -1;
}

int set_cmdline(struct config_draft *d, const struct xlcfg_setting *s)
{
    const char *text;

    d->cmdline = s;
    return xlcfg_get_string(s, &text);
}

int set_root(struct config_draft *d, const struct xlcfg_setting *s)
{
    const char *text;

    d->root = s;
    return xlcfg_get_string(s, &text);
}

int set_extra(struct config_draft *d, const struct xlcfg_setting *s)
{
    const char *text;

    d->extra = s;
    return xlcfg_get_string(s, &text);
}

int set_memory(struct config_draft *d, const struct xlcfg_setting *s)
{
    d->memory = s;
    if (xlcfg_get_number(s, 1, MAX_MIB, &d->cfg->memory_kib) != 0)
        return -1;
    d->cfg->memory_kib <<= 10;
    return 0;
}

int set_maxmem(struct config_draft *d, const struct xlcfg_setting *s)
{
    d->maxmem = s;
    if (xlcfg_get_number(s, 1, MAX_MIB, &d->cfg->maxmem_kib) != 0)
        return -1;
    d->cfg->maxmem_kib <<= 10;
    return 0;
}

int set_vcpus(struct config_draft *d, const struct xlcfg_setting *s)
{
    d->vcpus = s;
    return set_u32(s, 1, MAX_VCPUS, &d->cfg->vcpus);
}

int set_maxvcpus(struct config_draft *d, const struct xlcfg_setting *s)
{
    d->maxvcpus = s;
    return set_u32(s, 1, MAX_VCPUS, &d->cfg->maxvcpus);
}

int set_cpus(struct config_draft *d, const struct xlcfg_setting *s)
{
    const char *text;

    if (s->value.kind == XLCFG_LIST)
        return fail(s, "a list that pins each vCPU by itself is not supported; one string for all is");
    if (xlcfg_get_string(s, &text) != 0)
        return -1;
    free(d->cfg->affinity);
    d->cfg->affinity = calloc(CPUSET_WORDS, sizeof(uint64_t));
    d->cfg->affinity_words = CPUSET_WORDS;
    if (!d->cfg->affinity)
        return fail(s, "out of memory");
    return cpuset_parse(text, d->cfg->affinity) ? 0 : fail(s, "not a set of CPUs like \"0-3,^1\"");
}

int set_cpu_weight(struct config_draft *d, const struct xlcfg_setting *s)
{
    return set_u32(s, 1, 65535, &d->cfg->cpu_weight);
}

int set_cap(struct config_draft *d, const struct xlcfg_setting *s)
{
    d->cfg->cpu_cap_set = true;
    return set_u32(s, 0, 65535, &d->cfg->cpu_cap);
}

int set_event_channels(struct config_draft *d, const struct xlcfg_setting *s)
{
    return set_u32(s, 16, 131071, &d->cfg->max_event_channels);
}

int set_grant_frames(struct config_draft *d, const struct xlcfg_setting *s)
{
    return set_u32(s, 1, 65536, &d->cfg->max_grant_frames);
}

int set_maptrack_frames(struct config_draft *d, const struct xlcfg_setting *s)
{
    return set_u32(s, 0, 65536, &d->cfg->max_maptrack_frames);
}

int set_grant_version(struct config_draft *d, const struct xlcfg_setting *s)
{
    uint64_t version;

    (void)d;
    /* A limit of 2 is kept as well by a guest that has version 1 only. */
    return xlcfg_get_number(s, 1, 2, &version);
}

int set_tsc_mode(struct config_draft *d, const struct xlcfg_setting *s)
{
    static const struct {
        const char *name, *number;
        enum tsc_choice tsc;
    } modes[] = {
        {"default", "0", TSC_DEFAULT}, {"always_emulate", "1", TSC_EMULATE}, {"native", "2", TSC_NATIVE}};
    const char *text;

    if (xlcfg_get_string(s, &text) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(text, modes[i].name) == 0 || strcmp(text, modes[i].number) == 0) {
            d->cfg->tsc = modes[i].tsc;
            return 0;
        }
    }
    return fail(s, "is one of default, always_emulate, native");
}

int set_pool(struct config_draft *d, const struct xlcfg_setting *s)
{
    const char *text;

    (void)d;
    if (xlcfg_get_string(s, &text) != 0)
        return -1;
    return strcmp(text, "Pool-0") == 0 || strcmp(text, "0") == 0 ? 0 : fail(s, "there is one pool, Pool-0");
}

int set_on_event(struct config_draft *d, const struct xlcfg_setting *s)
{
    static const struct {
        const char *name;
        enum domain_action action;
    } actions[] = {
        {"destroy", ACTION_DESTROY},
        {"restart", ACTION_RESTART},
        {"rename-restart", ACTION_RENAME_RESTART},
        {"preserve", ACTION_PRESERVE},
    };
    const struct {
        const char *key;
        enum domain_action *field;
    } events[] = {
        {"on_poweroff", &d->cfg->on_poweroff},
        {"on_reboot", &d->cfg->on_reboot},
        {"on_crash", &d->cfg->on_crash},
        {"on_watchdog", &d->cfg->on_watchdog},
    };
    const char *text;

    if (xlcfg_get_string(s, &text) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        for (size_t j = 0; strcmp(text, actions[i].name) == 0 && j < sizeof(events) / sizeof(events[0]);
             j++) {
            if (strcmp(s->key, events[j].key) == 0) {
                *events[j].field = actions[i].action;
                return 0;
            }
        }
    }
    if (strcmp(text, "coredump-destroy") == 0 || strcmp(text, "coredump-restart") == 0)
        return fail(s, "there are no core dumps; destroy, restart, rename-restart and preserve exist");
    return fail(s, "is one of destroy, restart, rename-restart, preserve");
}

int set_nothing(struct config_draft *d, const struct xlcfg_setting *s)
{
    (void)d;
    (void)s;
    return 0;
}
