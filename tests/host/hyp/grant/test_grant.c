/* SPDX-License-Identifier: MIT */
/*
 * Grant tables: what each operation does to the entry that both sides see, to references and types of the
 * frame, and to the caller's handles; what it refuses; what is left when either side dies. Every test ends
 * with all frames, pages and domains given back, and a long random sequence is recounted after each step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "frames.h"
#include "cpu/softirq.h"
#include "grant/table.h"
#include "lib/errno.h"

static const struct domain_unit *const units[] = {&grant_unit, NULL};
static struct domain *dom[3]; /* 0 maps what 1 grants, mostly */
#define GRANTER 1
#define FRAME0  10 /* the granter's frames: 10..29; 30..39 are domain 0's, 40..49 domain 2's */

static void tables_go(struct domain *d)
{
    frames_drop_tables(d);
}

static int start(void **state)
{
    (void)state;
    frames_reset();
    grant_init();
    for (unsigned i = 0; i < 3; i++) {
        dom[i] = simple_domain((u16)i, 1, i == 0, units);
        frames_owner(dom[i]);
        assert_int_equal(grant_table_grow(dom[i], 1), 0);
    }
    for (u64 m = FRAME0; m < FRAME0 + 20; m++)
        frames_give(dom[GRANTER], m);
    for (u64 m = 30; m < 50; m++)
        frames_give(dom[m < 40 ? 0 : 2], m);
    simple_enter(dom[0]->vcpu[0]);
    simple_on_free = tables_go;
    return 0;
}

/* The whole end of a domain, in the order of the domain room. */
static unsigned bury(unsigned i)
{
    struct domain *d = dom[i];
    unsigned again;

    assert_true(domain_ref(d));
    again = simple_kill(d);
    frames_drop_tables(d);
    dom[i] = NULL;
    domain_put(d);
    return again;
}

static int end(void **state)
{
    (void)state;
    softirq_pending[0] = 0;
    for (unsigned i = 0; i < 3; i++)
        if (dom[i])
            bury(i);
    for (u64 m = FRAME0; m < 50; m++)
        if (frames_count(m))
            frames_release(m);
    for (u64 m = 0; m < FRAMES_NR; m++)
        assert_int_equal(frames_count(m), 0);
    assert_int_equal(frames_shared, 0);
    assert_int_equal(frames_all_mapped(), 0);
    assert_int_equal(simple_domains, 0);
    assert_int_equal(simple_allocs, 0);
    assert_int_equal(simple_locks_held(), 0);
    return 0;
}

/* --- the guests' side
 * ------------------------------------------------------------------------------------------------- */

static struct grant_entry_v1 *entry(unsigned d, u32 ref)
{
    return (struct grant_entry_v1 *)&dom[d]->grant->shared[ref / GRANTS_PER_FRAME][ref % GRANTS_PER_FRAME];
}

static void give(unsigned d, u32 ref, u16 to, u32 frame, u16 flags)
{
    *entry(d, ref) = (struct grant_entry_v1){.flags = flags, .domid = to, .frame = frame};
}

static struct gnttab_map_grant_ref map(u16 granter, u32 ref, u32 flags, u64 addr)
{
    struct gnttab_map_grant_ref op = {
        .host_addr = addr, .flags = flags, .ref = ref, .dom = granter, .status = 99};
    struct grant_batch b = {0};

    grant_map(&b, &op);
    grant_batch_end(&b);
    return op;
}

static int map_fails(u16 granter, u32 ref, u32 flags, u64 addr)
{
    return map(granter, ref, flags, addr).status;
}

static int unmap(u32 handle, u64 addr, u64 bus)
{
    struct gnttab_unmap_grant_ref op = {
        .host_addr = addr, .dev_bus_addr = bus, .handle = handle, .status = 99};
    struct grant_unmap_state st;

    grant_unmap(&op, &st);
    grant_unmap_finish(&st, 1);
    return op.status;
}

static int copy(struct gnttab_copy op)
{
    struct grant_batch b = {0};

    op.status = 99;
    grant_copy(&b, &op);
    grant_batch_end(&b);
    return op.status;
}

#define RW GNTMAP_host_map
#define RO (GNTMAP_host_map | GNTMAP_readonly)

/* --- mapping
 * ----------------------------------------------------------------------------------------------------------
 */

static void map_and_unmap(void **state)
{
    struct gnttab_map_grant_ref op;

    (void)state;
    give(GRANTER, 8, 0, FRAME0, GTF_permit_access);
    op = map(GRANTER, 8, RW, 0x1000);
    assert_int_equal(op.status, GNTST_okay);
    assert_int_equal(op.dev_bus_addr, FRAME0 * PAGE_SIZE);
    assert_int_equal(entry(GRANTER, 8)->flags, GTF_permit_access | GTF_reading | GTF_writing);
    assert_int_equal(frames_count(FRAME0), 3); /* owner, pin, page-table entry */
    assert_int_equal(frames_type_count(FRAME0), 1);
    assert_int_equal(grants_in_use(dom[GRANTER]), 1);
    assert_int_equal(grants_in_use(dom[0]), 1);

    assert_int_equal(unmap(op.handle + 1, 0x1000, 0), GNTST_bad_handle);
    assert_int_equal(unmap(0x7fffffff, 0x1000, 0), GNTST_bad_handle);
    assert_int_equal(unmap(op.handle, 0x2000, 0), GNTST_general_error);
    assert_int_equal(unmap(op.handle, 0, 0), GNTST_okay); /* nothing asked, nothing done */
    assert_int_equal(frames_count(FRAME0), 3);
    assert_int_equal(frames_flushes, 0);
    assert_int_equal(unmap(op.handle, 0x1000, 0), GNTST_okay);
    assert_int_equal(frames_flushes, 1);
    assert_int_equal(frames_last_flush, 0x1000);
    assert_int_equal(unmap(op.handle, 0x1000, 0), GNTST_bad_handle);
    assert_int_equal(entry(GRANTER, 8)->flags, GTF_permit_access);
    assert_int_equal(frames_count(FRAME0), 1);
    assert_int_equal(grants_in_use(dom[GRANTER]) + grants_in_use(dom[0]), 0);
}

static void refusals(void **state)
{
    (void)state;
    give(GRANTER, 8, 0, FRAME0, GTF_permit_access);
    give(GRANTER, 9, 0, FRAME0, GTF_permit_access | GTF_readonly);
    give(GRANTER, 10, 2, FRAME0, GTF_permit_access);
    give(GRANTER, 11, 0, FRAME0, GTF_accept_transfer);
    give(GRANTER, 12, 0, FRAME0, GTF_permit_access | GTF_sub_page);
    give(GRANTER, 13, 0, 30, GTF_permit_access);         /* not the granter's frame */
    give(GRANTER, 14, 0, 0xffffffff, GTF_permit_access); /* no frame */
    give(GRANTER, 15, 0, FRAME0 + 1, GTF_permit_access);

    assert_int_equal(map_fails(GRANTER, 8, 0, 0x1000), GNTST_bad_gntref);
    assert_int_equal(map_fails(7, 8, RW, 0x1000), GNTST_bad_domain);
    assert_int_equal(map_fails(DOMID_IO, 8, RW, 0x1000), GNTST_bad_domain);
    assert_int_equal(map_fails(GRANTER, GRANTS_PER_FRAME, RW, 0x1000), GNTST_bad_gntref);
    assert_int_equal(map_fails(GRANTER, 0xffffffff, RW, 0x1000), GNTST_bad_gntref);
    assert_int_equal(map_fails(GRANTER, 16, RW, 0x1000), GNTST_general_error);
    assert_int_equal(map_fails(GRANTER, 9, RW, 0x1000), GNTST_general_error);
    assert_int_equal(map_fails(GRANTER, 10, RO, 0x1000), GNTST_general_error);
    assert_int_equal(map_fails(GRANTER, 11, RO, 0x1000), GNTST_general_error);
    assert_int_equal(map_fails(GRANTER, 12, RO, 0x1000), GNTST_general_error);
    assert_int_equal(map_fails(GRANTER, 13, RO, 0x1000), GNTST_bad_page);
    assert_int_equal(map_fails(GRANTER, 14, RO, 0x1000), GNTST_bad_page);
    assert_int_equal(map_fails(GRANTER, 8, RW, FRAMES_VA_OK), GNTST_general_error);
    /* A frame that is a page table cannot be mapped writable, by CPU or device. */
    assert_int_equal(get_page_and_type(mfn_to_page(mfn_of(FRAME0 + 1)), &dom[GRANTER]->mm, PGT_l1), 0);
    assert_int_equal(map_fails(GRANTER, 15, RW, 0x1000), GNTST_general_error);
    assert_int_equal(map_fails(GRANTER, 15, GNTMAP_device_map, 0), GNTST_general_error);
    put_page_and_type(mfn_to_page(mfn_of(FRAME0 + 1)));
    simple_fail_alloc = 1;
    assert_int_equal(map_fails(GRANTER, 8, RO, 0x1000), GNTST_okay); /* handles were there already */
    assert_int_equal(simple_fail_alloc, 1);
    simple_fail_alloc = 0;

    for (u32 ref = 9; ref < 16; ref++)
        assert_int_equal(entry(GRANTER, ref)->flags & (GTF_reading | GTF_writing), 0);
    assert_int_equal(grants_in_use(dom[0]), 1);
    assert_int_equal(frames_count(FRAME0), 3);
    assert_int_equal(frames_count(FRAME0 + 1), 1);
}

static void several_users_of_an_entry(void **state)
{
    struct gnttab_map_grant_ref a, b, c;

    (void)state;
    give(GRANTER, 8, 0, FRAME0, GTF_permit_access);
    a = map(GRANTER, 8, RO, 0x1000);
    assert_int_equal(a.status, GNTST_okay);
    assert_int_equal(entry(GRANTER, 8)->flags, GTF_permit_access | GTF_reading);
    /* While it is in use the entry is what it was when it was first used. */
    entry(GRANTER, 8)->frame = FRAME0 + 1;
    entry(GRANTER, 8)->domid = 2;
    b = map(GRANTER, 8, RW, 0x2000);
    assert_int_equal(b.status, GNTST_okay);
    assert_int_equal(b.dev_bus_addr, FRAME0 * PAGE_SIZE);
    simple_enter(dom[2]->vcpu[0]);
    assert_int_equal(map_fails(GRANTER, 8, RO, 0x1000), GNTST_general_error);
    simple_enter(dom[0]->vcpu[0]);
    c = map(GRANTER, 8, RW, 0x3000);
    assert_int_equal(frames_count(FRAME0), 1 + 1 + 3);
    assert_int_equal(unmap(b.handle, 0x2000, 0), GNTST_okay);
    assert_int_equal(entry(GRANTER, 8)->flags, GTF_permit_access | GTF_reading | GTF_writing);
    assert_int_equal(unmap(c.handle, 0x3000, 0), GNTST_okay);
    assert_int_equal(entry(GRANTER, 8)->flags, GTF_permit_access | GTF_reading);
    /* Read-only since: readers may still come, writers not. */
    entry(GRANTER, 8)->flags |= GTF_readonly;
    assert_int_equal(map_fails(GRANTER, 8, RW, 0x3000), GNTST_general_error);
    assert_int_equal(unmap(a.handle, 0x1000, 0), GNTST_okay);
    assert_int_equal(entry(GRANTER, 8)->flags, GTF_permit_access | GTF_readonly);
    assert_int_equal(frames_count(FRAME0), 1);
    /* Now it is read anew: granted to domain 2, another frame. */
    assert_int_equal(map_fails(GRANTER, 8, RO, 0x1000), GNTST_general_error);
}

static void device_part(void **state)
{
    struct gnttab_map_grant_ref op;

    (void)state;
    give(GRANTER, 8, 0, FRAME0, GTF_permit_access);
    op = map(GRANTER, 8, RW | GNTMAP_device_map, 0x1000);
    assert_int_equal(op.status, GNTST_okay);
    assert_int_equal(frames_count(FRAME0), 1 + 1 + 1 + 1);
    assert_int_equal(frames_type_count(FRAME0), 2);
    assert_int_equal(unmap(op.handle, 0, op.dev_bus_addr + PAGE_SIZE), GNTST_bad_dev_addr);
    assert_int_equal(unmap(op.handle, 0x1000, 0), GNTST_okay);
    assert_int_equal(frames_type_count(FRAME0), 1);
    assert_true(entry(GRANTER, 8)->flags & GTF_writing);
    assert_int_equal(unmap(op.handle, 0x1000, 0), GNTST_okay); /* that part is gone: nothing done */
    assert_int_equal(unmap(op.handle, 0, op.dev_bus_addr), GNTST_okay);
    assert_int_equal(entry(GRANTER, 8)->flags, GTF_permit_access);
    assert_int_equal(unmap(op.handle, 0, op.dev_bus_addr), GNTST_bad_handle);
    op = map(GRANTER, 8, RO | GNTMAP_device_map, 0x1000);
    assert_int_equal(unmap(op.handle, 0x1000, op.dev_bus_addr), GNTST_okay);
    assert_int_equal(frames_count(FRAME0), 1);
}

static void by_pte_and_replace(void **state)
{
    struct gnttab_unmap_and_replace rep;
    struct gnttab_map_grant_ref a, b;
    struct grant_unmap_state st;

    (void)state;
    give(GRANTER, 8, 0, FRAME0, GTF_permit_access);
    a = map(GRANTER, 8, RW | GNTMAP_contains_pte | GNTMAP_application_map, 0x5008);
    assert_int_equal(a.status, GNTST_okay);
    rep = (struct gnttab_unmap_and_replace){.host_addr = 0x5008, .new_addr = 0x7000, .handle = a.handle};
    grant_unmap_replace(&rep, &st);
    grant_unmap_finish(&st, 1);
    assert_int_equal(rep.status, GNTST_general_error);
    b = map(GRANTER, 8, RO, 0x6000);
    rep = (struct gnttab_unmap_and_replace){.host_addr = 0x6000, .new_addr = 0x7000, .handle = b.handle};
    grant_unmap_replace(&rep, &st);
    grant_unmap_finish(&st, 1);
    assert_int_equal(rep.status, GNTST_okay);
    assert_int_equal(unmap(a.handle, 0x5008, 0), GNTST_okay);
    assert_int_equal(frames_last_flush, ~0UL);
    assert_int_equal(frames_count(FRAME0), 1);
}

/* The guest wrote over the entry: the handle cannot be given back by its address any more, but the frame is
 * safe. */
static void entry_lost(void **state)
{
    struct gnttab_map_grant_ref op;

    (void)state;
    give(GRANTER, 8, 0, FRAME0, GTF_permit_access);
    op = map(GRANTER, 8, RW, 0x1000);
    frames_overwrite(dom[0], 0x1000);
    assert_int_equal(unmap(op.handle, 0x1000, 0), GNTST_general_error);
    frames_release(FRAME0); /* the granter frees the frame: the pin keeps it */
    assert_int_equal(frames_count(FRAME0), 1);
    assert_int_equal(bury(0), 0);
    assert_int_equal(frames_count(FRAME0), 0);
    assert_int_equal(entry(GRANTER, 8)->flags, GTF_permit_access);
}

static void batch_of_unmaps(void **state)
{
    struct gnttab_unmap_grant_ref op[4];
    struct grant_unmap_state st[4];

    (void)state;
    for (u32 i = 0; i < 4; i++) {
        give(GRANTER, 8 + i, 0, FRAME0 + i, GTF_permit_access);
        op[i] = (struct gnttab_unmap_grant_ref){.host_addr = 0x1000 * (i + 1),
                                                .handle = map(GRANTER, 8 + i, RW, 0x1000 * (i + 1)).handle};
    }
    op[3].handle = op[0].handle; /* twice the same in one batch */
    for (u32 i = 0; i < 4; i++)
        grant_unmap(&op[i], &st[i]);
    assert_int_equal(op[2].status, GNTST_okay);
    assert_int_equal(op[3].status, GNTST_bad_handle);
    /* Nothing is let go before the flush. */
    assert_int_equal(frames_flushes, 0);
    for (u32 i = 0; i < 3; i++)
        assert_true(entry(GRANTER, 8 + i)->flags & GTF_writing);
    grant_unmap_finish(st, 4);
    assert_int_equal(frames_flushes, 1);
    for (u32 i = 0; i < 3; i++)
        assert_int_equal(entry(GRANTER, 8 + i)->flags, GTF_permit_access);
    assert_true(entry(GRANTER, 11)->flags & GTF_writing);
}

static void handles_run_out(void **state)
{
    u32 n = 0, most = 4 * MAPTRACK_PER_FRAME;
    struct gnttab_map_grant_ref op, first = {0};

    (void)state;
    give(GRANTER, 8, 0, FRAME0, GTF_permit_access);
    while ((op = map(GRANTER, 8, GNTMAP_device_map | GNTMAP_readonly, 0)).status == GNTST_okay)
        first = n++ ? first : op;
    assert_int_equal(op.status, GNTST_no_space);
    assert_int_equal(n, most);
    assert_int_equal(unmap(first.handle, 0, first.dev_bus_addr), GNTST_okay);
    assert_int_equal(map(GRANTER, 8, GNTMAP_device_map | GNTMAP_readonly, 0).handle, first.handle);
    softirq_pending[0] = 1;
    assert_in_range(bury(0), 5, most);
    assert_int_equal(entry(GRANTER, 8)->flags, GTF_permit_access);
}

static void self_grant(void **state)
{
    struct gnttab_map_grant_ref op;

    (void)state;
    give(0, 8, 0, 30, GTF_permit_access);
    op = map(DOMID_SELF, 8, RW, 0x1000);
    assert_int_equal(op.status, GNTST_okay);
    assert_int_equal(unmap(op.handle, 0x1000, 0), GNTST_okay);
    op = map(0, 8, RW, 0x1000);
    assert_int_equal(op.status, GNTST_okay);
}

/* --- death
 * -------------------------------------------------------------------------------------------------------------
 */

static void granter_dies(void **state)
{
    struct gnttab_map_grant_ref a, b;
    struct domain *granter = dom[GRANTER];

    (void)state;
    give(GRANTER, 8, 0, FRAME0, GTF_permit_access);
    give(GRANTER, 9, 0, FRAME0 + 1, GTF_permit_access);
    a = map(GRANTER, 8, RW, 0x1000);
    b = map(GRANTER, 9, RO, 0x2000);
    assert_int_equal(bury(GRANTER), 0);
    frames_release(FRAME0);
    frames_release(FRAME0 + 1);
    assert_int_equal(simple_domains, 3); /* kept by the mappings */
    assert_int_equal(frames_count(FRAME0), 2);
    assert_int_equal(map_fails(GRANTER, 8, RO, 0x3000), GNTST_bad_gntref);
    assert_int_equal(grant_table_grow(granter, 1), -EINVAL);
    assert_int_equal(unmap(a.handle, 0x1000, 0), GNTST_okay);
    assert_int_equal(frames_count(FRAME0), 0);
    assert_int_equal(unmap(b.handle, 0x2000, 0), GNTST_okay);
    assert_int_equal(simple_domains, 2);
    assert_int_equal(map_fails(GRANTER, 8, RO, 0x3000), GNTST_bad_domain);
}

static void mapper_dies(void **state)
{
    (void)state;
    give(GRANTER, 8, 0, FRAME0, GTF_permit_access);
    assert_int_equal(map(GRANTER, 8, RW | GNTMAP_device_map, 0x1000).status, GNTST_okay);
    assert_int_equal(map(GRANTER, 8, RO, 0x2000).status, GNTST_okay);
    assert_int_equal(bury(0), 0);
    assert_int_equal(entry(GRANTER, 8)->flags, GTF_permit_access);
    assert_int_equal(frames_count(FRAME0), 1);
    assert_int_equal(dom[GRANTER]->refs, 1);
}

/* --- copies
 * ------------------------------------------------------------------------------------------------------------
 */

static struct gnttab_copy from_ref(u32 ref, u16 offset, u64 frame, u16 to_offset, u16 len)
{
    struct gnttab_copy op = {.len = len, .flags = GNTCOPY_source_gref};

    op.source.u.ref = ref;
    op.source.domid = GRANTER;
    op.source.offset = offset;
    op.dest.u.gmfn = frame;
    op.dest.domid = DOMID_SELF;
    op.dest.offset = to_offset;
    return op;
}

static struct gnttab_copy to_ref(u32 ref, u16 offset, u64 frame, u16 from_offset, u16 len)
{
    struct gnttab_copy op = from_ref(ref, offset, frame, from_offset, len), swapped = op;

    swapped.flags = GNTCOPY_dest_gref;
    swapped.source = op.dest;
    swapped.dest = op.source;
    return swapped;
}

static char *bytes(u64 frame)
{
    return mfn_to_virt(mfn_of(frame));
}

static void copies(void **state)
{
    struct gnttab_copy op;

    (void)state;
    give(GRANTER, 8, 0, FRAME0, GTF_permit_access);
    give(GRANTER, 9, 0, FRAME0 + 1, GTF_permit_access | GTF_readonly);
    strcpy(bytes(FRAME0) + 100, "from the granter");
    assert_int_equal(copy(from_ref(8, 100, 30, 4000, 17)), GNTST_okay);
    assert_string_equal(bytes(30) + 4000, "from the granter");
    assert_int_equal(copy(to_ref(8, 0, 30, 4000, 17)), GNTST_okay);
    assert_string_equal(bytes(FRAME0), "from the granter");
    assert_int_equal(copy(from_ref(9, 0, 30, 0, 4096)), GNTST_okay);
    assert_int_equal(copy(to_ref(9, 0, 30, 0, 1)), GNTST_general_error);
    op = from_ref(8, 0, 0, 0, 17); /* granted to granted */
    op.flags |= GNTCOPY_dest_gref;
    op.dest.u.ref = 8;
    op.dest.domid = GRANTER;
    op.dest.offset = 50;
    assert_int_equal(copy(op), GNTST_okay);
    assert_string_equal(bytes(FRAME0) + 50, "from the granter");

    assert_int_equal(copy(from_ref(8, 4000, 30, 0, 97)), GNTST_bad_copy_arg);
    assert_int_equal(copy(from_ref(8, 0, 30, 4096, 1)), GNTST_bad_copy_arg);
    assert_int_equal(copy(from_ref(8, 0, 30, 0xffff, 0xffff)), GNTST_bad_copy_arg);
    assert_int_equal(copy(from_ref(8, 4096, 30, 4096, 0)), GNTST_okay);
    assert_int_equal(copy(from_ref(8, 0, FRAME0, 0, 1)), GNTST_bad_page); /* not ours */
    assert_int_equal(copy(from_ref(8, 0, ~0UL, 0, 1)), GNTST_bad_page);
    assert_int_equal(copy(from_ref(600, 0, 30, 0, 1)), GNTST_bad_gntref);
    assert_int_equal(copy(from_ref(10, 0, 30, 0, 1)), GNTST_general_error);
    op = from_ref(8, 0, FRAME0, 0, 1);
    op.dest.domid = GRANTER;
    assert_int_equal(copy(op), GNTST_permission_denied);
    op = from_ref(8, 0, 30, 0, 1);
    op.source.domid = 9;
    assert_int_equal(copy(op), GNTST_bad_domain);
    assert_int_equal(get_page_and_type(mfn_to_page(mfn_of(31)), &dom[0]->mm, PGT_l1), 0);
    assert_int_equal(copy(from_ref(8, 0, 31, 0, 1)), GNTST_general_error); /* a page table */
    put_page_and_type(mfn_to_page(mfn_of(31)));

    assert_int_equal(entry(GRANTER, 8)->flags, GTF_permit_access);
    assert_int_equal(entry(GRANTER, 9)->flags, GTF_permit_access | GTF_readonly);
    for (u64 m = FRAME0; m < 50; m++)
        assert_int_equal(frames_count(m), 1);
}

/* Elements of a batch go on in each other's frames, and only there. */
static void copies_in_a_batch(void **state)
{
    struct grant_batch b = {0};
    struct gnttab_copy ops[] = {from_ref(8, 0, 30, 0, 4),  from_ref(8, 4, 30, 4, 4),
                                from_ref(9, 0, 30, 8, 4),  from_ref(9, 0, 31, 0, 4),
                                to_ref(8, 100, 31, 0, 4),  to_ref(9, 100, 31, 0, 4),
                                from_ref(99, 0, 31, 0, 4), from_ref(8, 100, 30, 12, 4)};

    (void)state;
    give(GRANTER, 8, 0, FRAME0, GTF_permit_access);
    give(GRANTER, 9, 0, FRAME0 + 1, GTF_permit_access);
    memcpy(bytes(FRAME0), "abcdefgh", 8);
    memcpy(bytes(FRAME0 + 1), "wxyz", 4);
    for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
        grant_copy(&b, &ops[i]);
        assert_int_equal(ops[i].status, i == 6 ? GNTST_general_error : GNTST_okay);
    }
    grant_batch_end(&b);
    assert_memory_equal(bytes(30), "abcdefghwxyzwxyz", 16);
    assert_memory_equal(bytes(FRAME0) + 100, "wxyz", 4);
    assert_memory_equal(bytes(FRAME0 + 1) + 100, "wxyz", 4);
    for (u64 m = FRAME0; m < 50; m++) {
        assert_int_equal(frames_count(m), 1);
        assert_int_equal(frames_type_count(m), 0);
    }
    assert_int_equal(entry(GRANTER, 8)->flags, GTF_permit_access);
}

/* --- tables
 * --------------------------------------------------------------------------------------------------------------
 */

static void growth(void **state)
{
    u32 nr, max;
    mfn_t a, b;

    (void)state;
    grant_query_size(dom[2], &nr, &max);
    assert_int_equal(nr, 1);
    assert_int_equal(max, 4);
    assert_int_equal(grant_table_grow(dom[2], 5), -EINVAL);
    assert_int_equal(grant_table_get_frame(dom[2], 4, &a), -EINVAL);
    assert_int_equal(grant_table_get_frame(dom[2], ~0u, &a), -EINVAL);
    simple_fail_alloc = 1;
    assert_int_equal(grant_table_get_frame(dom[2], 1, &a), -ENOMEM);
    assert_int_equal(grant_table_get_frame(dom[2], 3, &a), 0);
    assert_int_equal(grant_table_get_frame(dom[2], 3, &b), 0);
    assert_true(mfn_eq(a, b));
    grant_query_size(dom[2], &nr, &max);
    assert_int_equal(nr, 4);
    give(2, 3 * GRANTS_PER_FRAME, 0, 40, GTF_permit_access);
    assert_int_equal(map(2, 3 * GRANTS_PER_FRAME, RO, 0x1000).status, GNTST_okay);
}

/* --- random operations
 * ------------------------------------------------------------------------------------------------- */

#define REFS 12u
static u32 handles[3][64];
static u64 addresses[3][64];
static u64 buses[3][64];

static void check_entries(unsigned d, u64 pins[FRAMES_NR])
{
    for (u32 ref = 0; ref < REFS; ref++) {
        const struct grant_pin *p = &dom[d]->grant->pins[0][ref];
        u16 flags = entry(d, ref)->flags;

        assert_int_equal(!!(flags & GTF_writing), p->writers != 0);
        assert_int_equal(!!(flags & GTF_reading), (p->readers | p->writers) != 0);
        if (p->readers | p->writers)
            pins[p->frame]++;
    }
}

/* Recounts everything that holds a frame. */
static void check_all(void)
{
    u64 refs[FRAMES_NR] = {0}, writable[FRAMES_NR] = {0}, pins[FRAMES_NR] = {0}, uses = 0, parts = 0;

    frames_run_audit(refs, writable);
    for (unsigned d = 0; d < 3; d++) {
        check_entries(d, pins);
        for (u32 ref = 0; ref < REFS; ref++)
            uses += dom[d]->grant->pins[0][ref].readers + dom[d]->grant->pins[0][ref].writers;
        for (u32 h = 0; h < dom[d]->grant->nr_map_frames * MAPTRACK_PER_FRAME; h++)
            parts += maptrack_slot(dom[d]->grant, h)->parts;
    }
    assert_int_equal(uses, parts);
    for (u64 m = FRAME0; m < 50; m++) {
        assert_int_equal(refs[m], pins[m] + writable[m]);
        assert_int_equal(frames_count(m), 1 + refs[m] + frames_mapped(m));
    }
}

static void random_map(unsigned d, unsigned *seed)
{
    unsigned slot = (unsigned)rand_r(seed) % 64;
    u32 flags =
        (u32)rand_r(seed) & (GNTMAP_host_map | GNTMAP_device_map | GNTMAP_readonly | GNTMAP_contains_pte);
    u64 addr = 0x1000 * (1 + (u64)rand_r(seed) % 40);
    struct gnttab_map_grant_ref op =
        map((u16)(rand_r(seed) % 4), (u32)rand_r(seed) % (REFS + 1), flags, addr);

    if (op.status)
        return;
    handles[d][slot] = op.handle;
    addresses[d][slot] = addr;
    buses[d][slot] = op.dev_bus_addr;
}

static void random_unmap(unsigned d, unsigned *seed)
{
    struct gnttab_unmap_grant_ref op[3];
    struct grant_unmap_state st[3];

    for (unsigned i = 0; i < 3; i++) {
        unsigned slot = (unsigned)rand_r(seed) % 64;

        op[i] = (struct gnttab_unmap_grant_ref){.host_addr = rand_r(seed) % 3 ? addresses[d][slot] : 0,
                                                .dev_bus_addr = rand_r(seed) % 3 ? buses[d][slot] : 0,
                                                .handle = handles[d][slot]};
        grant_unmap(&op[i], &st[i]);
    }
    grant_unmap_finish(st, 3);
}

static struct gnttab_copy_ptr random_side(unsigned *seed, bool by_ref)
{
    struct gnttab_copy_ptr p = {.offset = (u16)(rand_r(seed) % 4200)};

    if (by_ref) {
        p.u.ref = (u32)rand_r(seed) % (REFS + 1);
        p.domid = (u16)(rand_r(seed) % 4);
    } else {
        p.u.gmfn = FRAME0 + (u64)rand_r(seed) % 45;
        p.domid = rand_r(seed) % 8 ? DOMID_SELF : 1;
    }
    return p;
}

static void random_copies(unsigned *seed)
{
    struct grant_batch b = {0};

    for (unsigned i = 0; i < 4; i++) {
        struct gnttab_copy op = {.flags = (u16)(rand_r(seed) & 3), .len = (u16)(rand_r(seed) % 300)};

        op.source = random_side(seed, op.flags & GNTCOPY_source_gref);
        op.dest = random_side(seed, op.flags & GNTCOPY_dest_gref);
        grant_copy(&b, &op);
    }
    grant_batch_end(&b);
}

/* A guest changes what is its to change; the in-use flags are not. */
static void random_entry(unsigned d, unsigned *seed)
{
    struct grant_entry_v1 *e = entry(d, (u32)rand_r(seed) % REFS);
    u16 in_use = e->flags & (GTF_reading | GTF_writing);

    e->domid = (u16)(rand_r(seed) % 3);
    e->frame = FRAME0 + (u32)rand_r(seed) % 45;
    e->flags =
        (u16)(in_use | (rand_r(seed) % 5 ? GTF_permit_access : 0) | (rand_r(seed) % 4 ? 0 : GTF_readonly));
}

static void random_operations(void **state)
{
    unsigned seed = 7;

    (void)state;
    for (unsigned i = 0; i < 40000; i++) {
        unsigned d = (unsigned)rand_r(&seed) % 3;

        simple_enter(dom[d]->vcpu[0]);
        switch (rand_r(&seed) % 7) {
        case 0:
        case 1:
            random_map(d, &seed);
            break;
        case 2:
        case 3:
            random_unmap(d, &seed);
            break;
        case 4:
            random_copies(&seed);
            break;
        case 5:
            frames_overwrite(dom[d], 0x1000 * (1 + (u64)rand_r(&seed) % 40));
            break;
        default:
            random_entry(d, &seed);
            break;
        }
        assert_int_equal(simple_locks_held(), 0);
        if (i % 16 == 0)
            check_all();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(map_and_unmap, start, end),
        cmocka_unit_test_setup_teardown(refusals, start, end),
        cmocka_unit_test_setup_teardown(several_users_of_an_entry, start, end),
        cmocka_unit_test_setup_teardown(device_part, start, end),
        cmocka_unit_test_setup_teardown(by_pte_and_replace, start, end),
        cmocka_unit_test_setup_teardown(entry_lost, start, end),
        cmocka_unit_test_setup_teardown(batch_of_unmaps, start, end),
        cmocka_unit_test_setup_teardown(handles_run_out, start, end),
        cmocka_unit_test_setup_teardown(self_grant, start, end),
        cmocka_unit_test_setup_teardown(granter_dies, start, end),
        cmocka_unit_test_setup_teardown(mapper_dies, start, end),
        cmocka_unit_test_setup_teardown(copies, start, end),
        cmocka_unit_test_setup_teardown(copies_in_a_batch, start, end),
        cmocka_unit_test_setup_teardown(same_number_other_kind, start, end),
        cmocka_unit_test_setup_teardown(growth, start, end),
        cmocka_unit_test_setup_teardown(random_operations, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
