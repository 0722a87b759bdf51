/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_XLCFG_DEVICE_H
#define HOSPES_TOOLSTACK_XLCFG_DEVICE_H

#include "dom0/toolstack/domain_config.h"

/*
 * The strings inside disk = [ ... ] and vif = [ ... ]. source and line are where the string stands. 0, or -1
 * after a report; what was allocated until then is in *disk or *vif for the caller to free.
 */
int xlcfg_parse_disk(const char *source, unsigned int line, const char *spec, struct disk_config *disk);
int xlcfg_parse_vif(const char *source, unsigned int line, const char *spec, struct vif_config *vif);

/* Whether there is such a file or device, and it can be used beside `count` others. 0, or -1 after a report.
 */
int xlcfg_check_disk(const struct disk_config *others, size_t count, const struct disk_config *disk,
                     const char *source, unsigned int line);

/*
 * Number of a disk's name as frontends count: xvdb3 -> 202 << 8 | 1 << 4 | 3, ... ; false when it is no name
 * of a disk.
 */
bool xlcfg_disk_number(const char *vdev, uint32_t *devid);

/*
 * "10Mb/s", "250KB/s@20ms": bytes a period and the period in microseconds (50 ms when none is given). false:
 * not a rate.
 */
bool xlcfg_parse_rate(const char *text, uint64_t *bytes, uint32_t *usecs);

/* "500", and for bytes also "20m" (k, m, g are powers of 1024); 0 is no limit. false: nothing of the kind. */
bool xlcfg_parse_limit(const char *text, bool is_bytes, uint64_t *limit);

#endif
