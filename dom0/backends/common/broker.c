/* SPDX-License-Identifier: MIT */
/* The privileged half of a daemon: starts workers and answers them. */
#include "dom0/backends/common/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dom0/backends/common/broker_internal.h"
#include "dom0/backends/common/store_filter.h"
#include "dom0/toolstack/hv.h"
#include "xs/client/xs.h"

#define RESTART_NS 1000000000LL
#define STOP_NS    10000000000LL

struct parent {
    const struct broker_spec *spec;
    struct daemon *daemon;
    struct loop *loop;
    struct broker_identity identity;
    volatile int *forbidden; /* shared with the worker */

    pid_t worker; /* 0: none */
    int sock;     /* to the worker; -1: none */
    struct loop_handle *sock_handle;
    struct store_filter *filter; /* the worker's way to the store; NULL: none */
    int signals;
    struct loop_timer *restart; /* a new worker is due */
    struct loop_timer *kill;    /* the worker was told to stop and takes its time */
    int64_t started_ns;
    bool was_ready, stopping;
    int status;
};

/* ---- requests ---- */

int broker_ask_hypervisor(uint32_t domid)
{
    struct xen_domctl_getdomaininfo info;
    struct hv hv = {0};
    int rc;

    if (hv_open(&hv) != 0)
        return errno;
    rc = hv_domain_info(&hv, domid, &info) == 0 ? 0 : errno;
    hv_close(&hv);
    return rc == 0 && info.flags & XEN_DOMINF_dying ? ESRCH : rc;
}

static int answer_lives(const void *req, size_t len)
{
    uint32_t domid;

    if (len != sizeof(domid))
        return EINVAL;
    memcpy(&domid, req, sizeof(domid));
    return broker_ask_hypervisor(domid);
}

/* A worker has one connection; it asks for another when that is lost. */
static int connect_store(struct parent *p)
{
    int store = xsc_connect(NULL), worker = -1;

    store_filter_free(p->filter);
    p->filter = store >= 0 ? store_filter_new(p->loop, store, p->spec->store_writes, &worker) : NULL;
    return p->filter ? worker : -1;
}

/* What every daemon's worker may ask for. */
static int answer_library(struct parent *p, uint32_t op, const void *req, size_t len,
                          struct broker_reply *reply)
{
    int fd;

    switch (op) {
    case BROKER_OP_READY:
        p->was_ready = true;
        daemon_ready(p->daemon);
        return 0;
    case BROKER_OP_LOG:
        if (!p->daemon->background)
            return ENOENT;
        fd = daemon_open_log(p->daemon);
        break;
    case BROKER_OP_STORE:
        fd = connect_store(p);
        break;
    case BROKER_OP_LIVES:
        return answer_lives(req, len);
    default:
        return ENOSYS;
    }
    if (fd < 0)
        return errno;
    reply->fds[reply->nfds++] = fd;
    return 0;
}

static int answer(struct parent *p, const struct broker_request_packet *request, size_t len,
                  struct broker_reply *reply)
{
    if (request->op >= BROKER_OP_LIBRARY)
        return answer_library(p, request->op, request->data, len, reply);
    if (!p->spec->handle)
        return ENOSYS;
    return p->spec->handle(p->spec->arg, request->op, request->data, len, reply);
}

static void drop_socket(struct parent *p)
{
    loop_remove(p->sock_handle);
    p->sock_handle = NULL;
    if (p->sock >= 0)
        close(p->sock);
    p->sock = -1;
}

static void on_request(void *arg, uint32_t events)
{
    struct parent *p = arg;
    struct broker_request_packet request;
    struct broker_reply_packet packet = {0};
    struct broker_reply reply;
    unsigned int nfds;
    int fds[8];
    ssize_t got = broker_receive(p->sock, &request, sizeof(request), fds, &nfds);
    size_t head = offsetof(struct broker_request_packet, data);

    (void)events;
    while (nfds > 0)
        close(fds[--nfds]);
    if (got < (ssize_t)head) {
        /* Gone, or out of its mind; its death is told by a signal. */
        drop_socket(p);
        if (got != 0 && p->worker > 0)
            kill(p->worker, SIGKILL);
        return;
    }
    reply.len = reply.nfds = 0;
    packet.error = (uint32_t)answer(p, &request, (size_t)got - head, &reply);
    memcpy(packet.data, reply.data, reply.len);
    /* A worker that is gone needs no answer. */
    (void)broker_send(p->sock, &packet, offsetof(struct broker_reply_packet, data) + reply.len, reply.fds,
                      reply.nfds);
    while (reply.nfds > 0)
        close(reply.fds[--reply.nfds]);
}

/* ---- workers ---- */

static int start_worker(struct parent *p)
{
    pid_t parent = getpid();
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    *p->forbidden = -1;
    p->started_ns = loop_now_ns();
    p->worker = fork();
    if (p->worker == 0)
        _exit(broker_worker(p->spec, p->daemon, pair[1], parent, &p->identity, p->forbidden));
    close(pair[1]);
    p->sock = pair[0];
    if (p->worker > 0)
        p->sock_handle = loop_add(p->loop, p->sock, EPOLLIN, on_request, p);
    if (p->sock_handle)
        return 0;
    drop_socket(p);
    if (p->worker > 0)
        kill(p->worker, SIGKILL);
    p->worker = p->worker > 0 ? p->worker : 0;
    return -1;
}

static void on_restart(void *arg)
{
    struct parent *p = arg;

    if (p->worker > 0 || p->stopping || start_worker(p) == 0)
        return;
    daemon_log("cannot start a worker: %s", strerror(errno));
    loop_timer_set(p->restart, loop_now_ns() + RESTART_NS);
}

static void log_end(const struct parent *p, int wait_status)
{
    char *name;

    if (*p->forbidden >= 0) {
        name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, *p->forbidden);
        daemon_log("worker made a forbidden system call: %s (%d)", name ? name : "?", *p->forbidden);
        free(name);
    } else if (WIFSIGNALED(wait_status)) {
        daemon_log("worker was killed by signal %d (%s)", WTERMSIG(wait_status),
                   strsignal(WTERMSIG(wait_status)));
    } else if (!p->stopping || WEXITSTATUS(wait_status) != 0) {
        daemon_log("worker ended with status %d", WEXITSTATUS(wait_status));
    }
}

static void worker_ended(struct parent *p, int wait_status)
{
    p->worker = 0;
    drop_socket(p);
    store_filter_free(p->filter);
    p->filter = NULL;
    log_end(p, wait_status);
    if (p->spec->worker_gone)
        p->spec->worker_gone(p->spec->arg);
    if (p->stopping || !p->was_ready) {
        /* One that never came to serve would not the next time either; whoever started us is told. */
        p->status = p->stopping && WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : EXIT_FAILURE;
        loop_stop(p->loop);
        return;
    }
    loop_timer_set(p->restart, p->started_ns + RESTART_NS);
}

static void reap(struct parent *p)
{
    int wait_status;
    pid_t pid;

    while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0)
        if (pid == p->worker)
            worker_ended(p, wait_status);
}

/* ---- signals ---- */

static void on_kill(void *arg)
{
    struct parent *p = arg;

    daemon_log("worker does not stop, it is killed");
    if (p->worker > 0)
        kill(p->worker, SIGKILL);
}

static void stop(struct parent *p)
{
    p->stopping = true;
    if (p->worker == 0) {
        p->status = EXIT_SUCCESS;
        loop_stop(p->loop);
        return;
    }
    kill(p->worker, SIGTERM);
    if (!loop_timer_is_set(p->kill))
        loop_timer_set(p->kill, loop_now_ns() + STOP_NS);
}

static void on_signal(void *arg, uint32_t events)
{
    struct parent *p = arg;
    struct signalfd_siginfo info;

    (void)events;
    if (read(p->signals, &info, sizeof(info)) != sizeof(info))
        return;
    switch (info.ssi_signo) {
    case SIGCHLD:
        reap(p);
        break;
    case SIGHUP:
        daemon_reopen_log(p->daemon);
        if (p->worker > 0)
            kill(p->worker, SIGHUP);
        break;
    default:
        stop(p);
    }
}

static int listen_to_signals(struct parent *p)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || sigaction(SIGPIPE, &ignore, NULL) != 0)
        return -1;
    p->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return p->signals >= 0 && loop_add(p->loop, p->signals, EPOLLIN, on_signal, p) ? 0 : -1;
}

/* ---- life ---- */

static int find_user(const char *name, struct broker_identity *identity)
{
    const struct passwd *pw = getpwnam(name);

    if (!pw || pw->pw_uid == 0) {
        daemon_log("there is no user %s, whom the worker is to become", name);
        return -1;
    }
    *identity = (struct broker_identity){pw->pw_uid, pw->pw_gid};
    return 0;
}

static int set_up(struct parent *p)
{
    p->loop = loop_new();
    if (p->loop) {
        p->restart = loop_timer_new(p->loop, on_restart, p);
        p->kill = loop_timer_new(p->loop, on_kill, p);
    }
    p->forbidden = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p->restart && p->kill && p->forbidden != MAP_FAILED && listen_to_signals(p) == 0)
        return 0;
    daemon_log("cannot start: %s", strerror(errno));
    return -1;
}

int broker_run(const struct broker_spec *spec, struct daemon *daemon)
{
    struct parent p = {.spec = spec, .daemon = daemon, .sock = -1, .signals = -1, .status = EXIT_FAILURE};

    if (set_up(&p) == 0 && find_user(spec->user, &p.identity) == 0 &&
        (!spec->prepare || spec->prepare(spec->arg) == 0)) {
        if (start_worker(&p) == 0)
            loop_run(p.loop);
        else
            daemon_log("cannot start a worker: %s", strerror(errno));
    }
    if (p.signals >= 0)
        close(p.signals);
    store_filter_free(p.filter);
    loop_timer_free(p.restart);
    loop_timer_free(p.kill);
    loop_free(p.loop);
    return p.status;
}

int broker_main(const struct broker_spec *spec, int argc, char **argv)
{
    struct daemon daemon;
    int status;

    if (daemon_start(&daemon, spec->name, argc, argv) != 0)
        return EXIT_FAILURE;
    status = broker_run(spec, &daemon);
    daemon_end(&daemon);
    return status;
}
