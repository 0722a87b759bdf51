/* SPDX-License-Identifier: MIT */
#include "dom0/backends/net/requests.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom0/backends/common/daemon.h"
#include "dom0/backends/net/device.h"
#include "dom0/backends/net/forward.h"
#include "dom0/backends/net/lease.h"
#include "dom0/backends/net/tap.h"
#include "dom0/backends/net/vif.h"

#define NET_DIR DAEMON_RUN_DIR "/net"

static void journal_path(char path[128], uint32_t domid, uint32_t devid)
{
    snprintf(path, 128, NET_DIR "/journal-%" PRIu32 ".%" PRIu32, domid, devid);
}

static int open_journal(const struct net_device *device, char *why, size_t why_size)
{
    char path[128];
    int fd;

    journal_path(path, device->domid, device->devid);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && ftruncate(fd, (off_t)(device->queues * 2 * sizeof(struct net_journal))) == 0)
        return fd;
    snprintf(why, why_size, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static int open_device(const struct net_device *device, struct broker_reply *reply, char *why,
                       size_t why_size)
{
    int journal = open_journal(device, why, why_size);

    if (journal < 0)
        return EIO;
    if (net_tap_make(device, reply->fds + 1, why, why_size) != 0) {
        close(journal);
        return EIO;
    }
    reply->fds[0] = journal;
    reply->nfds = 1 + device->queues;
    return 0;
}

static int forward(const struct net_device *device, char *why, size_t why_size)
{
    net_lease_set(device);
    return net_forward_set(device, why, why_size) == 0 ? 0 : EIO;
}

static void close_device(uint32_t domid, uint32_t devid)
{
    char path[128];

    net_forward_clear(domid, devid);
    net_lease_clear(domid, devid);
    journal_path(path, domid, devid);
    unlink(path);
}

static int with_device(uint32_t op, const struct net_request_device *request, struct broker_reply *reply,
                       char *why, size_t why_size)
{
    struct net_device device;
    int rc = ENOENT;

    if (net_device_read(&device, request->domid, request->devid, why, why_size) == 0) {
        rc = forward(&device, why, why_size);
        if (rc == 0 && op == NET_OPEN)
            rc = open_device(&device, reply, why, why_size);
    }
    net_device_free(&device);
    return rc;
}

int net_broker_handle(void *arg, uint32_t op, const void *req, size_t len, struct broker_reply *reply)
{
    const struct net_request_device *request = req;
    char *why = (char *)reply->data;
    int rc;

    (void)arg;
    *why = '\0';
    if (len != sizeof(*request))
        return EINVAL;
    switch (op) {
    case NET_OPEN:
    case NET_FORWARD:
        rc = with_device(op, request, reply, why, sizeof(reply->data));
        if (rc)
            reply->len = strlen(why) + 1;
        return rc;
    case NET_CLOSE:
        close_device(request->domid, request->devid);
        return 0;
    default:
        return ENOSYS;
    }
}

void net_broker_worker_gone(void *arg)
{
    (void)arg;
    /* The taps went with the worker's descriptors; the journals are for the next one. */
    net_forward_clear_all();
    net_lease_clear_all();
}

static int make_directory(const char *path)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return 0;
    daemon_log("%s: %s", path, strerror(errno));
    return -1;
}

int net_broker_prepare(void *arg)
{
    if (make_directory(NET_DIR) != 0 || make_directory(NET_DIR "/dhcp-hosts") != 0)
        return -1;
    net_broker_worker_gone(arg);
    return 0;
}
