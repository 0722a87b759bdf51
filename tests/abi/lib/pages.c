/* SPDX-License-Identifier: MIT */
#include "tests/abi/lib/abi.h"

static void broken(const char *what)
{
    printf("  %s\nVERDICT: ERROR\n", what);
    shutdown(SHUTDOWN_reboot);
}

void *abi_page(void)
{
    void *p = page_alloc(0);

    if (!p)
        broken("out of memory");
    return p;
}

uint64_t *abi_table(void)
{
    void *p = abi_page();

    if (mm_readonly(p))
        broken("cannot make a page read-only");
    return p;
}

void abi_table_free(void *table)
{
    /* A page that kept its type is a finding of the claim that used it, and is lost. */
    if (mm_writable(table)) {
        FAIL("page %p cannot be made writable again", table);
        return;
    }
    page_free(table, 0);
}

long abi_mmuext(unsigned cmd, unsigned long arg1)
{
    struct mmuext_op op = {.cmd = cmd, .arg1.mfn = arg1};

    return hv_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

char *abi_slot(void)
{
    char *va = window_alloc(1);

    if (!va)
        broken("the window is full");
    return va;
}

void abi_slot_free(void *va)
{
    unmap_frames(va, 1);
}

/* Free frames and the hypervisor's are RAM by the machine's map, but have no pfn of this domain. */
unsigned long abi_alien_mfn(void)
{
    static struct e820entry {
        uint64_t addr, size;
        uint32_t type;
    } __attribute__((packed)) map[64];
    struct xen_memory_map arg = {.nr_entries = ARRAY_SIZE(map)};

    set_xen_guest_handle(arg.buffer, map);
    if (hv_memory_op(XENMEM_machine_memory_map, &arg))
        broken("no machine memory map");
    for (unsigned i = arg.nr_entries; i-- > 0;) {
        unsigned long first = (map[i].addr + PAGE_SIZE - 1) >> 12;
        unsigned long end = (map[i].addr + map[i].size) >> 12;

        if (map[i].type != 1 || map[i].addr < (1ul << 20))
            continue;
        for (unsigned long mfn = end - 1; mfn > first; mfn--) {
            uint64_t pfn;

            if (!probe_read64(&machine_to_phys_mapping[mfn], &pfn) || pfn_to_mfn(pfn) != mfn)
                return mfn;
        }
    }
    broken("no frame is alien");
    return 0;
}

void abi_user_mode(void)
{
    if (abi_mmuext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(mm_root())))
        broken("the kernel's root is refused as user root");
}
