/* SPDX-License-Identifier: MIT */
/* Watches: which changes fire, with which path, for whom. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/host/xs/harness.h"

static struct xs_store store;
static struct tclient dom0, dom5;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(xs_store_init(&store), 0);
    tclient_init(&dom0, &store, 0);
    tclient_init(&dom5, &store, 5);
    assert_int_equal(t_mkdir(&dom0, 0, "/local/domain/5"), 0);
    assert_int_equal(t_chmod(&dom0, "/local/domain/5", "n5", NULL), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    audit(&store);
    xs_client_fini(&dom0.c);
    xs_client_fini(&dom5.c);
    assert_int_equal(store.nr_watches, 0);
    assert_null(store.watch_points);
    xs_store_fini(&store);
    return 0;
}

static void first_event(void **state)
{
    (void)state;
    assert_int_equal(t_watch(&dom0, "/no/such/node", "tok"), 0);
    assert_int_equal(dom0.nr_events, 1);
    assert_string_equal(dom0.events[0], "/no/such/node tok");
    assert_int_equal(t_watch(&dom0, "/no/such/node", "tok"), -EEXIST);
    assert_int_equal(t_watch(&dom0, "/no/such/node", "tok2"), 0);
    assert_int_equal(t_watch(&dom5, "x", "tok"), 0);
    assert_string_equal(dom5.events[0], "x tok");
    assert_int_equal(t_watch(&dom5, "/local/domain/5/x", "tok"), -EEXIST); /* the same node and token */
    assert_int_equal(t_watch(&dom0, "bad//path", "tok"), -EINVAL);
}

static void children_and_parents(void **state)
{
    (void)state;
    assert_int_equal(t_watch(&dom0, "/w", "tok"), 0);
    assert_int_equal(t_watch(&dom0, "/", "root"), 0);
    clear_events(&dom0);
    assert_int_equal(t_write(&dom0, 0, "/w", "1"), 0);
    assert_int_equal(t_write(&dom0, 0, "/w/a/b", "1"), 0);
    assert_int_equal(t_mkdir(&dom0, 0, "/w/c"), 0);
    assert_int_equal(t_mkdir(&dom0, 0, "/w/c"), 0); /* exists: no change */
    assert_int_equal(t_write(&dom0, 0, "/ww", "1"), 0);
    assert_int_equal(t_chmod(&dom0, "/w/c", "n0", "r5"), 0);
    assert_int_equal(events_of(&dom0, "/w tok"), 1);
    assert_int_equal(events_of(&dom0, "/w/a/b tok"), 1);
    assert_int_equal(events_of(&dom0, "/w/c tok"), 2);
    assert_int_equal(events_of(&dom0, "/ww tok"), 0);
    assert_int_equal(events_of(&dom0, "/ww root"), 1);
    assert_int_equal(dom0.nr_events, 4 + 5);
}

static void removal(void **state)
{
    (void)state;
    assert_int_equal(t_write(&dom0, 0, "/r/a/b", "1"), 0);
    assert_int_equal(t_watch(&dom0, "/r", "top"), 0);
    assert_int_equal(t_watch(&dom0, "/r/a", "mid"), 0);
    assert_int_equal(t_watch(&dom0, "/r/a/b", "low"), 0);
    assert_int_equal(t_watch(&dom0, "/r/a/none", "none"), 0);
    clear_events(&dom0);
    assert_int_equal(t_rm(&dom0, 0, "/r/a"), 0);
    assert_int_equal(events_of(&dom0, "/r/a top"), 1);
    assert_int_equal(events_of(&dom0, "/r/a mid"), 1);
    assert_int_equal(events_of(&dom0, "/r/a/b low"), 1); /* its own path, not the one that was removed */
    assert_int_equal(dom0.nr_events, 3);
    clear_events(&dom0);
    assert_int_equal(t_rm(&dom0, 0, "/r/a"), 0); /* nothing there */
    assert_int_equal(dom0.nr_events, 0);
    assert_int_equal(t_write(&dom0, 0, "/r/a/b", "1"), 0);
    assert_int_equal(events_of(&dom0, "/r/a/b low"), 1);
}

static void relative_paths(void **state)
{
    (void)state;
    assert_int_equal(t_watch(&dom5, "dev", "rel"), 0);
    assert_int_equal(t_watch(&dom5, "/local/domain/5/dev", "abs"), 0);
    clear_events(&dom5);
    assert_int_equal(t_write(&dom0, 0, "/local/domain/5/dev/x", "1"), 0);
    assert_int_equal(events_of(&dom5, "dev/x rel"), 1);
    assert_int_equal(events_of(&dom5, "/local/domain/5/dev/x abs"), 1);
    assert_int_equal(request_strings(&dom5, XS_UNWATCH, 0, "/local/domain/5/dev", "rel", NULL), 0);
    assert_int_equal(request_strings(&dom5, XS_UNWATCH, 0, "dev", "rel", NULL), -ENOENT);
    assert_int_equal(request_strings(&dom5, XS_UNWATCH, 0, "dev", "abs", NULL), 0);
    clear_events(&dom5);
    assert_int_equal(t_write(&dom0, 0, "/local/domain/5/dev/x", "2"), 0);
    assert_int_equal(dom5.nr_events, 0);
    assert_int_equal(request_strings(&dom5, XS_UNWATCH, 0, "dev", NULL), -EINVAL);
}

static void permissions(void **state)
{
    (void)state;
    assert_int_equal(t_watch(&dom5, "/", "all"), 0);
    clear_events(&dom5);
    assert_int_equal(t_write(&dom0, 0, "/secret/x", "1"), 0);
    assert_int_equal(dom5.nr_events, 0);
    assert_int_equal(t_write(&dom0, 0, "/local/domain/5/x", "1"), 0);
    assert_int_equal(dom5.nr_events, 1);
    /* A node that becomes unreadable, and one that is removed, are still told. */
    assert_int_equal(t_chmod(&dom0, "/secret/x", "n0", "r5"), 0);
    assert_int_equal(events_of(&dom5, "/secret/x all"), 1);
    assert_int_equal(t_chmod(&dom0, "/secret/x", "n0", "n5"), 0);
    assert_int_equal(events_of(&dom5, "/secret/x all"), 2);
    assert_int_equal(t_chmod(&dom0, "/secret/x", "n0", "n5"), 0);
    assert_int_equal(events_of(&dom5, "/secret/x all"), 2);
    assert_int_equal(t_chmod(&dom0, "/secret/x", "n0", "r5"), 0);
    clear_events(&dom5);
    assert_int_equal(t_rm(&dom0, 0, "/secret/x"), 0);
    assert_int_equal(events_of(&dom5, "/secret/x all"), 1);
    assert_int_equal(t_rm(&dom0, 0, "/secret"), 0);
    assert_int_equal(dom5.nr_events, 1);
}

static void depth(void **state)
{
    (void)state;
    assert_int_equal(request_strings(&dom0, XS_WATCH, 0, "/d", "d0", "0", NULL), 0);
    assert_int_equal(request_strings(&dom0, XS_WATCH, 0, "/d", "d1", "1", NULL), 0);
    assert_int_equal(request_strings(&dom0, XS_WATCH, 0, "/", "r1", "1", NULL), 0);
    assert_int_equal(request_strings(&dom0, XS_WATCH, 0, "/d", "dx", "-1", NULL), -EINVAL);
    assert_int_equal(request_strings(&dom0, XS_WATCH, 0, "/d", "dx", "", NULL), -EINVAL);
    clear_events(&dom0);
    assert_int_equal(t_write(&dom0, 0, "/d", "1"), 0);
    assert_int_equal(dom0.nr_events, 3);
    clear_events(&dom0);
    assert_int_equal(t_write(&dom0, 0, "/d/a", "1"), 0);
    assert_int_equal(dom0.nr_events, 1);
    assert_int_equal(events_of(&dom0, "/d/a d1"), 1);
    clear_events(&dom0);
    assert_int_equal(t_write(&dom0, 0, "/d/a/b", "1"), 0);
    assert_int_equal(dom0.nr_events, 0);
}

static void special(void **state)
{
    (void)state;
    assert_int_equal(t_watch(&dom0, "@releaseDomain", "all"), 0);
    assert_int_equal(request_strings(&dom0, XS_WATCH, 0, "@releaseDomain", "which", "1", NULL), 0);
    assert_int_equal(t_watch(&dom0, "@releaseDomain/9", "nine"), 0);
    assert_int_equal(t_watch(&dom0, "@introduceDomain", "new"), 0);
    assert_int_equal(t_watch(&dom5, "@releaseDomain", "guest"), 0);
    assert_int_equal(events_of(&dom5, "@releaseDomain guest"), 1);
    clear_events(&dom0);
    clear_events(&dom5);
    xs_store_fire_special(&store, XS_RELEASE_DOMAIN, 9);
    assert_int_equal(events_of(&dom0, "@releaseDomain all"), 1);
    assert_int_equal(events_of(&dom0, "@releaseDomain/9 which"), 1);
    assert_int_equal(events_of(&dom0, "@releaseDomain/9 nine"), 1);
    assert_int_equal(dom0.nr_events, 3);
    assert_int_equal(dom5.nr_events, 0); /* not privileged */
    assert_int_equal(t_chmod(&dom0, "@releaseDomain", "n0", "r5"), 0);
    xs_store_fire_special(&store, XS_RELEASE_DOMAIN, 8);
    assert_int_equal(dom5.nr_events, 1);
    assert_int_equal(events_of(&dom0, "@releaseDomain/9 nine"), 1);
    clear_events(&dom0);
    xs_store_fire_special(&store, XS_INTRODUCE_DOMAIN, 8);
    assert_int_equal(dom0.nr_events, 1);
    assert_int_equal(events_of(&dom0, "@introduceDomain new"), 1);
}

static void quota_and_reset(void **state)
{
    char token[16];

    (void)state;
    store.quota[XS_QUOTA_WATCHES] = 8;
    for (int i = 0; i < 8; i++) {
        snprintf(token, sizeof(token), "t%d", i);
        assert_int_equal(t_watch(&dom5, "x", token), 0);
    }
    assert_int_equal(t_watch(&dom5, "x", "one-more"), -ENOSPC);
    assert_int_equal(request_strings(&dom5, XS_RESET_WATCHES, 0, "", NULL), 0);
    assert_int_equal(dom5.c.nr_watches, 0);
    clear_events(&dom5);
    assert_int_equal(t_write(&dom5, 0, "x", "1"), 0);
    assert_int_equal(dom5.nr_events, 0);
    assert_int_equal(t_watch(&dom5, "x", "one-more"), 0);
}

/* An event that does not fit into one message says the watch's own path. */
static size_t long_path_len, long_token_len;
static char long_path[XENSTORE_ABS_PATH_MAX + 1];

static void measure(void *ctx, const char *path, const char *token, struct xs_client *cause)
{
    (void)ctx;
    (void)cause;
    long_path_len = strlen(path);
    long_token_len = strlen(token);
    memcpy(long_path, path, long_path_len + 1);
}

static void long_events(void **state)
{
    char path[2001], token[3001];

    (void)state;
    memset(path, 'p', sizeof(path) - 1);
    path[0] = '/';
    path[1] = 'l';
    path[2] = '/';
    path[sizeof(path) - 1] = '\0';
    memset(token, 't', sizeof(token) - 1);
    token[sizeof(token) - 1] = '\0';
    dom0.c.event = measure;
    assert_int_equal(t_watch(&dom0, "/l", token), 0);
    assert_int_equal(t_write(&dom0, 0, path, "1"), 0);
    assert_string_equal(long_path, "/l");
    assert_true(long_path_len + long_token_len + 2 <= XENSTORE_PAYLOAD_MAX);
    assert_int_equal(t_write(&dom0, 0, "/l/short", "1"), 0);
    assert_string_equal(long_path, "/l/short");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(first_event),    TEST(children_and_parents), TEST(removal),
        TEST(relative_paths), TEST(permissions),          TEST(depth),
        TEST(special),        TEST(quota_and_reset),      TEST(long_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
