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

/* What is there: list.c, vcpu_list.c, names.c, info.c, dmesg.c, device_list.c, top.c */
int cmd_list(struct toolstack *ts, int argc, char **argv);
int cmd_vcpu_list(struct toolstack *ts, int argc, char **argv);
int cmd_domid(struct toolstack *ts, int argc, char **argv);
int cmd_domname(struct toolstack *ts, int argc, char **argv);
int cmd_uptime(struct toolstack *ts, int argc, char **argv);
int cmd_info(struct toolstack *ts, int argc, char **argv);
int cmd_dmesg(struct toolstack *ts, int argc, char **argv);
int cmd_block_list(struct toolstack *ts, int argc, char **argv);
int cmd_network_list(struct toolstack *ts, int argc, char **argv);
int cmd_top(struct toolstack *ts, int argc, char **argv);

/* Devices of a running guest: block.c, block_change.c, block_snapshot.c, network.c */
int cmd_block_attach(struct toolstack *ts, int argc, char **argv);
int cmd_block_detach(struct toolstack *ts, int argc, char **argv);
int cmd_block_resize(struct toolstack *ts, int argc, char **argv);
int cmd_block_limit(struct toolstack *ts, int argc, char **argv);
int cmd_block_snapshot(struct toolstack *ts, int argc, char **argv);
int cmd_network_attach(struct toolstack *ts, int argc, char **argv);
int cmd_network_detach(struct toolstack *ts, int argc, char **argv);

/* Its vCPUs: vcpu_set.c, sched.c */
int cmd_vcpu_set(struct toolstack *ts, int argc, char **argv);
int cmd_vcpu_pin(struct toolstack *ts, int argc, char **argv);
int cmd_sched_credit2(struct toolstack *ts, int argc, char **argv);

/* What a running guest, or the hypervisor, is told: console.c, mem.c, sysrq.c, keys.c */
int cmd_trigger(struct toolstack *ts, int argc, char **argv);
int cmd_debug_keys(struct toolstack *ts, int argc, char **argv);
int cmd_console(struct toolstack *ts, int argc, char **argv);
int cmd_mem_set(struct toolstack *ts, int argc, char **argv);
int cmd_mem_max(struct toolstack *ts, int argc, char **argv);
int cmd_sysrq(struct toolstack *ts, int argc, char **argv);

/* dom0's network: bridge_add.c */
int cmd_bridge_add(struct toolstack *ts, int argc, char **argv);

/* Kernels: kernel_cmd.c */
int cmd_kernel_cache(struct toolstack *ts, int argc, char **argv);

#endif
