/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dom0/toolstack/device_nodes.h"
#include "dom0/toolstack/report.h"
#include "xs/client/xs.h"

#define LOG_DIR    "/var/log/hospes"
#define LOG_FORMAT LOG_DIR "/qemu-%u.log"
#define START_MS   60000 /* it is a large program, and dom0 may be slow */
#define STOP_MS    10000
#define STEP_NS    10000000L

static int fail(uint32_t domid, const char *what, const char *why)
{
    report_error("QEMU of domain %u: %s: %s", domid, what, why);
    return -1;
}

static void nap(void)
{
    nanosleep(&(struct timespec){0, STEP_NS}, NULL);
}

/* Whether the process is this guest's QEMU, and not one that came to the same number. */
static bool is_qemu_of(pid_t pid, uint32_t domid)
{
    char path[64], text[256] = "", expected[64];
    ssize_t len = -1;
    int used, fd;

    snprintf(path, sizeof(path), "/proc/%ld/cmdline", (long)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        len = read(fd, text, sizeof(text));
        close(fd);
    }
    used = snprintf(expected, sizeof(expected), "%s%c-xen-domid%c%u%c", QEMU_PATH, 0, 0, domid, 0);
    return len >= used && memcmp(text, expected, (size_t)used) == 0;
}

/* What the store says, 0 for nothing. */
static pid_t recorded_pid(struct toolstack *ts, uint32_t domid)
{
    char path[64];
    uint64_t pid;

    snprintf(path, sizeof(path), "/local/domain/%u/image/device-model-pid", domid);
    if (xsc_read_u64(ts->xs, XSC_NO_TX, path, &pid) != 0 || pid < 2 || pid > INT32_MAX)
        return 0;
    return (pid_t)pid;
}

/* In the process that becomes QEMU: nothing of the toolstack's stays open. */
static void become(uint32_t domid, const int go[2])
{
    sigset_t none;
    char id[16], log[64], name[32], byte;
    int in, out;

    snprintf(id, sizeof(id), "%u", domid);
    snprintf(name, sizeof(name), "domain-%u", domid);
    snprintf(log, sizeof(log), LOG_FORMAT, domid);
    setsid();
    close(go[1]);
    /* create holds its signals back, QEMU shall hear them. */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    /* Not before the store says which process it is: nobody could end it. */
    if (chdir("/") != 0 || read(go[0], &byte, 1) != 1)
        _exit(EXIT_FAILURE);
    mkdir(LOG_DIR, 0755);
    in = open("/dev/null", O_RDWR | O_CLOEXEC);
    out = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    dup2(in, STDIN_FILENO);
    dup2(out >= 0 ? out : in, STDOUT_FILENO);
    dup2(out >= 0 ? out : in, STDERR_FILENO);
    close_range(STDERR_FILENO + 1, ~0U, 0);
    execl(QEMU_PATH, QEMU_PATH, "-xen-domid", id, "-no-shutdown", "-nodefaults", "-no-user-config",
          "-xen-attach", "-name", name, "-display", "none", "-nographic", "-machine", "xenpv", (char *)NULL);
    _exit(127);
}

/* A process without a parent to wait for it, since the guest outlives this command. Its id comes by a pipe.
 */
static pid_t fork_away(uint32_t domid, const int go[2], int id_end)
{
    pid_t pid = fork(), grandchild;

    if (pid == 0) {
        grandchild = fork();
        if (grandchild == 0)
            become(domid, go);
        if (grandchild < 0 || write(id_end, &grandchild, sizeof(grandchild)) != sizeof(grandchild))
            _exit(EXIT_FAILURE);
        _exit(EXIT_SUCCESS);
    }
    return pid;
}

static pid_t spawn(uint32_t domid, const int go[2])
{
    pid_t child, pid = 0;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return 0;
    fflush(NULL);
    child = fork_away(domid, go, ends[1]);
    close(ends[1]);
    if (child > 0) {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
        if (read(ends[0], &pid, sizeof(pid)) != sizeof(pid))
            pid = 0;
    }
    close(ends[0]);
    return pid;
}

static int wait_running(struct toolstack *ts, uint32_t domid, pid_t pid)
{
    int64_t deadline = device_now_ms() + START_MS;
    char log[80];
    bool runs = false;

    while (!runs && device_now_ms() < deadline && kill(pid, 0) == 0) {
        char *state = xsc_readf(ts->xs, XSC_NO_TX, "/local/domain/0/device-model/%u/state", domid);

        runs = state && strcmp(state, "running") == 0;
        free(state);
        if (!runs)
            nap();
    }
    if (runs)
        return 0;
    snprintf(log, sizeof(log), LOG_FORMAT, domid);
    return fail(domid, "did not start, the reason may be in", log);
}

static int run(struct toolstack *ts, uint32_t domid, const int go[2])
{
    pid_t pid = spawn(domid, go);
    char path[64];

    if (pid == 0)
        return fail(domid, QEMU_PATH, "cannot be started");
    snprintf(path, sizeof(path), "/local/domain/%u/image/device-model-pid", domid);
    if (xsc_printf(ts->xs, XSC_NO_TX, path, "%ld", (long)pid) != 0)
        return fail(domid, path, strerror(errno));
    if (write(go[1], "g", 1) != 1)
        return fail(domid, QEMU_PATH, strerror(errno));
    return wait_running(ts, domid, pid);
}

int qemu_start(struct toolstack *ts, uint32_t domid)
{
    int go[2], rc;

    if (is_qemu_of(recorded_pid(ts, domid), domid))
        return 0;
    if (pipe2(go, O_CLOEXEC) != 0)
        return fail(domid, "pipe", strerror(errno));
    rc = run(ts, domid, go);
    close(go[0]);
    close(go[1]);
    if (rc != 0)
        qemu_stop(ts, domid);
    return rc;
}

static bool wait_ended(pid_t pid, uint32_t domid)
{
    int64_t deadline = device_now_ms() + STOP_MS;

    while (is_qemu_of(pid, domid)) {
        if (device_now_ms() > deadline)
            return false;
        nap();
    }
    return true;
}

int qemu_stop(struct toolstack *ts, uint32_t domid)
{
    pid_t pid = recorded_pid(ts, domid);
    char path[64];
    int rc = 0;

    if (pid == 0)
        return 0;
    if (is_qemu_of(pid, domid)) {
        kill(pid, SIGTERM);
        if (!wait_ended(pid, domid)) {
            kill(pid, SIGKILL);
            rc = fail(domid, "did not end by itself", "killed");
        }
    }
    snprintf(path, sizeof(path), "/local/domain/%u/image/device-model-pid", domid);
    xsc_rm(ts->xs, XSC_NO_TX, path);
    snprintf(path, sizeof(path), "/local/domain/0/device-model/%u", domid);
    xsc_rm(ts->xs, XSC_NO_TX, path);
    return rc;
}
