/* SPDX-License-Identifier: MIT */
/* xs: the store on the command line. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xs/cmd/cmd.h"

static const struct command {
    const char *name;
    int (*run)(struct xsc *xs, const struct cmd_args *a);
    const char *options; /* letters that it takes */
    int min_args;
    const char *args;
    const char *help;
} commands[] = {
    {"ls", cmd_ls, "fp", 0, "[-f] [-p] [PATH...]", "tree below a node (-f full paths, -p permissions)"},
    {"list", cmd_list, "p", 0, "[-p] [PATH...]", "names of a node's children"},
    {"dir", cmd_list, "p", 0, "[-p] [PATH...]", "the same"},
    {"read", cmd_read, "pr", 1, "[-p] [-r] PATH...", "values (-p with the path, -r as they are)"},
    {"write", cmd_write, "", 2, "PATH VALUE [PATH VALUE]...", "sets values, all or none"},
    {"mkdir", cmd_mkdir, "", 1, "PATH...", "creates empty nodes"},
    {"rm", cmd_rm, "t", 1, "[-t] PATH...", "removes nodes with all below (-t empty parents too)"},
    {"exists", cmd_exists, "", 1, "PATH...", "exit status 0 if all exist, else 1"},
    {"chmod", cmd_chmod, "Ru", 2, "[-R] [-u] PATH PERM...",
     "sets permissions, as n0 r5 (-R below it too, -u parents too)"},
    {"watch", cmd_watch, "n:T:", 1, "[-n COUNT] [-T SECONDS] PATH...", "prints the path of each change"},
    {"control", cmd_control, "", 1, "COMMAND [ARG...]", "a command to the server: \"control help\""},
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
    fprintf(out, "usage: xs [-s SOCKET] COMMAND ...\n");
    for (size_t i = 0; i < NR_COMMANDS; i++)
        fprintf(out, "  %-8s %-34s %s\n", commands[i].name, commands[i].args, commands[i].help);
}

static int wrong_use(const struct command *c)
{
    fprintf(stderr, "usage: xs %s %s\n", c->name, c->args);
    return 2;
}

static int parse_number(const char *text, long *value)
{
    char *end;

    errno = 0;
    *value = strtol(text, &end, 10);
    return errno || end == text || *end || *value < 0 ? -1 : 0;
}

/* Reads a command's options: 0, or -1 for wrong ones. */
static int parse_options(const struct command *c, int argc, char **argv, struct cmd_args *a)
{
    char options[8];
    int opt;

    /* Options end at the first argument: a value may begin with '-'. */
    snprintf(options, sizeof(options), "+%s", c->options);
    optind = 1;
    opterr = 0;
    while ((opt = getopt(argc, argv, options)) != -1) {
        switch (opt) {
        case 'f':
            a->full = true;
            break;
        case 'p':
            a->perms = true;
            break;
        case 'r':
            a->raw = true;
            break;
        case 't':
            a->tidy = true;
            break;
        case 'R':
            a->recurse = true;
            break;
        case 'u':
            a->upto = true;
            break;
        case 'n':
            if (parse_number(optarg, &a->count))
                return -1;
            break;
        case 'T':
            if (parse_number(optarg, &a->seconds))
                return -1;
            break;
        default:
            return -1;
        }
    }
    a->argc = argc - optind;
    a->argv = argv + optind;
    return a->argc < c->min_args ? -1 : 0;
}

static int run(const struct command *c, const char *socket, int argc, char **argv)
{
    struct cmd_args a = {.count = -1, .seconds = -1};
    struct xsc *xs;
    int rc;

    if (parse_options(c, argc, argv, &a))
        return wrong_use(c);
    xs = xsc_open(socket);
    if (!xs) {
        fprintf(stderr, "xs: cannot reach the store%s%s: %s\n", socket ? " at " : "", socket ? socket : "",
                strerror(errno));
        return 1;
    }
    rc = c->run(xs, &a);
    xsc_close(xs);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "xs: standard output: %s\n", strerror(errno));
        return 1;
    }
    return rc;
}

int main(int argc, char **argv)
{
    const char *socket = NULL;

    if (argc > 2 && strcmp(argv[1], "-s") == 0) {
        socket = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (argc > 1 &&
        (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        usage(stdout);
        return 0;
    }
    for (size_t i = 0; argc > 1 && i < NR_COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return run(&commands[i], socket, argc - 1, argv + 1);
    if (argc > 1)
        fprintf(stderr, "xs: no command \"%s\"\n", argv[1]);
    usage(stderr);
    return 2;
}
