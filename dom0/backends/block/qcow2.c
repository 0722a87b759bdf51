/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/qcow2.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "dom0/backends/block/nbd_handshake.h"
#include "dom0/backends/block/qcow2_chain.h"
#include "dom0/backends/block/writelog.h"
#include "dom0/backends/common/daemon.h"

#define STORAGE_DAEMON "/usr/bin/qemu-storage-daemon"
#define NODE           "image"
#define START_MS       20000
#define END_MS         10000
#define PATH_ROOM      96

/* One storage daemon. */
struct process {
    LIST_ENTRY(process) link;
    uint32_t domid, devid;
    pid_t pid;
    int pidfd; /* readable when it has ended; reaped or not */
};

static LIST_HEAD(process_list, process) processes = LIST_HEAD_INITIALIZER(processes);

static void run_path(char path[PATH_ROOM], const struct images_request *req, const char *what)
{
    snprintf(path, PATH_ROOM, IMAGES_RUN_DIR "/%u-%u.%s", req->domid, req->devid, what);
}

static void unlink_run(const struct images_request *req, const char *what)
{
    char path[PATH_ROOM];

    run_path(path, req, what);
    unlink(path);
}

/* ---- processes ---- */

static struct process *find(const struct images_request *req)
{
    struct process *p;

    LIST_FOREACH (p, &processes, link)
        if (p->domid == req->domid && p->devid == req->devid)
            return p;
    return NULL;
}

static bool has_ended(const struct process *p, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = p->pidfd, .events = POLLIN};

    return poll(&poll_fd, 1, timeout_ms) == 1;
}

/* In order: it flushes. One that does not come to an end has a disk that does not answer. */
static void end_process(struct process *p)
{
    if (!has_ended(p, 0))
        syscall(SYS_pidfd_send_signal, p->pidfd, SIGTERM, NULL, 0);
    if (!has_ended(p, END_MS)) {
        daemon_log("hospes-vbd %u/%u: its storage daemon does not end, it is killed", p->domid, p->devid);
        syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0);
        has_ended(p, END_MS);
    }
    LIST_REMOVE(p, link);
    close(p->pidfd);
    free(p);
}

void qcow2_end_all(void)
{
    struct process *p;

    LIST_FOREACH (p, &processes, link)
        syscall(SYS_pidfd_send_signal, p->pidfd, SIGTERM, NULL, 0);
}

/* ---- starting one ---- */

static char *image_options(const struct images_reply *reply, int top)
{
    struct stat st;
    const char *driver = fstat(top, &st) == 0 && S_ISBLK(st.st_mode) ? "host_device" : "file";
    json_t *options = json_pack("{s:s, s:s, s:b, s:s, s:{s:s, s:s, s:s}}", "driver", "qcow2", "node-name",
                                NODE, "read-only", (int)reply->readonly, "discard", "unmap", "file", "driver",
                                driver, "filename", reply->path, "discard", "unmap");
    char *text = options ? json_dumps(options, JSON_COMPACT) : NULL;

    json_decref(options);
    return text;
}

static int listen_for_one(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    unlink(path);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(fd, 1) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int connect_to(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* The listening socket is its descriptor 3; the others only keep their locks. */
static pid_t spawn(const struct images_request *req, const struct images_reply *reply,
                   const struct qcow2_chain *chain, int listener, int top, int errors)
{
    char *image = image_options(reply, top), monitor[PATH_ROOM], qmp[PATH_ROOM + 64], export[128];
    const char *const argv[] = {STORAGE_DAEMON, "--chardev",    qmp,
                                "--monitor",    "chardev=qmp",  "--blockdev",
                                image,          "--nbd-server", "addr.type=fd,addr.str=3,max-connections=1",
                                "--export",     export,         NULL};
    int fds[BROKER_PROGRAM_FDS] = {listener, top};
    struct broker_program program = {.argv = argv,
                                     .fds = fds,
                                     .nfds = 2 + chain->count,
                                     .output = -1,
                                     .errors = errors,
                                     .death_signal = SIGTERM};
    pid_t pid;

    run_path(monitor, req, "qmp");
    unlink(monitor);
    snprintf(qmp, sizeof(qmp), "socket,id=qmp,server=on,wait=off,path=%s", monitor);
    snprintf(export, sizeof(export), "type=nbd,id=export,node-name=" NODE ",name=" NODE ",writable=%s",
             reply->readonly ? "off" : "on");
    memcpy(fds + 2, chain->bases, chain->count * sizeof(int));
    pid = image ? broker_spawn(&program) : -1;
    free(image);
    return pid;
}

static struct process *start(const struct images_request *req, const struct images_reply *reply,
                             const struct qcow2_chain *chain, const char *socket_path, int top, int errors)
{
    struct process *p = calloc(1, sizeof(*p));
    int listener = listen_for_one(socket_path);

    if (p && listener >= 0)
        p->pid = spawn(req, reply, chain, listener, top, errors);
    /* It has the only one from now on: should it end, whoever is connected or waits sees an end. */
    if (listener >= 0)
        close(listener);
    if (!p || p->pid <= 0) {
        free(p);
        return NULL;
    }
    p->domid = req->domid;
    p->devid = req->devid;
    p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    LIST_INSERT_HEAD(&processes, p, link);
    return p;
}

/* A socket that is ready for requests, or -1 with reply->why. */
static int serve(const struct images_request *req, struct images_reply *reply,
                 const struct qcow2_chain *chain, int top)
{
    int errors = memfd_create("errors", MFD_CLOEXEC), fd = -1, error = EIO;
    char path[PATH_ROOM];
    struct process *p;
    bool readonly;

    run_path(path, req, "nbd");
    p = start(req, reply, chain, path, top, errors);
    if (p)
        fd = connect_to(path);
    unlink(path);
    if (fd >= 0)
        error = nbd_handshake(fd, NODE, START_MS, &reply->bytes, &readonly);
    if (fd >= 0 && error == 0) {
        close(errors);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    if (p)
        end_process(p);
    qcow2_last_line(errors, reply->why, sizeof(reply->why));
    close(errors);
    return -1;
}

/* ---- the log ---- */

static int open_log(const struct images_request *req)
{
    char path[PATH_ROOM];
    int fd, error;

    run_path(path, req, "writes");
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    /* All its room at once: writing to it as memory must not fail later. */
    error = posix_fallocate(fd, 0, WRITELOG_BYTES);
    if (error == 0)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

/* ---- requests ---- */

static void grow(const struct images_request *req, struct images_reply *reply, uint64_t bytes)
{
    if (qcow2_grow(reply, bytes) == 0)
        daemon_log("hospes-vbd %u/%u: %s grows to %llu bytes", req->domid, req->devid, reply->path,
                   (unsigned long long)bytes);
    else
        daemon_log("hospes-vbd %u/%u: %s does not grow to %llu bytes: %s", req->domid, req->devid,
                   reply->path, (unsigned long long)bytes, reply->why);
}

int qcow2_open(const struct images_request *req, struct images_reply *reply, int top, uint64_t at_least,
               int fds[2], unsigned int *nfds)
{
    struct qcow2_chain chain;
    int error;

    *nfds = 0;
    if (access(STORAGE_DAEMON, X_OK) != 0) {
        snprintf(reply->why, sizeof(reply->why),
                 "qcow2 images need " STORAGE_DAEMON " (package qemu-system-common)");
        return ENOENT;
    }
    error = qcow2_chain_open(req, reply, &chain);
    if (error == 0) {
        if (at_least > chain.bytes && !reply->readonly)
            grow(req, reply, at_least);
        fds[0] = serve(req, reply, &chain, top);
        error = fds[0] >= 0 ? 0 : EIO;
    }
    reply->cluster_bytes = chain.cluster_bytes;
    qcow2_chain_close(&chain);
    if (error)
        return error;
    *nfds = 1;
    if (reply->readonly)
        return 0;
    fds[1] = open_log(req);
    if (fds[1] >= 0) {
        *nfds = 2;
        return 0;
    }
    error = errno;
    snprintf(reply->why, sizeof(reply->why), "no memory for its write log: %s", strerror(error));
    close(fds[0]);
    *nfds = 0;
    qcow2_end(req);
    return error;
}

void qcow2_end(const struct images_request *req)
{
    struct process *p = find(req);

    if (p)
        end_process(p);
}

void qcow2_close(const struct images_request *req)
{
    qcow2_end(req);
    unlink_run(req, "qmp");
    unlink_run(req, "writes");
}
