/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/cmd.h"

#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/report.h"

const struct command commands[] = {
    {"create", cmd_create, "FILE [KEY=VALUE ...] [-c] [-p] [-q]",
     "build a guest from an xl.cfg file and start it"},
    {"destroy", cmd_destroy, "DOMAIN", "end a guest at once and remove all that belongs to it"},
    {"pause", cmd_pause, "DOMAIN", "stop a guest's vCPUs"},
    {"reboot", cmd_reboot, "[-w] DOMAIN", "ask a guest to reboot"},
    {"rename", cmd_rename, "DOMAIN NEW-NAME", "change a guest's name"},
    {"shutdown", cmd_shutdown, "[-w] DOMAIN", "ask a guest to power off (-w: wait for it)"},
    {"unpause", cmd_unpause, "DOMAIN", "let a paused guest run"},
};

const size_t command_count = sizeof(commands) / sizeof(commands[0]);

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

int cmd_usage(char **argv)
{
    const struct command *cmd = command_find(argv[0]);

    report_error("usage: hospes %s %s", argv[0], cmd ? cmd->args : "");
    return EXIT_FAILURE;
}
