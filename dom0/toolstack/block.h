/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_BLOCK_H
#define HOSPES_TOOLSTACK_BLOCK_H

#include "dom0/toolstack/hotplug.h"

/* A disk of the guest by name ("xvdb") or number ("51728"); NULL after a report. */
const struct disk_config *block_find(const struct hotplug *h, const char *name);

#endif
