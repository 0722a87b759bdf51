/* SPDX-License-Identifier: MIT */
#ifndef GUEST_CONSOLE_H
#define GUEST_CONSOLE_H

#include <stddef.h>

/*
 * The console: the hypervisor's own for the first domain, the shared ring for the others.
 * Works from the first instruction of guest_start(); all functions may be called on any vCPU.
 */
void console_write(const char *text, size_t len);

/* Takes up to len bytes of input without waiting; returns how many. */
size_t console_read(char *buf, size_t len);

/* Port of the console ring, to be unmasked by someone who waits for input; 0 in the first domain. */
unsigned console_port(void);

#endif
