/* SPDX-License-Identifier: MIT */
/* The console: serial line out, a ring of what was written, and input for the domain that owns it. */
#ifndef HYP_CPU_CONSOLE_H
#define HYP_CPU_CONSOLE_H

#include "lib/types.h"

/* "com1", "vga", "none" or a comma list; "115200,8n1" (cpu/serial.h). What was written before is shown now.
 */
void console_init(const char *console_opt, const char *com1_opt, const char *com2_opt);
/* Whether there is a screen in text mode that `vga` can mean; before console_init(). */
void console_set_vga_text(bool present);
/* From now on the screen is dom0's. */
void console_release_vga(void);
/* Input by interrupt from now on; after the interrupt controllers work. */
void console_enable_input(void);
/* Text of the hypervisor, to the serial line and the ring. */
void console_write(const char *s, size_t n);
/* Text of dom0: to the line only. In the ring it would be what a reader of the ring prints, and the reading
 * would never end. */
void console_write_guest(const char *s, size_t n);
/* Input bytes that arrived; returns how many were copied. */
size_t console_read(char *buf, size_t n);
/* hypercalls/console_io.c: input has arrived; interrupt context. */
void console_input_arrived(void);
/* Switches to polled, unlocked output for panic. */
void console_emergency(void);
/* Ring of all output for `dmesg`: copies from *index on (0: oldest that is there), advances it; clears if
 * asked. */
size_t console_ring_read(char *buf, size_t n, u32 *index, bool clear);
bool console_owns_port(u16 port); /* the UART that dom0 must not touch */

#endif
