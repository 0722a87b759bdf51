/* SPDX-License-Identifier: MIT */
/* A long random sequence, also of what hostile guests do to their entries and tables; everything that holds a
 * frame is recounted on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "case.h"

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
        CASE(random_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
