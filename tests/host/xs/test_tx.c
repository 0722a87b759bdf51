/* SPDX-License-Identifier: MIT */
/*
 * Transactions: single interleavings first, then random ones. The random test holds the store to the
 * definition: a transaction that commits must have given exactly the answers that its requests would give if
 * they all happened at the moment of the commit, and must leave the store as they would leave it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/host/xs/harness.h"
#include "xs/store/tx.h"

static struct xs_store store;
static struct tclient dom0, other;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(xs_store_init(&store), 0);
    tclient_init(&dom0, &store, 0);
    tclient_init(&other, &store, 0);
    assert_int_equal(t_write(&dom0, 0, "/a/b", "1"), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    audit(&store);
    xs_client_fini(&dom0.c);
    xs_client_fini(&other.c);
    xs_store_fini(&store);
    return 0;
}

static void isolation(void **state)
{
    uint32_t tx = t_start(&dom0);

    (void)state;
    assert_int_equal(t_write(&dom0, tx, "/a/b", "2"), 0);
    assert_int_equal(t_write(&dom0, tx, "/new/node", "x"), 0);
    assert_value(&dom0, tx, "/a/b", "2");
    assert_value(&dom0, 0, "/a/b", "1");
    assert_int_equal(t_read(&other, 0, "/new"), -ENOENT);
    assert_int_equal(t_end(&dom0, tx, "T"), 0);
    assert_value(&other, 0, "/a/b", "2");
    assert_value(&other, 0, "/new/node", "x");
    assert_int_equal(t_read(&dom0, tx, "/a/b"), -ENOENT); /* the id is gone */
}

static void dropping(void **state)
{
    uint32_t tx = t_start(&dom0);
    char *before = dump(&store), *after;

    (void)state;
    assert_int_equal(t_write(&dom0, tx, "/a/b", "2"), 0);
    assert_int_equal(t_rm(&dom0, tx, "/a"), 0);
    assert_int_equal(t_end(&dom0, tx, "F"), 0);
    after = dump(&store);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void wrong_ends(void **state)
{
    uint32_t tx = t_start(&dom0);

    (void)state;
    assert_int_equal(t_end(&dom0, tx, "X"), -EINVAL);
    assert_int_equal(t_end(&dom0, tx, ""), -EINVAL);
    assert_int_equal(t_end(&other, tx, "T"), -ENOENT); /* of another connection */
    assert_int_equal(request_strings(&dom0, XS_TRANSACTION_START, tx, "", NULL), -EBUSY);
    assert_int_equal(t_end(&dom0, tx, "T"), 0);
    assert_int_equal(t_end(&dom0, tx, "T"), -ENOENT);
}

/* One transaction of dom0, one direct change by another client, and what the end must say. */
static const struct interleaving {
    const char *name;
    uint32_t tx_op;
    const char *tx_path;
    uint32_t op;
    const char *path;
    bool tx_writes; /* makes sure that the transaction changes something, elsewhere */
    int result;
} interleavings[] = {
    {"read, write of the same", XS_READ, "/a/b", XS_WRITE, "/a/b", true, -EAGAIN},
    {"read only never conflicts", XS_READ, "/a/b", XS_WRITE, "/a/b", false, 0},
    {"read, write of another", XS_READ, "/a/b", XS_WRITE, "/a/c", true, 0},
    {"read, removal of the parent", XS_READ, "/a/b", XS_RM, "/a", true, -EAGAIN},
    {"read of absent, creation", XS_READ, "/a/x", XS_WRITE, "/a/x", true, -EAGAIN},
    {"read of absent, creation of another", XS_READ, "/a/x", XS_WRITE, "/a/y", true, 0},
    {"list, creation", XS_DIRECTORY, "/a", XS_WRITE, "/a/y", true, -EAGAIN},
    {"list, removal", XS_DIRECTORY, "/a", XS_RM, "/a/b", true, -EAGAIN},
    {"list, change of a child", XS_DIRECTORY, "/a", XS_WRITE, "/a/b", true, 0},
    {"write, write of the same", XS_WRITE, "/a/b", XS_WRITE, "/a/b", false, -EAGAIN},
    {"write, write of another", XS_WRITE, "/a/b", XS_WRITE, "/q", false, 0},
    {"creation of siblings", XS_WRITE, "/a/x", XS_WRITE, "/a/y", false, 0},
    {"creation of the same", XS_WRITE, "/a/x", XS_WRITE, "/a/x", false, -EAGAIN},
    {"creation, removal of the parent", XS_WRITE, "/a/x", XS_RM, "/a", false, -EAGAIN},
    {"creation, change of the parent", XS_WRITE, "/a/x", XS_WRITE, "/a", false, -EAGAIN},
    {"removal, change below", XS_RM, "/a", XS_WRITE, "/a/b", false, -EAGAIN},
    {"removal, creation below", XS_RM, "/a", XS_WRITE, "/a/z/z", false, -EAGAIN},
    {"removal, change elsewhere", XS_RM, "/a", XS_WRITE, "/q", false, 0},
    {"removal of absent, its creation", XS_RM, "/a/x", XS_WRITE, "/a/x", true, -EAGAIN},
    {"mkdir of existing, its change", XS_MKDIR, "/a/b", XS_WRITE, "/a/b", true, -EAGAIN},
};

static int simple(struct tclient *t, uint32_t op, uint32_t tx, const char *path)
{
    return op == XS_WRITE ? t_write(t, tx, path, "w") : request_strings(t, op, tx, path, NULL);
}

static void conflicts(void **state)
{
    for (size_t i = 0; i < sizeof(interleavings) / sizeof(interleavings[0]); i++) {
        const struct interleaving *in = &interleavings[i];
        uint32_t tx;
        int rc;

        if (i) {
            teardown(state);
            setup(state);
        }
        tx = t_start(&dom0);
        simple(&dom0, in->tx_op, tx, in->tx_path);
        if (in->tx_writes)
            assert_int_equal(t_write(&dom0, tx, "/elsewhere", "1"), 0);
        assert_int_equal(simple(&other, in->op, 0, in->path), 0);
        rc = t_end(&dom0, tx, "T");
        if (rc != in->result)
            fail_msg("%s: %d, not %d", in->name, rc, in->result);
        if (in->tx_writes)
            assert_int_equal(t_read(&dom0, 0, "/elsewhere"), rc ? -ENOENT : 0);
    }
}

static void remove_and_create_again(void **state)
{
    uint32_t tx = t_start(&dom0);

    (void)state;
    assert_int_equal(t_write(&dom0, 0, "/a/c", "old"), 0);
    assert_int_equal(t_end(&dom0, tx, "F"), 0);
    tx = t_start(&dom0);
    assert_int_equal(t_write(&dom0, tx, "/a/d/e", "early"), 0);
    assert_int_equal(t_rm(&dom0, tx, "/a"), 0);
    assert_int_equal(t_write(&dom0, tx, "/a/b", "new"), 0);
    assert_int_equal(t_write(&other, 0, "/q", "1"), 0); /* so that it must be carried over */
    assert_int_equal(t_end(&dom0, tx, "T"), 0);
    assert_string_equal(t_list(&dom0, 0, "/a"), "b");
    assert_value(&dom0, 0, "/a/b", "new");
    assert_value(&dom0, 0, "/q", "1");
}

static void permissions_carry_over(void **state)
{
    uint32_t tx = t_start(&dom0);

    (void)state;
    assert_int_equal(request_strings(&dom0, XS_SET_PERMS, tx, "/a/b", "n5", "r7", NULL), 0);
    assert_int_equal(t_write(&other, 0, "/q", "1"), 0);
    assert_int_equal(t_end(&dom0, tx, "T"), 0);
    assert_int_equal(request_strings(&dom0, XS_GET_PERMS, 0, "/a/b", NULL), 0);
    assert_memory_equal(dom0.body, "n5\0r7\0", 6);
    assert_int_equal(xs_counts_get(&store.main.counts, 5), 1);
    assert_int_equal(xs_counts_get(&store.main.counts, 0), 3);
}

static void ends_with_the_client(void **state)
{
    uint32_t tx = t_start(&other);

    (void)state;
    assert_int_equal(t_write(&other, tx, "/x", "1"), 0);
    assert_int_equal(request_strings(&other, XS_RESET_WATCHES, 0, "", NULL), 0);
    assert_int_equal(t_end(&other, tx, "T"), -ENOENT);
    assert_int_equal(t_read(&dom0, 0, "/x"), -ENOENT);
    t_start(&other); /* left open: fini must free it */
}

static void events_only_at_the_end(void **state)
{
    uint32_t tx;

    (void)state;
    assert_int_equal(t_watch(&other, "/a", "tok"), 0);
    clear_events(&other);
    tx = t_start(&dom0);
    assert_int_equal(t_write(&dom0, tx, "/a/z", "1"), 0);
    assert_int_equal(t_write(&dom0, tx, "/a/b", "1"), 0);
    assert_int_equal(t_write(&dom0, tx, "/a/b", "2"), 0);
    assert_int_equal(t_write(&dom0, tx, "/a/tmp", "2"), 0);
    assert_int_equal(t_rm(&dom0, tx, "/a/tmp"), 0);
    assert_int_equal(other.nr_events, 0);
    assert_int_equal(t_end(&dom0, tx, "T"), 0);
    assert_int_equal(other.nr_events, 2); /* each changed path once, in the order of the changes */
    assert_string_equal(other.events[0], "/a/z tok");
    assert_string_equal(other.events[1], "/a/b tok");

    clear_events(&other);
    tx = t_start(&dom0);
    assert_int_equal(t_write(&dom0, tx, "/a/b", "3"), 0);
    assert_int_equal(t_end(&dom0, tx, "F"), 0);
    assert_int_equal(other.nr_events, 0);
    tx = t_start(&dom0);
    assert_int_equal(t_read(&dom0, tx, "/a/b"), 0);
    assert_int_equal(t_write(&dom0, tx, "/a/c", "3"), 0);
    assert_int_equal(t_write(&other, 0, "/a/b", "4"), 0);
    clear_events(&other);
    assert_int_equal(t_end(&dom0, tx, "T"), -EAGAIN);
    assert_int_equal(other.nr_events, 0);
}

/* ---- random interleavings ---- */

#define RANDOM_ROUNDS 20000
#define MAX_TX        4
#define MAX_OPS       12

struct op {
    uint32_t type;
    char path[24];
    char value[8];
    int rc;
    uint32_t len;
    char reply[256];
};

struct open_tx {
    struct tclient *by; /* NULL: not open */
    uint32_t id;
    unsigned int nr;
    struct op ops[MAX_OPS];
};

/* The same store, but each transaction is carried out at its end, with single requests. */
static struct xs_store serial;
static struct tclient serial0, serial5;
static struct tclient dom5;
static unsigned int committed, refused;

static int perform(struct tclient *t, uint32_t tx, const struct op *op)
{
    char buf[64];
    size_t len = strlen(op->path) + 1;

    if (op->type == XS_WRITE)
        return t_write(t, tx, op->path, op->value);
    memcpy(buf, op->path, len);
    if (op->type == XS_SET_PERMS) {
        memcpy(buf + len, op->value, strlen(op->value) + 1);
        len += strlen(op->value) + 1;
    }
    return request(t, op->type, tx, buf, len);
}

static void random_op(struct op *op)
{
    static const uint32_t kinds[] = {XS_READ, XS_READ, XS_WRITE,     XS_WRITE,     XS_WRITE,    XS_MKDIR,
                                     XS_RM,   XS_RM,   XS_DIRECTORY, XS_GET_PERMS, XS_SET_PERMS};
    static const char *const perms[] = {"n0", "n5", "b0", "r5"};
    int depth = rand() % 4;

    op->type = kinds[(size_t)rand() % (sizeof(kinds) / sizeof(kinds[0]))];
    strcpy(op->path, "/t");
    for (int i = 0; i < depth; i++) {
        char name[3] = {'/', (char)('a' + rand() % 3), '\0'};

        strcat(op->path, name);
    }
    if (op->type == XS_SET_PERMS)
        strcpy(op->value, perms[rand() % 4]);
    else
        snprintf(op->value, sizeof(op->value), "%d", rand() % 100);
}

/* Lists of names are compared without order: that of creation may differ after a commit. */
static int cmp_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void keep_reply(struct op *op, const struct tclient *t)
{
    op->len = t->hdr.len;
    assert_true(op->len < sizeof(op->reply));
    memcpy(op->reply, t->body, op->len);
    if (op->type == XS_DIRECTORY && t->hdr.type != XS_ERROR)
        qsort(op->reply, op->len / 2, 2, cmp_names); /* all names have one letter */
}

static void assert_same_state(void)
{
    char *a = dump(&store), *b = dump(&serial);

    assert_string_equal(a, b);
    free(a);
    free(b);
}

/* What was answered in the transaction must be what is answered now. */
static void replay(struct open_tx *t)
{
    struct tclient *by = t->by == &dom5 ? &serial5 : &serial0;

    for (unsigned int i = 0; i < t->nr; i++) {
        struct op *op = &t->ops[i], now = *op;

        assert_int_equal(perform(by, 0, op), op->rc);
        keep_reply(&now, by);
        assert_int_equal(now.len, op->len);
        assert_memory_equal(now.reply, op->reply, op->len);
    }
}

static void random_step(struct open_tx *t)
{
    struct op single;

    if (!t->by && rand() % 3 == 0) {
        random_op(&single);
        single.rc = perform(&dom0, 0, &single);
        assert_int_equal(perform(&serial0, 0, &single), single.rc);
    } else if (!t->by) {
        t->by = rand() % 3 == 0 ? &dom5 : &dom0;
        t->id = t_start(t->by);
        t->nr = 0;
    } else if (t->nr < MAX_OPS && rand() % 4) {
        struct op *op = &t->ops[t->nr++];

        random_op(op);
        op->rc = perform(t->by, t->id, op);
        keep_reply(op, t->by);
    } else {
        bool changed = xs_tx_find(&t->by->c, t->id)->changed;
        int rc = t_end(t->by, t->id, "T");

        assert_true(rc == 0 || (rc == -EAGAIN && changed));
        /* One that changed nothing happened when it started: its answers are not those of now. */
        if (rc == 0 && changed) {
            replay(t);
            committed++;
        }
        refused += rc != 0;
        t->by = NULL;
    }
}

static void random_interleavings(void **state)
{
    struct open_tx open[MAX_TX] = {0};

    (void)state;
    assert_int_equal(xs_store_init(&serial), 0);
    tclient_init(&serial0, &serial, 0);
    tclient_init(&serial5, &serial, 5);
    tclient_init(&dom5, &store, 5);
    assert_int_equal(t_write(&serial0, 0, "/a/b", "1"), 0);
    srand(4);
    for (int i = 0; i < RANDOM_ROUNDS; i++) {
        random_step(&open[rand() % MAX_TX]);
        if (i % 64 == 0)
            audit(&store);
        assert_same_state();
    }
    print_message("%u committed, %u conflicts\n", committed, refused);
    assert_true(committed > 300 && refused > 300);
    xs_client_fini(&dom5.c);
    xs_client_fini(&serial0.c);
    xs_client_fini(&serial5.c);
    xs_store_fini(&serial);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(isolation),
        TEST(dropping),
        TEST(wrong_ends),
        TEST(conflicts),
        TEST(remove_and_create_again),
        TEST(permissions_carry_over),
        TEST(ends_with_the_client),
        TEST(events_only_at_the_end),
        TEST(random_interleavings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
