/* SPDX-License-Identifier: MIT */
/* The client library against the daemon over a Unix socket, the daemon in a process of its own. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "xs/client/xs.h"
#include "xs/daemon/log.h"
#include "xs/daemon/sock.h"

static char dir[] = "/tmp/xs-test-XXXXXX";
static char path[64];
static pid_t daemon_pid;
static struct xsc *xs, *other;

static void serve(void)
{
    struct server srv;

    log_open("/dev/null");
    if (server_init(&srv) || sock_listen(&srv, path))
        _exit(2);
    while (server_turn(&srv, -1) == 0)
        ;
    _exit(3);
}

static int start_daemon(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/socket", dir);
    daemon_pid = fork();
    if (daemon_pid == 0)
        serve();
    for (int i = 0; i < 200 && access(path, F_OK); i++)
        usleep(10000);
    usleep(20000);
    return 0;
}

static int stop_daemon(void **state)
{
    (void)state;
    kill(daemon_pid, SIGKILL);
    waitpid(daemon_pid, NULL, 0);
    unlink(path);
    rmdir(dir);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    xs = xsc_open(path);
    other = xsc_open(path);
    return xs && other ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    xsc_rm(xs, XSC_NO_TX, "/t");
    xsc_close(xs);
    xsc_close(other);
    return 0;
}

#define assert_fails(call, err)       \
    do {                              \
        errno = 0;                    \
        assert_int_equal(call, -1);   \
        assert_int_equal(errno, err); \
    } while (0)

#define assert_null_errno(call, err)  \
    do {                              \
        errno = 0;                    \
        assert_null(call);            \
        assert_int_equal(errno, err); \
    } while (0)

static void values(void **state)
{
    uint64_t u;
    size_t len;
    char *v;
    int i;

    (void)state;
    assert_int_equal(xsc_write(xs, XSC_NO_TX, "/t/bin", "a\0b", 3), 0);
    v = xsc_read(xs, XSC_NO_TX, "/t/bin", &len);
    assert_int_equal(len, 3);
    assert_memory_equal(v, "a\0b", 4);
    free(v);
    assert_int_equal(xsc_writef(xs, XSC_NO_TX, "value", "/t/%d/%s", 7, "x"), 0);
    v = xsc_readf(other, XSC_NO_TX, "/t/%d/x", 7);
    assert_string_equal(v, "value");
    free(v);
    assert_int_equal(xsc_printf(xs, XSC_NO_TX, "/t/n", "%d", -42), 0);
    assert_int_equal(xsc_read_int(xs, XSC_NO_TX, "/t/n", &i), 0);
    assert_int_equal(i, -42);
    assert_fails(xsc_read_u64(xs, XSC_NO_TX, "/t/n", &u), EINVAL);
    assert_int_equal(xsc_printf(xs, XSC_NO_TX, "/t/n", "0x%x", 255), 0);
    assert_int_equal(xsc_read_u64(xs, XSC_NO_TX, "/t/n", &u), 0);
    assert_int_equal(u, 255);
    assert_int_equal(xsc_printf(xs, XSC_NO_TX, "/t/n", "99999999999"), 0);
    assert_fails(xsc_read_int(xs, XSC_NO_TX, "/t/n", &i), ERANGE);
    assert_int_equal(xsc_printf(xs, XSC_NO_TX, "/t/n", "010"), 0);
    assert_int_equal(xsc_read_int(xs, XSC_NO_TX, "/t/n", &i), 0);
    assert_int_equal(i, 10);
    assert_int_equal(xsc_write(xs, XSC_NO_TX, "/t/n", "", 0), 0);
    assert_fails(xsc_read_int(xs, XSC_NO_TX, "/t/n", &i), EINVAL);
    assert_null_errno(xsc_read(xs, XSC_NO_TX, "/t/none", NULL), ENOENT);
    assert_null_errno(xsc_read(xs, XSC_NO_TX, "/t//none", NULL), EINVAL);
    assert_int_equal(xsc_exists(xs, XSC_NO_TX, "/t/none"), 0);
    assert_int_equal(xsc_exists(xs, XSC_NO_TX, "/t/n"), 1);
    assert_int_equal(xsc_mkdir(xs, XSC_NO_TX, "/t/dir"), 0);
    assert_int_equal(xsc_rm(xs, XSC_NO_TX, "/t/dir"), 0);
    assert_int_equal(xsc_rm(xs, XSC_NO_TX, "/t/dir"), 0);
    assert_fails(xsc_rm(xs, XSC_NO_TX, "/t/dir/a"), ENOENT);
}

static void too_large(void **state)
{
    static char big[5000];

    (void)state;
    memset(big, 'x', sizeof(big) - 1);
    assert_fails(xsc_write(xs, XSC_NO_TX, "/t/big", big, sizeof(big)), E2BIG);
    assert_fails(xsc_printf(xs, XSC_NO_TX, "/t/big", "%s", big), E2BIG);
    assert_fails(xsc_writef(xs, XSC_NO_TX, "v", "/t/%s", big), E2BIG);
    assert_int_equal(xsc_write(xs, XSC_NO_TX, "/t/big", big, 4000), 0); /* still usable */
}

static void directories(void **state)
{
    char **names, want[32];
    size_t n;

    (void)state;
    assert_int_equal(xsc_mkdir(xs, XSC_NO_TX, "/t/empty"), 0);
    names = xsc_directory(xs, XSC_NO_TX, "/t/empty", &n);
    assert_non_null(names);
    assert_int_equal(n, 0);
    assert_null(names[0]);
    free(names);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(xsc_writef(xs, XSC_NO_TX, "", "/t/many/some-child-%d", i), 0);
    names = xsc_directory(xs, XSC_NO_TX, "/t/many", &n);
    assert_int_equal(n, 2000);
    assert_null(names[n]);
    for (int i = 0; i < 2000; i++) {
        snprintf(want, sizeof(want), "some-child-%d", i);
        assert_string_equal(names[i], want);
    }
    free(names);
    assert_null_errno(xsc_directory(xs, XSC_NO_TX, "/t/none", &n), ENOENT);
}

static void permissions(void **state)
{
    const struct xsc_perm set[] = {{3, 'n'}, {5, 'r'}, {65535, 'b'}};
    struct xsc_perm *p;
    size_t n;

    (void)state;
    assert_int_equal(xsc_mkdir(xs, XSC_NO_TX, "/t/p"), 0);
    assert_int_equal(xsc_set_perms(xs, XSC_NO_TX, "/t/p", set, 3), 0);
    p = xsc_get_perms(other, XSC_NO_TX, "/t/p", &n);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(p[i].domid, set[i].domid);
        assert_int_equal(p[i].access, set[i].access);
    }
    free(p);
    assert_fails(xsc_set_perms(xs, XSC_NO_TX, "/t/none", set, 3), ENOENT);
    assert_fails(xsc_set_perms(xs, XSC_NO_TX, "/t/p", set, 0), EINVAL);
}

/* ---- transactions ---- */

struct attempt {
    int runs;
    int fail_with;
};

static int increment(struct xsc *c, xsc_tx_t tx, void *arg)
{
    struct attempt *a = arg;
    int n;

    a->runs++;
    if (xsc_read_int(c, tx, "/t/counter", &n))
        return -1;
    if (a->runs == 1) /* somebody else comes between */
        assert_int_equal(xsc_write(other, XSC_NO_TX, "/t/counter", "100", 3), 0);
    if (a->fail_with) {
        errno = a->fail_with;
        return a->fail_with == EAGAIN && a->runs < 3 ? -1 : a->fail_with == EAGAIN ? 0 : 7;
    }
    return xsc_printf(c, tx, "/t/counter", "%d", n + 1);
}

static void transactions(void **state)
{
    struct attempt a = {0};
    xsc_tx_t tx;
    int n;

    (void)state;
    assert_int_equal(xsc_write(xs, XSC_NO_TX, "/t/counter", "1", 1), 0);
    assert_int_equal(xsc_transact(xs, increment, &a), 0);
    assert_int_equal(a.runs, 2);
    assert_int_equal(xsc_read_int(xs, XSC_NO_TX, "/t/counter", &n), 0);
    assert_int_equal(n, 101);
    a = (struct attempt){.fail_with = EACCES};
    errno = 0;
    assert_int_equal(xsc_transact(xs, increment, &a), 7);
    assert_int_equal(errno, EACCES);
    assert_int_equal(a.runs, 1);
    a = (struct attempt){.fail_with = EAGAIN};
    assert_int_equal(xsc_transact(xs, increment, &a), 0);
    assert_int_equal(a.runs, 3);

    assert_int_equal(xsc_tx_start(xs, &tx), 0);
    assert_int_equal(xsc_write(xs, tx, "/t/x", "1", 1), 0);
    assert_int_equal(xsc_exists(other, XSC_NO_TX, "/t/x"), 0);
    assert_int_equal(xsc_tx_end(xs, tx, false), 0);
    assert_fails(xsc_tx_end(xs, tx, true), ENOENT);
}

/* ---- watches ---- */

static bool readable(struct xsc *c)
{
    struct pollfd p = {.fd = xsc_fd(c), .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static void expect_event(struct xsc *c, const char *want_path, const char *want_token)
{
    struct xsc_event *ev = xsc_wait_watch(c, 2000);

    assert_non_null(ev);
    assert_string_equal(ev->path, want_path);
    assert_string_equal(ev->token, want_token);
    free(ev);
}

static void watches(void **state)
{
    char *v;

    (void)state;
    assert_false(readable(xs));
    assert_null_errno(xsc_check_watch(xs), EAGAIN);
    assert_null_errno(xsc_wait_watch(xs, 20), ETIMEDOUT);
    assert_int_equal(xsc_watch(xs, "/t/w", "tok"), 0);
    assert_fails(xsc_watch(xs, "/t/w", "tok"), EEXIST);
    expect_event(xs, "/t/w", "tok");
    assert_false(readable(xs));
    for (int i = 0; i < 10; i++)
        assert_int_equal(xsc_writef(other, XSC_NO_TX, "1", "/t/w/%d", i), 0);
    assert_true(readable(xs));
    v = xsc_read(xs, XSC_NO_TX, "/t/w/3", NULL); /* events arrive before the reply: they are kept */
    assert_string_equal(v, "1");
    free(v);
    for (int i = 0; i < 10; i++) {
        char want[32];

        assert_true(readable(xs));
        snprintf(want, sizeof(want), "/t/w/%d", i);
        expect_event(xs, want, "tok");
    }
    assert_false(readable(xs));
    assert_null_errno(xsc_check_watch(xs), EAGAIN);
}

static void unwatching(void **state)
{
    (void)state;
    assert_int_equal(xsc_watch(xs, "/t/a", "one"), 0);
    assert_int_equal(xsc_watch(xs, "/t/b", "one"), 0);
    assert_int_equal(xsc_watch(xs, "/t/a", "two"), 0);
    assert_int_equal(xsc_write(xs, XSC_NO_TX, "/t/a/x", "1", 1), 0);
    assert_int_equal(xsc_unwatch(xs, "/t/a", "one"), 0); /* with three of its events in the queue or behind */
    assert_fails(xsc_unwatch(xs, "/t/a", "one"), ENOENT);
    expect_event(xs, "/t/b", "one");
    expect_event(xs, "/t/a", "two");
    expect_event(xs, "/t/a/x", "two");
    assert_false(readable(xs));
    assert_int_equal(xsc_write(xs, XSC_NO_TX, "/t/b", "1", 1), 0);
    assert_int_equal(xsc_reset_watches(xs), 0);
    assert_false(readable(xs));
    assert_int_equal(xsc_write(xs, XSC_NO_TX, "/t/b", "1", 1), 0);
    assert_null_errno(xsc_check_watch(xs), EAGAIN);
}

static void domains(void **state)
{
    char *home = xsc_get_domain_path(xs, 12);

    (void)state;
    assert_string_equal(home, "/local/domain/12");
    free(home);
    assert_int_equal(xsc_is_introduced(xs, 12), 0);
    assert_fails(xsc_introduce(xs, 12, 1, 1), ENOSYS); /* no hypervisor */
    assert_fails(xsc_introduce(xs, 0, 1, 1), EINVAL);
    assert_fails(xsc_release(xs, 12), ENOENT);
    assert_fails(xsc_resume(xs, 12), ENOENT);
    assert_fails(xsc_set_target(xs, 12, 13), ENOENT);
    home = xsc_control(xs, "help", 5);
    assert_non_null(strstr(home, "check"));
    free(home);
}

/* ---- a connection that is not what it should be ---- */

static int fake_server(const char *answer, size_t len, struct xsc **c)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd;

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/fake", dir);
    unlink(addr.sun_path);
    assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(listener, 1), 0);
    *c = xsc_open(addr.sun_path);
    assert_non_null(*c);
    fd = accept(listener, NULL, NULL);
    if (len)
        assert_int_equal(write(fd, answer, len), len);
    close(listener);
    unlink(addr.sun_path);
    return fd;
}

static void bad_servers(void **state)
{
    static const struct {
        uint32_t hdr[4]; /* type, req_id, tx_id, len */
        const char *body;
        size_t len;
    } answers[] = {
        {{2, 1, 0, 5000}, "", 0},     /* too long */
        {{2, 9, 0, 1}, "x", 1},       /* to another request */
        {{11, 1, 0, 3}, "OK", 3},     /* of another type */
        {{15, 0, 0, 3}, "/a\0", 3},   /* an event without a token */
        {{15, 0, 0, 5}, "/a\0to", 5}, /* a token without an end */
        {{15, 0, 0, 0}, "", 0},       /* an empty event */
        {{2, 1, 0, 10}, "short", 5},  /* the end comes early */
    };
    char msg[64];

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct xsc *c;
        int fd;

        memcpy(msg, answers[i].hdr, 16);
        memcpy(msg + 16, answers[i].body, answers[i].len);
        fd = fake_server(msg, 16 + answers[i].len, &c);
        shutdown(fd, SHUT_WR);
        assert_null_errno(xsc_read(c, XSC_NO_TX, "/", NULL), EIO);
        assert_null_errno(xsc_read(c, XSC_NO_TX, "/", NULL), EIO); /* and stays so */
        assert_null_errno(xsc_check_watch(c), EIO);
        xsc_close(c);
        close(fd);
    }
}

/* A message that comes byte by byte does not block who asked not to wait. */
static void slow_server(void **state)
{
    static const char event[] = "\x0f\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0/a\0t";
    struct xsc *c;
    int fd = fake_server(event, 3, &c);

    (void)state;
    for (size_t i = 3; i < sizeof(event); i++) {
        assert_null_errno(xsc_check_watch(c), EAGAIN);
        assert_int_equal(write(fd, event + i, 1), 1);
    }
    expect_event(c, "/a", "t");
    xsc_close(c);
    close(fd);
}

static void no_server(void **state)
{
    (void)state;
    assert_null_errno(xsc_open("/nonexistent/socket"), ENOENT);
    setenv("XENSTORED_PATH", path, 1);
    teardown(state);
    xs = xsc_open(NULL);
    assert_non_null(xs);
    assert_int_equal(xsc_write(xs, XSC_NO_TX, "/t", "1", 1), 0);
    unsetenv("XENSTORED_PATH");
    setenv("XENSTORED_RUNDIR", dir, 1);
    other = xsc_open(NULL);
    assert_non_null(other);
    unsetenv("XENSTORED_RUNDIR");
    xsc_close(NULL);
}

#define MANY 3000

/* Each of our own writes makes an event for us and one for somebody who takes none. */
static void batches(void **state)
{
    static struct xsc_answer answers[MANY];
    struct xsc_batch b;
    struct xsc_event *event;
    char node[64], large[4000];
    int events = 0;

    (void)state;
    memset(large, 'x', sizeof(large));
    assert_int_equal(xsc_watch(xs, "/t", "own"), 0);
    assert_int_equal(xsc_watch(other, "/t", "other"), 0);
    xsc_batch_begin(&b, xs, XSC_NO_TX);
    xsc_batch_rm(&b, "/t/not/here");
    for (int i = 0; i < MANY; i++) {
        snprintf(node, sizeof(node), "/t/%d", i);
        xsc_batch_write(&b, node, large, i % 100 == 0 ? sizeof(large) : (size_t)i % 7);
        xsc_batch_read(&b, node, &answers[i]);
    }
    assert_int_equal(xsc_batch_end(&b), 0);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(answers[i].error, 0);
        assert_int_equal(answers[i].len, i % 100 == 0 ? sizeof(large) : (size_t)i % 7);
        free(answers[i].value);
    }
    while ((event = xsc_wait_watch(xs, 0))) {
        free(event);
        events++;
    }
    assert_int_equal(events, MANY + 1);
    xsc_unwatch(other, "/t", "other");
}

static void batch_failures(void **state)
{
    static char huge[5000];
    const struct xsc_perm perms[] = {{0, 'n'}, {3, 'r'}};
    struct xsc_answer none, some, unfit;
    struct xsc_batch b;
    struct xsc_perm *got;
    size_t count;
    xsc_tx_t tx;

    (void)state;
    /* Order is kept, and one failure does not hide the rest. */
    memset(huge, 'x', sizeof(huge) - 1);
    xsc_batch_begin(&b, xs, XSC_NO_TX);
    xsc_batch_read(&b, "/t/a", &none);
    xsc_batch_write(&b, "/t/a", "1", 1);
    xsc_batch_write(&b, "no//path", "1", 1);
    xsc_batch_mkdir(&b, "/t/d");
    xsc_batch_set_perms(&b, "/t/d", perms, 2);
    xsc_batch_read(&b, "/t/a", &some);
    xsc_batch_read(&b, huge, &unfit);
    assert_fails(xsc_batch_end(&b), EINVAL);
    assert_null(none.value);
    assert_int_equal(none.error, ENOENT);
    assert_string_equal(some.value, "1");
    free(some.value);
    assert_int_equal(unfit.error, E2BIG);
    got = xsc_get_perms(xs, XSC_NO_TX, "/t/d", &count);
    assert_int_equal(count, 2);
    assert_int_equal(got[1].domid, 3);
    free(got);
    /* In a transaction. */
    assert_int_equal(xsc_tx_start(xs, &tx), 0);
    xsc_batch_begin(&b, xs, tx);
    xsc_batch_write(&b, "/t/x", "1", 1);
    assert_int_equal(xsc_batch_end(&b), 0);
    assert_int_equal(xsc_exists(xs, XSC_NO_TX, "/t/x"), 0);
    assert_int_equal(xsc_tx_end(xs, tx, true), 0);
    assert_int_equal(xsc_exists(xs, XSC_NO_TX, "/t/x"), 1);
    /* An empty one. */
    xsc_batch_begin(&b, xs, XSC_NO_TX);
    assert_int_equal(xsc_batch_end(&b), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values),    TEST(too_large),  TEST(directories),    TEST(permissions), TEST(transactions),
        TEST(watches),   TEST(unwatching), TEST(domains),        TEST(bad_servers), TEST(slow_server),
        TEST(no_server), TEST(batches),    TEST(batch_failures),
    };

    return cmocka_run_group_tests(tests, start_daemon, stop_daemon);
}
