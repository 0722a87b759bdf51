/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_CONSOLE_REQUESTS_H
#define HOSPES_CONSOLE_REQUESTS_H

#include <stddef.h>
#include <stdint.h>

#include "dom0/backends/common/broker.h"

/*
 * What the console daemon's worker needs of its broker: everything that has a name in the file system. The
 * broker makes the names; the worker says which guest.
 */
enum console_op {
    CONSOLE_OP_LOG = 1,  /* char name[]: the guest's log, for appending */
    CONSOLE_OP_ROTATE,   /* char name[]: the same after the old one was moved away */
    CONSOLE_OP_LISTEN,   /* uint32_t domid: its listening socket */
    CONSOLE_OP_BACKLOG,  /* uint32_t domid: the file of its backlog, of the right size; zeros if it is new */
    CONSOLE_OP_TERMINAL, /* nothing: master and slave of a raw pseudo-terminal; data: the slave's path */
    CONSOLE_OP_FORGET,   /* uint32_t domid: removes its socket and backlog */
};

/* ---- in the broker: files.c ---- */

/* Makes the directories, removes what ended guests have left. 0. */
int console_prepare(void *arg);
broker_handler console_handle;

/* ---- in the worker: requests.c; a descriptor, or -1 with errno ---- */

int request_log(struct broker *broker, enum console_op op, const char *name);
int request_for_domain(struct broker *broker, enum console_op op, uint32_t domid);

/* The master; *slave is the other side and tty its path. */
int request_terminal(struct broker *broker, int *slave, char *tty, size_t tty_len);

#endif
