/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_NUMBER_H
#define HOSPES_TOOLSTACK_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* A decimal number of an operator's command line in [min, max], and nothing behind it. */
bool number_parse(const char *text, uint32_t min, uint32_t max, uint32_t *value);

#endif
