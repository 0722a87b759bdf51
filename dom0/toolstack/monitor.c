/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <xen/sched.h>

#include "dom0/toolstack/domain_life.h"
#include "dom0/toolstack/domain_lock.h"
#include "dom0/toolstack/domain_store.h"
#include "dom0/toolstack/device.h"
#include "dom0/toolstack/device_record.h"
#include "dom0/toolstack/report.h"
#include "xs/client/xs.h"

#define LOG_DIR "/var/log/hospes"

/* Events come through the store; this is only how soon a lost one is made up for. */
#define LOOK_AGAIN_MS 10000

/* A guest that dies at once, again and again, must not take a CPU with it. */
#define CRASH_LOOP_SECONDS 10
#define CRASH_LOOP_DELAY   1

struct monitor {
    struct toolstack ts;
    struct domain_config cfg; /* the process's own copy */
    uint32_t domid;
    struct timespec started;
};

/* --- its log --- */

static void log_line(void *arg, const char *line)
{
    char stamp[32] = "";
    time_t now = time(NULL);
    struct tm tm;

    (void)arg;
    if (gmtime_r(&now, &tm))
        strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
    fprintf(stderr, "%s %s\n", stamp, line);
}

static void note(const struct monitor *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void note(const struct monitor *m, const char *fmt, ...)
{
    char text[256], line[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    snprintf(line, sizeof(line), "%s (domain %u): %s", m->cfg.name, m->domid, text);
    log_line(NULL, line);
}

static void open_log(const char *name)
{
    char path[256];
    int in = open("/dev/null", O_RDWR | O_CLOEXEC), out;

    mkdir(LOG_DIR, 0755);
    snprintf(path, sizeof(path), LOG_DIR "/%s.log", name);
    out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
    dup2(in, STDIN_FILENO);
    dup2(out >= 0 ? out : in, STDOUT_FILENO);
    dup2(out >= 0 ? out : in, STDERR_FILENO);
    if (out > STDERR_FILENO)
        close(out);
    if (in > STDERR_FILENO)
        close(in);
    report_set_sink(log_line, NULL);
}

/* --- waiting --- */

static int watch_ends(struct monitor *m)
{
    if (toolstack_need_all(&m->ts) != 0)
        return -1;
    if (xsc_watch(m->ts.xs, "@releaseDomain", "monitor") == 0 || errno == EEXIST)
        return 0;
    report_error("%s: cannot watch: %s", m->cfg.name, strerror(errno));
    return -1;
}

/* The store may be restarted under us; there is no other way than to come back to it. */
static void reconnect(struct monitor *m)
{
    xsc_close(m->ts.xs);
    m->ts.xs = NULL;
    while (!m->ts.xs) {
        sleep(1);
        m->ts.xs = xsc_open(NULL);
        if (m->ts.xs && xsc_watch(m->ts.xs, "@releaseDomain", "monitor") != 0) {
            xsc_close(m->ts.xs);
            m->ts.xs = NULL;
        }
    }
    note(m, "connected to the store again");
}

/*
 * Until the guest has shut down: true and *reason; or until it is gone or being ended by somebody else:
 * false.
 */
static bool wait_shutdown(struct monitor *m, unsigned int *reason)
{
    for (;;) {
        struct xen_domctl_getdomaininfo info;
        struct xsc_event *event;

        if (hv_domain_info(&m->ts.hv, m->domid, &info) != 0 || (info.flags & XEN_DOMINF_dying))
            return false;
        *reason = info.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
        if ((info.flags & XEN_DOMINF_shutdown) && *reason != SHUTDOWN_suspend)
            return true;
        event = xsc_wait_watch(m->ts.xs, LOOK_AGAIN_MS);
        if (!event && errno != ETIMEDOUT && errno != EINTR && errno != EAGAIN)
            reconnect(m);
        free(event);
    }
}

/* --- acting --- */

static const struct reason {
    const char *name;
    size_t field; /* of the action in struct domain_config */
} reasons[] = {
    [SHUTDOWN_poweroff] = {"powered off", offsetof(struct domain_config, on_poweroff)},
    [SHUTDOWN_reboot] = {"rebooted", offsetof(struct domain_config, on_reboot)},
    [SHUTDOWN_suspend] = {"suspended", offsetof(struct domain_config, on_poweroff)},
    [SHUTDOWN_crash] = {"crashed", offsetof(struct domain_config, on_crash)},
    [SHUTDOWN_watchdog] = {"was stopped by its watchdog", offsetof(struct domain_config, on_watchdog)},
};

/* The operator may have renamed the guest: it keeps that name. */
static void take_present_name(struct monitor *m)
{
    char *name = xsc_readf(m->ts.xs, XSC_NO_TX, "/local/domain/%u/name", m->domid);

    if (name && domain_name_is_valid(name)) {
        free(m->cfg.name);
        m->cfg.name = name;
    } else {
        free(name);
    }
}

/*
 * So do devices that came or went since its start. Without the store's word, those of its start. Whoever
 * attaches one just now is waited for, since that may fail yet; nobody begins to, as the guest has shut down.
 */
static void take_present_devices(struct monitor *m)
{
    struct domain_lock lock = {.fd = -1};

    domain_lock(&lock, m->domid);
    if (device_record_config(&m->ts, m->domid, &m->cfg) != 0)
        note(m, "will have the devices of its start again");
    domain_unlock(&lock);
}

/* A guest that crashed right after its start waits a little. */
static void brake(const struct monitor *m, unsigned int reason)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (reason != SHUTDOWN_reboot && now.tv_sec - m->started.tv_sec < CRASH_LOOP_SECONDS)
        sleep(CRASH_LOOP_DELAY);
}

static int start_again(struct monitor *m)
{
    uint32_t before = m->domid, domid;

    if (domain_make(&m->ts, &m->cfg, &domid) != 0)
        return -1;
    m->domid = domid;
    domain_store_set_monitor(&m->ts, domid, getpid());
    clock_gettime(CLOCK_MONOTONIC, &m->started);
    note(m, "built anew after domain %u", before);
    if (hv_domain_unpause(&m->ts.hv, domid) == 0)
        return 0;
    report_error("%s: unpause: %s", m->cfg.name, strerror(errno));
    domain_end(&m->ts, domid);
    return -1;
}

/* The dead guest stays for inspection under NAME-1, NAME-2, ...; its disks must be free for the new one. */
static int put_aside(struct monitor *m)
{
    char name[160];

    for (unsigned int i = 1; i < 1000; i++) {
        bool is_free;

        snprintf(name, sizeof(name), "%.120s-%u", m->cfg.name, i);
        if (domain_store_name_is_free(&m->ts, name, &is_free) == 0 && is_free)
            break;
    }
    devices_detach_all(&m->ts, m->domid);
    if (domain_store_put_aside(&m->ts, m->domid, name) != 0)
        return -1;
    note(m, "kept as %s", name);
    return 0;
}

/* True: there is a new domain to watch. */
static bool act(struct monitor *m, unsigned int reason)
{
    const struct reason *r =
        &reasons[reason < sizeof(reasons) / sizeof(reasons[0]) ? reason : SHUTDOWN_crash];
    enum domain_action action = *(const enum domain_action *)((const char *)&m->cfg + r->field);

    note(m, "%s", r->name);
    take_present_name(m);
    take_present_devices(m);
    switch (action) {
    case ACTION_PRESERVE:
        note(m, "kept, as configured; `hospes destroy` removes it");
        return false;
    case ACTION_DESTROY:
        domain_end(&m->ts, m->domid);
        return false;
    case ACTION_RESTART:
        brake(m, reason);
        domain_end(&m->ts, m->domid);
        return start_again(m) == 0;
    case ACTION_RENAME_RESTART:
        brake(m, reason);
        return put_aside(m) == 0 && start_again(m) == 0;
    }
    return false;
}

static void run(struct monitor *m, int ready)
{
    unsigned int reason;

    open_log(m->cfg.name);
    if (watch_ends(m) != 0 || domain_store_set_monitor(&m->ts, m->domid, getpid()) != 0)
        return;
    clock_gettime(CLOCK_MONOTONIC, &m->started);
    if (write(ready, "r", 1) != 1)
        return;
    close(ready);
    while (wait_shutdown(m, &reason))
        if (!act(m, reason))
            return;
    note(m, "gone");
}

int monitor_start(struct toolstack *ts, uint32_t domid, const struct domain_config *cfg)
{
    struct monitor m = {.ts = *ts, .cfg = *cfg, .domid = domid};
    int ends[2];
    char byte;
    ssize_t r;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        report_error("create %s: monitor: %s", cfg->name, strerror(errno));
        return -1;
    }
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        setsid();
        if (chdir("/") != 0)
            _exit(EXIT_FAILURE);
        toolstack_forget(&m.ts);
        /* Whoever waits for the end of a pipe that the command was given must not wait for the guest. */
        close_range(STDERR_FILENO + 1, (unsigned int)ends[1] - 1, 0);
        close_range((unsigned int)ends[1] + 1, ~0U, 0);
        run(&m, ends[1]);
        toolstack_close(&m.ts);
        _exit(EXIT_SUCCESS);
    }
    close(ends[1]);
    do {
        r = pid > 0 ? read(ends[0], &byte, 1) : -1;
    } while (pid > 0 && r < 0 && errno == EINTR);
    if (pid < 0)
        report_error("create %s: monitor: %s", cfg->name, strerror(errno));
    else if (r != 1)
        report_error("create %s: its monitor did not start; " LOG_DIR "/%s.log may say why", cfg->name,
                     cfg->name);
    close(ends[0]);
    return r == 1 ? 0 : -1;
}
