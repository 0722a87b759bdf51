/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_DOMAIN_CONFIG_H
#define HOSPES_TOOLSTACK_DOMAIN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What an xl.cfg file asks for, checked and with defaults filled in. Plain data: it owns all its strings,
 * knows nothing of the hypervisor, and can be used to build the same guest any number of times.
 */

enum disk_format {
    DISK_FORMAT_RAW, /* a block device or a plain file, told apart when the device is attached */
    DISK_FORMAT_QCOW2,
};

enum disk_backend {
    DISK_BACKEND_DEFAULT, /* only while parsing: device_choice.c turns it into one of the others */
    DISK_BACKEND_LINUX,   /* the kernel's blkback, a file through a loop device */
    DISK_BACKEND_HOSPES,  /* hospes-blockd */
    DISK_BACKEND_QDISK,   /* QEMU, a process for the guest */
};

enum vif_backend {
    VIF_BACKEND_DEFAULT, /* as above */
    VIF_BACKEND_LINUX,   /* the kernel's netback */
    VIF_BACKEND_HOSPES,  /* hospes-netd */
};

struct disk_config {
    char *target;   /* path in dom0, absolute; "" only for an empty cdrom */
    char *vdev;     /* name in the guest: "xvda", "xvda1", "hda", "sda3", "d0p1" */
    uint32_t devid; /* number of vdev in the store: 51712 for xvda */
    enum disk_format format;
    enum disk_backend backend;
    char *script; /* block script asked for, NULL for none; only our own attach exists, see xlcfg_disk.c */
    bool readonly;
    bool removable;
    bool cdrom;
    bool discard;         /* default true */
    bool direct_io_safe;  /* default false */
    uint64_t limit_iops;  /* requests a second, 0: no limit */
    uint64_t limit_bytes; /* a second, 0: no limit */
};

struct vif_config {
    uint32_t devid; /* number in the store: its place in the file, or the next free one */
    uint8_t mac[6]; /* always set: from the file, or made up in 00:16:3e once for the life of the config */
    char *bridge;   /* NULL: the default bridge, "xenbr0" */
    char *vifname;  /* NULL: vifDOMID.DEVID */
    char *ip;       /* NULL, or the words as given, told to the store */
    char *script;   /* NULL, or as given: told to the store for other tools, never run */
    uint32_t mtu;   /* 0: the bridge's */
    uint64_t rate_bytes; /* credit a period, 0: no limit */
    uint32_t rate_usecs; /* length of a period */
    enum vif_backend backend;
    bool antispoof;  /* only packets with the card's own addresses pass */
    char *forward;   /* ports of dom0 that lead to the guest, "tcp:8080:80 udp:53:53", NULL: none */
    uint32_t queues; /* at most, 0: the backend's choice */
};

enum domain_action {
    ACTION_DESTROY,
    ACTION_RESTART,
    ACTION_RENAME_RESTART, /* keep the corpse under NAME-N, build a new one */
    ACTION_PRESERVE,
};

enum tsc_choice {
    TSC_NATIVE,  /* default: RDTSC is never trapped */
    TSC_DEFAULT, /* the hypervisor's choice */
    TSC_EMULATE,
};

struct domain_config {
    char *path; /* file it came from, for messages */
    char *name;
    uint8_t uuid[16]; /* from the file or random, kept over reboots */

    char *kernel;     /* path in dom0 */
    char *kernel_at;  /* "FILE:LINE" that names it, for messages */
    char *ramdisk;    /* NULL: none */
    char *ramdisk_at; /* as kernel_at */
    char *cmdline;    /* from cmdline=, or root= and extra=; never NULL */

    uint64_t memory_kib; /* at start */
    uint64_t maxmem_kib; /* >= memory_kib */
    uint32_t vcpus;      /* online at start */
    uint32_t maxvcpus;   /* >= vcpus */

    uint32_t max_event_channels; /* highest port */
    uint32_t max_grant_frames;
    uint32_t max_maptrack_frames;
    enum tsc_choice tsc;
    uint32_t cpu_weight; /* 0: the scheduler's default */
    uint32_t cpu_cap;    /* percent of one CPU, 0: none */
    bool cpu_cap_set;
    uint64_t *affinity; /* hard affinity as a bitmap of affinity_words words, NULL: all CPUs */
    size_t affinity_words;

    enum domain_action on_poweroff;
    enum domain_action on_reboot;
    enum domain_action on_crash;
    enum domain_action on_watchdog;

    struct disk_config *disks;
    size_t disk_count;
    struct vif_config *vifs;
    size_t vif_count;
};

/* What a name must look like, here and in `rename`; the rule in words for messages. */
bool domain_name_is_valid(const char *name);
#define DOMAIN_NAME_RULE \
    "a name has 1 to 128 characters, not all digits, without blanks, slashes or control characters"

/* A random UUID; -1 with errno. */
int domain_config_new_uuid(uint8_t uuid[16]);

/* Defaults; never fails. */
void domain_config_init(struct domain_config *cfg);

/* Frees all it owns and leaves it as init does. */
void domain_config_free(struct domain_config *cfg);

/* Only its disks and cards. */
void domain_config_free_devices(struct domain_config *cfg);

void disk_config_free(struct disk_config *disk);
void vif_config_free(struct vif_config *vif);

/*
 * Read the file at path, then overrides[0..n) as if each were a further line of it. 0, or -1 after reporting
 * "FILE:LINE: reason" (overrides: "command line:N: reason"). cfg is freed on failure.
 */
int domain_config_load(struct domain_config *cfg, const char *path, char *const overrides[], size_t n);

/* The same with the text in memory; name stands for the file in messages. */
int domain_config_parse(struct domain_config *cfg, const char *name, const char *text, size_t len,
                        char *const overrides[], size_t n);

#endif
