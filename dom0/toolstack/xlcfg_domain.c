/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/domain_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xen/xen.h>

#include "dom0/toolstack/report.h"
#include "dom0/toolstack/xlcfg.h"
#include "dom0/toolstack/xlcfg_keys.h"

static int take_setting(struct config_draft *draft, const struct xlcfg_setting *s)
{
    const struct config_key *key = config_key_find(s->key);

    if (!key) {
        report_warning_at(s->source, s->line, "unknown key %.60s is ignored", s->key);
        return 0;
    }
    switch (key->class) {
    case KEY_HONOURED:
        return key->set(draft, s);
    case KEY_HVM_ONLY:
        report_warning_at(s->source, s->line, "%s has no meaning for a PV guest and is ignored", s->key);
        return 0;
    case KEY_REFUSED:
        break;
    }
    if (!xlcfg_is_set(s))
        return 0;
    report_error_at(s->source, s->line, "%s is not supported", s->key);
    return -1;
}

static int missing(const struct domain_config *cfg, const char *key)
{
    report_error("%s: no %s is given", cfg->path, key);
    return -1;
}

static int fail_at(const struct xlcfg_setting *s, const char *why)
{
    report_error_at(s->source, s->line, "%s: %s", s->key, why);
    return -1;
}

static int finish_sizes(struct config_draft *d)
{
    struct domain_config *cfg = d->cfg;

    if (!d->memory && !d->maxmem)
        return missing(cfg, "memory");
    if (!d->memory)
        cfg->memory_kib = cfg->maxmem_kib;
    if (!d->maxmem)
        cfg->maxmem_kib = cfg->memory_kib;
    if (cfg->maxmem_kib < cfg->memory_kib)
        return fail_at(d->maxmem, "less than memory");
    if (!d->maxvcpus)
        cfg->maxvcpus = cfg->vcpus;
    if (cfg->vcpus > cfg->maxvcpus)
        return fail_at(d->maxvcpus, "less than vcpus");
    return 0;
}

/* cmdline= as it is, else root= and extra= put together; it must fit into start_info. */
static int finish_cmdline(struct config_draft *d)
{
    const char *root = d->root ? d->root->value.text : NULL;
    const char *extra = d->extra ? d->extra->value.text : "";
    const struct xlcfg_setting *at = d->cmdline ? d->cmdline : d->extra ? d->extra : d->root;
    int r;

    if (d->cmdline) {
        if (d->root || d->extra)
            report_warning_at(d->cmdline->source, d->cmdline->line,
                              "cmdline is used, root and extra are ignored");
        r = asprintf(&d->cfg->cmdline, "%s", d->cmdline->value.text);
    } else if (root) {
        r = asprintf(&d->cfg->cmdline, "root=%s%s%s", root, *extra ? " " : "", extra);
    } else {
        r = asprintf(&d->cfg->cmdline, "%s", extra);
    }
    if (r < 0) {
        d->cfg->cmdline = NULL;
        report_error("out of memory");
        return -1;
    }
    if (at && r >= MAX_GUEST_CMDLINE) {
        report_error_at(at->source, at->line, "%s: the guest's command line has %d bytes, at most %d fit",
                        at->key, r, MAX_GUEST_CMDLINE - 1);
        return -1;
    }
    return 0;
}

static int check_file(const struct xlcfg_setting *s, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0 || access(path, R_OK) != 0) {
        report_error_at(s->source, s->line, "%s: %s: %s", s->key, path, strerror(errno));
        return -1;
    }
    if (!S_ISREG(st.st_mode)) {
        report_error_at(s->source, s->line, "%s: %s: not a regular file", s->key, path);
        return -1;
    }
    return 0;
}

/* The monitor builds a rebooted guest from another directory. Symbolic links stay: they may have a new target
 * then. */
static int make_absolute(const struct xlcfg_setting *s, char **path)
{
    char *cwd, *absolute = NULL;

    if (**path == '/')
        return 0;
    cwd = getcwd(NULL, 0);
    if (!cwd || asprintf(&absolute, "%s/%s", cwd, *path) < 0) {
        report_error_at(s->source, s->line, "%s: %s", s->key, strerror(errno));
        free(cwd);
        return -1;
    }
    free(cwd);
    free(*path);
    *path = absolute;
    return 0;
}

static int finish_files(struct config_draft *d)
{
    struct domain_config *cfg = d->cfg;

    if (!d->kernel)
        return missing(cfg, "kernel");
    if (cfg->ramdisk && cfg->ramdisk[0] == '\0') {
        free(cfg->ramdisk);
        cfg->ramdisk = NULL;
    }
    if (check_file(d->kernel, cfg->kernel) != 0 || make_absolute(d->kernel, &cfg->kernel) != 0)
        return -1;
    if (!cfg->ramdisk)
        return 0;
    return check_file(d->ramdisk, cfg->ramdisk) == 0 ? make_absolute(d->ramdisk, &cfg->ramdisk) : -1;
}

static int finish_uuid(struct config_draft *d)
{
    if (d->has_uuid || domain_config_new_uuid(d->cfg->uuid) == 0)
        return 0;
    report_error("%s: no random numbers for a UUID: %s", d->cfg->path, strerror(errno));
    return -1;
}

static int interpret(struct domain_config *cfg, const struct xlcfg *tree)
{
    struct config_draft draft = {.cfg = cfg};

    for (size_t i = 0; i < tree->count; i++)
        if (take_setting(&draft, &tree->settings[i]) != 0)
            return -1;
    if (!cfg->name)
        return missing(cfg, "name");
    if (finish_sizes(&draft) != 0 || finish_cmdline(&draft) != 0 || finish_files(&draft) != 0)
        return -1;
    return finish_uuid(&draft);
}

int domain_config_parse(struct domain_config *cfg, const char *name, const char *text, size_t len,
                        char *const overrides[], size_t n)
{
    struct xlcfg tree = {NULL, 0};
    int rc;

    domain_config_init(cfg);
    cfg->path = strdup(name);
    if (!cfg->path) {
        report_error("%s: out of memory", name);
        return -1;
    }
    rc = xlcfg_parse(&tree, cfg->path, text, len);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = xlcfg_parse_override(&tree, overrides[i], (unsigned int)i + 1);
    if (rc == 0)
        rc = interpret(cfg, &tree);
    xlcfg_free(&tree);
    if (rc != 0)
        domain_config_free(cfg);
    return rc;
}

/* The whole file, malloc'd; bounded, since a configuration is a page or two. */
static char *read_file(const char *path, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char *text = fd >= 0 ? malloc(XLCFG_MAX_BYTES + 1) : NULL;
    ssize_t r = 1;

    *len = 0;
    while (text && r > 0 && *len <= XLCFG_MAX_BYTES) {
        r = read(fd, text + *len, XLCFG_MAX_BYTES + 1 - *len);
        if (r > 0)
            *len += (size_t)r;
    }
    if (!text || r < 0) {
        report_error("%s: %s", path, strerror(errno));
        free(text);
        text = NULL;
    } else if (*len > XLCFG_MAX_BYTES) {
        report_error("%s: more than %zu bytes are no configuration", path, XLCFG_MAX_BYTES);
        free(text);
        text = NULL;
    }
    if (fd >= 0)
        close(fd);
    return text;
}

int domain_config_load(struct domain_config *cfg, const char *path, char *const overrides[], size_t n)
{
    size_t len;
    char *text = read_file(path, &len);
    int rc;

    domain_config_init(cfg);
    if (!text)
        return -1;
    rc = domain_config_parse(cfg, path, text, len, overrides, n);
    free(text);
    return rc;
}
