/* SPDX-License-Identifier: MIT */
/* Four CPUs at once on the same few frames: references and types must add up in the end. */
#include "two_domains.h"
#include <pthread.h>
#include <string.h>

#define ROUNDS 100000
#define SHARED 6 /* frames that everybody wants as something else */

static mfn_t frame(unsigned i)
{
    return a.frame[20 + i % SHARED];
}

static u64 step(u64 *s)
{
    *s = *s * 6364136223846793005UL + 1442695040888963407UL;
    return *s >> 33;
}

/* Entries of two L1 tables of a and one of b, writable, read-only and gone again; by all ways. */
static void change_entry(u64 *s)
{
    struct owner_frames *o = step(s) % 4 ? &a : &b;
    paddr_t ptr = entry(o->frame[3 + step(s) % 2], (unsigned)(step(s) % 8));
    u64 val = pte_make(frame((unsigned)step(s)), step(s) % 8);
    bool ok;

    switch (step(s) % 4) {
    case 0:
        (void)pt_emulated_write(&o->mm, ptr, val, 8, NULL, NULL);
        break;
    case 1: {
        u64 expected = READ_ONCE(*(u64 *)((char *)mfn_to_virt(paddr_to_mfn(ptr)) + (ptr & ~PAGE_MASK)));
        (void)pt_emulated_write(&o->mm, ptr, val, 8, &expected, &ok);
        break;
    }
    default:
        (void)pt_update_entry(&o->mm, &a.mm, ptr, val, step(s) & 1);
    }
}

/* Takes a frame as something and gives it back. */
static void use_frame(u64 *s)
{
    struct page_info *pg = mfn_to_page(frame((unsigned)step(s)));
    unsigned level = 1 + (unsigned)(step(s) % 4);

    switch (step(s) % 4) {
    case 0:
        if (!get_page_and_type(pg, &a.mm, PGT_writable))
            put_page_and_type(pg);
        break;
    case 1:
        if (!get_page_and_type(pg, &a.mm, PGT_seg_desc))
            put_page_and_type(pg);
        break;
    case 2:
        if (!pt_pin(&a.mm, page_to_mfn(pg), PGT_LEVEL(level)))
            (void)pt_unpin(&a.mm, page_to_mfn(pg));
        break;
    default:
        if (!pt_get_root(&a.mm, page_to_mfn(pg)))
            pt_put_root(page_to_mfn(pg));
    }
}

/* Frames come and go; others try to get hold of them meanwhile. */
static void move_frames(u64 *s)
{
    struct owner_frames *o = step(s) & 1 ? &a : &b;
    struct page_info *pg = alloc_domain_pages(&o->mm, 0, 0, ALLOC_NO_SCRUB);
    void *p = hyp_zalloc(step(s) % 3000);
    mfn_t any = mfn_of(1 + step(s) % (FAKE_HOLE - 1));

    if (get_page(mfn_to_page(any), &o->mm))
        put_page(mfn_to_page(any));
    hyp_free(p);
    if (pg)
        release_domain_page(pg);
}

static void *cpu(void *arg)
{
    unsigned n = (unsigned)(u64)arg;
    u64 s = n + 1;

    fake_set_cpu(n);
    for (unsigned i = 0; i < ROUNDS; i++) {
        switch (step(&s) % 3) {
        case 0:
            change_entry(&s);
            break;
        case 1:
            use_frame(&s);
            break;
        default:
            move_frames(&s);
        }
    }
    return NULL;
}

static void test_all_at_once(void **state)
{
    pthread_t threads[FAKE_CPUS];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pt_pin(&a.mm, a.frame[3 + i], PGT_l1), 0);
        assert_int_equal(pt_pin(&b.mm, b.frame[3 + i], PGT_l1), 0);
    }
    for (unsigned i = 0; i < SHARED; i++)
        memset(table(frame(i)), 0, PAGE_SIZE);
    for (u64 i = 0; i < FAKE_CPUS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, cpu, (void *)i), 0);
    for (unsigned i = 0; i < FAKE_CPUS; i++)
        pthread_join(threads[i], NULL);
    assert_sound();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_at_once, two_domains_setup, two_domains_teardown),
    };
    return cmocka_run_group_tests_name("page types, four CPUs", tests, NULL, NULL);
}
