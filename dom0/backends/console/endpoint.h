/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_CONSOLE_ENDPOINT_H
#define HOSPES_CONSOLE_ENDPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "dom0/backends/console/guest.h"

/* The places where viewers find a guest: its socket and its pseudo-terminal. */

/* A listening socket at CONSOLE_SOCKET_DIR/DOMID for root alone; -1 after a log line. */
int endpoint_listen(uint32_t domid);
void endpoint_close_listener(int fd, uint32_t domid);

/* Makes a viewer of the guest of everyone who connects to guest->listener. */
struct loop_handle *endpoint_accept_on(struct loop *loop, struct guest *guest);

/*
 * A raw pseudo-terminal: returns its master, *slave is the other side and tty its path. -1 after a log line.
 */
int endpoint_terminal(int *slave, char *tty, size_t tty_len);

#endif
