/* SPDX-License-Identifier: MIT */
/* UEFI system table: after ExitBootServices() without SetVirtualAddressMap() all pointers in it are machine
 * addresses. */
#include "boot/efi.h"
#include "cpu/paging.h"
#include "lib/string.h"

#define SYSTEM_TABLE_SIZE            120
#define SYSTEM_TABLE_REVISION        8
#define SYSTEM_TABLE_VENDOR          24
#define SYSTEM_TABLE_VENDOR_REVISION 32
#define SYSTEM_TABLE_ENTRIES         104
#define SYSTEM_TABLE_CONFIG          112
#define CONFIG_ENTRY_SIZE            24 /* GUID, pointer */
#define CONFIG_ENTRIES_MAX           256

static const u8 signature[8] = {'I', 'B', 'I', ' ', 'S', 'Y', 'S', 'T'};
static const u8 acpi_20_guid[16] = {0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11,
                                    0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81};
static const u8 acpi_10_guid[16] = {0x30, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11,
                                    0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d};

/* NULL: there is none. */
static const u8 *map_system_table(paddr_t paddr)
{
    const u8 *st = ioremap(paddr, SYSTEM_TABLE_SIZE, HYP_PTE_RO);

    return st && !memcmp(st, signature, sizeof(signature)) ? st : NULL;
}

paddr_t efi_find_rsdp(paddr_t system_table)
{
    const u8 *st = map_system_table(system_table), *config;
    paddr_t config_paddr, found = 0;
    u64 n;

    if (!st)
        return 0;
    memcpy(&n, st + SYSTEM_TABLE_ENTRIES, 8);
    memcpy(&config_paddr, st + SYSTEM_TABLE_CONFIG, 8);
    n = MIN(n, CONFIG_ENTRIES_MAX);
    config = ioremap(config_paddr, n * CONFIG_ENTRY_SIZE, HYP_PTE_RO);
    for (u64 i = 0; config && i < n; i++) {
        const u8 *e = config + i * CONFIG_ENTRY_SIZE;
        bool v2 = !memcmp(e, acpi_20_guid, 16);

        if (v2 || (!found && !memcmp(e, acpi_10_guid, 16)))
            memcpy(&found, e + 16, 8);
        if (v2)
            break;
    }
    return found;
}

bool efi_read_tables(paddr_t system_table, struct efi_tables *t)
{
    const u8 *st = map_system_table(system_table);
    const u16 *vendor;
    paddr_t vendor_paddr;
    u64 n;

    if (!st)
        return false;
    memset(t, 0, sizeof(*t));
    memcpy(&t->revision, st + SYSTEM_TABLE_REVISION, 4);
    memcpy(&t->vendor_revision, st + SYSTEM_TABLE_VENDOR_REVISION, 4);
    memcpy(&n, st + SYSTEM_TABLE_ENTRIES, 8);
    t->config_count = (u32)MIN(n, CONFIG_ENTRIES_MAX);
    memcpy(&t->config, st + SYSTEM_TABLE_CONFIG, 8);
    memcpy(&vendor_paddr, st + SYSTEM_TABLE_VENDOR, 8);
    vendor = vendor_paddr ? ioremap(vendor_paddr, sizeof(t->vendor), HYP_PTE_RO) : NULL;
    for (unsigned i = 0; vendor && i + 1 < ARRAY_SIZE(t->vendor) && vendor[i]; i++)
        t->vendor[i] = vendor[i];
    return true;
}
