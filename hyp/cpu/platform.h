/* SPDX-License-Identifier: MIT */
/* The machine as a whole: power, reset, and which ports, frames and CPUs firmware reported. */
#ifndef HYP_CPU_PLATFORM_H
#define HYP_CPU_PLATFORM_H

#include "lib/types.h"

void machine_reboot(void) __noreturn;
void machine_halt(void) __noreturn;
/* Writes sleep type values as firmware's tables want; S5 only. Values are those that dom0's AML gave. */
void machine_power_off(u16 pm1a, u16 pm1b) __noreturn;
/* Busy wait, by the TSC once it is calibrated. */
void platform_delay_us(u64 us);
/* Masks the legacy interrupt controllers and stops what firmware left running. Boot CPU. */
void platform_init(void);
/* The RAM of the machine, so that device addresses given by others can be told from memory. At boot, once a
 * range of frames. */
void platform_add_ram(mfn_t start, mfn_t end);
bool platform_is_ram(mfn_t mfn);
/* Frames with registers that are the hypervisor's alone. At boot. */
void platform_deny_mmio(mfn_t mfn);
/* PCI configuration cycles, type 1 mechanism, serialised against the guest's use. `size` 1, 2 or 4. */
u32 pci_conf_read(u8 bus, u8 devfn, u16 reg, unsigned size);
void pci_conf_write(u8 bus, u8 devfn, u16 reg, unsigned size, u32 v);
/* The hypervisor's own hardware frames (LAPIC, IO-APIC, HPET in use): guests may not map them. */
bool platform_mmio_denied(mfn_t mfn);
bool platform_port_denied(u16 port); /* PIT, PIC, own UART, ... see docs/abi-coverage.md */

#endif
