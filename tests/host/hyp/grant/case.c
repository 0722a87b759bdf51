/* SPDX-License-Identifier: MIT */
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

static const struct domain_unit *const units[] = {&grant_unit, NULL};
struct domain *dom[3];

static void tables_go(struct domain *d)
{
    frames_drop_tables(d);
}

int case_start(void **state)
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
unsigned bury(unsigned i)
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

int case_end(void **state)
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

/* --- the guests' side --- */

struct grant_entry_v1 *entry(unsigned d, u32 ref)
{
    return (struct grant_entry_v1 *)&dom[d]->grant->shared[ref / GRANTS_PER_FRAME][ref % GRANTS_PER_FRAME];
}

void give(unsigned d, u32 ref, u16 to, u32 frame, u16 flags)
{
    *entry(d, ref) = (struct grant_entry_v1){.flags = flags, .domid = to, .frame = frame};
}

struct gnttab_map_grant_ref map(u16 granter, u32 ref, u32 flags, u64 addr)
{
    struct gnttab_map_grant_ref op = {
        .host_addr = addr, .flags = flags, .ref = ref, .dom = granter, .status = 99};
    struct grant_batch b = {0};

    grant_map(&b, &op);
    grant_batch_end(&b);
    return op;
}

int map_fails(u16 granter, u32 ref, u32 flags, u64 addr)
{
    return map(granter, ref, flags, addr).status;
}

int unmap(u32 handle, u64 addr, u64 bus)
{
    struct gnttab_unmap_grant_ref op = {
        .host_addr = addr, .dev_bus_addr = bus, .handle = handle, .status = 99};
    struct grant_unmap_state st;

    grant_unmap(&op, &st);
    grant_unmap_finish(&st, 1);
    return op.status;
}

int copy(struct gnttab_copy op)
{
    struct grant_batch b = {0};

    op.status = 99;
    grant_copy(&b, &op);
    grant_batch_end(&b);
    return op.status;
}
