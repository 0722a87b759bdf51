/* SPDX-License-Identifier: MIT */
/* The VGA text screen (80 x 25), for messages until dom0 takes it over. The console's lock guards all of it.
 */
#ifndef HYP_CPU_VGA_H
#define HYP_CPU_VGA_H

#include "lib/types.h"

/* Begins on an empty screen, through the boot page tables' direct map. */
void vga_start(void);
/* The same through a mapping of its own: when the final page tables, in which the direct map covers only RAM,
 * are in use. */
void vga_remap(void);
void vga_putc(char c);

#endif
