/* SPDX-License-Identifier: MIT */
/* What firmware's tables say of the machine, as far as this room needs it. Filled once by the boot room
 * (acpi_init), read-only afterwards. */
#ifndef HYP_CPU_ACPI_INFO_H
#define HYP_CPU_ACPI_INFO_H

#include "cpu/smp.h"
#include "lib/types.h"

#define ACPI_IOAPICS_MAX 16

enum acpi_space { ACPI_MEMORY = 0, ACPI_IO = 1, ACPI_PCI = 2 };

struct acpi_ioapic {
    u32 gsi_base;
    paddr_t paddr;
};

struct acpi_info {
    unsigned cpu_count; /* enabled processors, at most NR_CPUS; the boot CPU among them */
    struct cpu_ids cpus[NR_CPUS];
    unsigned ioapic_count;
    struct acpi_ioapic ioapics[ACPI_IOAPICS_MAX];
    u32 isa_gsi[16]; /* where the ISA interrupts go; trigger and polarity are dom0's to say */
    /* FADT */
    u16 pm_timer_port; /* 0: none */
    bool pm_timer_32bit;
    u16 pm1a_cnt, pm1b_cnt; /* I/O ports; 0: none */
    struct {
        bool present;
        enum acpi_space space;
        u64 addr;
        u8 value;
    } reset;
    paddr_t hpet_paddr; /* 0: none */
};
extern struct acpi_info acpi_info;

#endif
