/* SPDX-License-Identifier: MIT */
/* Interrupt lines that a test fires by hand. */
#ifndef LINES_H
#define LINES_H

#include "cpu/irq.h"

#define LINES_GSIS 24

/* Nothing is set up or bound. */
void lines_reset(void);
/* The device behind the line wants attention. */
void line_fire(unsigned irq);
bool line_bound(unsigned irq);
/* Message lines that are mapped. */
unsigned lines_messages(void);
/* irq_guest_eoi() calls of the line. */
unsigned line_eois(unsigned irq);

#endif
