/* SPDX-License-Identifier: MIT */
/*
 * memory_op: the size of the domain, giving pages back, getting others, and the maps.
 *
 * Return values differ by command - a count of extents, a number of pages, or 0 - and kernels and
 * toolstacks depend on which.
 */
#define __XEN_TOOLS__ 1
#include "tests/abi/lib/abi.h"

static long reservation_op(unsigned cmd, xen_pfn_t *list, unsigned long n, unsigned order, domid_t dom)
{
    struct xen_memory_reservation r = {.nr_extents = n, .extent_order = order, .domid = dom};

    set_xen_guest_handle(r.extent_start, list);
    return hv_memory_op(cmd, &r);
}

static long pages_of(unsigned cmd)
{
    domid_t self = DOMID_SELF;

    return hv_memory_op(cmd, &self);
}

/* A page of the linear map without its mapping, ready to be given back. */
static unsigned long unmap_page(void *page)
{
    unsigned long mfn = virt_to_mfn(page);

    EXPECT_EQ(mm_set_pte((unsigned long)page, 0), 0);
    return mfn;
}

static bool give_back(void *page)
{
    xen_pfn_t mfn = unmap_page(page);
    long rc = reservation_op(XENMEM_decrease_reservation, &mfn, 1, 0, DOMID_SELF);

    EXPECT_EQ(rc, 1);
    mm_set_p2m(virt_to_pfn(page), INVALID_MFN);
    return rc == 1;
}

static bool take_again(void *page)
{
    xen_pfn_t frame = virt_to_pfn(page);
    long rc = reservation_op(XENMEM_populate_physmap, &frame, 1, 0, DOMID_SELF);

    EXPECT_EQ(rc, 1);
    if (rc != 1)
        return false;
    EXPECT_EQ(mfn_to_pfn(frame), virt_to_pfn(page));
    mm_set_p2m(virt_to_pfn(page), frame);
    EXPECT_EQ(mm_set_pte((unsigned long)page, make_pte(frame, PTE_RW)), 0);
    return true;
}

CLAIM(sizes, "current and maximum reservation, by pointer to a domid")
{
    domid_t bad = 0x7000;

    EXPECT_EQ(pages_of(XENMEM_current_reservation), start_info->nr_pages);
    EXPECT_GE(pages_of(XENMEM_maximum_reservation), start_info->nr_pages);
    EXPECT_EQ(hv_memory_op(XENMEM_current_reservation, &bad), -XEN_ESRCH);
    EXPECT_EQ(hv_memory_op(XENMEM_current_reservation, BAD_PTR), -XEN_EFAULT);
}

CLAIM(maximum_ram_page, "maximum_ram_page is one beyond the highest frame of RAM")
{
    long top = hv_memory_op(XENMEM_maximum_ram_page, NULL);

    for (unsigned long pfn = 0; pfn < start_info->nr_pages; pfn++)
        if ((long)pfn_to_mfn(pfn) >= top) {
            FAIL("pfn %lx is mfn %lx, not below %lx", pfn, pfn_to_mfn(pfn), top);
            break;
        }
}

CLAIM(decrease_populate, "a page given back leaves the count, one taken again has the pfn asked for")
{
    char *page = abi_page();
    long before = pages_of(XENMEM_current_reservation);

    if (!give_back(page))
        return;
    EXPECT_EQ(pages_of(XENMEM_current_reservation), before - 1);
    if (!take_again(page))
        return;
    EXPECT_EQ(pages_of(XENMEM_current_reservation), before);
    EXPECT(probe_write64(page, 1));
    page_free(page, 0);
}

CLAIM(decrease_gone, "a frame given back can no longer be mapped")
{
    char *page = abi_page(), *slot = abi_slot();
    unsigned long mfn = virt_to_mfn(page);

    if (!give_back(page))
        return;
    EXPECT(mm_set_pte((unsigned long)slot, make_pte(mfn, PTE_RO)) < 0);
    take_again(page);
    abi_slot_free(slot);
    page_free(page, 0);
}

CLAIM(decrease_foreign, "frames that are not the domain's are not freed: the count tells")
{
    xen_pfn_t list[2] = {abi_alien_mfn(), 0xffffffffff};

    EXPECT_EQ(reservation_op(XENMEM_decrease_reservation, list, 1, 0, DOMID_SELF), 0);
    EXPECT_EQ(reservation_op(XENMEM_decrease_reservation, list + 1, 1, 0, DOMID_SELF), 0);
}

CLAIM(decrease_pinned,
      "a page table in use survives being given back; its frame goes with the last reference")
{
    uint64_t *table = abi_table();
    unsigned long pfn = virt_to_pfn(table);
    xen_pfn_t mfn = virt_to_mfn(table);
    long before = pages_of(XENMEM_current_reservation);

    REQUIRE_OK(abi_mmuext(MMUEXT_PIN_L1_TABLE, mfn));
    EXPECT_EQ(reservation_op(XENMEM_decrease_reservation, &mfn, 1, 0, DOMID_SELF), 1);
    EXPECT_EQ(mm_set_pte((unsigned long)table, 0), 0);
    EXPECT_EQ(pages_of(XENMEM_current_reservation), before);
    EXPECT_EQ(abi_mmuext(MMUEXT_UNPIN_TABLE, mfn), 0);
    EXPECT_EQ(pages_of(XENMEM_current_reservation), before - 1);
    mm_set_p2m(pfn, INVALID_MFN);
    take_again(table);
    page_free(table, 0);
}

CLAIM(list_errors, "lists or arguments that cannot be read: the result is the count done so far, 0")
{
    EXPECT_EQ(reservation_op(XENMEM_decrease_reservation, BAD_PTR, 1, 0, DOMID_SELF), 0);
    EXPECT_EQ(reservation_op(XENMEM_populate_physmap, BAD_PTR, 1, 0, DOMID_SELF), 0);
    EXPECT_EQ(hv_memory_op(XENMEM_decrease_reservation, BAD_PTR), 0);
    EXPECT_EQ(hv_memory_op(XENMEM_populate_physmap, HV_PTR), 0);
    EXPECT_EQ(reservation_op(XENMEM_decrease_reservation, NULL, 0, 0, DOMID_SELF), 0);
}

CLAIM(bad_domain, "an unknown domain is refused by each reservation command")
{
    xen_pfn_t list = 0;

    EXPECT(reservation_op(XENMEM_decrease_reservation, &list, 1, 0, 0x7000) <= 0);
    EXPECT(reservation_op(XENMEM_populate_physmap, &list, 1, 0, 0x7000) <= 0);
    EXPECT(reservation_op(XENMEM_increase_reservation, &list, 1, 0, 0x7000) <= 0);
}

CLAIM(huge_order, "an extent order that no machine has is refused, nothing is taken")
{
    xen_pfn_t list = 0;
    long before = pages_of(XENMEM_current_reservation);

    EXPECT(reservation_op(XENMEM_populate_physmap, &list, 1, 40, DOMID_SELF) <= 0);
    EXPECT(reservation_op(XENMEM_populate_physmap, &list, 1, 63, DOMID_SELF) <= 0);
    EXPECT(reservation_op(XENMEM_populate_physmap, &list, 1, 64, DOMID_SELF) <= 0);
    EXPECT(reservation_op(XENMEM_populate_physmap, &list, 1, ~0u, DOMID_SELF) <= 0);
    EXPECT_EQ(pages_of(XENMEM_current_reservation), before);
}

CLAIM(increase, "increase_reservation gives a frame of no pfn, decrease takes it back")
{
    xen_pfn_t mfn = ~0ul;
    char *page = abi_page(), *slot = abi_slot();
    long before;

    FIRST_DOMAIN_ONLY();
    /* Room below the maximum. */
    if (!give_back(page))
        return;
    before = pages_of(XENMEM_current_reservation);
    EXPECT_EQ(reservation_op(XENMEM_increase_reservation, &mfn, 1, 0, DOMID_SELF), 1);
    EXPECT_EQ(pages_of(XENMEM_current_reservation), before + 1);
    EXPECT_EQ(mm_set_pte((unsigned long)slot, make_pte(mfn, PTE_RW)), 0);
    EXPECT(probe_write64(slot, 1));
    EXPECT_EQ(mm_set_pte((unsigned long)slot, 0), 0);
    EXPECT_EQ(reservation_op(XENMEM_decrease_reservation, &mfn, 1, 0, DOMID_SELF), 1);
    EXPECT_EQ(pages_of(XENMEM_current_reservation), before);
    take_again(page);
    abi_slot_free(slot);
    page_free(page, 0);
}

CLAIM(exchange, "four single pages are exchanged for one contiguous extent of order 2")
{
    xen_pfn_t in[4], out;
    char *pages = page_alloc(2);
    unsigned long pfn;
    struct xen_memory_exchange ex = {
        .in = {.nr_extents = 4, .extent_order = 0, .domid = DOMID_SELF},
        .out = {.nr_extents = 1, .extent_order = 2, .domid = DOMID_SELF},
    };

    REQUIRE(pages);
    pfn = out = virt_to_pfn(pages);
    for (unsigned i = 0; i < 4; i++)
        in[i] = unmap_page(pages + i * PAGE_SIZE);
    set_xen_guest_handle(ex.in.extent_start, in);
    set_xen_guest_handle(ex.out.extent_start, &out);
    EXPECT_EQ(hv_memory_op(XENMEM_exchange, &ex), 0);
    EXPECT_EQ(ex.nr_exchanged, 4);
    for (unsigned i = 0; i < 4; i++) {
        EXPECT_EQ(mfn_to_pfn(out + i), pfn + i);
        mm_set_p2m(pfn + i, out + i);
        EXPECT_EQ(mm_set_pte((unsigned long)pages + i * PAGE_SIZE, make_pte(out + i, PTE_RW)), 0);
        EXPECT(probe_write64(pages + i * PAGE_SIZE, 1));
    }
    page_free(pages, 2);
}

CLAIM(exchange_errors,
      "exchange: mismatched sizes EINVAL, non-zero progress at start, foreign frames refused")
{
    xen_pfn_t in[2] = {0, 0}, out = 0;
    struct xen_memory_exchange ex = {
        .in = {.nr_extents = 2, .extent_order = 0, .domid = DOMID_SELF},
        .out = {.nr_extents = 2, .extent_order = 1, .domid = DOMID_SELF},
    };

    set_xen_guest_handle(ex.in.extent_start, in);
    set_xen_guest_handle(ex.out.extent_start, &out);
    EXPECT_EQ(hv_memory_op(XENMEM_exchange, &ex), -XEN_EINVAL);
    EXPECT_EQ(hv_memory_op(XENMEM_exchange, BAD_PTR), -XEN_EFAULT);
    ex.out.nr_extents = 1;
    ex.nr_exchanged = 1;
    EXPECT(hv_memory_op(XENMEM_exchange, &ex) < 0);
    ex.nr_exchanged = 0;
    in[0] = abi_alien_mfn();
    EXPECT(hv_memory_op(XENMEM_exchange, &ex) < 0);
}

CLAIM(machphys_mapping, "machphys_mapping tells where the M2P is and how far it goes")
{
    struct xen_machphys_mapping m = {0};

    EXPECT_EQ(hv_memory_op(XENMEM_machphys_mapping, &m), 0);
    EXPECT_EQ(m.v_start, MACH2PHYS_VIRT_START);
    EXPECT(m.v_end > m.v_start);
    /* Other domains are told no more than how far the table could go. */
    if (guest_is_dom0())
        EXPECT_EQ(m.max_mfn + 1, hv_memory_op(XENMEM_maximum_ram_page, NULL));
    else
        EXPECT_GE(m.max_mfn + 1, hv_memory_op(XENMEM_maximum_ram_page, NULL));
    EXPECT_EQ(hv_memory_op(XENMEM_machphys_mapping, BAD_PTR), -XEN_EFAULT);
}

CLAIM(machine_memory_map, "the machine's E820 is shown to the first domain, and a short buffer is EINVAL")
{
    static uint8_t buffer[20 * 128];
    struct xen_memory_map map = {.nr_entries = 128};
    long n;

    FIRST_DOMAIN_ONLY();
    set_xen_guest_handle(map.buffer, buffer);
    EXPECT_EQ(hv_memory_op(XENMEM_machine_memory_map, &map), 0);
    n = map.nr_entries;
    EXPECT(n > 2 && n < 128);
    map.nr_entries = 1;
    EXPECT_EQ(hv_memory_op(XENMEM_machine_memory_map, &map), -XEN_EINVAL);
    EXPECT_EQ(hv_memory_op(XENMEM_machine_memory_map, BAD_PTR), -XEN_EFAULT);
}

CLAIM(memory_map, "no E820 was set for the first domain: memory_map is ENOSYS")
{
    static uint8_t buffer[20 * 16];
    struct xen_memory_map map = {.nr_entries = 16};

    FIRST_DOMAIN_ONLY();
    set_xen_guest_handle(map.buffer, buffer);
    EXPECT_EQ(hv_memory_op(XENMEM_memory_map, &map), -XEN_ENOSYS);
}

CLAIM(machphys_list, "machphys_mfn_list names frames of the M2P")
{
    xen_pfn_t list[4] = {0};
    struct xen_machphys_mfn_list arg = {.max_extents = 4};

    FIRST_DOMAIN_ONLY();
    set_xen_guest_handle(arg.extent_start, list);
    EXPECT_EQ(hv_memory_op(XENMEM_machphys_mfn_list, &arg), 0);
    EXPECT(arg.nr_extents >= 1 && arg.nr_extents <= 4);
    EXPECT(list[0] != 0);
}

CLAIM(sharing_counts, "no page is shared: both counts are 0")
{
    EXPECT_EQ(hv_memory_op(XENMEM_get_sharing_freed_pages, NULL), 0);
    EXPECT_EQ(hv_memory_op(XENMEM_get_sharing_shared_pages, NULL), 0);
}

CLAIM(add_to_physmap, "commands for translated guests are refused for a PV domain")
{
    struct xen_add_to_physmap add = {.domid = DOMID_SELF, .space = XENMAPSPACE_shared_info};

    EXPECT(hv_memory_op(XENMEM_add_to_physmap, &add) < 0);
}

CLAIM(unknown, "an unknown command is ENOSYS")
{
    EXPECT_EQ(hv_memory_op(63, NULL), -XEN_ENOSYS);
    EXPECT_EQ(hv_memory_op(60, NULL), -XEN_ENOSYS);
}

CLAIM(many_pages, "256 pages are given back and taken again in one call each")
{
    enum { N = 256 };
    static xen_pfn_t list[N];
    char *pages = page_alloc(8);
    unsigned long first;

    REQUIRE(pages);
    first = virt_to_pfn(pages);
    for (unsigned i = 0; i < N; i++)
        list[i] = unmap_page(pages + i * PAGE_SIZE);
    EXPECT_EQ(reservation_op(XENMEM_decrease_reservation, list, N, 0, DOMID_SELF), N);
    for (unsigned i = 0; i < N; i++)
        list[i] = first + i;
    EXPECT_EQ(reservation_op(XENMEM_populate_physmap, list, N, 0, DOMID_SELF), N);
    for (unsigned i = 0; i < N; i++) {
        mm_set_p2m(first + i, list[i]);
        EXPECT_EQ(mm_set_pte((unsigned long)pages + i * PAGE_SIZE, make_pte(list[i], PTE_RW)), 0);
    }
    memset(pages, 1, N * PAGE_SIZE);
    page_free(pages, 8);
}
