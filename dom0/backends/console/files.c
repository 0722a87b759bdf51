/* SPDX-License-Identifier: MIT */
/* The broker's half: names in the file system. A worker that was taken over gains a look at consoles, no
 * more. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "dom0/backends/common/daemon.h"
#include "dom0/backends/console/backlog.h"
#include "dom0/backends/console/console_paths.h"
#include "dom0/backends/console/logfile.h"
#include "dom0/backends/console/requests.h"

#define LISTEN_BACKLOG 8
#define NAME_ROOM      128
#define PATH_ROOM      64

static void backlog_path(char path[PATH_ROOM], uint32_t domid)
{
    snprintf(path, PATH_ROOM, CONSOLE_SOCKET_DIR "/%u.backlog", domid);
}

/* ---- before the first worker ---- */

/* No socket is served now, and a backlog is good only as long as its guest. */
static bool is_stale(const char *name)
{
    char *end;
    unsigned long domid = strtoul(name, &end, 10);

    return strcmp(end, ".backlog") != 0 || broker_ask_hypervisor((uint32_t)domid) == ESRCH;
}

int console_prepare(void *arg)
{
    struct dirent *entry;
    DIR *dir;

    (void)arg;
    mkdir(CONSOLE_SOCKET_DIR, 0700);
    dir = opendir(CONSOLE_SOCKET_DIR);
    while (dir && (entry = readdir(dir)))
        if (isdigit((unsigned char)entry->d_name[0]) && is_stale(entry->d_name))
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    return 0;
}

/* ---- requests ---- */

static int open_listener(uint32_t domid)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int saved;

    snprintf(addr.sun_path, sizeof(addr.sun_path), CONSOLE_SOCKET_DIR "/%u", domid);
    /* Left by a worker that was killed. */
    unlink(addr.sun_path);
    /* The directory is root's alone, so nobody connects before the mode is set. */
    if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && chmod(addr.sun_path, 0600) == 0 &&
        listen(fd, LISTEN_BACKLOG) == 0)
        return fd;
    saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return -1;
}

/* All its room at once: writing to it as memory must not fail later. */
static int open_backlog(uint32_t domid)
{
    char path[PATH_ROOM];
    int fd, error;

    backlog_path(path, domid);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    error = posix_fallocate(fd, 0, sizeof(struct backlog));
    if (error == 0)
        return fd;
    close(fd);
    unlink(path);
    errno = error;
    return -1;
}

static int forget(uint32_t domid)
{
    char path[PATH_ROOM];

    backlog_path(path, domid);
    unlink(path);
    *strrchr(path, '.') = '\0';
    unlink(path);
    return 0;
}

static int answer_terminal(struct broker_reply *reply)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), slave = -1, saved;
    struct termios raw;

    if (master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 &&
        ptsname_r(master, (char *)reply->data, PATH_ROOM) == 0)
        slave = open((char *)reply->data, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave >= 0 && tcgetattr(slave, &raw) == 0) {
        cfmakeraw(&raw);
        if (tcsetattr(slave, TCSANOW, &raw) == 0) {
            reply->len = strlen((char *)reply->data);
            reply->fds[reply->nfds++] = master;
            reply->fds[reply->nfds++] = slave;
            return 0;
        }
    }
    saved = errno;
    if (slave >= 0)
        close(slave);
    if (master >= 0)
        close(master);
    return saved;
}

static int open_log(enum console_op op, const void *req, size_t len)
{
    char name[NAME_ROOM];

    if (len == 0 || len >= sizeof(name)) {
        errno = EINVAL;
        return -1;
    }
    memcpy(name, req, len);
    name[len] = '\0';
    return logfile_open_path(CONSOLE_LOG_DIR, name, op == CONSOLE_OP_ROTATE);
}

static int open_for_domain(enum console_op op, const void *req, size_t len)
{
    uint32_t domid;

    if (len != sizeof(domid)) {
        errno = EINVAL;
        return -1;
    }
    memcpy(&domid, req, sizeof(domid));
    return op == CONSOLE_OP_LISTEN    ? open_listener(domid)
           : op == CONSOLE_OP_BACKLOG ? open_backlog(domid)
                                      : forget(domid);
}

int console_handle(void *arg, uint32_t op, const void *req, size_t len, struct broker_reply *reply)
{
    int fd;

    (void)arg;
    switch (op) {
    case CONSOLE_OP_TERMINAL:
        return answer_terminal(reply);
    case CONSOLE_OP_LOG:
    case CONSOLE_OP_ROTATE:
        fd = open_log(op, req, len);
        break;
    case CONSOLE_OP_LISTEN:
    case CONSOLE_OP_BACKLOG:
    case CONSOLE_OP_FORGET:
        fd = open_for_domain(op, req, len);
        break;
    default:
        return ENOSYS;
    }
    if (fd < 0)
        return errno;
    if (op != CONSOLE_OP_FORGET)
        reply->fds[reply->nfds++] = fd;
    return 0;
}
