/* SPDX-License-Identifier: MIT */
/* A 16550-compatible UART on I/O ports. No lock: the console has one. */
#ifndef HYP_CPU_SERIAL_H
#define HYP_CPU_SERIAL_H

#include "lib/types.h"

struct uart {
    u16 port; /* of eight; 0: none */
    u8 irq;   /* ISA interrupt */
    bool there;
};

/* Programs the line. `opt` as Xen's com1=: "BAUD[/CLOCK][,DPS[,PORT[,IRQ]]]", BAUD may be "auto" (left as
 * firmware set it). False: the text makes no sense (then defaults hold) or nothing answers at the port
 * (u->there says which). */
bool serial_init(struct uart *u, const char *opt);
void serial_putc(const struct uart *u, char c);
/* A received byte or -1. */
int serial_getc(const struct uart *u);
/* Received bytes raise the interrupt line from now on. */
void serial_enable_irq(const struct uart *u);

#endif
