/* SPDX-License-Identifier: MIT */
#ifndef GUEST_CONTROL_H
#define GUEST_CONTROL_H

/*
 * What the toolstack asks of a guest through control/shutdown in the store. Not answered unless an
 * application calls control_start(): its domain then ends, or is saved, only by force. control/sysrq is never
 * looked at.
 */

#include <stdbool.h>

enum control_request { CONTROL_POWEROFF, CONTROL_HALT, CONTROL_REBOOT, CONTROL_SUSPEND };

/*
 * Called on a thread of its own, on vCPU 0, when a request has been acknowledged. True: the application does
 * what is asked by itself, later if it likes (shutdown(), guest_suspend()). False: it is done at once. NULL
 * is as one that says false.
 */
typedef bool (*control_hook_t)(enum control_request request, void *arg);

/* Once. Connects to the store if need be, says in the store what is supported, and watches. 0 or a negative
 * errno.
 */
int control_start(control_hook_t hook, void *arg);

#endif
