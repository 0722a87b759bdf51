/* SPDX-License-Identifier: MIT */
/*
 * Mapping: what each operation does to the entry that both sides see, to references and types of the frame,
 * and to the caller's handles; what it refuses; what is left when either side dies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "case.h"
#include "cpu/softirq.h"
#include "lib/errno.h"

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

/* What no CPU has used needs no flush, if the mapper can be believed. */
static void unused_entries(void **state)
{
    struct gnttab_map_grant_ref op;

    (void)state;
    frames_used = false;
    give(GRANTER, 8, 0, FRAME0, GTF_permit_access);
    op = map(GRANTER, 8, RW, 0x1000);
    assert_int_equal(unmap(op.handle, 0x1000, 0), GNTST_okay);
    assert_int_equal(frames_flushes, 0);
    op = map(GRANTER, 8, RW | GNTMAP_contains_pte, 0x5008);
    assert_int_equal(unmap(op.handle, 0x5008, 0), GNTST_okay);
    assert_int_equal(frames_flushes, 1);
    simple_enter(dom[2]->vcpu[0]);
    give(GRANTER, 8, 2, FRAME0, GTF_permit_access);
    op = map(GRANTER, 8, RW, 0x1000);
    assert_int_equal(unmap(op.handle, 0x1000, 0), GNTST_okay);
    assert_int_equal(frames_flushes, 2);
    assert_int_equal(frames_last_flush, ~0UL);
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
    assert_int_equal(map_fails(DOMID_SELF, 8, RW, 0x1000), GNTST_bad_domain);
    op = map(0, 8, RW, 0x1000);
    assert_int_equal(op.status, GNTST_okay);
    assert_int_equal(unmap(op.handle, 0x1000, 0), GNTST_okay);
    op = map(0, 8, RW, 0x1000);
    assert_int_equal(op.status, GNTST_okay);
}

/* --- death --- */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(map_and_unmap),   CASE(refusals),           CASE(several_users_of_an_entry),
        CASE(device_part),     CASE(by_pte_and_replace), CASE(entry_lost),
        CASE(batch_of_unmaps), CASE(unused_entries),     CASE(handles_run_out),
        CASE(self_grant),      CASE(granter_dies),       CASE(mapper_dies),
        CASE(growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
