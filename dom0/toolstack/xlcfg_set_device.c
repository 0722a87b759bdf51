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
static int check_others(const struct disk_config *others, size_t count, const struct disk_config *disk,
                        const char *source, unsigned int line)
{
    for (size_t i = 0; i < count; i++) {
        if (others[i].devid == disk->devid) {
            report_error_at(source, line, "disk: %s is there twice", disk->vdev);
            return -1;
        }
        if (strcmp(others[i].target, disk->target) == 0 && !(others[i].readonly && disk->readonly)) {
            report_error_at(source, line, "disk: %s is used twice and not read-only", disk->target);
            return -1;
        }
    }
    return 0;
}

int xlcfg_check_disk(const struct disk_config *others, size_t count, const struct disk_config *disk,
                     const char *source, unsigned int line)
{
    struct stat st;

    if (stat(disk->target, &st) != 0) {
        report_error_at(source, line, "disk: %s: %s", disk->target, strerror(errno));
        return -1;
    }
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
        report_error_at(source, line, "disk: %s: neither a file nor a block device", disk->target);
        return -1;
    }
    return check_others(others, count, disk, source, line);
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
            xlcfg_check_disk(cfg->disks, i, &cfg->disks[i], s->source, item->line) != 0)
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
        cfg->vifs[i].devid = (uint32_t)i;
    }
    return 0;
}
