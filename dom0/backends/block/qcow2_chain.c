/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/qcow2_chain.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dom0/backends/block/lock.h"

#define QEMU_IMG      "/usr/bin/qemu-img"
#define INFO_MS       20000
#define INFO_BYTES    (1u << 20)
#define OLD_IO_MS     8000
#define LAST_LINE     1024
#define DEFAULT_BYTES 65536u

void qcow2_last_line(int fd, char *text, size_t size)
{
    char buf[LAST_LINE + 1];
    off_t end = lseek(fd, 0, SEEK_END);
    ssize_t got = pread(fd, buf, LAST_LINE, end > LAST_LINE ? end - LAST_LINE : 0);
    char *line, *at;

    snprintf(text, size, "it said nothing");
    while (got > 0 && (buf[got - 1] == '\n' || buf[got - 1] == ' '))
        got--;
    if (got <= 0)
        return;
    buf[got] = '\0';
    line = strrchr(buf, '\n');
    line = line ? line + 1 : buf;
    /* "qemu-img: text", "qemu-storage-daemon: --blockdev {...}: text" */
    if ((at = strstr(line, "}: ")))
        line = at + 3;
    else if (strncmp(line, "qemu-", 5) == 0 && (at = strstr(line, ": ")))
        line = at + 2;
    snprintf(text, size, "%.200s", line);
}

/* Waits for a program's end: its exit status, or -1 if it had to be killed. */
static int wait_for(pid_t pid)
{
    struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    int status = -1;

    if (p.fd < 0 || poll(&p, 1, INFO_MS) != 1)
        kill(pid, SIGKILL);
    if (p.fd >= 0)
        close(p.fd);
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Runs qemu-img; its standard output goes to `output`. False with reply->why. */
static bool run(const char *const *argv, int output, struct images_reply *reply)
{
    int errors = memfd_create("errors", MFD_CLOEXEC);
    struct broker_program program = {.argv = argv, .output = output, .errors = errors};
    pid_t pid = errors >= 0 ? broker_spawn(&program) : -1;
    bool done = pid > 0 && wait_for(pid) == 0;

    if (!done)
        qcow2_last_line(errors, reply->why, sizeof(reply->why));
    if (errors >= 0)
        close(errors);
    return done;
}

static json_t *parse(int output)
{
    off_t len = lseek(output, 0, SEEK_END);
    json_t *info = NULL;
    char *text = MAP_FAILED;

    if (len > 0 && len <= INFO_BYTES)
        text = mmap(NULL, (size_t)len, PROT_READ, MAP_PRIVATE, output, 0);
    if (text != MAP_FAILED) {
        info = json_loadb(text, (size_t)len, 0, NULL);
        munmap(text, (size_t)len);
    }
    return info;
}

/* What qemu-img has to say of the image and its bases, as JSON; NULL with reply->why. */
static json_t *ask(struct images_reply *reply)
{
    const char *const argv[] = {
        QEMU_IMG,    "info", "--force-share", "--output=json", "--backing-chain", "-f", "qcow2",
        reply->path, NULL};
    int output = memfd_create("info", MFD_CLOEXEC);
    json_t *info = NULL;

    snprintf(reply->why, sizeof(reply->why), "qemu-img does not describe it");
    if (output >= 0 && run(argv, output, reply))
        info = parse(output);
    if (output >= 0)
        close(output);
    return info;
}

int qcow2_grow(struct images_reply *reply, uint64_t bytes)
{
    char size[24];
    const char *const argv[] = {QEMU_IMG, "resize", "-q", "-f", "qcow2", reply->path, size, NULL};

    snprintf(size, sizeof(size), "%" PRIu64, bytes);
    return run(argv, -1, reply) ? 0 : EIO;
}

static int refuse(struct images_reply *reply, int error, const char *path, const char *why)
{
    snprintf(reply->why, sizeof(reply->why), "%.150s: %s", path, why);
    return error;
}

static int lock_base(const struct images_request *req, struct images_reply *reply, struct qcow2_chain *chain,
                     const char *path, const char *format)
{
    int fd, error;

    if (path[0] != '/')
        return refuse(reply, EINVAL, path, "a base has to be a file");
    if (strcmp(format, "qcow2") != 0 && strcmp(format, "raw") != 0)
        return refuse(reply, EINVAL, path, "a base has to be qcow2 or raw");
    if (chain->count == QCOW2_MAX_BASES)
        return refuse(reply, E2BIG, path, "too many images on top of each other");
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return refuse(reply, errno, path, strerror(errno));
    chain->bases[chain->count++] = fd;
    error = lock_image(fd, true, req->domid, req->devid, OLD_IO_MS);
    if (error == EBUSY)
        return refuse(reply, error, path, "another device writes to it, so nothing can be based on it");
    return error ? refuse(reply, error, path, strerror(error)) : 0;
}

int qcow2_chain_open(const struct images_request *req, struct images_reply *reply, struct qcow2_chain *chain)
{
    json_t *info = ask(reply), *cluster, *bytes;
    int error = info ? 0 : EINVAL;

    *chain = (struct qcow2_chain){.cluster_bytes = DEFAULT_BYTES};
    if (!info)
        return error;
    cluster = json_object_get(json_array_get(info, 0), "cluster-size");
    if (json_is_integer(cluster))
        chain->cluster_bytes = (uint32_t)json_integer_value(cluster);
    bytes = json_object_get(json_array_get(info, 0), "virtual-size");
    if (json_is_integer(bytes))
        chain->bytes = (uint64_t)json_integer_value(bytes);
    for (size_t i = 1; i < json_array_size(info) && error == 0; i++) {
        const json_t *base = json_array_get(info, i);
        const char *path = json_string_value(json_object_get(base, "filename"));
        const char *format = json_string_value(json_object_get(base, "format"));

        error = path && format ? lock_base(req, reply, chain, path, format)
                               : refuse(reply, EINVAL, reply->path, "qemu-img does not name its base");
    }
    json_decref(info);
    return error;
}

void qcow2_chain_close(struct qcow2_chain *chain)
{
    while (chain->count > 0)
        close(chain->bases[--chain->count]);
}
