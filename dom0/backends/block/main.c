/* SPDX-License-Identifier: MIT */
/* hospes-blockd: serves the disks of all guests. docs/block.md. */
#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/backends/block/disk.h"
#include "dom0/backends/block/images.h"

static struct server server;

static int open_worker(struct broker *broker, void *arg)
{
    (void)arg;
    if (backend_env_open(&server.env, broker) != 0)
        return -1;
    server.env.priv = &server;
    server.uring = uring_open();
    if (!server.uring) {
        daemon_log("io_uring: %s", strerror(errno));
        return -1;
    }
    server.ports = ports_open(server.uring);
    if (!server.ports) {
        daemon_log("/dev/xen/evtchn: %s", strerror(errno));
        return -1;
    }
    return 0;
}

static int run_worker(struct broker *broker, void *arg)
{
    struct backend *backend;

    (void)arg;
    if (server_start(&server) != 0)
        return EXIT_FAILURE;
    backend = backend_start(&disk_backend_ops, &server.env);
    if (!backend)
        return EXIT_FAILURE;
    broker_ready(broker);
    if (loop_run(server.env.loop) != 0)
        daemon_log("event loop: %s", strerror(errno));
    server.ending = true;
    backend_end(backend);
    return EXIT_SUCCESS;
}

/* io_uring's own operations are not seen by the filter; the ring refuses those that are not ours (uring.c).
 */
static const char *const syscalls[] = {"io_uring_enter", "io_uring_register", "preadv",  "pwritev",
                                       "pread64",        "fallocate",         "fstatfs", NULL};
static const unsigned long ioctls[] = {BLKGETSIZE64, BLKSSZGET, BLKPBSZGET, 0};

/* None of those that say which image it is, and how (images.c). */
#define NODE(name) BACKEND_NODE("hospes-vbd", name)
static const char *const writes[] = {
    BACKEND_WRITES("hospes-vbd"),   NODE("feature-*"),      NODE("max-ring-page-order"),
    NODE("multi-queue-max-queues"), NODE("sectors"),        NODE("sector-size"),
    NODE("physical-sector-size"),   NODE("info"),           NODE("discard-granularity"),
    NODE("discard-alignment"),      NODE("discard-secure"), NULL};

int main(int argc, char **argv)
{
    static const struct broker_spec spec = {
        .name = "hospes-blockd",
        .user = "hospes-block",
        .syscalls = syscalls,
        .max_files = 65536,
        .ioctls = ioctls,
        .store_writes = writes,
        .prepare = images_prepare,
        .handle = images_handle,
        .worker_gone = images_worker_gone,
        .open = open_worker,
        .run = run_worker,
    };

    return broker_main(&spec, argc, argv);
}
