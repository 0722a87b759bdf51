/* SPDX-License-Identifier: MIT */
/* Paths, nodes, permissions and quotas, as requests of the wire protocol see them. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/host/xs/harness.h"
#include "xs/store/path.h"

static struct xs_store store;
static struct tclient dom0, dom5, dom7;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(xs_store_init(&store), 0);
    tclient_init(&dom0, &store, 0);
    tclient_init(&dom5, &store, 5);
    tclient_init(&dom7, &store, 7);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    audit(&store);
    xs_client_fini(&dom0.c);
    xs_client_fini(&dom5.c);
    xs_client_fini(&dom7.c);
    xs_store_fini(&store);
    return 0;
}

/* A home for domain 5 as toolstacks make it: readable by it, with a part that it owns. */
static void make_home(void)
{
    assert_int_equal(t_mkdir(&dom0, 0, "/local/domain/5"), 0);
    assert_int_equal(t_chmod(&dom0, "/local/domain/5", "n0", "r5"), 0);
    assert_int_equal(t_mkdir(&dom0, 0, "/local/domain/5/data"), 0);
    assert_int_equal(t_chmod(&dom0, "/local/domain/5/data", "n5", NULL), 0);
}

static void paths(void **state)
{
    static const struct {
        const char *in, *out; /* out NULL: refused */
    } cases[] = {
        {"/", "/"},
        {"/a", "/a"},
        {"/a/b-c_d@0", "/a/b-c_d@0"},
        {"a/b", "/local/domain/5/a/b"},
        {"", NULL},
        {"/a/", NULL},
        {"//", NULL},
        {"/a//b", NULL},
        {"/a b", NULL},
        {"/a.b", NULL},
        {"@releaseDomain", NULL},
        {"a/", NULL},
        {"/\xc3\xa4", NULL},
    };
    char out[XS_PATH_BUF], lng[XENSTORE_ABS_PATH_MAX + 2];
    size_t off;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int rc = xs_path_canon(cases[i].in, 5, false, out, &off);

        assert_int_equal(rc, cases[i].out ? 0 : -EINVAL);
        if (!rc)
            assert_string_equal(out, cases[i].out);
    }
    assert_int_equal(xs_path_canon("@releaseDomain", 5, true, out, &off), 0);
    assert_int_equal(xs_path_canon("x", 5, true, out, &off), 0);
    assert_int_equal(off, strlen("/local/domain/5/"));

    memset(lng, 'a', sizeof(lng));
    lng[sizeof(lng) - 1] = '\0';
    lng[0] = '/';
    assert_int_equal(xs_path_canon(lng, 0, false, out, NULL), -EINVAL);
    lng[XENSTORE_ABS_PATH_MAX] = '\0';
    assert_int_equal(xs_path_canon(lng, 0, false, out, NULL), 0);
    lng[0] = 'a';
    lng[XENSTORE_REL_PATH_MAX + 1] = '\0';
    assert_int_equal(xs_path_canon(lng, 0, false, out, NULL), -EINVAL);
    lng[XENSTORE_REL_PATH_MAX] = '\0';
    assert_int_equal(xs_path_canon(lng, 0, false, out, NULL), 0);
}

static void values(void **state)
{
    (void)state;
    assert_int_equal(t_write(&dom0, 0, "/a/b/c", "1"), 0);
    assert_string_equal(dom0.body, "OK");
    assert_value(&dom0, 0, "/a/b/c", "1");
    assert_value(&dom0, 0, "/a/b", "");
    assert_int_equal(dom0.hdr.len, 0);
    assert_int_equal(t_write(&dom0, 0, "/a/b/c", ""), 0);
    assert_value(&dom0, 0, "/a/b/c", "");
    assert_int_equal(request(&dom0, XS_WRITE, 0, "/bin\0a\0b\0", 9), 0);
    assert_int_equal(t_read(&dom0, 0, "/bin"), 0);
    assert_int_equal(dom0.hdr.len, 4);
    assert_memory_equal(dom0.body, "a\0b\0", 4);
    assert_int_equal(t_read(&dom0, 0, "/nothing"), -ENOENT);
    assert_int_equal(t_read(&dom0, 0, "/a/b/c/d/e"), -ENOENT);
    /* Relative to /local/domain/0 for dom0. */
    assert_int_equal(t_write(&dom0, 0, "name", "Domain-0"), 0);
    assert_value(&dom0, 0, "/local/domain/0/name", "Domain-0");
}

static void directories(void **state)
{
    (void)state;
    assert_int_equal(t_mkdir(&dom0, 0, "/d/zz"), 0);
    assert_int_equal(t_mkdir(&dom0, 0, "/d/aa"), 0);
    assert_int_equal(t_mkdir(&dom0, 0, "/d/m"), 0);
    assert_string_equal(t_list(&dom0, 0, "/d"), "zz aa m"); /* in the order of creation */
    assert_int_equal(t_write(&dom0, 0, "/d/aa", "value"), 0);
    assert_int_equal(t_mkdir(&dom0, 0, "/d/aa"), 0);
    assert_value(&dom0, 0, "/d/aa", "value");
    assert_string_equal(t_list(&dom0, 0, "/d/m"), "");
    assert_string_equal(t_list(&dom0, 0, "/"), "d");
    assert_int_equal(request_strings(&dom0, XS_DIRECTORY, 0, "/none", NULL), -ENOENT);
}

static void removing(void **state)
{
    (void)state;
    assert_int_equal(t_write(&dom0, 0, "/r/a/b", "1"), 0);
    assert_int_equal(t_rm(&dom0, 0, "/r/a"), 0);
    assert_int_equal(t_read(&dom0, 0, "/r/a/b"), -ENOENT);
    assert_int_equal(t_rm(&dom0, 0, "/r/a"), 0);         /* parent exists */
    assert_int_equal(t_rm(&dom0, 0, "/r/a/b"), -ENOENT); /* it does not */
    assert_int_equal(t_rm(&dom0, 0, "/"), -EINVAL);
    assert_int_equal(t_rm(&dom0, 0, "/r"), 0);
    assert_string_equal(t_list(&dom0, 0, "/"), "");
    assert_int_equal(xs_counts_get(&store.main.counts, 0), 1);
}

static void directory_parts(void **state)
{
    char path[64], want[64], all[70000];
    size_t have = 0;
    bool done = false;
    char gen[32] = "";

    (void)state;
    for (int i = 0; i < 900; i++) {
        snprintf(path, sizeof(path), "/big/child-%04d", i);
        assert_int_equal(t_mkdir(&dom0, 0, path), 0);
    }
    assert_int_equal(request_strings(&dom0, XS_DIRECTORY, 0, "/big", NULL), -E2BIG);
    while (!done) {
        size_t gen_len, len;

        snprintf(path, sizeof(path), "%zu", have);
        assert_int_equal(request_strings(&dom0, XS_DIRECTORY_PART, 0, "/big", path, NULL), 0);
        gen_len = strlen(dom0.body) + 1;
        if (have)
            assert_string_equal(gen, dom0.body);
        memcpy(gen, dom0.body, gen_len);
        len = dom0.hdr.len - gen_len;
        memcpy(all + have, dom0.body + gen_len, len);
        have += len;
        done = all[have - 2] == '\0';
    }
    assert_int_equal(have - 1, 900 * strlen("child-0000") + 900);
    for (int i = 0; i < 900; i++) {
        snprintf(want, sizeof(want), "child-%04d", i);
        assert_string_equal(all + i * 11, want);
    }
    /* Behind the end: one empty string. Another child: another generation. */
    assert_int_equal(request_strings(&dom0, XS_DIRECTORY_PART, 0, "/big", "60000", NULL), 0);
    assert_int_equal(dom0.hdr.len, strlen(dom0.body) + 2);
    assert_string_equal(dom0.body, gen);
    assert_int_equal(t_mkdir(&dom0, 0, "/big/more"), 0);
    assert_int_equal(request_strings(&dom0, XS_DIRECTORY_PART, 0, "/big", "0", NULL), 0);
    assert_string_not_equal(dom0.body, gen);
    assert_int_equal(request_strings(&dom0, XS_DIRECTORY_PART, 0, "/big", "x", NULL), -EINVAL);
    assert_int_equal(request_strings(&dom0, XS_DIRECTORY_PART, 0, "/big", NULL), -EINVAL);
}

/* ---- permissions ---- */

static void permissions_of_others(void **state)
{
    (void)state;
    make_home();
    assert_int_equal(t_write(&dom0, 0, "/secret", "s"), 0);
    assert_int_equal(t_read(&dom5, 0, "/secret"), -EACCES);
    assert_int_equal(t_read(&dom5, 0, "/no-such-node"), -EACCES); /* existence is not told */
    assert_int_equal(t_write(&dom5, 0, "/mine", "x"), -EACCES);
    assert_int_equal(t_rm(&dom5, 0, "/secret"), -EACCES);
    assert_int_equal(request_strings(&dom5, XS_DIRECTORY, 0, "/", NULL), -EACCES);

    assert_string_equal(t_list(&dom5, 0, "/local/domain/5"), "data");
    assert_int_equal(t_read(&dom5, 0, "nothing-here"), -ENOENT); /* may read the parent */
    assert_int_equal(t_write(&dom5, 0, "nothing-here", "x"), -EACCES);
    assert_int_equal(t_write(&dom5, 0, "data/x/y", "1"), 0);
    assert_value(&dom5, 0, "data/x/y", "1");
    assert_int_equal(t_read(&dom7, 0, "/local/domain/5/data/x/y"), -EACCES);
    assert_value(&dom0, 0, "/local/domain/5/data/x/y", "1");
}

static void inheritance(void **state)
{
    (void)state;
    make_home();
    assert_int_equal(t_chmod(&dom0, "/local/domain/5/data", "n0", "b5"), 0);
    assert_int_equal(t_write(&dom5, 0, "data/mine", "1"), 0);
    assert_int_equal(request_strings(&dom5, XS_GET_PERMS, 0, "data/mine", NULL), 0);
    assert_int_equal(dom5.hdr.len, 6); /* "n5" and "b5": the creator owns it, the rest is the parent's */
    assert_memory_equal(dom5.body, "n5\0b5\0", 6);
    assert_int_equal(t_write(&dom0, 0, "/local/domain/5/data/mine/below", "1"), 0);
    assert_int_equal(request_strings(&dom0, XS_GET_PERMS, 0, "/local/domain/5/data/mine/below", NULL), 0);
    assert_memory_equal(dom0.body, "n5\0b5\0", 6); /* dom0 inherits the owner, too */
    assert_int_equal(xs_counts_get(&store.main.counts, 5), 2);
}

static void access_letters(void **state)
{
    (void)state;
    assert_int_equal(t_write(&dom0, 0, "/p", "v"), 0);
    assert_int_equal(t_chmod(&dom0, "/p", "n0", "r5"), 0);
    assert_int_equal(t_read(&dom5, 0, "/p"), 0);
    assert_int_equal(t_write(&dom5, 0, "/p", "x"), -EACCES);
    assert_int_equal(t_chmod(&dom0, "/p", "n0", "w5"), 0);
    assert_int_equal(t_read(&dom5, 0, "/p"), -EACCES);
    assert_int_equal(t_write(&dom5, 0, "/p", "x"), 0);
    assert_int_equal(t_chmod(&dom0, "/p", "n0", "b5"), 0);
    assert_int_equal(t_read(&dom5, 0, "/p"), 0);
    assert_int_equal(t_write(&dom5, 0, "/p", "y"), 0);
    assert_int_equal(t_chmod(&dom0, "/p", "r0", "n5"), 0); /* all but 5 */
    assert_int_equal(t_read(&dom5, 0, "/p"), -EACCES);
    assert_int_equal(t_read(&dom7, 0, "/p"), 0);
    assert_int_equal(t_chmod(&dom5, "/p", "n5", NULL), -EACCES); /* not the owner */
    assert_int_equal(t_chmod(&dom0, "/p", "n5", NULL), 0);
    assert_int_equal(t_chmod(&dom5, "/p", "r5", "b7"), 0);      /* the owner */
    assert_int_equal(t_chmod(&dom5, "/p", "n7", NULL), -EPERM); /* may not give it away */
    assert_int_equal(t_write(&dom7, 0, "/p", "z"), 0);
    for (const char *const *bad = (const char *const[]){"", "x1", "n", "r-1", "r1x", "b65536", "rr", NULL};
         *bad; bad++)
        assert_int_equal(t_chmod(&dom0, "/p", *bad, NULL), -EINVAL);
    assert_int_equal(request_strings(&dom0, XS_SET_PERMS, 0, "/p", NULL), -EINVAL);
}

static void targets(void **state)
{
    (void)state;
    make_home();
    assert_int_equal(t_read(&dom7, 0, "/local/domain/5/data"), -EACCES);
    dom7.c.who.target = 5;
    assert_int_equal(t_read(&dom7, 0, "/local/domain/5/data"), 0);
    assert_int_equal(t_write(&dom7, 0, "/local/domain/5/data/x", "1"), 0);
    assert_int_equal(request_strings(&dom7, XS_GET_PERMS, 0, "/local/domain/5/data/x", NULL), 0);
    assert_string_equal(dom7.body, "n7");
    assert_int_equal(xs_store_forget_domain(&store, 5), 0);
    assert_int_equal(dom7.c.who.target, -1);
}

static void privileged_requests(void **state)
{
    (void)state;
    assert_int_equal(request_strings(&dom5, XS_INTRODUCE, 0, "9", "1", "1", NULL), -EACCES);
    assert_int_equal(request_strings(&dom5, XS_RELEASE, 0, "9", NULL), -EACCES);
    assert_int_equal(request_strings(&dom5, XS_RESUME, 0, "9", NULL), -EACCES);
    assert_int_equal(request_strings(&dom5, XS_SET_TARGET, 0, "9", "1", NULL), -EACCES);
    assert_int_equal(request_strings(&dom5, XS_CONTROL, 0, "help", NULL), -EACCES);
    assert_int_equal(request_strings(&dom5, XS_IS_DOMAIN_INTRODUCED, 0, "5", NULL), -EACCES);
    assert_int_equal(request_strings(&dom0, XS_INTRODUCE, 0, "9", "1", "1", NULL),
                     -ENOSYS); /* no host here */
    assert_int_equal(request_strings(&dom0, XS_INTRODUCE, 0, "0", "1", "1", NULL), -EINVAL);
    assert_int_equal(request_strings(&dom0, XS_INTRODUCE, 0, "32752", "1", "1", NULL), -EINVAL);
    assert_int_equal(request_strings(&dom0, XS_INTRODUCE, 0, "9", "1", "0", NULL), -EINVAL);
    assert_int_equal(request_strings(&dom0, XS_INTRODUCE, 0, "9", "1", NULL), -EINVAL);
    assert_int_equal(request_strings(&dom5, XS_GET_DOMAIN_PATH, 0, "9", NULL), 0);
    assert_string_equal(dom5.body, "/local/domain/9");
    assert_int_equal(request_strings(&dom5, XS_GET_DOMAIN_PATH, 0, "65536", NULL), -EINVAL);
    assert_int_equal(request_strings(&dom5, XS_GET_DOMAIN_PATH, 0, "", NULL), -EINVAL);
    assert_int_equal(request_strings(&dom0, XS_IS_DOMAIN_INTRODUCED, 0, "0", NULL), 0);
    assert_string_equal(dom0.body, "T");
    assert_int_equal(request_strings(&dom0, XS_IS_DOMAIN_INTRODUCED, 0, "8", NULL), 0);
    assert_string_equal(dom0.body, "F");
}

/* ---- quotas ---- */

static void quotas(void **state)
{
    char path[64], big[2100];

    (void)state;
    make_home();
    store.quota[XS_QUOTA_NODES] = 20;
    for (int i = 0; i < 19; i++) { /* "data" itself is its own as well */
        snprintf(path, sizeof(path), "data/%d", i);
        assert_int_equal(t_write(&dom5, 0, path, "v"), 0);
    }
    assert_int_equal(t_write(&dom5, 0, "data/more", "v"), -ENOSPC);
    assert_int_equal(t_write(&dom5, 0, "data/0/a/b", "v"), -ENOSPC);
    assert_int_equal(t_mkdir(&dom5, 0, "data/more"), -ENOSPC);
    assert_int_equal(t_write(&dom5, 0, "data/18", "changed"), 0);
    assert_int_equal(t_write(&dom0, 0, "/local/domain/5/data/by-dom0", "v"), 0);
    assert_int_equal(t_rm(&dom5, 0, "data/by-dom0"), 0);
    assert_int_equal(t_rm(&dom5, 0, "data/0"), 0);
    assert_int_equal(t_rm(&dom5, 0, "data/1"), 0);
    assert_int_equal(t_write(&dom5, 0, "data/2/a", "v"), 0);

    memset(big, 'v', sizeof(big));
    big[2048] = '\0';
    assert_int_equal(t_write(&dom5, 0, "data/3", big), 0);
    big[2048] = 'v';
    big[2049] = '\0';
    assert_int_equal(t_write(&dom5, 0, "data/3", big), -ENOSPC);
    assert_int_equal(t_write(&dom0, 0, "/big", big), 0);

    assert_int_equal(request_strings(&dom5, XS_SET_PERMS, 0, "data", "n5", "r1", "r2", "r3", "r4", NULL), 0);
    assert_int_equal(
        request_strings(&dom5, XS_SET_PERMS, 0, "data", "n5", "r1", "r2", "r3", "r4", "r6", NULL), -ENOSPC);
    store.quota[XS_QUOTA_PATH] = 40;
    assert_int_equal(t_read(&dom5, 0, "data/0123456789012345678901234567890"), -EINVAL);
}

static void quota_in_transaction(void **state)
{
    uint32_t a, b;

    (void)state;
    make_home();
    store.quota[XS_QUOTA_NODES] = 4;
    a = t_start(&dom5);
    b = t_start(&dom5);
    assert_int_equal(t_write(&dom5, a, "data/1", "v"), 0);
    assert_int_equal(t_write(&dom5, a, "data/2", "v"), 0);
    assert_int_equal(t_write(&dom5, a, "data/3", "v"), 0);
    assert_int_equal(t_write(&dom5, a, "data/4", "v"), -ENOSPC);
    assert_int_equal(t_rm(&dom5, a, "data/1"), 0);
    assert_int_equal(t_write(&dom5, a, "data/4", "v"), 0);
    assert_int_equal(t_write(&dom5, b, "data/5", "v"), 0);
    assert_int_equal(t_end(&dom5, a, "T"), 0);
    assert_int_equal(t_end(&dom5, b, "T"), -ENOSPC); /* both together would be too many */
    assert_string_equal(t_list(&dom5, 0, "data"), "2 3 4");
    assert_int_equal(xs_counts_get(&store.main.counts, 5), 4);
}

static void transaction_quotas(void **state)
{
    uint32_t tx;
    char path[32];

    (void)state;
    make_home();
    store.quota[XS_QUOTA_TRANSACTIONS] = 2;
    store.quota[XS_QUOTA_TRANSACTION_NODES] = 11; /* ten and the directory that they are missing in */
    tx = t_start(&dom5);
    t_start(&dom5);
    assert_int_equal(request_strings(&dom5, XS_TRANSACTION_START, 0, "", NULL), -ENOSPC);
    for (int i = 0; i < 10; i++) {
        snprintf(path, sizeof(path), "r%d", i);
        assert_int_equal(t_read(&dom5, tx, path), -ENOENT);
    }
    assert_int_equal(t_read(&dom5, tx, "r10"), -ENOSPC);
    assert_int_equal(t_read(&dom5, tx, "r9"), -ENOENT);
    assert_int_equal(t_end(&dom5, tx, "F"), 0);
    assert_int_equal(dom5.c.nr_tx_paths, 0);
    assert_int_equal(request_strings(&dom5, XS_TRANSACTION_START, 0, "", NULL), 0);
}

/* Open transactions of guests hold no more memory than the limit, whoever changes the store. */
static void expiring(void **state)
{
    uint32_t old, young, privileged;

    (void)state;
    make_home();
    store.tx_hold_limit = 20000;
    old = t_start(&dom5);
    privileged = t_start(&dom0);
    assert_int_equal(t_write(&dom5, old, "data/x", "1"), 0);
    for (int i = 0; i < 1000; i++) { /* in place: nothing more is held */
        assert_int_equal(t_write(&dom0, 0, "/busy", "value"), 0);
        assert_int_equal(t_rm(&dom0, 0, "/absent"), 0);
    }
    assert_int_equal(t_read(&dom5, old, "data/x"), 0);
    for (int i = 0; i < 100; i++) {
        young = t_start(&dom5); /* shares the tree: each write must copy */
        assert_int_equal(t_write(&dom0, 0, "/busy/a/b/c", "value"), 0);
        assert_int_equal(t_end(&dom5, young, "F"), 0);
    }
    young = t_start(&dom5);
    assert_int_equal(t_read(&dom5, old, "data/x"), -EAGAIN);
    assert_int_equal(t_write(&dom5, young, "data/y", "1"), 0);
    assert_int_equal(t_end(&dom5, old, "T"), -EAGAIN);
    assert_int_equal(t_end(&dom5, young, "T"), 0);
    assert_int_equal(t_read(&dom0, privileged, "/"), 0);
    assert_int_equal(t_end(&dom0, privileged, "T"), 0);
    assert_int_equal(dom5.c.nr_txs, 0);
    assert_int_equal(dom5.c.nr_tx_paths, 0);
}

/* ---- end of a domain ---- */

static void forgetting(void **state)
{
    (void)state;
    make_home();
    assert_int_equal(t_write(&dom5, 0, "data/a/b", "1"), 0);
    assert_int_equal(t_write(&dom0, 0, "/shared/x", "1"), 0);
    assert_int_equal(t_chmod(&dom0, "/shared/x", "n0", "r5"), 0);
    assert_int_equal(t_chmod(&dom0, "@releaseDomain", "n0", "r5"), 0);
    assert_int_equal(t_watch(&dom0, "/local/domain/5/data/a", "tok"), 0);
    clear_events(&dom0);
    assert_int_equal(xs_store_forget_domain(&store, 5), 0);
    assert_int_equal(events_of(&dom0, "/local/domain/5/data/a tok"), 1);
    assert_int_equal(t_read(&dom0, 0, "/local/domain/5/data"), -ENOENT);
    assert_int_equal(t_read(&dom5, 0, "/shared/x"), -EACCES);
    assert_int_equal(t_read(&dom5, 0, "/local/domain/5"), -EACCES);
    assert_int_equal(request_strings(&dom5, XS_GET_PERMS, 0, "@releaseDomain", NULL), -EACCES);
    assert_int_equal(xs_counts_get(&store.main.counts, 5), 0);
    assert_int_equal(xs_store_forget_domain(&store, 0), 0); /* never */
}

/* ---- the wire ---- */

static void odd_requests(void **state)
{
    (void)state;
    assert_int_equal(request(&dom5, XS_READ, 0, "/", 1), -EINVAL); /* not terminated */
    assert_int_equal(request(&dom5, XS_READ, 0, "", 0), -EINVAL);
    assert_int_equal(request(&dom5, XS_READ, 0, "/\0/", 4), -EINVAL); /* two strings */
    assert_int_equal(request(&dom5, XS_WRITE, 0, "/abc", 4), -EINVAL);
    assert_int_equal(request(&dom5, XS_WRITE, 0, "", 0), -EINVAL);
    assert_int_equal(request(&dom5, XS_SET_PERMS, 0, "a\0n0", 4), -EINVAL);
    assert_int_equal(request(&dom5, XS_WATCH, 0, "a\0", 2), -EINVAL);
    assert_int_equal(request(&dom5, XS_WATCH, 0, "a\0t\0x\0", 6), -EINVAL);
    assert_int_equal(request(&dom5, XS_WATCH_EVENT, 0, "a\0t\0", 4), -ENOSYS);
    assert_int_equal(request(&dom5, XS_ERROR, 0, "EIO", 4), -ENOSYS);
    assert_int_equal(request(&dom5, 20, 0, "", 1), -ENOSYS); /* RESTRICT was removed */
    assert_int_equal(request(&dom5, XS_TYPE_COUNT, 0, "", 1), -ENOSYS);
    assert_int_equal(request(&dom5, XS_INVALID, 0, "", 1), -ENOSYS);
    assert_int_equal(request(&dom5, UINT32_MAX, 0, "", 1), -ENOSYS);
    assert_int_equal(request(&dom5, XS_READ, 77, "/", 2), -ENOENT); /* no such transaction */
    assert_int_equal(request(&dom5, XS_TRANSACTION_END, 0, "T", 2), -ENOENT);
    assert_int_equal(request(&dom5, XS_RESET_WATCHES, 0, "", 1), 0);
    assert_int_equal(request(&dom5, XS_RESET_WATCHES, 0, "", 0), 0);
}

static void special_paths(void **state)
{
    (void)state;
    assert_int_equal(t_read(&dom0, 0, "@releaseDomain"), -EINVAL);
    assert_int_equal(t_write(&dom0, 0, "@releaseDomain", "x"), -EINVAL);
    assert_int_equal(t_rm(&dom0, 0, "@releaseDomain"), -EINVAL);
    assert_int_equal(request_strings(&dom0, XS_GET_PERMS, 0, "@releaseDomain", NULL), 0);
    assert_string_equal(dom0.body, "n0");
    assert_int_equal(request_strings(&dom0, XS_GET_PERMS, 0, "@other", NULL), -ENOENT);
    assert_int_equal(t_chmod(&dom5, "@releaseDomain", "n0", "r5"), -EACCES);
    assert_int_equal(t_chmod(&dom0, "@releaseDomain", "n0", "r5"), 0);
    assert_int_equal(request_strings(&dom5, XS_GET_PERMS, 0, "@releaseDomain", NULL), 0);
    assert_int_equal(dom5.hdr.len, 6);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(paths),
        TEST(values),
        TEST(directories),
        TEST(removing),
        TEST(directory_parts),
        TEST(permissions_of_others),
        TEST(inheritance),
        TEST(access_letters),
        TEST(targets),
        TEST(privileged_requests),
        TEST(quotas),
        TEST(quota_in_transaction),
        TEST(transaction_quotas),
        TEST(expiring),
        TEST(forgetting),
        TEST(odd_requests),
        TEST(special_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
