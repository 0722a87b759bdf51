/* SPDX-License-Identifier: MIT */
/* What the boot room needs of a machine: messages, panic, and pieces of physical memory. */
#ifndef MACHINE_H
#define MACHINE_H

#include "lib/types.h"

/* Messages since the last reset, and the text of the last one. */
extern unsigned machine_messages;
extern char machine_last_message[512];

/* Forgets messages and memory. */
void machine_reset(void);
/* Puts a copy of `data` at a physical address; the sanitizer sees any access behind its end. */
u8 *machine_put(paddr_t paddr, const void *data, size_t size);

#endif
