/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_CPUSET_H
#define HOSPES_TOOLSTACK_CPUSET_H

#include <stdbool.h>
#include <stdint.h>

#define CPUSET_MAX   4096U
#define CPUSET_WORDS (CPUSET_MAX / 64)

/* "0-3,^2", "all", "1 5": a bitmap of CPUs. false: nothing of the kind, or an empty set. */
bool cpuset_parse(const char *text, uint64_t map[CPUSET_WORDS]);

#endif
