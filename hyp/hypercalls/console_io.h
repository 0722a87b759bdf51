/* SPDX-License-Identifier: MIT */
#ifndef HYP_HYPERCALLS_CONSOLE_IO_H
#define HYP_HYPERCALLS_CONSOLE_IO_H

/* From now on dom0 gets VIRQ_CONSOLE when input arrives. After dom0 has been created. */
void console_io_init(void);

#endif
