/* SPDX-License-Identifier: MIT */
/*
 * hospes-netd: serves the network interfaces below /local/domain/0/backend/hospes-vif. Options:
 * dom0/backends/common/daemon.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/if_tun.h>

#include "dom0/backends/net/requests.h"
#include "dom0/backends/net/vif.h"

struct netd {
    struct backend_env env;
    struct net_service service;
};

static int open_all(struct broker *broker, void *arg)
{
    struct netd *netd = arg;

    netd->service.buffers = net_buffers_new();
    if (!netd->service.buffers) {
        daemon_log("no memory for buffers");
        return -1;
    }
    netd->service.io = net_tap_io_open();
    if (!netd->service.io)
        daemon_log("io_uring: %s; every packet costs a system call", strerror(errno));
    netd->env.priv = &netd->service;
    return backend_env_open(&netd->env, broker);
}

/* Whoever wants to know whether something happens again at once. */
static void count_round(void *arg)
{
    struct netd *netd = arg;

    netd->service.round++;
}

static int run(struct broker *broker, void *arg)
{
    struct netd *netd = arg;
    struct backend *backend = backend_start(&vif_ops, &netd->env);

    if (!backend || !loop_hook_new(broker_loop(broker), count_round, netd))
        return EXIT_FAILURE;
    broker_ready(broker);
    if (loop_run(broker_loop(broker)) != 0)
        return EXIT_FAILURE;
    backend_end(backend);
    return EXIT_SUCCESS;
}

/* None of those that say which interface it is, and what it may do (requests.h). */
static const char *const writes[] = {BACKEND_WRITES("hospes-vif"), BACKEND_NODE("hospes-vif", "feature-*"),
                                     BACKEND_NODE("hospes-vif", "multi-queue-max-queues"),
                                     BACKEND_NODE("hospes-vif", "hotplug-status"), NULL};

/* io_uring's own operations are not seen by the filter; the ring refuses those that are not ours (tap_io.c).
 */
static const char *const syscalls[] = {"io_uring_enter", NULL};

int main(int argc, char **argv)
{
    static const unsigned long ioctls[] = {TUNSETOFFLOAD, TUNSETQUEUE, TUNSETCARRIER, 0};
    struct netd netd = {0};
    const struct broker_spec spec = {
        .name = "hospes-netd",
        .user = "hospes-net",
        .syscalls = syscalls,
        .ioctls = ioctls,
        .store_writes = writes,
        .prepare = net_broker_prepare,
        .handle = net_broker_handle,
        .worker_gone = net_broker_worker_gone,
        .open = open_all,
        .run = run,
        .arg = &netd,
    };

    return broker_main(&spec, argc, argv);
}
