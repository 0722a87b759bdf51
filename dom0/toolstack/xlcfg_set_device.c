/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/xlcfg_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dom0/toolstack/report.h"
#include "dom0/toolstack/xlcfg_device.h"

static int out_of_memory(const struct xlcfg_setting *s)
{
    report_error_at(s->source, s->line, "%s: out of memory", s->key);
    return -1;
}

/* Two disks of one number, or one image written by two disks, would destroy data. */
static int check_disk(const struct domain_config *cfg, const struct xlcfg_setting *s, unsigned int line)
{
    const struct disk_config *last = &cfg->disks[cfg->disk_count - 1];
    struct stat st;

    if (stat(last->target, &st) != 0) {
        report_error_at(s->source, line, "disk: %s: %s", last->target, strerror(errno));
        return -1;
    }
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
        report_error_at(s->source, line, "disk: %s: neither a file nor a block device", last->target);
        return -1;
    }
    for (size_t i = 0; i + 1 < cfg->disk_count; i++) {
        if (cfg->disks[i].devid == last->devid) {
            report_error_at(s->source, line, "disk: %s is there twice", last->vdev);
            return -1;
        }
        if (strcmp(cfg->disks[i].target, last->target) == 0 && !(cfg->disks[i].readonly && last->readonly)) {
            report_error_at(s->source, line, "disk: %s is used twice and not read-only", last->target);
            return -1;
        }
    }
    return 0;
}

int set_disks(struct config_draft *d, const struct xlcfg_setting *s)
{
    struct domain_config *cfg = d->cfg;

    if (xlcfg_check_string_list(s) != 0)
        return -1;
    cfg->disks = calloc(s->value.count + 1, sizeof(*cfg->disks));
    if (!cfg->disks)
        return out_of_memory(s);
    for (size_t i = 0; i < s->value.count; i++) {
        const struct xlcfg_value *item = &s->value.items[i];

        cfg->disk_count = i + 1;
        if (xlcfg_parse_disk(s->source, item->line, item->text, &cfg->disks[i]) != 0 ||
            check_disk(cfg, s, item->line) != 0)
            return -1;
    }
    return 0;
}

int set_vifs(struct config_draft *d, const struct xlcfg_setting *s)
{
    struct domain_config *cfg = d->cfg;

    if (xlcfg_check_string_list(s) != 0)
        return -1;
    cfg->vifs = calloc(s->value.count + 1, sizeof(*cfg->vifs));
    if (!cfg->vifs)
        return out_of_memory(s);
    for (size_t i = 0; i < s->value.count; i++) {
        const struct xlcfg_value *item = &s->value.items[i];

        cfg->vif_count = i + 1;
        if (xlcfg_parse_vif(s->source, item->line, item->text, &cfg->vifs[i]) != 0)
            return -1;
    }
    return 0;
}
