/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_QEMU_H
#define HOSPES_TOOLSTACK_QEMU_H

#include <stdint.h>

#include "dom0/toolstack/toolstack.h"

/*
 * QEMU as a backend of disks: one process for all qdisk devices of a guest. It finds them in the store, those
 * that come later too. Its process id stands where libxl looks for it, so that `xl destroy` ends it as well.
 */

/* Where Debian's package qemu-system-xen has it. */
#define QEMU_PATH "/usr/libexec/xen-qemu-system-i386"

/* Starts the guest's QEMU if it has none, and waits until it has read the store. 0, or -1 after a report. */
int qemu_start(struct toolstack *ts, uint32_t domid);

/* Ends the guest's QEMU, if it has one; for when it serves nothing any more. 0, or -1 after a report. */
int qemu_stop(struct toolstack *ts, uint32_t domid);

#endif
