/* SPDX-License-Identifier: MIT */
/* For tests of single cases: two domains with a few frames each, a tree of tables, and checks after each
 * step. */
#ifndef TWO_DOMAINS_H
#define TWO_DOMAINS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "fake.h"
#include "lib/errno.h"
#include "mm/alloc.h"
#include "mm/flush.h"
#include "mm/pt_internal.h"

#define FRAMES 40

struct owner_frames {
    struct mm_owner mm;
    mfn_t frame[FRAMES];
};
/* a may map device frames, b may not. */
extern struct owner_frames a, b;

int two_domains_setup(void **state);
/* Ends both domains: everything must come back. */
int two_domains_teardown(void **state);

u64 *table(mfn_t mfn);
static inline paddr_t entry(mfn_t mfn, unsigned index)
{
    return mfn_to_paddr(mfn) + index * 8UL;
}
/* By the hypercall's way, own frames. */
int update(struct owner_frames *o, paddr_t ptr, u64 val);
/* frame[0] L4, [1] L3, [2] L2, [3] L1, linked at index 0; the L1's first entries map frame[8..11] writable.
 * Not pinned. */
void build_tree(struct owner_frames *o);
u64 type_of(mfn_t mfn);
u64 uses_of(mfn_t mfn);
u64 refs_of(mfn_t mfn);
/* References that the test itself holds, for the auditor. */
void hold(mfn_t mfn, u64 type);
void drop(mfn_t mfn, u64 type);
/* Auditor and TLBs agree. */
#define assert_sound()                              \
    do {                                            \
        assert_int_equal(mm_audit(), 0);            \
        assert_int_equal(fake_tlb_violations(), 0); \
    } while (0)

#endif
