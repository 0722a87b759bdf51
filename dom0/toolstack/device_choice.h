/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_DEVICE_CHOICE_H
#define HOSPES_TOOLSTACK_DEVICE_CHOICE_H

#include "dom0/toolstack/domain_config.h"

/*
 * Which backend serves a device whose configuration names none, and whether one that it names can do what it
 * asks for. Replaces BACKEND_DEFAULT by a real one. source and line are where the device stands. 0, or -1
 * after a report.
 */
int disk_choose_backend(const char *source, unsigned int line, struct disk_config *disk);
int vif_choose_backend(const char *source, unsigned int line, struct vif_config *vif);

#endif
