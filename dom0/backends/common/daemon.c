/* SPDX-License-Identifier: MIT */
#include "dom0/backends/common/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dom0/backends/common/loop.h"

#define LOCK_TRIES       100 /* of 20 ms */
#define LOG_LIMIT_REFILL 10000
#define LOG_LINE_ROOM    400
#define LOG_PREFIX_ROOM  80

static const char *log_name = "hospes";

/* ---- log ---- */

void daemon_set_name(const char *name)
{
    /* The time zone's file is read at the first use; later nothing may be opened any more. */
    tzset();
    log_name = name;
}

void daemon_log(const char *fmt, ...)
{
    char line[LOG_PREFIX_ROOM + LOG_LINE_ROOM];
    time_t now = time(NULL);
    size_t start, end;
    struct tm tm;
    va_list ap;
    int n;

    gmtime_r(&now, &tm);
    strftime(line, LOG_PREFIX_ROOM, "%Y-%m-%dT%H:%M:%SZ ", &tm);
    start = strlen(line);
    start += (size_t)snprintf(line + start, LOG_PREFIX_ROOM - start, "%.48s: ", log_name);
    va_start(ap, fmt);
    n = vsnprintf(line + start, LOG_LINE_ROOM - 1, fmt, ap);
    va_end(ap);
    end = start + (n < 0 ? 0 : n < LOG_LINE_ROOM - 1 ? (size_t)n : LOG_LINE_ROOM - 2);
    for (size_t i = start; i < end; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    line[end++] = '\n';
    /* A log that cannot be written has nowhere to say so. */
    if (write(STDERR_FILENO, line, end) < 0)
        return;
}

bool log_limit_take(struct log_limit *limit, unsigned int *left_out)
{
    long long now = loop_now_ms();

    while (limit->used > 0 && now - limit->refilled_ms >= LOG_LIMIT_REFILL) {
        limit->used--;
        limit->refilled_ms += LOG_LIMIT_REFILL;
    }
    if (limit->used >= LOG_LIMIT_BURST) {
        limit->left_out++;
        return false;
    }
    if (limit->used++ == 0)
        limit->refilled_ms = now;
    *left_out = limit->left_out;
    limit->left_out = 0;
    return true;
}

/* ---- start ---- */

static void usage(const char *name)
{
    fprintf(stderr, "usage: %s [--foreground | --daemon]\n", name);
    exit(EXIT_FAILURE);
}

static bool wants_background(const char *name, int argc, char **argv)
{
    static const struct option options[] = {
        {"daemon", no_argument, NULL, 'd'}, {"foreground", no_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
    bool background = false;
    int c;

    while ((c = getopt_long(argc, argv, "df", options, NULL)) != -1) {
        if (c != 'd' && c != 'f')
            usage(name);
        background = c == 'd';
    }
    if (optind != argc)
        usage(name);
    return background;
}

/* So that no descriptor of ours can be taken for one of the standard ones. */
static void fill_standard_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static void make_directories(void)
{
    mkdir(DAEMON_RUN_DIR, 0755);
    mkdir("/var/log", 0755);
    mkdir(DAEMON_LOG_DIR, 0755);
}

/* In the starting command: the daemon's verdict as exit status. In the daemon: 0, or -1 after a message. */
static int go_to_background(struct daemon *daemon)
{
    int pipe_fds[2];
    char ok = 0;
    pid_t pid;

    if (pipe2(pipe_fds, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        daemon_log("cannot go to the background: %s", strerror(errno));
        return -1;
    }
    if (pid > 0) {
        close(pipe_fds[1]);
        exit(read(pipe_fds[0], &ok, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    close(pipe_fds[0]);
    setsid();
    daemon->background_pipe = pipe_fds[1];
    return 0;
}

static int lock_patiently(int fd)
{
    const struct timespec step = {0, 20000000};

    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK)
            return -1;
        nanosleep(&step, NULL);
    }
    errno = EWOULDBLOCK;
    return -1;
}

static int take_pid_file(struct daemon *daemon)
{
    daemon->lock = open(daemon->pid_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (daemon->lock >= 0 && lock_patiently(daemon->lock) == 0) {
        if (ftruncate(daemon->lock, 0) == 0)
            dprintf(daemon->lock, "%ld\n", (long)getpid());
        return 0;
    }
    if (daemon->lock >= 0 && errno == EWOULDBLOCK)
        daemon_log("another one is running (%s)", daemon->pid_path);
    else
        daemon_log("%s: %s", daemon->pid_path, strerror(errno));
    return -1;
}

int daemon_start(struct daemon *daemon, const char *name, int argc, char **argv)
{
    const char *dash = strchr(name, '-'), *file = dash ? dash + 1 : name;

    *daemon = (struct daemon){.name = name, .background_pipe = -1, .lock = -1};
    snprintf(daemon->pid_path, sizeof(daemon->pid_path), DAEMON_RUN_DIR "/%s.pid", file);
    snprintf(daemon->log_path, sizeof(daemon->log_path), DAEMON_LOG_DIR "/%s.log", file);
    daemon_set_name(name);
    daemon->background = wants_background(name, argc, argv);
    umask(022);
    fill_standard_descriptors();
    make_directories();
    if (daemon->background && go_to_background(daemon) != 0)
        return -1;
    return take_pid_file(daemon);
}

/* ---- life ---- */

int daemon_open_log(const struct daemon *daemon)
{
    return open(daemon->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}

void daemon_reopen_log(struct daemon *daemon)
{
    int log;

    if (!daemon->background)
        return;
    log = daemon_open_log(daemon);
    if (log < 0)
        return;
    dup2(log, STDERR_FILENO);
    close(log);
}

void daemon_ready(struct daemon *daemon)
{
    int null;

    if (daemon->background_pipe < 0)
        return;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (chdir("/") != 0)
        daemon_log("/: %s", strerror(errno));
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    close(null);
    daemon_reopen_log(daemon);
    if (write(daemon->background_pipe, "1", 1) != 1)
        daemon_log("whoever started this is gone");
    close(daemon->background_pipe);
    daemon->background_pipe = -1;
}

void daemon_end(struct daemon *daemon)
{
    if (daemon->lock < 0)
        return;
    unlink(daemon->pid_path);
    close(daemon->lock);
    daemon->lock = -1;
}
