/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_CONSOLE_PATHS_H
#define HOSPES_CONSOLE_PATHS_H

/*
 * Where the console daemon can be found. A guest's socket (CONSOLE_SOCKET_DIR/DOMID, a stream) carries the
 * console's bytes both ways with nothing around them; a viewer is first given what was kept of the past. The
 * socket is there before /local/domain/DOMID/console/tty is written, and is closed when the guest is gone and
 * all its output was delivered. Beside it, DOMID.backlog is what was kept.
 */
#define CONSOLE_SOCKET_DIR "/run/hospes/console"
#define CONSOLE_LOG_DIR    "/var/log/hospes"

#endif
