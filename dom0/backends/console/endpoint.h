/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_CONSOLE_ENDPOINT_H
#define HOSPES_CONSOLE_ENDPOINT_H

#include "dom0/backends/console/guest.h"

/* The socket where viewers find a guest. Without one (there is a log line then) the guest is served as well.
 */
void endpoint_open(struct guest *guest);
void endpoint_close(struct guest *guest);

#endif
