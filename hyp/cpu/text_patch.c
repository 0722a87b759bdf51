/* SPDX-License-Identifier: MIT */
#include "cpu/text_patch.h"
#include "cpu/features.h"
#include "cpu/paging.h"
#include "cpu/processor.h"
#include "lib/string.h"

extern const u64 __clac_sites_start[], __clac_sites_end[];

void patch_entry_code(void)
{
    static const u8 clac[3] = {0x0f, 0x01, 0xca};

    if (!(read_cr4() & CR4_SMAP))
        return;
    /* Text is mapped read-only; the direct map is the way to change it. */
    for (const u64 *site = __clac_sites_start; site < __clac_sites_end; site++)
        memcpy(paddr_to_virt(virt_to_paddr((const void *)*site)), clac, sizeof(clac));
    /* A far return or CPUID serialises; the entry paths have not run yet. */
    cpuid(0, 0);
}
