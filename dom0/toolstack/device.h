/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_DEVICE_H
#define HOSPES_TOOLSTACK_DEVICE_H

#include <stdint.h>

#include "dom0/toolstack/device_nodes.h"
#include "dom0/toolstack/domain_config.h"
#include "dom0/toolstack/toolstack.h"

/*
 * Devices of a guest, seen by the builder. The store's layout is libxl's, so that stock tools find the
 * devices: frontend /local/domain/N/device/KIND/ID, backend /local/domain/0/backend/KIND/N/ID, and one node
 * for each at /libxl/N/device/KIND/ID (owned by dom0, no guest can write there) that names both; whatever the
 * toolstack must remember to give back (a loop device, ...) lies below that node.
 *
 * All need toolstack_need_all() done. All return 0, or -1 after a report.
 */

/*
 * Writes the nodes of all disks and vifs, sets up loop devices, waits until the backends are ready to be
 * connected and puts vifs on their bridge. The guest is paused. On failure everything that was attached is
 * detached again before it returns.
 */
int devices_attach_all(struct toolstack *ts, uint32_t domid, const struct domain_config *cfg);

/*
 * The same for a guest that runs: cfg holds only what is new (device_record.h: and what is there). Nothing is
 * left of it when one cannot be had.
 */
int devices_attach_more(struct toolstack *ts, uint32_t domid, const struct domain_config *cfg);

/*
 * One device of a running guest, by the guest's leave: asks the backend to close, waits a bounded time for
 * the guest to let go, and removes the nodes. When the guest does not, the device stays, closing.
 */
int device_ask_back(struct toolstack *ts, const struct device *dev);

/* The same without asking the guest. */
int device_take_away(struct toolstack *ts, const struct device *dev);

/*
 * Orderly end: asks the backends to close, waits a bounded time, then removes nodes and gives back loop
 * devices and whatever else. Works from the store alone, so that it also cleans after a toolstack that died
 * half-way; works on a domain that is paused, dying or gone; goes on after a failure and returns -1 then.
 */
int devices_detach_all(struct toolstack *ts, uint32_t domid);

/*
 * The nodes of the primary console: /local/domain/N/console/... (ring-ref, port, limit, type, output, tty).
 * Called before the guest is introduced to the store; console_mfn and port are what start_info says.
 */
int console_write_nodes(struct toolstack *ts, uint32_t domid, uint64_t console_mfn, uint32_t port);

/*
 * A guest's console, paused or running: the socket of our daemon, which begins with what was missed, or the
 * terminal of another one. A descriptor, or -1 after a report.
 */
int console_open(struct toolstack *ts, uint32_t domid);

/* Connects the terminal to it until the guest ends or the operator types ^]; closes it. */
void console_join(int fd);

#endif
