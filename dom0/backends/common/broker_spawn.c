/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "dom0/backends/common/broker_internal.h"

#define FIRST_FD  3
#define MAX_FDS   BROKER_PROGRAM_FDS
#define SPARE_FDS 64 /* where descriptors wait while 3, 4, ... are filled: above all of these */

/* Puts fds at 3, 4, ..., and nothing else beyond the standard ones stays open. */
static bool place_fds(const int *fds, unsigned int nfds)
{
    int spare[MAX_FDS];

    for (unsigned int i = 0; i < nfds; i++) {
        spare[i] = fcntl(fds[i], F_DUPFD, SPARE_FDS);
        if (spare[i] < 0)
            return false;
    }
    for (unsigned int i = 0; i < nfds; i++)
        if (dup2(spare[i], FIRST_FD + (int)i) < 0)
            return false;
    return close_range(FIRST_FD + nfds, ~0U, 0) == 0;
}

static bool become(const struct broker_identity *identity)
{
    return setgroups(0, NULL) == 0 && setresgid(identity->gid, identity->gid, identity->gid) == 0 &&
           setresuid(identity->uid, identity->uid, identity->uid) == 0;
}

static void run_child(const struct broker_program *program, const struct broker_identity *identity,
                      pid_t parent)
{
    int null = open("/dev/null", O_RDWR);
    sigset_t none;

    sigemptyset(&none);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
        dup2(program->output >= 0 ? program->output : null, STDOUT_FILENO) < 0 ||
        (program->errors >= 0 && dup2(program->errors, STDERR_FILENO) < 0) ||
        !place_fds(program->fds, program->nfds) || sigprocmask(SIG_SETMASK, &none, NULL) != 0 ||
        signal(SIGPIPE, SIG_DFL) == SIG_ERR || (identity && !become(identity)) ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        broker_die_with(parent, program->death_signal ? program->death_signal : SIGKILL) != 0)
        return;
    execv(program->argv[0], (char *const *)(uintptr_t)program->argv);
    daemon_log("%s: %s", program->argv[0], strerror(errno));
}

int broker_spawn(const struct broker_program *program)
{
    const struct passwd *pw = program->user ? getpwnam(program->user) : NULL;
    struct broker_identity identity;
    pid_t parent = getpid(), pid;

    if ((program->user && !pw) || program->nfds > MAX_FDS) {
        errno = EINVAL;
        return -1;
    }
    if (pw)
        identity = (struct broker_identity){pw->pw_uid, pw->pw_gid};
    pid = fork();
    if (pid == 0) {
        run_child(program, pw ? &identity : NULL, parent);
        _exit(127);
    }
    return pid;
}
