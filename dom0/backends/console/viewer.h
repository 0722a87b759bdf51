/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_CONSOLE_VIEWER_H
#define HOSPES_CONSOLE_VIEWER_H

#include <stdbool.h>
#include <stdint.h>

#include "dom0/backends/console/backlog.h"
#include "dom0/backends/common/loop.h"

struct guest;

/*
 * One who looks at a console and types: a connection to the guest's socket, or the guest's pseudo-terminal.
 * It never makes the guest wait.
 */
struct viewer {
    struct guest *guest;
    struct viewer *next;
    int fd;            /* not blocking; ours */
    bool is_terminal;  /* the pseudo-terminal lives as long as the guest */
    uint64_t position; /* in the guest's backlog */
    struct loop_handle *handle;
};

/* Takes over fd, which is closed on failure; starts with what the backlog still has. NULL with errno. */
struct viewer *viewer_new(struct loop *loop, struct guest *guest, int fd, bool is_terminal);
void viewer_free(struct viewer *viewer);

/* Sends what is new, as much as the viewer takes. False when it is gone. */
bool viewer_flush(struct viewer *viewer, const struct backlog *backlog);

/* Whether there is nothing left to tell it. A terminal that nobody reads is told enough. */
bool viewer_done(const struct viewer *viewer, const struct backlog *backlog);

/* Asks for input only when the guest could take some, and to send only when there is something to send. */
void viewer_update(struct viewer *viewer, const struct backlog *backlog, bool guest_takes_input);

#endif
