/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_LOOP_H
#define HOSPES_TOOLSTACK_LOOP_H

#include <stdbool.h>

/*
 * Makes a block device of the file behind file_fd, with direct I/O where its file system can. The device
 * gives itself back when the last one who has it open closes it, so nobody has to remember it: neither a
 * toolstack that dies nor a guest that is destroyed leaves one behind. path is what `losetup` shows.
 *
 * Waits while another process makes one (an flock on /dev/loop-control), so that a file which several are
 * given at once goes to one of them.
 *
 * Returns a descriptor of the block device, -1 with errno: EBUSY when another loop device or
 * hospes-blockd has the file, and one of the two would write.
 */
int loop_attach(int file_fd, const char *path, bool readonly);

#endif
