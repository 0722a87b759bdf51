/* SPDX-License-Identifier: MIT */
/* The store's ring and messages, against an honest store and one that writes what it likes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <xen/errno.h>
#include "guest/store_ring.h"
#include <cmocka.h>

struct world {
    struct xenstore_domain_interface *page;
    struct store_ring ring;
    struct store_reader *reader;
};

/* Both indices begin just below the wrap of 32 bits. */
static struct world *new_world(XENSTORE_RING_IDX at)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->page = calloc(1, sizeof(*w->page));
    w->reader = calloc(1, sizeof(*w->reader));
    assert_true(w->page && w->reader);
    w->page->req_prod = w->page->req_cons = w->page->rsp_prod = w->page->rsp_cons = at;
    store_ring_attach(&w->ring, w->page);
    return w;
}

static void free_world(struct world *w)
{
    free(w->page);
    free(w->reader);
    free(w);
}

/* The store's side of the responses: as many bytes as there is room for. */
static size_t answer(struct world *w, const void *data, size_t len)
{
    struct xenstore_domain_interface *p = w->page;
    size_t n = 0;

    while (n < len && p->rsp_prod - p->rsp_cons < XENSTORE_RING_SIZE)
        p->rsp[MASK_XENSTORE_IDX(p->rsp_prod++)] = ((const char *)data)[n++];
    return n;
}

static void requests_arrive_in_order(void **state)
{
    struct world *w = new_world(0xfffffc80u);
    struct xenstore_domain_interface *p = w->page;
    unsigned char sent = 0, got = 0;

    (void)state;
    srand(2);
    for (unsigned round = 0; round < 4000; round++) {
        unsigned char bytes[700];
        size_t want = (size_t)rand() % sizeof(bytes), take = (size_t)rand() % 700;
        long n;

        for (size_t i = 0; i < want; i++)
            bytes[i] = (unsigned char)(sent + i);
        assert_int_equal(store_ring_can_write(&w->ring), p->req_prod - p->req_cons < XENSTORE_RING_SIZE);
        n = store_ring_write(&w->ring, bytes, want);
        assert_in_range(n, 0, want);
        sent = (unsigned char)(sent + n);
        assert_true(p->req_prod - p->req_cons <= XENSTORE_RING_SIZE);
        for (; take && p->req_cons != p->req_prod; take--)
            assert_int_equal((unsigned char)p->req[MASK_XENSTORE_IDX(p->req_cons++)], got++);
    }
    free_world(w);
}

static void impossible_indices_are_refused(void **state)
{
    static const XENSTORE_RING_IDX wrong[] = {1025, 2048, 0x80000000u, 0xffffffffu};
    char bytes[8] = "1234567";

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct world *w = new_world(0);

        w->page->req_cons = 0u - wrong[i];
        w->page->rsp_prod = wrong[i];
        assert_true(store_ring_can_write(&w->ring));
        assert_true(store_ring_can_read(&w->ring));
        assert_int_equal(store_ring_write(&w->ring, bytes, sizeof(bytes)), -XEN_EIO);
        assert_int_equal(store_ring_read(&w->ring, bytes, sizeof(bytes)), -XEN_EIO);
        assert_int_equal(store_reader_pull(w->reader, &w->ring), -XEN_EIO);
        free_world(w);
    }
}

/* What is published there is not read back: the store cannot move our own indices. */
static void own_indices_are_kept(void **state)
{
    struct world *w = new_world(0);
    char bytes[8] = "1234567";

    (void)state;
    assert_int_equal(store_ring_write(&w->ring, bytes, sizeof(bytes)), 8);
    w->page->req_prod = 0x12345678;
    assert_int_equal(store_ring_write(&w->ring, bytes, sizeof(bytes)), 8);
    assert_int_equal(w->page->req_prod, 16);
    free_world(w);
}

static void messages_are_put_together(void **state)
{
    struct world *w = new_world(0xffffffc0u);

    (void)state;
    srand(3);
    for (unsigned round = 0; round < 600; round++) {
        struct xsd_sockmsg head = {XS_READ, round, 0,
                                   (uint32_t)rand() % (round % 8 ? 64 : XENSTORE_PAYLOAD_MAX + 1)};
        char *whole = malloc(sizeof(head) + head.len);
        size_t sent = 0, total = sizeof(head) + head.len;
        int rc = 0;

        assert_non_null(whole);
        memcpy(whole, &head, sizeof(head));
        for (size_t i = 0; i < head.len; i++)
            whole[sizeof(head) + i] = (char)rand();
        while (rc == 0) {
            size_t chunk = 1 + (size_t)rand() % 300;

            sent += answer(w, whole + sent, chunk < total - sent ? chunk : total - sent);
            rc = store_reader_pull(w->reader, &w->ring);
            assert_true(rc >= 0);
            assert_int_equal(rc, sent == total);
        }
        assert_memory_equal(&w->reader->head, &head, sizeof(head));
        assert_memory_equal(w->reader->body, whole + sizeof(head), head.len);
        assert_int_equal(w->reader->body[head.len], 0);
        assert_false(store_ring_can_read(&w->ring));
        free(whole);
    }
    free_world(w);
}

static void a_message_too_long_is_refused(void **state)
{
    struct world *w = new_world(0);
    struct xsd_sockmsg head = {XS_READ, 1, 0, XENSTORE_PAYLOAD_MAX + 1};

    (void)state;
    answer(w, &head, sizeof(head));
    assert_int_equal(store_reader_pull(w->reader, &w->ring), -XEN_EIO);
    head.len = UINT32_MAX;
    answer(w, &head, sizeof(head));
    assert_int_equal(store_reader_pull(w->reader, &w->ring), -XEN_EIO);
    free_world(w);
}

static void old_answers_are_dropped(void **state)
{
    struct world *w = new_world(0);

    (void)state;
    answer(w, "left over from a boot loader", 28);
    store_ring_attach(&w->ring, w->page);
    assert_false(store_ring_can_read(&w->ring));
    assert_int_equal(w->page->rsp_cons, 28);
    free_world(w);
}

static void refusal_and_reconnection(void **state)
{
    struct world *w = new_world(0);

    (void)state;
    /* A store that does not know these fields leaves anything in them. */
    w->page->error = XENSTORE_ERROR_PROTO;
    assert_false(store_ring_refused(&w->ring));
    assert_false(store_ring_can_reconnect(&w->ring));
    w->page->server_features = XENSTORE_SERVER_FEATURE_ERROR | XENSTORE_SERVER_FEATURE_RECONNECTION;
    assert_true(store_ring_refused(&w->ring));
    assert_true(store_ring_can_reconnect(&w->ring));
    store_ring_reconnect(&w->ring);
    assert_false(store_ring_connected(&w->ring));
    w->page->connection = XENSTORE_CONNECTED;
    assert_true(store_ring_connected(&w->ring));
    free_world(w);
}

static void errors_have_names(void **state)
{
    (void)state;
    assert_int_equal(store_error("ENOENT", 7), -XEN_ENOENT);
    assert_int_equal(store_error("EAGAIN", 6), -XEN_EAGAIN);
    assert_int_equal(store_error("EIO", 4), -XEN_EIO);
    assert_int_equal(store_error("EIOX", 5), -XEN_EINVAL);
    assert_int_equal(store_error("ENOEN", 5), -XEN_EINVAL);
    assert_int_equal(store_error("", 0), -XEN_EINVAL);
}

static void events_have_path_and_token(void **state)
{
    const char *path = NULL;
    uint32_t token = 0;

    (void)state;
    assert_true(store_event("a/b\0"
                            "17",
                            7, &path, &token));
    assert_string_equal(path, "a/b");
    assert_int_equal(token, 17);
    assert_true(store_event("\0"
                            "4294967295",
                            11, &path, &token));
    assert_int_equal(token, UINT32_MAX);
    assert_false(store_event("\0"
                             "4294967296",
                             11, &path, &token));
    assert_false(store_event("a/b", 3, &path, &token));
    assert_false(store_event("a/b", 4, &path, &token));
    assert_false(store_event("a\0-1", 5, &path, &token));
    assert_false(store_event("a\0"
                             "1x",
                             5, &path, &token));
    assert_false(store_event("", 0, &path, &token));
}

static void numbers_and_names(void **state)
{
    uint64_t v = 0;

    (void)state;
    assert_int_equal(store_number("18446744073709551615", 20, &v), 0);
    assert_true(v == UINT64_MAX);
    assert_int_equal(store_number("18446744073709551616", 20, &v), -XEN_ERANGE);
    assert_int_equal(store_number("99999999999999999999999", 23, &v), -XEN_ERANGE);
    assert_int_equal(store_number("", 0, &v), -XEN_EINVAL);
    assert_int_equal(store_number(" 1", 2, &v), -XEN_EINVAL);
    assert_int_equal(store_number("1", 2, &v), -XEN_EINVAL);
    assert_int_equal(store_count_names("a\0b", 4), 2);
    assert_int_equal(store_count_names("", 0), 0);
    assert_true(store_count_names("a\0b", 3) < 0);
}

static void listings_come_in_parts(void **state)
{
    char names[8];
    struct store_listing l = {.names = names, .size = 8};

    (void)state;
    assert_int_equal(store_listing_add(&l, "12\0ab\0c", 7), 0);
    assert_int_equal(l.len, 4);
    /* The list changed: from the beginning. */
    assert_int_equal(store_listing_add(&l, "13\0d\0", 5), 0);
    assert_int_equal(l.len, 0);
    assert_int_equal(store_listing_add(&l, "13\0ab\0c", 7), 0);
    assert_int_equal(store_listing_add(&l, "13\0d\0e", 6), 0);
    assert_int_equal(store_listing_add(&l, "13\0\0", 5), 1);
    assert_int_equal(l.len, 8);
    assert_memory_equal(names, "ab\0cd\0e", 8);
}

static void listings_end_and_overflow(void **state)
{
    char names[4];
    struct store_listing l = {.names = names, .size = 4};

    (void)state;
    assert_int_equal(store_listing_add(&l, "1\0\0", 3), 1);
    assert_int_equal(l.len, 0);
    assert_int_equal(store_listing_add(&l, "1\0abc\0\0", 7), 1);
    assert_int_equal(l.len, 4);
    assert_int_equal(store_listing_add(&l, "1\0a", 3), -XEN_ERANGE);
    assert_int_equal(store_listing_add(&l, "1", 2), -XEN_EIO);
    assert_int_equal(store_listing_add(&l, "1", 1), -XEN_EIO);
    assert_int_equal(store_listing_add(&l, "123456789012345678901234\0a", 26), -XEN_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_arrive_in_order),      cmocka_unit_test(impossible_indices_are_refused),
        cmocka_unit_test(own_indices_are_kept),          cmocka_unit_test(messages_are_put_together),
        cmocka_unit_test(a_message_too_long_is_refused), cmocka_unit_test(old_answers_are_dropped),
        cmocka_unit_test(refusal_and_reconnection),      cmocka_unit_test(errors_have_names),
        cmocka_unit_test(events_have_path_and_token),    cmocka_unit_test(numbers_and_names),
        cmocka_unit_test(listings_come_in_parts),        cmocka_unit_test(listings_end_and_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
