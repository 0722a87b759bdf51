/* SPDX-License-Identifier: MIT */
/* Copies: every kind of side, offsets, refusals, and the frames that a batch keeps from one element to the
 * next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "case.h"

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

/* Reference 30 is not frame 30. */
static void same_number_other_kind(void **state)
{
    struct gnttab_copy ops[2] = {from_ref(30, 0, 32, 0, 4), from_ref(0, 0, 32, 4, 4)};
    struct grant_batch b = {0};

    (void)state;
    give(0, 30, 0, 31, GTF_permit_access);
    memcpy(bytes(30), "own!", 4);
    memcpy(bytes(31), "ref!", 4);
    ops[0].source.domid = ops[1].source.domid = DOMID_SELF;
    ops[1].flags = 0;
    ops[1].source.u.gmfn = 30;
    for (unsigned i = 0; i < 2; i++) {
        grant_copy(&b, &ops[i]);
        assert_int_equal(ops[i].status, GNTST_okay);
    }
    grant_batch_end(&b);
    assert_memory_equal(bytes(32), "ref!own!", 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(copies),
        CASE(copies_in_a_batch),
        CASE(same_number_other_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
