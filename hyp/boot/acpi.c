/* SPDX-License-Identifier: MIT */
/* Finds the ACPI tables. They may lie in any kind of memory, so each is mapped by itself. */
#include "boot/acpi_tables.h"
#include "boot/boot.h"
#include "boot/boot_alloc.h"
#include "boot/efi.h"
#include "cpu/paging.h"
#include "cpu/lapic.h"
#include "cpu/platform.h"
#include "lib/printk.h"
#include "lib/string.h"

#define RSDP_V1_SIZE 20
#define RSDP_V2_SIZE 36
#define TABLE_MAX    (1u << 20)
#define TABLES_MAX   128

struct acpi_info acpi_info;

static const struct {
    char signature[5];
    bool (*read)(struct acpi_info *info, const u8 *table, u32 len);
} readers[] = {
    {"APIC", acpi_read_madt},
    {"FACP", acpi_read_fadt},
    {"HPET", acpi_read_hpet},
};

static bool rsdp_valid(const u8 *p)
{
    return !memcmp(p, "RSD PTR ", 8) && acpi_checksum_ok(p, RSDP_V1_SIZE);
}

/* On 16-byte borders of [start, start + size). */
static bool scan_rsdp(paddr_t start, size_t size, u8 *rsdp)
{
    const u8 *p = ioremap(start, size, HYP_PTE_RO);

    for (size_t at = 0; p && at + RSDP_V2_SIZE <= size; at += 16) {
        if (rsdp_valid(p + at)) {
            memcpy(rsdp, p + at, RSDP_V2_SIZE);
            return true;
        }
    }
    return false;
}

static bool rsdp_at(paddr_t paddr, u8 *rsdp)
{
    const u8 *p = paddr ? ioremap(paddr, RSDP_V2_SIZE, HYP_PTE_RO) : NULL;

    if (!p || !rsdp_valid(p))
        return false;
    memcpy(rsdp, p, RSDP_V2_SIZE);
    return true;
}

static bool find_rsdp(u8 *rsdp)
{
    const u16 *bda;

    if (rsdp_at(boot_info.rsdp, rsdp))
        return true;
    if (boot_info.efi && rsdp_at(efi_find_rsdp(boot_info.efi_system_table), rsdp))
        return true;
    if (boot_info.rsdp_copy_size >= RSDP_V1_SIZE && rsdp_valid(boot_info.rsdp_copy)) {
        memcpy(rsdp, boot_info.rsdp_copy, sizeof(boot_info.rsdp_copy));
        return true;
    }
    if (boot_info.efi)
        return false;
    bda = ioremap(0x40e, 2, HYP_PTE_RO);
    if (bda && *bda >= 0x8000 && *bda < 0xa000 && scan_rsdp((paddr_t)*bda << 4, 1024, rsdp))
        return true;
    return scan_rsdp(0xe0000, 0x20000, rsdp);
}

/* Maps a whole table and checks it; NULL: none there. */
static const u8 *map_table(paddr_t paddr, u32 *len)
{
    const u8 *head = paddr ? ioremap(paddr, ACPI_HEADER_SIZE, HYP_PTE_RO) : NULL, *table;

    if (!head)
        return NULL;
    memcpy(len, head + 4, 4);
    if (*len < ACPI_HEADER_SIZE || *len > TABLE_MAX) {
        printk(LOG_WARNING, "ACPI: table at %#lx has a length of %u; ignored\n", paddr, *len);
        return NULL;
    }
    table = ioremap(paddr, *len, HYP_PTE_RO);
    if (table && !acpi_checksum_ok(table, *len))
        printk(LOG_WARNING, "ACPI: table %.4s at %#lx has a wrong checksum\n", (const char *)table, paddr);
    return table;
}

static void read_table(paddr_t paddr)
{
    u32 len;
    const u8 *table = map_table(paddr, &len);

    for (size_t i = 0; table && i < ARRAY_SIZE(readers); i++)
        if (!memcmp(table, readers[i].signature, 4) && !readers[i].read(&acpi_info, table, len))
            printk(LOG_WARNING, "ACPI: table %s at %#lx is damaged\n", readers[i].signature, paddr);
}

static void read_root(const u8 *rsdp)
{
    paddr_t root = 0;
    unsigned width = 8;
    const u8 *table;
    u32 len;

    if (rsdp[15] >= 2)
        memcpy(&root, rsdp + 24, 8);
    if (!root) {
        memcpy(&root, rsdp + 16, 4);
        width = 4;
    }
    table = map_table(root, &len);
    for (u32 at = ACPI_HEADER_SIZE, n = 0; table && len - at >= width && n < TABLES_MAX; at += width, n++) {
        paddr_t entry = 0;

        memcpy(&entry, table + at, width);
        read_table(entry);
    }
}

/* The boot CPU must be number 0; the others follow in the firmware's order, up to what the operator allows.
 */
static void order_cpus(void)
{
    struct acpi_info *info = &acpi_info;
    u32 self = lapic_boot_id();
    unsigned i, limit = boot_options.nosmp ? 1 : boot_options.maxcpus;

    for (i = 0; i < info->cpu_count && info->cpus[i].apic_id != self; i++)
        ;
    if (i == info->cpu_count) {
        if (info->cpu_count)
            printk(LOG_WARNING, "ACPI: the boot CPU (APIC id %u) is not listed; others are not used\n", self);
        info->cpus[0] = (struct cpu_ids){.apic_id = self};
        info->cpu_count = 1;
        i = 0;
    }
    struct cpu_ids boot = info->cpus[i];
    memmove(&info->cpus[1], &info->cpus[0], i * sizeof(boot));
    info->cpus[0] = boot;
    if (limit && limit < info->cpu_count) {
        printk(LOG_INFO, "%u of %u CPUs are used\n", limit, info->cpu_count);
        info->cpu_count = limit;
    }
}

void acpi_init(void)
{
    u8 rsdp[RSDP_V2_SIZE];

    acpi_info_defaults(&acpi_info);
    if (find_rsdp(rsdp))
        read_root(rsdp);
    else
        printk(LOG_WARNING, "ACPI: no tables found; one CPU, no IO-APIC, no power management\n");
    order_cpus();
    for (unsigned cpu = 1; cpu < acpi_info.cpu_count; cpu++)
        cpu_stack[cpu] = boot_alloc_aligned(1UL << STACK_ORDER, STACK_SIZE);
    for (unsigned i = 0; i < boot_info.e820_count; i++) {
        const struct e820_entry *e = &boot_info.e820[i];

        if (e->type == E820_RAM)
            platform_add_ram(mfn_of(PFN_DOWN(e->addr)), mfn_of(PFN_UP(e->addr + e->size)));
    }
}
