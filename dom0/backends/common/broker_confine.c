/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <grp.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/sys/evtchn.h>
#include <xen/sys/gntdev.h>

#include "dom0/backends/common/broker_internal.h"

#define DEFAULT_FILES  4096
#define DEFAULT_MEMORY (1024UL << 20)

/*
 * What every worker does: its loop, memory, the packets to the broker, the bytes to the store, the log. There
 * is nothing here that opens a file, makes a process, or changes what the process may do.
 */
static const char *const common_syscalls[] = {
    "read",
    "write",
    "readv",
    "writev",
    "close",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_ctl",
    "epoll_create1",
    "eventfd2",
    "poll",
    "ppoll",
    "sendmsg",
    "recvmsg",
    "sendto",
    "recvfrom",
    "brk",
    "munmap",
    "madvise",
    "futex",
    "clock_gettime",
    "clock_nanosleep",
    "gettimeofday",
    "time",
    "getrandom",
    "getpid",
    "gettid",
    "rt_sigreturn",
    "rt_sigprocmask",
    "restart_syscall",
    "exit",
    "exit_group",
    "fcntl",
    "fstat",
    "lseek",
    "dup3",
    "getsockopt",
    NULL,
};

static const unsigned long common_ioctls[] = {
    IOCTL_EVTCHN_BIND_INTERDOMAIN, IOCTL_EVTCHN_UNBIND,          IOCTL_EVTCHN_NOTIFY,
    IOCTL_GNTDEV_MAP_GRANT_REF,    IOCTL_GNTDEV_UNMAP_GRANT_REF, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR,
    IOCTL_GNTDEV_SET_UNMAP_NOTIFY, IOCTL_GNTDEV_GRANT_COPY,      0,
};

/* ---- system calls ---- */

static volatile int *forbidden_number;

/* The call was not made. The broker says which it was: nothing that could need a lock is done in here. */
static void on_forbidden(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    *forbidden_number = info->si_syscall;
    _exit(128 + SIGSYS);
}

static int allow_list(scmp_filter_ctx filter, const char *const *names)
{
    for (; names && *names; names++) {
        int nr = seccomp_syscall_resolve_name(*names), rc;

        if (nr == __NR_SCMP_ERROR)
            return -EINVAL;
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, nr, 0);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int allow_ioctls(scmp_filter_ctx filter, const unsigned long *requests)
{
    int rc = 0;

    for (; requests && *requests && rc == 0; requests++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, *requests, 0));
    return rc;
}

/* Memory that is never code; signals only to itself (abort). */
static int allow_narrowly(scmp_filter_ctx filter)
{
    const int memory[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mremap), 0);

    for (size_t i = 0; i < sizeof(memory) / sizeof(memory[0]) && rc == 0; i++)
        rc =
            seccomp_rule_add(filter, SCMP_ACT_ALLOW, memory[i], 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                              SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    return rc;
}

static int filter_syscalls(const struct broker_spec *spec, volatile int *forbidden)
{
    struct sigaction action = {.sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
    int rc = filter ? 0 : -ENOMEM;

    forbidden_number = forbidden;
    if (rc == 0 && sigaction(SIGSYS, &action, NULL) != 0)
        rc = -errno;
    if (rc == 0)
        rc = allow_list(filter, common_syscalls);
    if (rc == 0)
        rc = allow_list(filter, spec->syscalls);
    if (rc == 0)
        rc = allow_ioctls(filter, common_ioctls);
    if (rc == 0)
        rc = allow_ioctls(filter, spec->ioctls);
    if (rc == 0)
        rc = allow_narrowly(filter);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    if (rc != 0)
        daemon_log("filter of system calls: %s", strerror(-rc));
    return rc == 0 ? 0 : -1;
}

/* ---- the rest ---- */

static int limit(int what, rlim_t most)
{
    const struct rlimit r = {most, most};

    return setrlimit(what, &r);
}

/* The numbers of files and bytes while still root, who may raise them. */
static int set_limits(const struct broker_spec *spec)
{
    return limit(RLIMIT_NOFILE, spec->max_files ? spec->max_files : DEFAULT_FILES) == 0 &&
                   limit(RLIMIT_DATA, spec->max_memory ? spec->max_memory : DEFAULT_MEMORY) == 0 &&
                   limit(RLIMIT_CORE, 0) == 0
               ? 0
               : -1;
}

static int drop_identity(const struct broker_identity *identity)
{
    if (setgroups(0, NULL) != 0 || setresgid(identity->gid, identity->gid, identity->gid) != 0 ||
        setresuid(identity->uid, identity->uid, identity->uid) != 0)
        return -1;
    /* Who can become root again has lost nothing. */
    if (setuid(0) == 0) {
        errno = EPERM;
        return -1;
    }
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : -1;
}

int broker_die_with(pid_t parent, int signal)
{
    if (prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) != 0)
        return -1;
    return getppid() == parent ? 0 : -1;
}

int broker_confine(const struct broker_spec *spec, const struct broker_identity *identity, pid_t parent,
                   volatile int *forbidden)
{
    if (set_limits(spec) != 0) {
        daemon_log("resource limits: %s", strerror(errno));
        return -1;
    }
    if (drop_identity(identity) != 0) {
        daemon_log("cannot become user %s: %s", spec->user, strerror(errno));
        return -1;
    }
    /* The change of identity took this away. */
    if (broker_die_with(parent, SIGKILL) != 0)
        return -1;
    return filter_syscalls(spec, forbidden);
}
