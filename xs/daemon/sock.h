/* SPDX-License-Identifier: MIT */
/* Connections over the Unix socket. */
#ifndef XS_DAEMON_SOCK_H
#define XS_DAEMON_SOCK_H

#include "xs/daemon/server.h"

/* Listens at `path`, taking over a socket that no server answers at any more. 0, or -1 with errno. */
int sock_listen(struct server *srv, const char *path);

/* Closes the listener and all connections. */
void sock_close_all(struct server *srv);

#endif
