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

domid_t abi_domid(void)
{
    int port = event_alloc_unbound(DOMID_SELF);
    struct evtchn_status s = {.dom = DOMID_SELF, .port = (evtchn_port_t)port};

    if (port < 0 || hv_event_channel_op(EVTCHNOP_status, &s))
        broken("no event channel tells the domain's number");
    event_close((unsigned)port);
    return s.u.unbound.dom;
}

/*
 * The frame nearest below the first page of this domain that is not its own: memory is handed out in large
 * runs, so that its neighbours are RAM as well - of another domain, of the hypervisor, or free.
 */
unsigned long abi_alien_mfn(void)
{
    unsigned long mfn = virt_to_mfn((void *)GUEST_VIRT_BASE);

    while (--mfn > 0x100) {
        uint64_t pfn;

        if (!probe_read64(&machine_to_phys_mapping[mfn], &pfn) || pfn_to_mfn(pfn) != mfn)
            return mfn;
    }
    broken("no frame is alien");
    return 0;
}

void abi_user_mode(void)
{
    if (abi_mmuext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(mm_root())))
        broken("the kernel's root is refused as user root");
}
