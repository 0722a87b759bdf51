/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/domain_config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define DEFAULT_EVENT_CHANNELS 1023U
#define DEFAULT_GRANT_FRAMES   64U
#define DEFAULT_MAPTRACK       1024U

#define NAME_MAX_BYTES         128U

bool domain_name_is_valid(const char *name)
{
    size_t len = strlen(name);

    /* Digits alone would be taken for a domid, a slash would leave the node, blanks would break listings. */
    if (len == 0 || len > NAME_MAX_BYTES || strspn(name, "0123456789") == len)
        return false;
    for (; *name; name++)
        if ((unsigned char)*name <= 0x20 || *name == 0x7f || *name == '/')
            return false;
    return true;
}

int domain_config_new_uuid(uint8_t uuid[16])
{
    if (getrandom(uuid, 16, 0) != 16)
        return -1;
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
    return 0;
}

void domain_config_init(struct domain_config *cfg)
{
    memset(cfg, 0, sizeof(*cfg));
    cfg->vcpus = 1;
    cfg->max_event_channels = DEFAULT_EVENT_CHANNELS;
    cfg->max_grant_frames = DEFAULT_GRANT_FRAMES;
    cfg->max_maptrack_frames = DEFAULT_MAPTRACK;
    cfg->tsc = TSC_NATIVE;
    cfg->on_poweroff = ACTION_DESTROY;
    cfg->on_reboot = ACTION_RESTART;
    cfg->on_crash = ACTION_DESTROY;
    cfg->on_watchdog = ACTION_DESTROY;
}

void disk_config_free(struct disk_config *disk)
{
    free(disk->target);
    free(disk->vdev);
    free(disk->script);
    memset(disk, 0, sizeof(*disk));
}

void vif_config_free(struct vif_config *vif)
{
    free(vif->bridge);
    free(vif->vifname);
    free(vif->ip);
    free(vif->script);
    free(vif->forward);
    memset(vif, 0, sizeof(*vif));
}

void domain_config_free_devices(struct domain_config *cfg)
{
    for (size_t i = 0; i < cfg->disk_count; i++)
        disk_config_free(&cfg->disks[i]);
    for (size_t i = 0; i < cfg->vif_count; i++)
        vif_config_free(&cfg->vifs[i]);
    free(cfg->disks);
    free(cfg->vifs);
    cfg->disks = NULL;
    cfg->vifs = NULL;
    cfg->disk_count = cfg->vif_count = 0;
}

void domain_config_free(struct domain_config *cfg)
{
    free(cfg->path);
    free(cfg->name);
    free(cfg->kernel);
    free(cfg->kernel_at);
    free(cfg->ramdisk);
    free(cfg->ramdisk_at);
    free(cfg->cmdline);
    free(cfg->affinity);
    domain_config_free_devices(cfg);
    domain_config_init(cfg);
}
