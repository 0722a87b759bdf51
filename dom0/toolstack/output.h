/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_OUTPUT_H
#define HOSPES_TOOLSTACK_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <xen/xen.h>
#include <xen/domctl.h>

#include "dom0/toolstack/toolstack.h"

/* What the verbs that show something share. */

/*
 * Takes "--json" (and "-j") out of the options and leaves optind at the first argument. False for any other
 * option.
 */
bool output_options(int argc, char **argv, bool *json);

/* Prints the value and drops it; NULL (out of memory) is reported. Exit status of the command. */
int output_json(json_t *value);

/*
 * Domains in ascending order: all of them, or those that the `count` words in args name. malloc'd list in
 * *list, its length in *found. 0, or -1 after a report.
 */
int output_domains(struct toolstack *ts, char *const args[], int count,
                   struct xen_domctl_getdomaininfo **list, size_t *found);

/* xl's six letters, "r-----" to "---sc-"; text has room for them and a NUL. */
void output_state(const struct xen_domctl_getdomaininfo *info, char text[7]);

/* Why a domain is shut down: "poweroff", "reboot", "suspend", "crash", "watchdog", "soft-reset"; NULL: it is
 * not. */
const char *output_shutdown_reason(const struct xen_domctl_getdomaininfo *info);

#endif
