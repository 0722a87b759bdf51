/* SPDX-License-Identifier: MIT */
/* xenstored: options, becoming a daemon, signals. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xs/daemon/domain.h"
#include "xs/daemon/log.h"
#include "xs/daemon/sock.h"

#define DEFAULT_SOCKET  "/run/xenstored/socket"
#define DEFAULT_PIDFILE "/run/xenstored/xenstored.pid"
#define MAX_QUOTAS      16

struct options {
    const char *socket;
    const char *pid_file; /* NULL: the default one, only as a daemon */
    const char *log_file;
    const char *quotas[MAX_QUOTAS];
    unsigned int nr_quotas;
    bool foreground;
    bool no_domains;
    bool trace;
};

static void usage(FILE *out)
{
    fprintf(out,
            "usage: xenstored [options]\n"
            "  -s, --socket PATH     Unix socket to serve (%s)\n"
            "  -F, --pid-file PATH   where to write the process id (%s as a daemon)\n"
            "  -N, --no-fork         stay in the foreground (also --foreground)\n"
            "  -D, --no-domains      serve the socket only; automatic when this is not dom0\n"
            "  -L, --log-file PATH   log there, not to standard error\n"
            "  -T, --trace           log each message\n"
            "  -Q, --quota NAME=N    set a limit for unprivileged domains; 0 is no limit\n"
            "  -h, --help\n",
            DEFAULT_SOCKET, DEFAULT_PIDFILE);
}

static const struct option long_options[] = {
    {"socket", required_argument, NULL, 's'},
    {"pid-file", required_argument, NULL, 'F'},
    {"no-fork", no_argument, NULL, 'N'},
    {"foreground", no_argument, NULL, 'N'},
    {"no-domains", no_argument, NULL, 'D'},
    {"no-domain-init", no_argument, NULL, 'D'},
    {"log-file", required_argument, NULL, 'L'},
    {"trace", no_argument, NULL, 'T'},
    {"quota", required_argument, NULL, 'Q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void parse_options(int argc, char **argv, struct options *o)
{
    int c;

    while ((c = getopt_long(argc, argv, "s:F:NDL:TQ:h", long_options, NULL)) != -1) {
        switch (c) {
        case 's':
            o->socket = optarg;
            break;
        case 'F':
            o->pid_file = optarg;
            break;
        case 'N':
            o->foreground = true;
            break;
        case 'D':
            o->no_domains = true;
            break;
        case 'L':
            o->log_file = optarg;
            break;
        case 'T':
            o->trace = true;
            break;
        case 'Q':
            if (o->nr_quotas == MAX_QUOTAS) {
                fprintf(stderr, "xenstored: more than %d --quota options\n", MAX_QUOTAS);
                exit(1);
            }
            o->quotas[o->nr_quotas++] = optarg;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            usage(stderr);
            exit(1);
        }
    }
    if (!o->foreground && (o->socket[0] != '/' || (o->pid_file && o->pid_file[0] != '/'))) {
        fprintf(stderr, "xenstored: a daemon needs absolute paths\n");
        exit(1);
    }
    if (optind < argc) {
        fprintf(stderr, "xenstored: unexpected argument \"%s\"\n", argv[optind]);
        exit(1);
    }
}

/* ---- becoming a daemon ---- */

/*
 * Forks before anything is opened, since mappings of grants do not survive a fork. The parent waits until the
 * child serves, so that whoever started us may use the socket. Returns the child's end of the pipe.
 */
static int daemonise(void)
{
    int ends[2];
    char byte;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) || (pid = fork()) < 0) {
        log_error("cannot become a daemon: %s", strerror(errno));
        exit(1);
    }
    if (pid) {
        close(ends[1]);
        exit(read(ends[0], &byte, 1) == 1 ? 0 : 1);
    }
    close(ends[0]);
    setsid();
    if (chdir("/"))
        log_error("cannot change to /: %s", strerror(errno));
    return ends[1];
}

/* Standard error stays if it is the log: it may be the console or a service manager's pipe. */
static void detach_stdio(bool keep_stderr)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return;
    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
    if (!keep_stderr)
        dup2(fd, STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

static int write_pid_file(const char *path)
{
    FILE *f = fopen(path, "we");

    if (!f)
        return -1;
    fprintf(f, "%d\n", (int)getpid());
    return fclose(f);
}

/* Each process of dom0 that talks to us costs a descriptor. */
static void raise_file_limit(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
        l.rlim_cur = l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
    }
}

/* ---- what the loop waits for beside connections ---- */

static void signal_ready(struct server *srv, struct source *src, uint32_t events)
{
    struct signalfd_siginfo si;

    (void)events;
    if (read(src->fd, &si, sizeof(si)) != sizeof(si))
        return;
    if (si.ssi_signo == SIGHUP)
        log_reopen();
    else
        srv->stop = true;
}

static int watch_signals(struct server *srv, struct source *src)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return -1;
    src->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    src->ready = signal_ready;
    return src->fd < 0 ? -1 : server_add_source(srv, src, EPOLLIN);
}

static void hv_ready(struct server *srv, struct source *src, uint32_t events)
{
    (void)src;
    (void)events;
    domain_events(srv);
}

static int open_domains(struct server *srv, struct source *src)
{
    int rc;

    srv->hv = hv_open();
    if (!srv->hv)
        return -1;
    src->fd = hv_event_fd(srv->hv);
    src->ready = hv_ready;
    if (server_add_source(srv, src, EPOLLIN)) {
        log_error("event channels: %s", strerror(errno));
        return -1;
    }
    rc = domain_open_own(srv);
    if (rc)
        log_error("dom0's own ring (/proc/xen/xsd_kva, /proc/xen/xsd_port): %s", strerror(-rc));
    return rc;
}

/* ---- start ---- */

static int set_quotas(struct server *srv, const struct options *o)
{
    for (unsigned int i = 0; i < o->nr_quotas; i++) {
        const char *eq = strchr(o->quotas[i], '=');
        char name[32] = "";

        if (eq && (size_t)(eq - o->quotas[i]) < sizeof(name))
            memcpy(name, o->quotas[i], (size_t)(eq - o->quotas[i]));
        if (!eq || server_set_quota(srv, name, eq + 1)) {
            log_error("--quota %s: not NAME=N with the name of a quota", o->quotas[i]);
            return -1;
        }
    }
    return 0;
}

static int start(struct server *srv, const struct options *o, struct source *signals, struct source *events)
{
    int rc = server_init(srv);

    if (rc) {
        log_error("cannot start: %s", strerror(-rc));
        return -1;
    }
    if (set_quotas(srv, o))
        return -1;
    raise_file_limit();
    if (watch_signals(srv, signals)) {
        log_error("signals: %s", strerror(errno));
        return -1;
    }
    if (sock_listen(srv, o->socket)) {
        log_error("%s: %s", o->socket, strerror(errno));
        return -1;
    }
    if (!o->no_domains && hv_present() && open_domains(srv, events))
        return -1;
    if (o->pid_file && write_pid_file(o->pid_file)) {
        log_error("%s: %s", o->pid_file, strerror(errno));
        return -1;
    }
    log_info("serving %s%s", o->socket, srv->hv ? " and domains" : ", no domains");
    return 0;
}

static void stop(struct server *srv, const struct options *o)
{
    sock_close_all(srv);
    unlink(o->socket);
    if (o->pid_file)
        unlink(o->pid_file);
    domain_close_all(srv);
    hv_close(srv->hv);
    srv->hv = NULL;
    server_fini(srv);
}

int main(int argc, char **argv)
{
    struct options o = {.socket = DEFAULT_SOCKET};
    struct source signals = {0}, events = {0};
    struct server srv;
    int ready = -1, rc = 0;

    parse_options(argc, argv, &o);
    if (!o.foreground) {
        if (!o.pid_file)
            o.pid_file = DEFAULT_PIDFILE;
        ready = daemonise();
    }
    if (o.log_file && log_open(o.log_file)) {
        log_error("%s: %s", o.log_file, strerror(errno));
        return 1;
    }
    log_set_trace(o.trace);
    if (start(&srv, &o, &signals, &events))
        return 1;
    if (ready >= 0) {
        detach_stdio(o.log_file == NULL);
        if (write(ready, "1", 1) != 1)
            log_error("who started the daemon is gone: %s", strerror(errno));
        close(ready);
    }
    while (!srv.stop && rc == 0)
        rc = server_turn(&srv, -1);
    if (rc)
        log_error("waiting for events: %s", strerror(-rc));
    stop(&srv, &o);
    return rc ? 1 : 0;
}
