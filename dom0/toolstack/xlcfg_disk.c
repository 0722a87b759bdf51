/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/xlcfg_device.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/device_choice.h"
#include "dom0/toolstack/report.h"

#define LIMIT_MAX (UINT64_C(1) << 50)

/*
 * xl's disk specification: comma-separated words. Words without '=' fill target, format, vdev and access in
 * that order, where format is left out behind one of the old prefixes ("phy:/dev/x,xvda,w"). target= takes
 * the rest of the string, commas and all.
 */
struct disk_parser {
    const char *source;
    unsigned int line;
    struct disk_config *disk;
    bool had_prefix, had_target, had_format, had_vdev, had_access;
};

static int fail(const struct disk_parser *p, const char *what, const char *word)
{
    report_error_at(p->source, p->line, "disk: %s: %.80s", what, word);
    return -1;
}

static int set_copy(const struct disk_parser *p, char **field, const char *value)
{
    free(*field);
    *field = strdup(value);
    return *field ? 0 : fail(p, "out of memory", value);
}

static int set_format(struct disk_parser *p, const char *value)
{
    p->had_format = true;
    if (strcmp(value, "raw") == 0 || strcmp(value, "aio") == 0 || *value == '\0')
        return 0;
    if (strcmp(value, "qcow2") == 0) {
        p->disk->format = DISK_FORMAT_QCOW2;
        return 0;
    }
    if (strcmp(value, "qcow") == 0 || strcmp(value, "vhd") == 0 || strcmp(value, "qed") == 0)
        return fail(p, "the formats raw and qcow2 are served here, not", value);
    if (strcmp(value, "empty") == 0)
        return fail(p, "a PV guest cannot have a drive without a medium", value);
    return fail(p, "unknown format", value);
}

static int set_access(struct disk_parser *p, const char *value)
{
    p->had_access = true;
    if (strcmp(value, "r") == 0 || strcmp(value, "ro") == 0)
        p->disk->readonly = true;
    else if (strcmp(value, "w") == 0 || strcmp(value, "rw") == 0)
        p->disk->readonly = false;
    else
        return fail(p, "access is one of r, ro, w, rw, not", value);
    return 0;
}

static int set_cdrom(struct disk_parser *p)
{
    p->disk->cdrom = p->disk->removable = true;
    p->disk->readonly = true;
    return 0;
}

static int set_devtype(struct disk_parser *p, const char *value)
{
    if (strcmp(value, "cdrom") == 0)
        return set_cdrom(p);
    return strcmp(value, "disk") == 0 ? 0 : fail(p, "devtype is disk or cdrom, not", value);
}

static int set_backendtype(struct disk_parser *p, const char *value)
{
    static const struct {
        const char *name;
        enum disk_backend backend;
    } backends[] = {
        {"linux", DISK_BACKEND_LINUX},
        {"phy", DISK_BACKEND_LINUX},
        {"hospes", DISK_BACKEND_HOSPES},
        {"qdisk", DISK_BACKEND_QDISK},
    };

    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
        if (strcmp(value, backends[i].name) == 0) {
            p->disk->backend = backends[i].backend;
            return 0;
        }
    if (strcmp(value, "tap") == 0 || strcmp(value, "standalone") == 0)
        return fail(p, "this backendtype does not exist here", value);
    return fail(p, "unknown backendtype", value);
}

bool xlcfg_parse_limit(const char *text, bool is_bytes, uint64_t *limit)
{
    static const char units[] = "kmg";
    uint64_t value;
    char *end, *unit;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno != 0 || value > LIMIT_MAX)
        return false;
    if (is_bytes && *end && (unit = strchr(units, tolower((unsigned char)*end)))) {
        value <<= 10 * (unit - units + 1);
        end++;
    }
    *limit = value;
    return *end == '\0' && value <= LIMIT_MAX;
}

static int set_limit(const struct disk_parser *p, const char *value, bool is_bytes, uint64_t *limit)
{
    if (xlcfg_parse_limit(value, is_bytes, limit))
        return 0;
    return fail(p,
                is_bytes ? "limit-bytes is a number of bytes a second, like 1000000 or 20m, not"
                         : "limit-iops is a number of requests a second, not",
                value);
}

static int set_vdev(struct disk_parser *p, const char *value)
{
    char name[32];
    size_t len = strlen(value);

    p->had_vdev = true;
    if (len > 6 && strcmp(value + len - 6, ":cdrom") == 0) {
        len -= 6;
        set_cdrom(p);
    }
    if (len >= sizeof(name))
        return fail(p, "no name of a disk", value);
    memcpy(name, value, len);
    name[len] = '\0';
    if (!xlcfg_disk_number(name, &p->disk->devid))
        return fail(p, "no name of a disk (xvda, xvdb1, sda, hda, ...)", name);
    return set_copy(p, &p->disk->vdev, name);
}

static int set_target(struct disk_parser *p, const char *value)
{
    static const struct {
        const char *prefix;
        bool served;
    } prefixes[] = {
        {"phy:", true},  {"file:", true},  {"raw:", true},    {"tap:", true},   {"tap2:", true},
        {"aio:", true},  {"vhd:", false},  {"qcow:", false},  {"qcow2:", true}, {"ioemu:", false},
        {"nbd:", false}, {"drbd:", false}, {"iscsi:", false},
    };
    bool again = true;

    p->had_target = true;
    while (again) {
        again = false;
        for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
            size_t len = strlen(prefixes[i].prefix);

            if (strncmp(value, prefixes[i].prefix, len) != 0)
                continue;
            if (!prefixes[i].served)
                return fail(p, "this kind of target is not served here", value);
            if (strcmp(prefixes[i].prefix, "qcow2:") == 0)
                p->disk->format = DISK_FORMAT_QCOW2;
            value += len;
            p->had_prefix = again = true;
            break;
        }
    }
    if (strcmp(value, "") != 0 && value[0] != '/')
        return fail(p, "the target is not an absolute path", value);
    return set_copy(p, &p->disk->target, value);
}

static int set_flag(struct disk_parser *p, const char *word, bool *known)
{
    *known = true;
    if (strcmp(word, "cdrom") == 0)
        return set_cdrom(p);
    if (strcmp(word, "rw") == 0 || strcmp(word, "w") == 0 || strcmp(word, "r") == 0 ||
        strcmp(word, "ro") == 0)
        return set_access(p, word);
    if (strcmp(word, "discard") == 0 || strcmp(word, "no-discard") == 0)
        p->disk->discard = word[0] == 'd';
    else if (strcmp(word, "direct-io-safe") == 0)
        p->disk->direct_io_safe = true;
    else
        *known = false;
    return 0;
}

static int take_pair(struct disk_parser *p, const char *key, const char *value)
{
    if (strcmp(key, "format") == 0)
        return set_format(p, value);
    if (strcmp(key, "vdev") == 0)
        return set_vdev(p, value);
    if (strcmp(key, "access") == 0)
        return set_access(p, value);
    if (strcmp(key, "target") == 0)
        return set_target(p, value);
    if (strcmp(key, "devtype") == 0)
        return set_devtype(p, value);
    if (strcmp(key, "backendtype") == 0)
        return set_backendtype(p, value);
    if (strcmp(key, "limit-iops") == 0)
        return set_limit(p, value, false, &p->disk->limit_iops);
    if (strcmp(key, "limit-bytes") == 0)
        return set_limit(p, value, true, &p->disk->limit_bytes);
    if (strcmp(key, "script") == 0)
        return set_copy(p, &p->disk->script, value);
    if (strcmp(key, "backend") == 0)
        return strcmp(value, "0") == 0 || strcmp(value, "Domain-0") == 0
                   ? 0
                   : fail(p, "disks are served by Domain-0 only, not by", value);
    return fail(p, "unknown parameter", key);
}

static int take_positional(struct disk_parser *p, const char *word)
{
    if (!p->had_target)
        return set_target(p, word);
    if (!p->had_format && !p->had_prefix)
        return set_format(p, word);
    if (!p->had_vdev)
        return set_vdev(p, word);
    if (!p->had_access)
        return set_access(p, word);
    return fail(p, "one word too many", word);
}

/* One word up to the next comma; returns what is left, NULL at the end. Blanks around a word do not count. */
static char *cut_word(char *text, char **word)
{
    char *comma, *end;

    while (isspace((unsigned char)*text))
        text++;
    *word = text;
    if (strncmp(text, "target=", 7) == 0)
        return NULL;
    comma = strchr(text, ',');
    end = comma ? comma : text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        end--;
    *end = '\0';
    return comma ? comma + 1 : NULL;
}

static int take_word(struct disk_parser *p, char *word)
{
    char *equals = strchr(word, '=');
    bool known;
    int rc;

    /* A path may have a '=' in it; a key is all lower case and dashes. */
    if (equals && strspn(word, "abcdefghijklmnopqrstuvwxyz-") == (size_t)(equals - word)) {
        *equals = '\0';
        return take_pair(p, word, equals + 1);
    }
    if (p->had_vdev) {
        rc = set_flag(p, word, &known);
        if (known)
            return rc;
    }
    return take_positional(p, word);
}

static int check_disk(const struct disk_parser *p, const char *spec)
{
    if (!p->disk->vdev)
        return fail(p, "the name of the disk (vdev=xvda) is missing in", spec);
    if (!p->disk->target || p->disk->target[0] == '\0')
        return fail(p, "the target is missing in", spec);
    if (p->disk->script)
        report_warning_at(p->source, p->line,
                          "disk: script=%.60s is not run: the toolstack attaches disks itself",
                          p->disk->script);
    return disk_choose_backend(p->source, p->line, p->disk);
}

int xlcfg_parse_disk(const char *source, unsigned int line, const char *spec, struct disk_config *disk)
{
    struct disk_parser p = {.source = source, .line = line, .disk = disk};
    char *copy = strdup(spec), *rest = copy, *word;
    int rc = 0;

    memset(disk, 0, sizeof(*disk));
    disk->discard = true;
    if (!copy)
        return fail(&p, "out of memory", spec);
    while (rc == 0 && rest) {
        rest = cut_word(rest, &word);
        rc = *word == '\0' && !rest && p.had_target ? 0 : take_word(&p, word);
    }
    if (rc == 0)
        rc = check_disk(&p, spec);
    free(copy);
    return rc;
}

/* Letters of a disk's name to a number: a is 0, z 25, aa 26; *rest is what follows. */
static bool disk_letters(const char *s, const char **rest, uint32_t *disk)
{
    uint32_t value = 0;
    const char *p = s;

    for (; *p >= 'a' && *p <= 'z'; p++) {
        if (p - s >= 4)
            return false;
        value = value * 26 + (uint32_t)(*p - 'a') + 1;
    }
    *rest = p;
    *disk = value - 1;
    return p != s;
}

static bool small_number(const char *s, uint32_t max, uint32_t *value)
{
    char *end;
    unsigned long v;

    if (*s == '\0') {
        *value = 0;
        return true;
    }
    if (!isdigit((unsigned char)*s) || *s == '0')
        return false;
    v = strtoul(s, &end, 10);
    *value = (uint32_t)v;
    return *end == '\0' && v <= max;
}

bool xlcfg_disk_number(const char *vdev, uint32_t *devid)
{
    uint32_t disk, part;
    const char *rest;

    if (strncmp(vdev, "xvd", 3) == 0 && disk_letters(vdev + 3, &rest, &disk) && disk < (1U << 20) &&
        small_number(rest, 255, &part)) {
        if (disk < 16 && part < 16)
            *devid = 202U << 8 | disk << 4 | part;
        else
            *devid = 1U << 28 | disk << 8 | part;
        return true;
    }
    if (strncmp(vdev, "sd", 2) == 0 && disk_letters(vdev + 2, &rest, &disk) && disk < 16 &&
        small_number(rest, 15, &part)) {
        *devid = 8U << 8 | disk << 4 | part;
        return true;
    }
    if (strncmp(vdev, "hd", 2) == 0 && disk_letters(vdev + 2, &rest, &disk) && disk < 4 &&
        small_number(rest, 63, &part)) {
        *devid = (disk < 2 ? 3U : 22U) << 8 | (disk & 1) << 6 | part;
        return true;
    }
    return false;
}
