/* SPDX-License-Identifier: MIT */
/* Instructions of the entry paths that depend on the CPU. */
#ifndef HYP_CPU_TEXT_PATCH_H
#define HYP_CPU_TEXT_PATCH_H

/* Boot CPU, before any guest or other CPU runs; after features_apply_cpu(). Turns the placeholders for CLAC
 * into CLAC where SMAP is on. */
void patch_entry_code(void);

#endif
