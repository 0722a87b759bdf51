/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HOST_TOOLSTACK_CAPTURE_H
#define TESTS_HOST_TOOLSTACK_CAPTURE_H

/* Keeps the messages of the toolstack instead of printing them. */
void capture_start(void);

/* All lines since capture_start, each with a newline; good until the next capture_start. */
const char *capture_text(void);

#endif
