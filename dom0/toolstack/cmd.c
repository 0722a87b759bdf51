/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/cmd.h"

#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/report.h"

const struct command commands[] = {
    {"block-attach", cmd_block_attach, "DOMAIN DISK-SPEC ...", "give a running guest one more disk"},
    {"block-detach", cmd_block_detach, "DOMAIN DISK [--force]",
     "take a disk (xvdb, or its number) from a running guest (--force: without asking it)"},
    {"block-limit", cmd_block_limit, "DOMAIN DISK [limit-iops=N] [limit-bytes=N]",
     "change or show what a guest may ask of a disk in a second"},
    {"block-list", cmd_block_list, "[--json] DOMAIN...", "disks of guests"},
    {"block-resize", cmd_block_resize, "DOMAIN DISK [SIZE]",
     "tell a guest that its disk has grown (SIZE: and make it grow before, 512m, 2g)"},
    {"block-snapshot", cmd_block_snapshot, "DOMAIN DISK FILE",
     "keep what a qcow2 disk holds as it is; the guest goes on in FILE, which is new"},
    {"bridge-add", cmd_bridge_add, "NAME [ADDRESS/LEN]", "make a bridge for guests' vifs, or complete one"},
    {"console", cmd_console, "DOMAIN", "join the terminal and a guest's console (^] leaves)"},
    {"create", cmd_create, "FILE [KEY=VALUE ...] [-c] [-p] [-q]",
     "build a guest from an xl.cfg file and start it"},
    {"debug-keys", cmd_debug_keys, "KEYS",
     "press keys at the hypervisor's console (h: what they do), see dmesg"},
    {"destroy", cmd_destroy, "DOMAIN", "end a guest at once and remove all that belongs to it"},
    {"dmesg", cmd_dmesg, "[-c]", "what the hypervisor has printed (-c: and forget it)"},
    {"domid", cmd_domid, "DOMAIN", "number of the domain with a name"},
    {"domname", cmd_domname, "DOMAIN", "name of the domain with a number"},
    {"info", cmd_info, "[--json]", "the machine and the hypervisor"},
    {"kernel-cache", cmd_kernel_cache, "[-b] FILE ...",
     "unpack kernels ahead of the first create (-b: into FILE.unpacked)"},
    {"list", cmd_list, "[--json] [DOMAIN...]", "domains, their memory, state and time"},
    {"mem-max", cmd_mem_max, "DOMAIN SIZE", "how much memory a guest may have"},
    {"mem-set", cmd_mem_set, "DOMAIN SIZE", "how much memory a guest shall have"},
    {"network-attach", cmd_network_attach, "DOMAIN [KEY=VALUE ...]",
     "give a running guest one more network card"},
    {"network-detach", cmd_network_detach, "DOMAIN CARD [--force]",
     "take a card (its number or MAC) from a running guest (--force: without asking it)"},
    {"network-list", cmd_network_list, "[--json] DOMAIN...", "network cards of guests"},
    {"pause", cmd_pause, "DOMAIN", "stop a guest's vCPUs"},
    {"reboot", cmd_reboot, "[-w] DOMAIN", "ask a guest to reboot"},
    {"rename", cmd_rename, "DOMAIN NEW-NAME", "change a guest's name"},
    {"sched-credit2", cmd_sched_credit2, "[-d DOMAIN [-w WEIGHT] [-c CAP]]",
     "show or change the share of time that guests get"},
    {"shutdown", cmd_shutdown, "[-w] DOMAIN", "ask a guest to power off (-w: wait for it)"},
    {"sysrq", cmd_sysrq, "DOMAIN LETTER", "send a magic system request to a Linux guest"},
    {"top", cmd_top, "[-d SECONDS] [-n TIMES]", "domains and what share of a CPU they take"},
    {"trigger", cmd_trigger, "DOMAIN nmi [VCPU]", "send a guest a non-maskable interrupt"},
    {"unpause", cmd_unpause, "DOMAIN", "let a paused guest run"},
    {"uptime", cmd_uptime, "[DOMAIN...]", "how long domains have been running"},
    {"vcpu-list", cmd_vcpu_list, "[--json] [DOMAIN...]", "vCPUs, where they run and may run"},
    {"vcpu-pin", cmd_vcpu_pin, "DOMAIN VCPU|all CPUS", "where a guest's vCPUs may run (0-3,^1, or all)"},
    {"vcpu-set", cmd_vcpu_set, "DOMAIN COUNT", "how many of its vCPUs a guest shall use"},
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
