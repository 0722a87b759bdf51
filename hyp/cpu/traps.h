/* SPDX-License-Identifier: MIT */
/* Descriptor tables and exceptions of the calling CPU; the fault fixup table. */
#ifndef HYP_CPU_TRAPS_H
#define HYP_CPU_TRAPS_H

#include <xen/xen.h>
#include "lib/types.h"

/* GDT, TSS, IDT, syscall MSRs of this CPU. `stack` is its stack block (STACK_SIZE, aligned). Called once a
 * CPU, before anything can fault. */
void traps_init_cpu(unsigned cpu, void *stack);
/* Boot CPU, before any guest or other CPU runs; after features_apply_cpu(). Turns the placeholders for CLAC
 * in the entry paths into CLAC where SMAP is on. */
void patch_entry_code(void);
/* The machine frames of the GDT pages that every vCPU's window maps behind the guest's own. */
mfn_t traps_gdt_frame(unsigned cpu, unsigned page);
/* Points this CPU's GDT at that linear address (a vCPU's window, or 0: its own boot GDT). */
void traps_load_gdt(u64 base);
/* Sets the LDT of this CPU: linear base and number of entries; 0 entries: none. */
void traps_load_ldt(u64 base, unsigned entries);
/* Data selectors: 0, or -14 and the null selector was loaded. load_gs() changes the active base. (entry.S) */
int load_ds(u16 sel);
int load_es(u16 sel);
int load_fs(u16 sel);
int load_gs(u16 sel);
/* Prints registers and a backtrace. */
void show_registers(const struct cpu_user_regs *regs);
void show_backtrace(const struct cpu_user_regs *regs);

/* True when the frame was taken while a guest ran (ring 3). */
static inline bool regs_from_guest(const struct cpu_user_regs *regs)
{
    return (regs->cs & 3) == 3;
}

#endif
