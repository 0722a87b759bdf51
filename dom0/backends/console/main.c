/* SPDX-License-Identifier: MIT */
/* hospes-consoled: serves the consoles of all guests. docs: console_paths.h, guest.h. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dom0/backends/console/console_paths.h"
#include "dom0/backends/console/scan.h"

#define PID_FILE CONSOLE_RUN_DIR "/consoled.pid"
#define LOG_FILE CONSOLE_LOG_DIR "/consoled.log"

static volatile sig_atomic_t told_to_stop, told_to_reopen;
static bool store_lost;

void daemon_log(const char *fmt, ...)
{
    struct timespec now;
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    clock_gettime(CLOCK_REALTIME, &now);
    fprintf(stderr, "hospes-consoled: %lld: %s\n", (long long)now.tv_sec, text);
}

static void on_signal(int sig)
{
    if (sig == SIGHUP)
        told_to_reopen = 1;
    else
        told_to_stop = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

static void on_store(void *arg, uint32_t events)
{
    (void)events;
    if (scan_store_events(arg) != 0)
        store_lost = true;
}

static void on_evtchn(void *arg, uint32_t events)
{
    struct guest_list *list = arg;
    xenevtchn_port_or_error_t port = xenevtchn_pending(list->services->evtchn);
    struct guest *guest;

    (void)events;
    if (port < 0)
        return;
    /* A port of a guest that was freed in this round stays masked; it is closed already. */
    guest = scan_find_port(list, (evtchn_port_t)port);
    if (guest)
        guest_event(guest);
}

/* 0, or -1 after a message to the starter. */
static int open_services(struct guest_services *s)
{
    memset(s, 0, sizeof(*s));
    s->loop = loop_new();
    s->xs = xsc_open(NULL);
    if (!s->xs) {
        daemon_log("no connection to the store: %s", strerror(errno));
        return -1;
    }
    s->evtchn = xenevtchn_open(NULL, 0);
    s->gnttab = xengnttab_open(NULL, 0);
    s->fmem = xenforeignmemory_open(NULL, 0);
    if (!s->loop || !s->evtchn || !s->gnttab) {
        daemon_log("%s: %s",
                   !s->loop     ? "event loop"
                   : !s->evtchn ? "/dev/xen/evtchn (is xen-evtchn loaded?)"
                                : "/dev/xen/gntdev (is xen-gntdev loaded?)",
                   strerror(errno));
        return -1;
    }
    return 0;
}

static void close_services(struct guest_services *s)
{
    if (s->fmem)
        xenforeignmemory_close(s->fmem);
    if (s->gnttab)
        xengnttab_close(s->gnttab);
    if (s->evtchn)
        xenevtchn_close(s->evtchn);
    xsc_close(s->xs);
    loop_free(s->loop);
}

static int start(struct guest_list *list)
{
    struct guest_services *s = list->services;

    if (scan_watch(list) != 0) {
        daemon_log("the store refuses watches: %s", strerror(errno));
        return -1;
    }
    if (!loop_add(s->loop, xsc_fd(s->xs), EPOLLIN, on_store, list) ||
        !loop_add(s->loop, xenevtchn_fd(s->evtchn), EPOLLIN, on_evtchn, list)) {
        daemon_log("event loop: %s", strerror(errno));
        return -1;
    }
    return 0;
}

/* Milliseconds until the first guest's period ends, -1 for none. */
static int next_timeout(const struct guest_list *list, int64_t now)
{
    int64_t first = -1;

    for (const struct guest *guest = list->first; guest; guest = guest->next) {
        int64_t due = guest_due(guest);

        if (due >= 0 && (first < 0 || due < first))
            first = due;
    }
    if (first < 0)
        return -1;
    return first > now ? (int)(first - now) : 0;
}

static void serve(struct guest_list *list)
{
    while (!told_to_stop && !store_lost) {
        int64_t now;

        if (loop_round(list->services->loop, next_timeout(list, loop_now_ms())) != 0 && errno != EINTR) {
            daemon_log("event loop: %s", strerror(errno));
            return;
        }
        now = loop_now_ms();
        for (struct guest *guest = list->first; guest; guest = guest->next) {
            guest_tick(guest, now);
            if (told_to_reopen && guest->open)
                logfile_reopen(&guest->log);
        }
        told_to_reopen = 0;
    }
    if (store_lost)
        daemon_log("the connection to the store is lost");
}

static void make_directories(void)
{
    mkdir(CONSOLE_RUN_DIR, 0755);
    mkdir(CONSOLE_SOCKET_DIR, 0700);
    mkdir("/var/log", 0755);
    mkdir(CONSOLE_LOG_DIR, 0755);
}

/* The lock is held as long as the process lives. 0, or -1 after a message. */
static int take_pid_file(void)
{
    int fd = open(PID_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        if (ftruncate(fd, 0) == 0)
            dprintf(fd, "%ld\n", (long)getpid());
        return 0;
    }
    if (fd >= 0 && errno == EWOULDBLOCK)
        daemon_log("another one is running (%s)", PID_FILE);
    else
        daemon_log("%s: %s", PID_FILE, strerror(errno));
    return -1;
}

/* In the parent: the child's verdict as exit status. Returns only in the child, the pipe to report on. */
static int go_to_background(void)
{
    int pipe_fds[2];
    char ok = 0;
    pid_t pid;

    if (pipe2(pipe_fds, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        daemon_log("cannot go to the background: %s", strerror(errno));
        exit(EXIT_FAILURE);
    }
    if (pid > 0) {
        close(pipe_fds[1]);
        exit(read(pipe_fds[0], &ok, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    close(pipe_fds[0]);
    setsid();
    return pipe_fds[1];
}

static void detach_output(int ready_pipe)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int log = open(LOG_FILE, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (chdir("/") != 0)
        daemon_log("/: %s", strerror(errno));
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(log >= 0 ? log : null, STDERR_FILENO);
    if (write(ready_pipe, "1", 1) != 1)
        daemon_log("whoever started this is gone");
    close(ready_pipe);
    close(null);
    if (log >= 0)
        close(log);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"daemon", no_argument, NULL, 'd'}, {NULL, 0, NULL, 0}};
    struct guest_services services;
    struct guest_list list = {&services, NULL};
    int ready_pipe = -1, c, status = EXIT_FAILURE;
    bool background = false;

    while ((c = getopt_long(argc, argv, "d", options, NULL)) != -1) {
        if (c != 'd') {
            fprintf(stderr, "usage: hospes-consoled [--daemon]\n");
            return EXIT_FAILURE;
        }
        background = true;
    }
    catch_signals();
    make_directories();
    if (background)
        ready_pipe = go_to_background();
    if (take_pid_file() != 0)
        return EXIT_FAILURE;
    if (open_services(&services) == 0 && start(&list) == 0) {
        if (background)
            detach_output(ready_pipe);
        serve(&list);
        status = store_lost ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    scan_free_all(&list);
    close_services(&services);
    unlink(PID_FILE);
    return status;
}
