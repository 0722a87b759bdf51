/* SPDX-License-Identifier: MIT */
/* mmu_update, mmuext_op and memory_op as hostile and as impatient guests issue them. */
#include "guest.h"
#include <stdlib.h>
#include <string.h>
#include <xen/memory.h>
#include "boot/boot.h"

#define LIST GUEST_BASE
#define DONE (GUEST_BASE + 0x20000)
#define ARG  (GUEST_BASE + 0x21000)
#define OUT  (GUEST_BASE + 0x28000)
#define BAD  0x7000000000UL

static void request(unsigned i, paddr_t ptr, u64 val)
{
    guest_words(LIST)[2 * i] = ptr;
    guest_words(LIST)[2 * i + 1] = val;
}
static void ext(unsigned i, unsigned cmd, u64 arg1, u64 arg2)
{
    struct mmuext_op op = {.cmd = cmd};

    op.arg1.linear_addr = arg1;
    memcpy(&op.arg2, &arg2, sizeof(arg2));
    memcpy(guest(LIST + i * sizeof(op)), &op, sizeof(op));
}
static u32 done(void)
{
    return *(u32 *)guest(DONE);
}
static long mmu(u32 n, u64 foreign)
{
    return call(__HYPERVISOR_mmu_update, LIST, n, DONE, foreign, 0);
}
static long mmuext(u32 n, u64 foreign)
{
    return call(__HYPERVISOR_mmuext_op, LIST, n, DONE, foreign, 0);
}
static int update_dom(struct domain *d, paddr_t ptr, u64 val)
{
    return pt_update_entry(&d->mm, &d->mm, ptr, val, false);
}

/* A running domain: its tree is the root in use. */
static void start_domain(struct vcpu *v, struct owner_frames *o)
{
    act_as(v);
    build_tree(o);
    assert_int_equal(vcpu_set_kernel_root(v, o->frame[0]), 0);
}

static void test_batches(void **state)
{
    (void)state;
    start_domain(&vcpu_a, &a);
    for (unsigned n = 0; n < 100; n++)
        request(n, entry(a.frame[3], 100 + n), pte_make(a.frame[12 + n % 8], PTE_P | PTE_RW));
    for (unsigned p = 0; p < 5; p++) {
        preempt_calls(p);
        continuations = 0;
        assert_int_equal(mmu(100, DOMID_SELF), 0);
        assert_int_equal(done(), 100);
        assert_true(p ? continuations > 0 : continuations == 0);
        preempt_calls(0);
        assert_sound();
    }
    request(70, entry(b.frame[3], 0), 0);
    preempt_calls(2);
    assert_int_equal(mmu(100, DOMID_SELF), -EINVAL);
    assert_int_equal(done(), 70);
    request(30, 5 | entry(a.frame[3], 0), 0);
    assert_int_equal(mmu(100, DOMID_SELF), -ENOSYS);
    assert_int_equal(done(), 30);
}

static void test_batch_arguments(void **state)
{
    (void)state;
    start_domain(&vcpu_a, &a);
    assert_int_equal(call(__HYPERVISOR_mmu_update, BAD, 1, DONE, DOMID_SELF, 0), -EFAULT);
    assert_int_equal(call(__HYPERVISOR_mmu_update, 0xffff830000000000UL, 1, 0, DOMID_SELF, 0), -EFAULT);
    request(0, entry(a.frame[15], 0), 1);
    assert_int_equal(call(__HYPERVISOR_mmu_update, LIST, 1, BAD, DOMID_SELF, 0), 0);
    assert_int_equal(mmu(0, DOMID_SELF), 0);
    assert_int_equal(mmu(1, 77), -ESRCH);
    assert_int_equal(mmu(1, dom_a.id), -ESRCH);
    assert_int_equal(mmu(1, DOMID_SELF | 78 << 16), -ESRCH);
    /* As far as the list is readable. */
    u64 end = GUEST_BASE + GUEST_SIZE - 3 * 16;
    for (unsigned i = 0; i < 3; i++) {
        guest_words(end)[2 * i] = entry(a.frame[15], i);
        guest_words(end)[2 * i + 1] = 7;
    }
    assert_int_equal(call(__HYPERVISOR_mmu_update, end, 1u << 30, DONE, DOMID_SELF, 0), -EFAULT);
    assert_int_equal(done(), 3);
    assert_int_equal(table(a.frame[15])[2], 7);
    /* A forged continuation is only an empty call that returns what it is told. */
    assert_int_equal(call(__HYPERVISOR_mmu_update, 0, 0x80000000u, 0, 0xfffffff0u, 0), -16);
}

static void test_foreign_batches(void **state)
{
    (void)state;
    start_domain(&vcpu_a, &a);
    start_domain(&vcpu_b, &b);
    request(0, entry(b.frame[3], 50), pte_make(a.frame[20], PTE_P));
    assert_int_equal(mmu(1, dom_a.id), -EPERM); /* b is not privileged */
    assert_int_equal(mmu(1, DOMID_XEN), -EPERM);
    assert_int_equal(mmu(1, DOMID_SELF | (dom_a.id + 1u) << 16), -EPERM);
    act_as(&vcpu_a);
    request(0, entry(a.frame[3], 50), pte_make(b.frame[20], PTE_P | PTE_RW));
    assert_int_equal(mmu(1, dom_b.id), 0);
    assert_int_equal(uses_of(b.frame[20]), 1);
    /* a changes b's tables */
    request(0, entry(b.frame[3], 51), pte_make(b.frame[21], PTE_P | PTE_RW));
    assert_int_equal(mmu(1, dom_b.id | (dom_b.id + 1u) << 16), 0);
    assert_int_equal(uses_of(b.frame[21]), 1);
    request(0, entry(b.frame[2], 0), 0);
    assert_int_equal(mmu(1, dom_b.id | (dom_b.id + 1u) << 16), 0);
    assert_int_equal(uses_of(b.frame[3]), 0);
    /* machphys */
    request(0, mfn_to_paddr(b.frame[9]) | MMU_MACHPHYS_UPDATE, 0x4711);
    assert_int_equal(mmu(1, dom_b.id), 0);
    assert_int_equal(m2p[mfn_x(b.frame[9])], 0x4711);
    assert_int_equal(mmu(1, DOMID_SELF), -EINVAL);
    assert_int_equal(mmu(1, dom_b.id | (dom_b.id + 1u) << 16), -EPERM);
    assert_int_equal(call(__HYPERVISOR_update_va_mapping_otherdomain, 60 << 12, pte_make(b.frame[22], PTE_P),
                          0, dom_b.id, 0),
                     0);
    assert_int_equal(refs_of(b.frame[22]), 2);
    assert_sound();
}

/* A tree that is taken apart in pieces: the call ends only when nothing is left, and it ends with the right
 * status. */
static void test_preempted_teardown(void **state)
{
    (void)state;
    start_domain(&vcpu_a, &a);
    for (unsigned p = 1; p < 6; p++) {
        mfn_t l4 = a.frame[30], l3 = a.frame[31];

        memset(table(l4), 0, PAGE_SIZE);
        memset(table(l3), 0, PAGE_SIZE);
        for (unsigned i = 0; i < 4; i++) {
            memset(table(a.frame[32 + i]), 0, PAGE_SIZE);
            table(l4)[i] = pte_make(l3, PTE_P);
            table(l3)[i] = pte_make(a.frame[32 + i], PTE_P);
            table(a.frame[32 + i])[0] = pte_make(a.frame[36], PTE_P);
        }
        memset(table(a.frame[36]), 0, PAGE_SIZE);
        preempt_calls(p);
        ext(0, MMUEXT_PIN_L4_TABLE, mfn_x(l4), 0);
        ext(1, MMUEXT_UNPIN_TABLE, mfn_x(l4), 0);
        ext(2, MMUEXT_CLEAR_PAGE, mfn_x(l4), 0); /* needs it as plain memory */
        ext(3, MMUEXT_PIN_L4_TABLE, mfn_x(b.frame[0]), 0);
        assert_int_equal(mmuext(4, DOMID_SELF), -EINVAL);
        assert_int_equal(done(), 3);
        assert_int_equal(uses_of(l3), 0);
        assert_false(pt_unfinished(&dom_a.mm));
        preempt_calls(0);
        assert_sound();
    }
    assert_true(continuations > 20);
}

static void test_roots(void **state)
{
    (void)state;
    start_domain(&vcpu_a, &a);
    table(a.frame[30])[0] = pte_make(a.frame[1], PTE_P);
    ext(0, MMUEXT_NEW_BASEPTR, mfn_x(a.frame[30]), 0);
    ext(1, MMUEXT_NEW_USER_BASEPTR, mfn_x(a.frame[30]), 0);
    ext(2, MMUEXT_CLEAR_PAGE, mfn_x(a.frame[0]), 0);
    assert_int_equal(mmuext(3, DOMID_SELF), 0); /* the old root is plain memory at once */
    assert_int_equal(uses_of(a.frame[30]), 2);
    ext(0, MMUEXT_NEW_USER_BASEPTR, 0, 0);
    ext(1, MMUEXT_NEW_BASEPTR, mfn_x(a.frame[8]), 0); /* mapped writable */
    assert_int_equal(mmuext(2, DOMID_SELF), -EINVAL);
    assert_int_equal(done(), 1);
    assert_int_equal(uses_of(a.frame[30]), 1);
    ext(0, MMUEXT_NEW_BASEPTR, mfn_x(b.frame[0]), 0);
    assert_int_equal(mmuext(1, dom_b.id), -EPERM);
    assert_sound();
}

static void test_ext_arguments(void **state)
{
    static const unsigned own_only[] = {MMUEXT_NEW_BASEPTR,     MMUEXT_TLB_FLUSH_LOCAL, MMUEXT_INVLPG_LOCAL,
                                        MMUEXT_TLB_FLUSH_MULTI, MMUEXT_TLB_FLUSH_ALL,   MMUEXT_INVLPG_ALL,
                                        MMUEXT_FLUSH_CACHE,     MMUEXT_SET_LDT};

    (void)state;
    start_domain(&vcpu_a, &a);
    for (unsigned i = 0; i < ARRAY_SIZE(own_only); i++) {
        ext(0, own_only[i], 0, 0);
        assert_int_equal(mmuext(1, dom_b.id), -EPERM);
    }
    ext(0, 14, 0, 0);
    assert_int_equal(mmuext(1, DOMID_SELF), -ENOSYS);
    ext(0, MMUEXT_MARK_SUPER, 0, 0);
    assert_int_equal(mmuext(1, DOMID_SELF), -EOPNOTSUPP);
    ext(0, MMUEXT_TLB_FLUSH_MULTI, 0, BAD);
    assert_int_equal(mmuext(1, DOMID_SELF), -EINVAL);
    guest_words(DONE + 8)[0] = ~0UL;
    ext(0, MMUEXT_TLB_FLUSH_MULTI, 0, DONE + 8);
    ext(1, MMUEXT_INVLPG_MULTI, 0xffff830000000000UL, DONE + 8);
    ext(2, MMUEXT_INVLPG_ALL, 1UL << 50, 0);
    ext(3, MMUEXT_SET_LDT, 0x1000, 8192);
    ext(4, MMUEXT_SET_LDT, 0x1001, 1);
    assert_int_equal(mmuext(5, DOMID_SELF), -EINVAL);
    assert_int_equal(done(), 4);
    ext(0, MMUEXT_SET_LDT, 0x1000, 8193);
    assert_int_equal(mmuext(1, DOMID_SELF), -EINVAL);
    ext(0, MMUEXT_SET_LDT, 0xffff830000000000UL, 1);
    assert_int_equal(mmuext(1, DOMID_SELF), -EINVAL);
    ext(0, MMUEXT_COPY_PAGE, mfn_x(a.frame[15]), mfn_x(b.frame[15]));
    assert_int_equal(mmuext(1, DOMID_SELF), -EINVAL);
    ext(0, MMUEXT_CLEAR_PAGE, mfn_x(a.frame[3]), 0);
    assert_int_equal(mmuext(1, DOMID_SELF), -EINVAL);
    assert_sound();
}

static void reservation(u64 list, u64 n, unsigned order, unsigned flags, u16 domid)
{
    struct xen_memory_reservation r = {
        .nr_extents = n, .extent_order = order, .mem_flags = flags, .domid = domid};

    set_xen_guest_handle(r.extent_start, (xen_pfn_t *)list);
    memcpy(guest(ARG), &r, sizeof(r));
}
static long memop(unsigned cmd)
{
    return call(__HYPERVISOR_memory_op, cmd, ARG, 0, 0, 0);
}

static void test_reservations(void **state)
{
    u64 *list = guest(LIST);

    (void)state;
    start_domain(&vcpu_b, &b);
    dom_b.mm.max_pages = FRAMES + 20;
    for (unsigned p = 0; p < 3; p++) {
        preempt_calls(p);
        for (unsigned i = 0; i < 16; i++)
            list[i] = 500 + i;
        reservation(LIST, 16, 0, 0, DOMID_SELF);
        assert_int_equal(memop(XENMEM_populate_physmap), 16);
        for (unsigned i = 0; i < 16; i++)
            assert_int_equal(m2p[list[i]], 500 + i);
        assert_int_equal(dom_b.mm.tot_pages, FRAMES + 16);
        list[9] = mfn_x(a.frame[5]);
        assert_int_equal(memop(XENMEM_decrease_reservation), 9);
        assert_int_equal(dom_b.mm.tot_pages, FRAMES + 7);
        while (dom_b.mm.tot_pages > FRAMES)
            assert_true(release_domain_page(&frame_table[dom_b.mm.page_list]));
    }
    preempt_calls(0);
    reservation(LIST, 40, 0, 0, DOMID_SELF);
    assert_int_equal(memop(XENMEM_populate_physmap), 20); /* the limit */
    reservation(LIST, 20, 0, 0, DOMID_SELF);
    assert_int_equal(memop(XENMEM_decrease_reservation), 20);
    /* A frame that is mapped goes when the mapping does. */
    list[0] = mfn_x(b.frame[8]);
    reservation(LIST, 1, 0, 0, DOMID_SELF);
    assert_int_equal(memop(XENMEM_decrease_reservation), 1);
    assert_int_equal(dom_b.mm.tot_pages, FRAMES);
    assert_int_equal(update_dom(&dom_b, entry(b.frame[3], 0), 0), 0);
    assert_int_equal(dom_b.mm.tot_pages, FRAMES - 1);
    assert_sound();
}

static void test_reservation_arguments(void **state)
{
    u64 have = dom_b.mm.tot_pages;

    (void)state;
    start_domain(&vcpu_b, &b);
    reservation(LIST, 4, 10, 0, DOMID_SELF); /* order */
    assert_int_equal(memop(XENMEM_populate_physmap), 0);
    reservation(LIST, 4, 0, 0, dom_a.id); /* not privileged */
    assert_int_equal(memop(XENMEM_populate_physmap), 0);
    assert_int_equal(memop(XENMEM_decrease_reservation), 0);
    reservation(LIST, 4, 0, XENMEMF_exact_node(0), DOMID_SELF);
    assert_int_equal(memop(XENMEM_populate_physmap), 0);
    reservation(LIST, 4, 0, 12, DOMID_SELF); /* 12 address bits */
    assert_int_equal(memop(XENMEM_populate_physmap), 0);
    reservation(BAD, 4, 0, 0, DOMID_SELF);
    assert_int_equal(memop(XENMEM_populate_physmap), 0);
    assert_int_equal(memop(XENMEM_decrease_reservation), 0);
    reservation(0, 4, 0, 0, DOMID_SELF);
    assert_int_equal(memop(XENMEM_decrease_reservation), 0);
    reservation(LIST, ~0UL, 0, 0, DOMID_SELF);
    assert_int_equal(memop(XENMEM_populate_physmap), 0);
    assert_int_equal(call(__HYPERVISOR_memory_op, XENMEM_populate_physmap | 5 << 6, BAD, 0, 0, 0), 5);
    assert_int_equal(call(__HYPERVISOR_memory_op, XENMEM_exchange | 5 << 6, ARG, 0, 0, 0), -EINVAL);
    assert_int_equal(dom_b.mm.tot_pages, have);
    for (unsigned node = 0; node < 256; node++) {
        reservation(0, 1, 0, XENMEMF_node(node), DOMID_SELF);
        (void)memop(XENMEM_increase_reservation);
        while (dom_b.mm.tot_pages > have)
            release_domain_page(&frame_table[dom_b.mm.page_list]);
    }
    assert_sound();
}

static void exchange(u64 n_in, unsigned in_order, u64 n_out, unsigned out_order, unsigned flags)
{
    struct xen_memory_exchange x = {
        .in = {.nr_extents = n_in, .extent_order = in_order, .domid = DOMID_SELF},
        .out = {.nr_extents = n_out, .extent_order = out_order, .mem_flags = flags, .domid = DOMID_SELF}};

    set_xen_guest_handle(x.in.extent_start, (xen_pfn_t *)LIST);
    set_xen_guest_handle(x.out.extent_start, (xen_pfn_t *)OUT);
    memcpy(guest(ARG), &x, sizeof(x));
}
static u64 exchanged(void)
{
    return ((struct xen_memory_exchange *)guest(ARG))->nr_exchanged;
}

static void test_exchange(void **state)
{
    u64 *in = guest(LIST), *out = guest(OUT);

    (void)state;
    start_domain(&vcpu_b, &b);
    for (unsigned p = 0; p < 3; p++) {
        preempt_calls(p);
        /* Sixteen pages for four blocks of four. */
        for (unsigned i = 0; i < 16; i++)
            in[i] = mfn_x(b.frame[20 + i]);
        for (unsigned i = 0; i < 4; i++)
            out[i] = 0x100 + 4 * i;
        exchange(16, 0, 4, 2, 22);
        assert_int_equal(memop(XENMEM_exchange), 0);
        assert_int_equal(exchanged(), 16);
        assert_int_equal(dom_b.mm.tot_pages, FRAMES);
        for (unsigned i = 0; i < 16; i++) {
            b.frame[20 + i] = mfn_of(out[i / 4] + i % 4);
            assert_int_equal(out[i / 4] % 4, 0);
            assert_true(mfn_to_paddr(b.frame[20 + i]) < 1UL << 22);
            assert_int_equal(m2p[mfn_x(b.frame[20 + i])], 0x100 + i);
            assert_ptr_equal(page_owner(mfn_to_page(b.frame[20 + i])), &dom_b.mm);
        }
        assert_sound();
    }
    preempt_calls(0);
    /* One block for four pages. */
    in[0] = mfn_x(b.frame[20]);
    exchange(1, 2, 4, 0, 0);
    assert_int_equal(memop(XENMEM_exchange), 0);
    assert_int_equal(exchanged(), 1);
    assert_sound();
}

static void test_exchange_refused(void **state)
{
    u64 *in = guest(LIST);

    (void)state;
    start_domain(&vcpu_b, &b);
    in[0] = mfn_x(b.frame[20]);
    in[1] = mfn_x(b.frame[8]); /* mapped */
    in[2] = mfn_x(b.frame[21]);
    in[3] = mfn_x(b.frame[22]);
    exchange(4, 0, 1, 2, 0);
    assert_int_equal(memop(XENMEM_exchange), -EINVAL);
    assert_int_equal(exchanged(), 0);
    in[1] = in[0]; /* twice the same */
    assert_int_equal(memop(XENMEM_exchange), -EINVAL);
    in[1] = mfn_x(a.frame[20]);
    assert_int_equal(memop(XENMEM_exchange), -EINVAL);
    in[1] = ~0UL;
    assert_int_equal(memop(XENMEM_exchange), -EINVAL);
    in[1] = mfn_x(b.frame[23]);
    exchange(4, 0, 1, 2, 13); /* nothing below 8 KiB in one piece of 16 KiB */
    assert_int_equal(memop(XENMEM_exchange), -ENOMEM);
    assert_sound();
    exchange(4, 0, 1, 3, 0);
    assert_int_equal(memop(XENMEM_exchange), -EINVAL);
    exchange(1UL << 62, 2, 1, 0, 0);
    assert_int_equal(memop(XENMEM_exchange), -EINVAL);
    exchange(1, 10, 1, 10, 0);
    assert_int_equal(memop(XENMEM_exchange), -EPERM);
    assert_int_equal(call(__HYPERVISOR_memory_op, XENMEM_exchange, BAD, 0, 0, 0), -EFAULT);
    assert_int_equal(dom_b.mm.tot_pages, FRAMES);
    /* Every third chunk fails: what was done before is reported and stays. */
    for (unsigned i = 0; i < 6; i++)
        in[i] = i == 4 ? 0 : mfn_x(b.frame[30 + i]);
    exchange(6, 0, 6, 0, 0);
    assert_int_equal(memop(XENMEM_exchange), -EINVAL);
    assert_int_equal(exchanged(), 4);
    assert_sound();
}

static void test_maps(void **state)
{
    struct xen_foreign_memory_map f = {.domid = dom_b.id, .map = {.nr_entries = 2}};
    struct xen_memory_map m = {.nr_entries = 1};

    (void)state;
    start_domain(&vcpu_a, &a);
    assert_int_equal(memop(XENMEM_memory_map), -ENOSYS);
    set_xen_guest_handle_raw(f.map.buffer, (void *)LIST);
    memset(guest(LIST), 0x11, 40);
    memcpy(guest(ARG), &f, sizeof(f));
    assert_int_equal(memop(XENMEM_set_memory_map), 0);
    f.map.nr_entries = 1025;
    memcpy(guest(ARG), &f, sizeof(f));
    assert_int_equal(memop(XENMEM_set_memory_map), -EINVAL);
    f.map.nr_entries = 2;
    f.domid = 99;
    memcpy(guest(ARG), &f, sizeof(f));
    assert_int_equal(memop(XENMEM_set_memory_map), -ESRCH);
    act_as(&vcpu_b);
    set_xen_guest_handle_raw(m.buffer, (void *)OUT);
    memcpy(guest(ARG), &m, sizeof(m));
    assert_int_equal(memop(XENMEM_memory_map), 0);
    assert_int_equal(((u8 *)guest(OUT))[19], 0x11);
    assert_int_equal(((u8 *)guest(OUT))[20], 0);
    assert_int_equal(memop(XENMEM_machine_memory_map), -EPERM);
    act_as(&vcpu_a);
    boot_info.e820[0] = (struct e820_entry){0, 0x9fc00, E820_RAM};
    boot_info.e820[1] = (struct e820_entry){0x100000, 0x7f00000, E820_RAM};
    boot_info.e820_count = 2;
    assert_int_equal(memop(XENMEM_machine_memory_map), -EINVAL);
    m.nr_entries = 8;
    memcpy(guest(ARG), &m, sizeof(m));
    assert_int_equal(memop(XENMEM_machine_memory_map), 0);
    assert_int_equal(((struct xen_memory_map *)guest(ARG))->nr_entries, 2);
}

static void test_questions(void **state)
{
    (void)state;
    start_domain(&vcpu_b, &b);
    assert_int_equal(memop(XENMEM_maximum_ram_page), FAKE_FRAMES);
    *(u16 *)guest(ARG) = DOMID_SELF;
    assert_int_equal(memop(XENMEM_current_reservation), FRAMES);
    assert_int_equal(memop(XENMEM_maximum_reservation), FRAMES + 8);
    *(u16 *)guest(ARG) = dom_a.id;
    assert_int_equal(memop(XENMEM_current_reservation), -EPERM);
    *(u16 *)guest(ARG) = 99;
    assert_int_equal(memop(XENMEM_maximum_gpfn), -ESRCH);
    assert_int_equal(call(__HYPERVISOR_memory_op, XENMEM_maximum_reservation, BAD, 0, 0, 0), -EFAULT);
    for (unsigned cmd = 0; cmd < 64; cmd++) { /* none of them with nonsense does harm */
        memset(guest(ARG), 0xff, 256);
        (void)memop(cmd);
        (void)call(__HYPERVISOR_memory_op, cmd, BAD, 0, 0, 0);
        (void)call(__HYPERVISOR_memory_op, cmd, 0, 0, 0, 0);
    }
    assert_sound();
}

static void test_claims_and_resources(void **state)
{
    struct xen_mem_acquire_resource r = {
        .domid = dom_b.id, .type = XENMEM_resource_grant_table, .nr_frames = 2, .frame = 1};

    (void)state;
    start_domain(&vcpu_a, &a);
    reservation(0, FRAMES + 4, 0, 0, dom_b.id);
    assert_int_equal(memop(XENMEM_claim_pages), 0);
    assert_int_equal(dom_b.mm.claimed, 4);
    assert_int_equal(memop(XENMEM_claim_pages), -EINVAL);
    reservation(0, 0, 0, 0, dom_b.id);
    assert_int_equal(memop(XENMEM_claim_pages), 0);
    assert_int_equal(dom_b.mm.claimed, 0);
    set_xen_guest_handle(r.frame_list, (xen_pfn_t *)LIST);
    memcpy(guest(ARG), &r, sizeof(r));
    assert_int_equal(memop(XENMEM_acquire_resource), 0);
    assert_int_equal(guest_words(LIST)[1], 1002);
    r.nr_frames = 9;
    memcpy(guest(ARG), &r, sizeof(r));
    assert_int_equal(memop(XENMEM_acquire_resource), -EINVAL);
    set_xen_guest_handle(r.frame_list, (xen_pfn_t *)0);
    r.nr_frames = 0;
    memcpy(guest(ARG), &r, sizeof(r));
    assert_int_equal(memop(XENMEM_acquire_resource), 0);
    assert_int_equal(((struct xen_mem_acquire_resource *)guest(ARG))->nr_frames, 4);
    r.domid = dom_a.id;
    memcpy(guest(ARG), &r, sizeof(r));
    assert_int_equal(memop(XENMEM_acquire_resource), -EPERM);
    act_as(&vcpu_b);
    assert_int_equal(memop(XENMEM_acquire_resource), -EPERM);
    reservation(0, 0, 0, 0, dom_a.id);
    assert_int_equal(memop(XENMEM_claim_pages), -EPERM);
}

/* Random arguments, most of them near to sensible ones. */
static void test_random_calls(void **state)
{
    static const u8 nrs[] = {__HYPERVISOR_mmu_update, __HYPERVISOR_mmuext_op, __HYPERVISOR_memory_op,
                             __HYPERVISOR_update_va_mapping};

    (void)state;
    start_domain(&vcpu_b, &b);
    srand(3);
    for (unsigned round = 0; round < 20000; round++) {
        u8 nr = nrs[(unsigned)rand() % 4];
        unsigned n = (unsigned)rand() % 6;

        preempt_calls((unsigned)rand() % 4);
        for (unsigned i = 0; i < 6; i++) {
            mfn_t f = b.frame[(unsigned)rand() % FRAMES], g = b.frame[(unsigned)rand() % FRAMES];
            if (nr == __HYPERVISOR_mmu_update)
                request(i, entry(f, (unsigned)rand() % 8) | ((unsigned)rand() % 4),
                        pte_make(g, (u64)rand() % 64 | (rand() % 4 ? PTE_P : 0)));
            else if (nr == __HYPERVISOR_mmuext_op)
                ext(i, (unsigned)rand() % 22, mfn_x(f), rand() % 2 ? mfn_x(g) : DONE);
            else
                guest_words(LIST)[i] = guest_words(OUT)[i] = mfn_x(f);
        }
        if (nr == __HYPERVISOR_memory_op && rand() % 2)
            exchange(n, (unsigned)rand() % 2, n, (unsigned)rand() % 2, (unsigned)rand() % 30);
        else if (nr == __HYPERVISOR_memory_op)
            reservation(LIST, n, 0, 0, DOMID_SELF);
        u64 a1 = nr == __HYPERVISOR_memory_op           ? (u64)rand() % 32
                 : nr == __HYPERVISOR_update_va_mapping ? (u64)rand() % 16 << 12
                                                        : LIST;
        u64 a2 = nr == __HYPERVISOR_memory_op ? ARG
                 : nr == __HYPERVISOR_update_va_mapping
                     ? pte_make(b.frame[(unsigned)rand() % FRAMES], (u64)rand() % 128)
                     : n;
        (void)call(nr, a1, a2, nr == __HYPERVISOR_update_va_mapping ? (u64)rand() % 8 : DONE, DOMID_SELF, 0);
        preempt_calls(0);
        if (round % 64 == 0)
            assert_sound();
    }
    assert_sound();
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, guest_setup, guest_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_batches),
        CASE(test_batch_arguments),
        CASE(test_foreign_batches),
        CASE(test_preempted_teardown),
        CASE(test_roots),
        CASE(test_ext_arguments),
        CASE(test_reservations),
        CASE(test_reservation_arguments),
        CASE(test_exchange),
        CASE(test_exchange_refused),
        CASE(test_maps),
        CASE(test_questions),
        CASE(test_claims_and_resources),
        CASE(test_random_calls),
    };
    return cmocka_run_group_tests_name("memory hypercalls", tests, NULL, NULL);
}
