/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/report.h"

/*
 * Files that an operator names are mapped to be read. One that another process truncates meanwhile ends the
 * command here, before a domain exists (kernel.h).
 */
static void on_sigbus(int sig)
{
    static const char text[] = "hospes: a file became shorter while it was read\n";

    (void)sig;
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        _exit(EXIT_FAILURE);
    _exit(EXIT_FAILURE);
}

static int print_help(void)
{
    printf("usage: hospes VERB [ARGUMENTS]\n\n");
    for (size_t i = 0; i < command_count; i++)
        printf("  %-12s %s\n  %-12s   %s\n", commands[i].name, commands[i].args, "", commands[i].help);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct toolstack ts;
    const struct command *cmd;
    int status;

    memset(&ts, 0, sizeof(ts));
    signal(SIGBUS, on_sigbus);
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        report_error("usage: hospes VERB [ARGUMENTS]; `hospes help` lists the verbs");
        return EXIT_FAILURE;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return print_help();
    cmd = command_find(argv[1]);
    if (!cmd) {
        report_error("unknown verb %s; `hospes help` lists the verbs", argv[1]);
        return EXIT_FAILURE;
    }
    optind = 1;
    opterr = 0;
    status = cmd->run(&ts, argc - 1, argv + 1);
    toolstack_close(&ts);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        report_error("cannot write the output");
        status = EXIT_FAILURE;
    }
    return status;
}
