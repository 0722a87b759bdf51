/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_CMD_H
#define HOSPES_TOOLSTACK_CMD_H

#include "dom0/toolstack/toolstack.h"

/*
 * One row a verb, in cmd.c. run() gets the verb as argv[0] and may use getopt (main() has set optind to 1 and
 * opterr to 0); it returns the exit status of the command: EXIT_SUCCESS, or EXIT_FAILURE after a report.
 * cmd_usage() is how a verb refuses its arguments.
 */
struct command {
    const char *name;
    int (*run)(struct toolstack *ts, int argc, char **argv);
    const char *args; /* what follows the verb, "" for nothing */
    const char *help; /* one line */
};

extern const struct command commands[];
extern const size_t command_count;

/* The row of a verb, NULL when there is none. */
const struct command *command_find(const char *name);

/* Reports "usage: hospes VERB ARGS" for argv[0]; returns EXIT_FAILURE. */
int cmd_usage(char **argv);

/* Life cycle: create.c, destroy.c, lifecycle.c */
int cmd_create(struct toolstack *ts, int argc, char **argv);
int cmd_destroy(struct toolstack *ts, int argc, char **argv);
int cmd_pause(struct toolstack *ts, int argc, char **argv);
int cmd_unpause(struct toolstack *ts, int argc, char **argv);
int cmd_shutdown(struct toolstack *ts, int argc, char **argv);
int cmd_reboot(struct toolstack *ts, int argc, char **argv);
int cmd_rename(struct toolstack *ts, int argc, char **argv);

/* Information: list.c, info.c, console.c, ... Add the prototype here and the row in cmd.c with the function.
 */

#endif
