/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/xlcfg_device.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <linux/if.h>

#include "dom0/toolstack/device_choice.h"
#include "dom0/toolstack/report.h"

#define QUEUES_MAX         16U
#define RATE_DEFAULT_USECS 50000U
#define RATE_MAX_USECS     10000000U

struct vif_parser {
    const char *source;
    unsigned int line;
    struct vif_config *vif;
    bool had_mac;
};

static int fail(const struct vif_parser *p, const char *what, const char *word)
{
    report_error_at(p->source, p->line, "vif: %s: %.80s", what, word);
    return -1;
}

static int set_copy(const struct vif_parser *p, char **field, const char *value)
{
    free(*field);
    *field = strdup(value);
    return *field ? 0 : fail(p, "out of memory", value);
}

/* Name of a network interface of dom0: what the kernel would take. */
static int set_ifname(const struct vif_parser *p, char **field, const char *value)
{
    size_t len = strlen(value);

    if (len == 0 || len >= IFNAMSIZ || strpbrk(value, "/: \t") || strcmp(value, ".") == 0 ||
        strcmp(value, "..") == 0)
        return fail(p, "not a name for a network interface", value);
    return set_copy(p, field, value);
}

static int set_mac(struct vif_parser *p, const char *value)
{
    uint8_t *mac = p->vif->mac;
    int end = -1;

    /* %2hhx alone would take blanks and signs. */
    if (strlen(value) != 17 || strspn(value, "0123456789abcdefABCDEF:-") != 17 ||
        sscanf(value, "%2hhx%*1[:-]%2hhx%*1[:-]%2hhx%*1[:-]%2hhx%*1[:-]%2hhx%*1[:-]%2hhx%n", &mac[0], &mac[1],
               &mac[2], &mac[3], &mac[4], &mac[5], &end) != 6 ||
        end != 17)
        return fail(p, "not a MAC address", value);
    if (mac[0] & 1)
        return fail(p, "a group address cannot be a card's", value);
    p->had_mac = true;
    return 0;
}

static int set_mtu(struct vif_parser *p, const char *value)
{
    char *end;
    unsigned long mtu = strtoul(value, &end, 10);

    if (!isdigit((unsigned char)*value) || *end || mtu < 68 || mtu > 65535)
        return fail(p, "mtu is 68 to 65535, not", value);
    p->vif->mtu = (uint32_t)mtu;
    return 0;
}

static int set_backendtype(struct vif_parser *p, const char *value)
{
    if (strcmp(value, "linux") == 0)
        p->vif->backend = VIF_BACKEND_LINUX;
    else if (strcmp(value, "hospes") == 0)
        p->vif->backend = VIF_BACKEND_HOSPES;
    else
        return fail(p, "backendtype is linux or hospes, not", value);
    return 0;
}

static int set_antispoof(struct vif_parser *p, const char *value)
{
    if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
        return fail(p, "antispoof is 0 or 1, not", value);
    p->vif->antispoof = *value == '1';
    return 0;
}

static int set_queues(struct vif_parser *p, const char *value)
{
    char *end;
    unsigned long queues = strtoul(value, &end, 10);

    if (!isdigit((unsigned char)*value) || *end || queues == 0 || queues > QUEUES_MAX)
        return fail(p, "queues is 1 to 16, not", value);
    p->vif->queues = (uint32_t)queues;
    return 0;
}

/* Digits up to the character `end`; where that is, NULL when there is no port. */
static const char *skip_port(const char *text, char end)
{
    char *rest;
    unsigned long port = strtoul(text, &rest, 10);

    return isdigit((unsigned char)*text) && *rest == end && port >= 1 && port <= 65535 ? rest : NULL;
}

/* "tcp:8080:80": may be given several times. */
static int add_forward(struct vif_parser *p, const char *value)
{
    const char *at = strncmp(value, "tcp:", 4) == 0 || strncmp(value, "udp:", 4) == 0 ? value + 4 : NULL;
    char *all;

    at = at ? skip_port(at, ':') : NULL;
    if (!at || !skip_port(at + 1, '\0'))
        return fail(p, "forward is tcp:PORT:GUEST-PORT or udp:PORT:GUEST-PORT, not", value);
    if (asprintf(&all, "%s%s%s", p->vif->forward ? p->vif->forward : "", p->vif->forward ? " " : "", value) <
        0)
        return fail(p, "out of memory", value);
    free(p->vif->forward);
    p->vif->forward = all;
    return 0;
}

static int take_pair(struct vif_parser *p, const char *key, const char *value)
{
    struct vif_config *vif = p->vif;

    if (strcmp(key, "mac") == 0)
        return set_mac(p, value);
    if (strcmp(key, "bridge") == 0)
        return set_ifname(p, &vif->bridge, value);
    if (strcmp(key, "vifname") == 0)
        return set_ifname(p, &vif->vifname, value);
    if (strcmp(key, "ip") == 0)
        return set_copy(p, &vif->ip, value);
    if (strcmp(key, "mtu") == 0)
        return set_mtu(p, value);
    if (strcmp(key, "rate") == 0)
        return xlcfg_parse_rate(value, &vif->rate_bytes, &vif->rate_usecs)
                   ? 0
                   : fail(p, "not a rate like 10Mb/s or 250KB/s@20ms", value);
    if (strcmp(key, "backendtype") == 0)
        return set_backendtype(p, value);
    if (strcmp(key, "antispoof") == 0)
        return set_antispoof(p, value);
    if (strcmp(key, "queues") == 0)
        return set_queues(p, value);
    if (strcmp(key, "forward") == 0)
        return add_forward(p, value);
    if (strcmp(key, "type") == 0)
        return strcmp(value, "vif") == 0 ? 0 : fail(p, "a PV guest has no emulated card: type", value);
    if (strcmp(key, "backend") == 0)
        return strcmp(value, "0") == 0 || strcmp(value, "Domain-0") == 0
                   ? 0
                   : fail(p, "cards are served by Domain-0 only, not by", value);
    if (strcmp(key, "script") == 0) {
        report_warning_at(p->source, p->line,
                          "vif: script=%.60s is not run: the toolstack sets up cards itself", value);
        return set_copy(p, &vif->script, value);
    }
    if (strcmp(key, "model") == 0) {
        report_warning_at(p->source, p->line, "vif: model=%.40s has no meaning for a PV guest", value);
        return 0;
    }
    if (strcmp(key, "gatewaydev") == 0 || strcmp(key, "devid") == 0 || strcmp(key, "accel") == 0)
        return fail(p, "this parameter is not supported", key);
    report_warning_at(p->source, p->line, "vif: unknown parameter %.40s is ignored", key);
    return 0;
}

static char *trim(char *text)
{
    size_t len;

    while (isspace((unsigned char)*text))
        text++;
    len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        text[--len] = '\0';
    return text;
}

/* A locally unique address of the range that is Xen's. */
static int make_mac(const struct vif_parser *p)
{
    uint8_t *mac = p->vif->mac;

    mac[0] = 0x00;
    mac[1] = 0x16;
    mac[2] = 0x3e;
    if (getrandom(mac + 3, 3, 0) != 3)
        return fail(p, "no random numbers for a MAC address", strerror(errno));
    mac[3] &= 0x7f;
    return 0;
}

int xlcfg_parse_vif(const char *source, unsigned int line, const char *spec, struct vif_config *vif)
{
    struct vif_parser p = {.source = source, .line = line, .vif = vif};
    char *copy = strdup(spec), *rest = copy, *word;
    int rc = 0;

    memset(vif, 0, sizeof(*vif));
    if (!copy)
        return fail(&p, "out of memory", spec);
    while (rc == 0 && (word = strsep(&rest, ","))) {
        char *equals;

        word = trim(word);
        if (*word == '\0')
            continue;
        equals = strchr(word, '=');
        if (!equals) {
            rc = fail(&p, "not KEY=VALUE", word);
            break;
        }
        *equals = '\0';
        rc = take_pair(&p, trim(word), trim(equals + 1));
    }
    if (rc == 0)
        rc = vif_choose_backend(source, line, vif);
    if (rc == 0 && !p.had_mac)
        rc = make_mac(&p);
    free(copy);
    return rc;
}

/* The period behind '@': "50ms", "1000us", "1s"; a bare number is microseconds. */
static bool parse_period(const char *text, uint32_t *usecs)
{
    static const struct {
        const char *unit;
        unsigned long scale;
    } units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"", 1}};
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (!isdigit((unsigned char)*text) || value == 0 || value > RATE_MAX_USECS)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].unit) != 0)
            continue;
        value *= units[i].scale;
        *usecs = (uint32_t)value;
        return value <= RATE_MAX_USECS;
    }
    return false;
}

bool xlcfg_parse_rate(const char *text, uint64_t *bytes, uint32_t *usecs)
{
    char *end;
    uint64_t rate, scale = 1;
    bool in_bits;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    rate = strtoull(text, &end, 10);
    if (*end == 'G')
        scale = 1000000000;
    else if (*end == 'M')
        scale = 1000000;
    else if (*end == 'K')
        scale = 1000;
    if (scale > 1)
        end++;
    in_bits = *end == 'b';
    if ((*end != 'b' && *end != 'B') || strncmp(end + 1, "/s", 2) != 0 || errno == ERANGE ||
        rate > (1ULL << 50) / scale)
        return false;
    rate = rate * scale / (in_bits ? 8 : 1);
    end += 3;
    *usecs = RATE_DEFAULT_USECS;
    if (*end == '@' ? !parse_period(end + 1, usecs) : *end != '\0')
        return false;
    /* 2^50 bytes a second for ten seconds still fit. */
    *bytes = rate / 1000000 * *usecs + rate % 1000000 * *usecs / 1000000;
    return *bytes > 0 && *bytes <= UINT32_MAX;
}
