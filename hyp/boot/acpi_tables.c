/* SPDX-License-Identifier: MIT */
/* MADT, FADT, HPET. Offsets are those of the ACPI specification; fields are not aligned. */
#include "boot/acpi_tables.h"
#include "lib/printk.h"
#include "lib/string.h"

static u64 get(const u8 *p, unsigned bytes)
{
    u64 v = 0;

    memcpy(&v, p, bytes);
    return v;
}

bool acpi_checksum_ok(const u8 *p, size_t n)
{
    u8 sum = 0;

    while (n--)
        sum = (u8)(sum + *p++);
    return sum == 0;
}

void acpi_info_defaults(struct acpi_info *info)
{
    for (u32 i = 0; i < ARRAY_SIZE(info->isa_gsi); i++)
        info->isa_gsi[i] = i;
}

#define MADT_ENTRIES 44
#define MADT_ENABLED 1u
enum {
    MADT_LAPIC = 0,
    MADT_IOAPIC = 1,
    MADT_OVERRIDE = 2,
    MADT_X2APIC = 9,
};
/* Shortest form of each entry. */
static const u8 madt_min[] = {[MADT_LAPIC] = 8, [MADT_IOAPIC] = 12, [MADT_OVERRIDE] = 10, [MADT_X2APIC] = 16};

static void add_cpu(struct acpi_info *info, u32 apic_id, u32 acpi_id, u32 flags)
{
    if (!(flags & MADT_ENABLED))
        return;
    for (unsigned i = 0; i < info->cpu_count; i++)
        if (info->cpus[i].apic_id == apic_id)
            return; /* listed in both forms */
    if (info->cpu_count == NR_CPUS) {
        printk(LOG_WARNING, "ACPI: CPU with APIC id %u is not used: more than %u CPUs\n", apic_id, NR_CPUS);
        return;
    }
    info->cpus[info->cpu_count++] = (struct cpu_ids){.apic_id = apic_id, .acpi_id = acpi_id};
}

static void add_ioapic(struct acpi_info *info, const u8 *e)
{
    if (info->ioapic_count == ACPI_IOAPICS_MAX) {
        printk(LOG_WARNING, "ACPI: more than %u IO-APICs; the rest is not used\n", ACPI_IOAPICS_MAX);
        return;
    }
    info->ioapics[info->ioapic_count++] = (struct acpi_ioapic){
        .paddr = get(e + 4, 4),
        .gsi_base = (u32)get(e + 8, 4),
    };
}

static void read_madt_entry(struct acpi_info *info, const u8 *e)
{
    switch (e[0]) {
    case MADT_LAPIC:
        if (e[3] != 0xff)
            add_cpu(info, e[3], e[2], (u32)get(e + 4, 4));
        break;
    case MADT_X2APIC:
        add_cpu(info, (u32)get(e + 4, 4), (u32)get(e + 12, 4), (u32)get(e + 8, 4));
        break;
    case MADT_IOAPIC:
        add_ioapic(info, e);
        break;
    case MADT_OVERRIDE:
        if (e[3] < ARRAY_SIZE(info->isa_gsi))
            info->isa_gsi[e[3]] = (u32)get(e + 4, 4);
        break;
    default:
        break;
    }
}

bool acpi_read_madt(struct acpi_info *info, const u8 *table, u32 len)
{
    if (len < MADT_ENTRIES)
        return false;
    for (u32 at = MADT_ENTRIES; len - at >= 2; at += table[at + 1]) {
        const u8 *e = table + at;

        if (e[1] < 2 || e[1] > len - at)
            return false;
        if (e[0] < ARRAY_SIZE(madt_min) && e[1] < madt_min[e[0]])
            return false;
        read_madt_entry(info, e);
    }
    return true;
}

#define FADT_PM1A_CNT     64
#define FADT_PM1B_CNT     68
#define FADT_PM_TMR       76
#define FADT_PM_TMR_LEN   91
#define FADT_FLAGS        112
#define FADT_RESET_REG    116
#define FADT_RESET_VALUE  128
#define FADT_X_PM1A_CNT   172
#define FADT_X_PM1B_CNT   184
#define FADT_X_PM_TMR     208
#define FADT_V1_SIZE      116
#define FADT_FL_TMR_EXT   (1u << 8)
#define FADT_FL_RESET_REG (1u << 10)

/* A generic address at `at` when the table has it and it names an I/O port, else the old 32-bit field. */
static u16 port_field(const u8 *table, u32 len, u32 old, u32 at)
{
    u64 port = get(table + old, 4);

    if (len >= at + 12 && table[at] == ACPI_IO && get(table + at + 4, 8))
        port = get(table + at + 4, 8);
    return port <= 0xffff ? (u16)port : 0;
}

bool acpi_read_fadt(struct acpi_info *info, const u8 *table, u32 len)
{
    u32 flags;

    if (len < FADT_V1_SIZE)
        return false;
    flags = (u32)get(table + FADT_FLAGS, 4);
    info->pm1a_cnt = port_field(table, len, FADT_PM1A_CNT, FADT_X_PM1A_CNT);
    info->pm1b_cnt = port_field(table, len, FADT_PM1B_CNT, FADT_X_PM1B_CNT);
    if (table[FADT_PM_TMR_LEN] == 4)
        info->pm_timer_port = port_field(table, len, FADT_PM_TMR, FADT_X_PM_TMR);
    info->pm_timer_32bit = flags & FADT_FL_TMR_EXT;
    if ((flags & FADT_FL_RESET_REG) && len > FADT_RESET_VALUE && table[FADT_RESET_REG] <= ACPI_PCI) {
        info->reset.present = true;
        info->reset.space = table[FADT_RESET_REG];
        info->reset.addr = get(table + FADT_RESET_REG + 4, 8);
        info->reset.value = table[FADT_RESET_VALUE];
    }
    return true;
}

bool acpi_read_hpet(struct acpi_info *info, const u8 *table, u32 len)
{
    if (len < 56)
        return false;
    if (table[40] == ACPI_MEMORY)
        info->hpet_paddr = get(table + 44, 8);
    return true;
}
