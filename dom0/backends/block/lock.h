/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_LOCK_H
#define HOSPES_BLOCK_LOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Locks on an image that go with the open file itself (OFD locks), so they last until its last user in the
 * kernel has let go of it. An operation under way is such a user: when the lock of a killed daemon is gone,
 * so is all its I/O, and what it had not answered may be executed again.
 *
 *   - whoever writes excludes all others, readers exclude writers;
 *   - each device has a place of its own, which tells its own past from other devices.
 *
 * Both places are far behind the end of any image.
 */

/* Offset of the byte whose lock says who uses an image: for reading shared, for writing exclusive. */
#define LOCK_SHARE_PLACE ((off_t)1 << 61)

/*
 * Waits until no former daemon has I/O of this device under way, then takes both locks. 0 or an errno value:
 * EBUSY when another device has the image, ETIMEDOUT when the former I/O does not end within the time.
 */
int lock_image(int fd, bool readonly, uint32_t domid, uint32_t devid, int timeout_ms);

#endif
