/* SPDX-License-Identifier: MIT */
/* The commands of xs. Each returns the exit status: 0, or 1 after a message on standard error. */
#ifndef XS_CMD_CMD_H
#define XS_CMD_CMD_H

#include "xs/client/xs.h"

struct cmd_args {
    int argc; /* what follows the options */
    char **argv;
    long count;   /* -n, -1 if not given */
    long seconds; /* -T, -1 if not given */
    bool full;    /* -f */
    bool perms;   /* -p */
    bool raw;     /* -r */
    bool tidy;    /* -t */
    bool recurse; /* -R */
    bool upto;    /* -u */
};

int cmd_ls(struct xsc *xs, const struct cmd_args *a);
int cmd_list(struct xsc *xs, const struct cmd_args *a);
int cmd_read(struct xsc *xs, const struct cmd_args *a);
int cmd_write(struct xsc *xs, const struct cmd_args *a);
int cmd_mkdir(struct xsc *xs, const struct cmd_args *a);
int cmd_rm(struct xsc *xs, const struct cmd_args *a);
int cmd_exists(struct xsc *xs, const struct cmd_args *a);
int cmd_chmod(struct xsc *xs, const struct cmd_args *a);
int cmd_watch(struct xsc *xs, const struct cmd_args *a);
int cmd_control(struct xsc *xs, const struct cmd_args *a);

/* Says what failed on which path, by errno; returns 1. */
int cmd_fail(const char *what, const char *path);

/* A child's path, to be freed; NULL when memory is short. "/" needs no second slash. */
char *cmd_child(const char *path, const char *name);

/* Writes a value so that it stays one line: bytes outside of printable ASCII as \ooo, backslash doubled. */
void cmd_put_value(const char *value, size_t len);

#endif
