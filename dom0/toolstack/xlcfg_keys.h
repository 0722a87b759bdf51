/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_XLCFG_KEYS_H
#define HOSPES_TOOLSTACK_XLCFG_KEYS_H

#include "dom0/toolstack/domain_config.h"
#include "dom0/toolstack/xlcfg.h"

/* How one key of xl.cfg is taken. */
enum key_class {
    KEY_HONOURED, /* set() takes it */
    KEY_HVM_ONLY, /* says nothing about a PV guest: a warning */
    KEY_REFUSED,  /* asks for something that does not exist here: an error, unless it asks for nothing */
};

/* What is collected from single keys before it can be judged as a whole. */
struct config_draft {
    struct domain_config *cfg;
    const struct xlcfg_setting *memory, *maxmem, *vcpus, *maxvcpus;
    const struct xlcfg_setting *root, *extra, *cmdline;
    const struct xlcfg_setting *kernel, *ramdisk;
    bool has_uuid;
};

struct config_key {
    const char *key;
    enum key_class class;
    int (*set)(struct config_draft *draft, const struct xlcfg_setting *s); /* 0, or -1 after a report */
};

/* The row of a key, NULL for an unknown one. */
const struct config_key *config_key_find(const char *key);

/* Setters, in xlcfg_set.c; those of disk and vif in xlcfg_set_device.c. */
int set_name(struct config_draft *d, const struct xlcfg_setting *s);
int set_uuid(struct config_draft *d, const struct xlcfg_setting *s);
int set_type(struct config_draft *d, const struct xlcfg_setting *s);
int set_builder(struct config_draft *d, const struct xlcfg_setting *s);
int set_kernel(struct config_draft *d, const struct xlcfg_setting *s);
int set_ramdisk(struct config_draft *d, const struct xlcfg_setting *s);
int set_cmdline(struct config_draft *d, const struct xlcfg_setting *s);
int set_root(struct config_draft *d, const struct xlcfg_setting *s);
int set_extra(struct config_draft *d, const struct xlcfg_setting *s);
int set_memory(struct config_draft *d, const struct xlcfg_setting *s);
int set_maxmem(struct config_draft *d, const struct xlcfg_setting *s);
int set_vcpus(struct config_draft *d, const struct xlcfg_setting *s);
int set_maxvcpus(struct config_draft *d, const struct xlcfg_setting *s);
int set_cpus(struct config_draft *d, const struct xlcfg_setting *s);
int set_cpu_weight(struct config_draft *d, const struct xlcfg_setting *s);
int set_cap(struct config_draft *d, const struct xlcfg_setting *s);
int set_event_channels(struct config_draft *d, const struct xlcfg_setting *s);
int set_grant_frames(struct config_draft *d, const struct xlcfg_setting *s);
int set_maptrack_frames(struct config_draft *d, const struct xlcfg_setting *s);
int set_grant_version(struct config_draft *d, const struct xlcfg_setting *s);
int set_tsc_mode(struct config_draft *d, const struct xlcfg_setting *s);
int set_pool(struct config_draft *d, const struct xlcfg_setting *s);
int set_on_event(struct config_draft *d, const struct xlcfg_setting *s);
int set_nothing(struct config_draft *d, const struct xlcfg_setting *s);
int set_disks(struct config_draft *d, const struct xlcfg_setting *s);
int set_vifs(struct config_draft *d, const struct xlcfg_setting *s);

#endif
