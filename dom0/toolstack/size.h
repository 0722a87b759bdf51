/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_SIZE_H
#define HOSPES_TOOLSTACK_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/* xl's sizes: MiB by default, else a letter b, k, m, g or t. False for anything else, nothing, or above a
 * PiB. */
bool size_parse(const char *text, uint64_t *kib);

#endif
