/* SPDX-License-Identifier: MIT */
/*
 * Separation of privileges, with real processes: what a worker has lost, that it is replaced when it dies and
 * dies with its broker, and what passes between the two. Needs root, as the daemons do. Not built with the
 * sanitizers, whose run time makes system calls that no worker may.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dom0/backends/common/broker_internal.h"

#define PATIENCE_MS 20000

enum op { OP_ECHO = 1, OP_PIPE, OP_REPORT, OP_FAIL };

enum behaviour { SERVE, OPEN_FILE, MAP_CODE, SOCKET, CRASH, FAIL_TO_OPEN, USE_TOO_MUCH };

/* The test's ends: what workers report, and the daemon's log. */
struct fixture {
    pid_t broker;
    int reports, log;
    int report_fd; /* the broker's end */
    enum behaviour behaviour;
};

/* ---- in the daemon ---- */

static int handle(void *arg, uint32_t op, const void *req, size_t len, struct broker_reply *reply)
{
    struct fixture *f = arg;
    int pipe_fds[2];

    switch (op) {
    case OP_ECHO:
        memcpy(reply->data, req, len);
        reply->len = len;
        return 0;
    case OP_PIPE:
        if (pipe2(pipe_fds, O_CLOEXEC) != 0)
            return errno;
        reply->fds[reply->nfds++] = pipe_fds[0];
        reply->fds[reply->nfds++] = pipe_fds[1];
        return 0;
    case OP_REPORT:
        return write(f->report_fd, req, len) == (ssize_t)len ? 0 : EIO;
    default:
        return ENOTTY;
    }
}

static int open_early(struct broker *broker, void *arg)
{
    const struct fixture *f = arg;

    (void)broker;
    return f->behaviour == FAIL_TO_OPEN || geteuid() != 0 ? -1 : 0;
}

static void report(struct broker *broker, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void report(struct broker *broker, const char *fmt, ...)
{
    char line[128];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    broker_call(broker, OP_REPORT, line, strlen(line), NULL);
}

static bool pipes_work(struct broker *broker)
{
    struct broker_reply reply;
    char c = 0;

    return broker_call(broker, OP_PIPE, NULL, 0, &reply) == 0 && reply.nfds == 2 &&
           write(reply.fds[1], "x", 1) == 1 && read(reply.fds[0], &c, 1) == 1 && c == 'x' &&
           close(reply.fds[0]) == 0 && close(reply.fds[1]) == 0;
}

static bool echo_works(struct broker *broker)
{
    static struct broker_reply reply;
    static uint8_t big[sizeof(reply.data) + 1];

    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (uint8_t)(i * 7);
    return broker_call(broker, OP_ECHO, big, sizeof(big) - 1, &reply) == 0 && reply.len == sizeof(big) - 1 &&
           memcmp(big, reply.data, reply.len) == 0 && broker_call(broker, OP_ECHO, big, 0, &reply) == 0 &&
           reply.len == 0 && broker_call(broker, OP_ECHO, big, sizeof(big), &reply) == EMSGSIZE;
}

static bool refusals_work(struct broker *broker)
{
    return broker_call(broker, OP_FAIL, NULL, 0, NULL) == ENOTTY &&
           broker_call(broker, BROKER_OP_LIBRARY + 77, NULL, 0, NULL) == ENOSYS;
}

static void misbehave(enum behaviour behaviour)
{
    switch (behaviour) {
    case OPEN_FILE:
        (void)!open("/etc/passwd", O_RDONLY);
        break;
    case MAP_CODE:
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        break;
    case SOCKET:
        (void)!socket(AF_INET, SOCK_STREAM, 0);
        break;
    case CRASH:
        abort();
    default:
        break;
    }
}

static int run(struct broker *broker, void *arg)
{
    const struct fixture *f = arg;

    /* First: one that is killed before it serves is not replaced. */
    broker_ready(broker);
    report(broker, "%ld:%d%d%d\n", (long)getpid(), pipes_work(broker), echo_works(broker),
           refusals_work(broker));
    misbehave(f->behaviour);
    if (f->behaviour == USE_TOO_MUCH)
        report(broker, "%s\n", malloc(64UL << 20) ? "got" : "refused");
    loop_run(broker_loop(broker));
    report(broker, "stopped\n");
    return 0;
}

/* ---- in the test ---- */

static void start(struct fixture *f, enum behaviour behaviour)
{
    static const struct broker_spec model = {.name = "test-broker",
                                             .user = "nobody",
                                             .max_memory = 32UL << 20,
                                             .handle = handle,
                                             .open = open_early,
                                             .run = run};
    struct broker_spec spec = model;
    struct daemon daemon = {.name = "test-broker", .background_pipe = -1, .lock = -1};
    int reports[2], log[2];

    assert_int_equal(pipe2(reports, O_CLOEXEC), 0);
    assert_int_equal(pipe2(log, O_CLOEXEC), 0);
    f->behaviour = behaviour;
    f->broker = fork();
    assert_true(f->broker >= 0);
    if (f->broker == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(log[1], STDERR_FILENO);
        f->report_fd = reports[1];
        spec.arg = f;
        daemon_set_name("test-broker");
        _exit(broker_run(&spec, &daemon));
    }
    close(reports[1]);
    close(log[1]);
    f->reports = reports[0];
    f->log = log[0];
}

/* A line without its end; "" at the end of all. */
static void read_line(int fd, char *line, size_t size)
{
    size_t len = 0;
    char c;

    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};

        assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
        if (read(fd, &c, 1) != 1 || c == '\n')
            break;
        if (len < size - 1)
            line[len++] = c;
    }
    line[len] = '\0';
}

/* The pid that a worker reports when it begins. */
static pid_t next_worker(struct fixture *f)
{
    char line[128], *end;
    long pid;

    read_line(f->reports, line, sizeof(line));
    pid = strtol(line, &end, 10);
    assert_string_equal(end, ":111");
    return (pid_t)pid;
}

static void assert_log(struct fixture *f, const char *text)
{
    char line[512];

    read_line(f->log, line, sizeof(line));
    if (!strstr(line, text))
        fail_msg("the log says '%s', not '%s'", line, text);
}

static void assert_ends(struct fixture *f, int status)
{
    int got;

    assert_int_equal(waitpid(f->broker, &got, 0), f->broker);
    assert_true(WIFEXITED(got));
    assert_int_equal(WEXITSTATUS(got), status);
    f->broker = 0;
}

static bool status_has(pid_t pid, const char *line)
{
    char path[64], text[8192];
    FILE *file;
    size_t n;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    file = fopen(path, "re");
    if (!file)
        return false;
    n = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[n] = '\0';
    return strstr(text, line) != NULL;
}

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    if (f->broker > 0) {
        kill(f->broker, SIGKILL);
        waitpid(f->broker, NULL, 0);
    }
    close(f->reports);
    close(f->log);
    free(f);
    return 0;
}

static void test_worker_has_lost_everything(void **state)
{
    struct fixture *f = *state;
    char line[128];
    pid_t worker;

    start(f, SERVE);
    worker = next_worker(f);
    assert_true(status_has(worker, "\nUid:\t65534\t65534\t65534\t65534\n"));
    assert_true(status_has(worker, "\nGid:\t65534\t65534\t65534\t65534\n"));
    assert_true(status_has(worker, "\nGroups:\t \n") || status_has(worker, "\nGroups:\t\n"));
    assert_true(status_has(worker, "\nCapPrm:\t0000000000000000\n"));
    assert_true(status_has(worker, "\nCapEff:\t0000000000000000\n"));
    assert_true(status_has(worker, "\nNoNewPrivs:\t1\n"));
    assert_true(status_has(worker, "\nSeccomp:\t2\n"));
    assert_int_equal(kill(f->broker, SIGTERM), 0);
    read_line(f->reports, line, sizeof(line));
    assert_string_equal(line, "stopped");
    assert_ends(f, 0);
}

static void test_forbidden(void **state, enum behaviour behaviour, const char *name)
{
    struct fixture *f = *state;
    char text[64];
    pid_t first, second;

    snprintf(text, sizeof(text), "forbidden system call: %s", name);
    start(f, behaviour);
    first = next_worker(f);
    assert_log(f, text);
    second = next_worker(f);
    assert_int_not_equal(first, second);
}

static void test_forbidden_file(void **state)
{
    test_forbidden(state, OPEN_FILE, "openat");
}

static void test_forbidden_code(void **state)
{
    test_forbidden(state, MAP_CODE, "mmap");
}

static void test_forbidden_socket(void **state)
{
    test_forbidden(state, SOCKET, "socket");
}

static void test_crash_is_seen_as_one(void **state)
{
    struct fixture *f = *state;

    start(f, CRASH);
    next_worker(f);
    assert_log(f, "killed by signal 6");
    next_worker(f);
}

static void test_killed_workers_are_replaced(void **state)
{
    struct fixture *f = *state;

    start(f, SERVE);
    for (int i = 0; i < 3; i++) {
        pid_t worker = next_worker(f);

        assert_int_equal(kill(worker, SIGKILL), 0);
        assert_log(f, "killed by signal 9");
    }
    next_worker(f);
}

static void test_worker_dies_with_its_broker(void **state)
{
    struct fixture *f = *state;
    char line[128];

    start(f, SERVE);
    next_worker(f);
    assert_int_equal(kill(f->broker, SIGKILL), 0);
    waitpid(f->broker, NULL, 0);
    f->broker = 0;
    /* The pipe ends when the last process that has it is gone. */
    read_line(f->log, line, sizeof(line));
    assert_string_equal(line, "");
}

static void test_first_worker_that_fails_ends_all(void **state)
{
    struct fixture *f = *state;

    start(f, FAIL_TO_OPEN);
    assert_log(f, "worker ended with status 1");
    assert_ends(f, 1);
}

static void test_memory_is_limited(void **state)
{
    struct fixture *f = *state;
    char line[128];

    start(f, USE_TOO_MUCH);
    next_worker(f);
    read_line(f->reports, line, sizeof(line));
    assert_string_equal(line, "refused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_worker_has_lost_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forbidden_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forbidden_code, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forbidden_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crash_is_seen_as_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_workers_are_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_worker_dies_with_its_broker, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_worker_that_fails_ends_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_is_limited, setup, teardown),
    };

    if (geteuid() != 0) {
        printf("test_broker: skipped, it needs root\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
