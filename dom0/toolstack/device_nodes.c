/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/device_nodes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xen/io/xenbus.h>

const struct device_backend_kind device_backends[DEVICE_BACKENDS] = {
    [BACKEND_LINUX_VBD] = {"vbd", DEVICE_VBD, true,
                           "no answer from the block backend (is xen-blkback loaded?)"},
    [BACKEND_HOSPES_VBD] = {"hospes-vbd", DEVICE_VBD, false, "no answer from hospes-blockd (is it running?)"},
    [BACKEND_QDISK] = {"qdisk", DEVICE_VBD, false, "no answer from QEMU"},
    [BACKEND_LINUX_VIF] = {"vif", DEVICE_VIF, true,
                           "no answer from the network backend (is xen-netback loaded?)"},
    [BACKEND_HOSPES_VIF] = {"hospes-vif", DEVICE_VIF, false, "no answer from hospes-netd (is it running?)"},
};

const char *device_kind_name(enum device_kind kind)
{
    return kind == DEVICE_VBD ? "vbd" : "vif";
}

const char *device_front_name(const struct device *dev)
{
    return device_kind_name(device_backends[dev->backend].kind);
}

void device_frontend_path(const struct device *dev, char path[DEVICE_PATH_ROOM])
{
    snprintf(path, DEVICE_PATH_ROOM, "/local/domain/%u/device/%s/%u", dev->domid, device_front_name(dev),
             dev->devid);
}

void device_backend_path(const struct device *dev, char path[DEVICE_PATH_ROOM])
{
    snprintf(path, DEVICE_PATH_ROOM, "/local/domain/0/backend/%s/%u/%u", device_backends[dev->backend].dir,
             dev->domid, dev->devid);
}

void device_record_path(const struct device *dev, char path[DEVICE_PATH_ROOM])
{
    snprintf(path, DEVICE_PATH_ROOM, "/libxl/%u/device/%s/%u", dev->domid, device_front_name(dev),
             dev->devid);
}

void device_error_path(const struct device *dev, char path[DEVICE_PATH_ROOM])
{
    snprintf(path, DEVICE_PATH_ROOM, "/local/domain/0/error/backend/%s/%u/%u",
             device_backends[dev->backend].dir, dev->domid, dev->devid);
}

void device_bus_name(const struct device *dev, char name[DEVICE_PATH_ROOM])
{
    snprintf(name, DEVICE_PATH_ROOM, "%s-%u-%u", device_backends[dev->backend].dir, dev->domid, dev->devid);
}

static void add(struct device_nodes *nodes, struct device_node *list, size_t *count, const char *name,
                const char *fmt, va_list ap)
{
    struct device_node *node = &list[*count];

    if (*count == DEVICE_MAX_NODES || vasprintf(&node->value, fmt, ap) < 0) {
        nodes->out_of_memory = true;
        return;
    }
    node->name = name;
    (*count)++;
}

void device_nodes_front(struct device_nodes *nodes, const char *name, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(nodes, nodes->front, &nodes->front_count, name, fmt, ap);
    va_end(ap);
}

void device_nodes_back(struct device_nodes *nodes, const char *name, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(nodes, nodes->back, &nodes->back_count, name, fmt, ap);
    va_end(ap);
}

void device_nodes_free(struct device_nodes *nodes)
{
    for (size_t i = 0; i < nodes->front_count; i++)
        free(nodes->front[i].value);
    for (size_t i = 0; i < nodes->back_count; i++)
        free(nodes->back[i].value);
    memset(nodes, 0, sizeof(*nodes));
}

/* An empty directory, whatever was there before, whose future nodes inherit its permissions. */
static void fresh_directory(struct xsc_batch *batch, const char *path, uint32_t owner, uint32_t reader)
{
    const struct xsc_perm perms[] = {{owner, 'n'}, {reader, 'r'}};

    xsc_batch_rm(batch, path);
    xsc_batch_mkdir(batch, path);
    xsc_batch_set_perms(batch, path, perms, owner == reader ? 1 : 2);
}

static void write_all(struct xsc_batch *batch, const char *dir, const struct device_node *list, size_t count)
{
    char path[DEVICE_PATH_ROOM + 64];

    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, list[i].name);
        xsc_batch_write(batch, path, list[i].value, strlen(list[i].value));
    }
}

int device_nodes_write(struct xsc_batch *batch, const struct device *dev, const struct device_nodes *nodes)
{
    char front[DEVICE_PATH_ROOM], back[DEVICE_PATH_ROOM], record[DEVICE_PATH_ROOM], domid[16];

    if (nodes->out_of_memory) {
        errno = ENOMEM;
        return -1;
    }
    device_frontend_path(dev, front);
    device_backend_path(dev, back);
    device_record_path(dev, record);
    snprintf(domid, sizeof(domid), "%u", dev->domid);

    const struct device_node front_common[] = {
        {"backend", back}, {"backend-id", (char *)"0"}, {"state", (char *)"1"}};
    const struct device_node back_common[] = {
        {"frontend", front}, {"frontend-id", domid}, {"online", (char *)"1"}, {"state", (char *)"1"}};
    const struct device_node record_common[] = {{"frontend", front}, {"backend", back}};

    fresh_directory(batch, front, dev->domid, 0);
    write_all(batch, front, front_common, 3);
    write_all(batch, front, nodes->front, nodes->front_count);
    fresh_directory(batch, back, 0, dev->domid);
    write_all(batch, back, back_common, 4);
    write_all(batch, back, nodes->back, nodes->back_count);
    fresh_directory(batch, record, 0, 0);
    write_all(batch, record, record_common, 2);
    write_all(batch, record, nodes->back, nodes->back_count);
    return 0;
}

static unsigned int read_state(struct xsc *xs, char path[DEVICE_PATH_ROOM + 8])
{
    uint64_t state;

    strcat(path, "/state");
    return xsc_read_u64(xs, XSC_NO_TX, path, &state) == 0 && state <= XenbusStateReconfigured
               ? (unsigned int)state
               : XenbusStateUnknown;
}

unsigned int device_backend_state(struct xsc *xs, const struct device *dev)
{
    char path[DEVICE_PATH_ROOM + 8];

    device_backend_path(dev, path);
    return read_state(xs, path);
}

unsigned int device_frontend_state(struct xsc *xs, const struct device *dev)
{
    char path[DEVICE_PATH_ROOM + 8];

    device_frontend_path(dev, path);
    return read_state(xs, path);
}

int64_t device_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Unknown as the wish: the device is gone. */
static bool has_reached(unsigned int now, unsigned int state)
{
    return state == XenbusStateUnknown ? now == XenbusStateUnknown : now >= state;
}

static int wait_watched(struct xsc *xs, const struct device *dev, unsigned int state, int timeout_ms)
{
    int64_t deadline = device_now_ms() + timeout_ms;

    for (;;) {
        unsigned int now = device_backend_state(xs, dev);
        int64_t left = deadline - device_now_ms();
        struct xsc_event *event;

        if (has_reached(now, state))
            return 0;
        if (now == XenbusStateUnknown) {
            errno = ENOENT;
            return -1;
        }
        event = left > 0 ? xsc_wait_watch(xs, (int)left) : NULL;
        if (!event && left <= 0)
            errno = ETIMEDOUT;
        if (!event && errno != EINTR)
            return -1;
        free(event);
    }
}

int device_wait_backend(struct xsc *xs, const struct device *dev, unsigned int state, int timeout_ms)
{
    char path[DEVICE_PATH_ROOM + 8];
    int rc, saved;

    /* Of many devices most are there by the time that they are waited for. */
    if (has_reached(device_backend_state(xs, dev), state))
        return 0;
    device_backend_path(dev, path);
    strcat(path, "/state");
    if (xsc_watch(xs, path, "backend-state") != 0)
        return -1;
    rc = wait_watched(xs, dev, state, timeout_ms);
    saved = errno;
    xsc_unwatch(xs, path, "backend-state");
    errno = saved;
    return rc;
}

char *device_backend_error(struct xsc *xs, const struct device *dev)
{
    char path[DEVICE_PATH_ROOM];

    device_error_path(dev, path);
    return xsc_readf(xs, XSC_NO_TX, "%s/error", path);
}

int device_wait_ready(struct xsc *xs, const struct device *dev, int timeout_ms, char **why)
{
    int rc = device_wait_backend(xs, dev, XenbusStateInitWait, timeout_ms);
    int err = errno;

    *why = NULL;
    if (rc == 0 && device_backend_state(xs, dev) < XenbusStateClosing)
        return 0;
    *why = device_backend_error(xs, dev);
    if (*why)
        return -1;
    if (rc == 0 || err == ENOENT)
        *why = strdup("its backend gave it up, the backend's log may say why");
    else
        *why = strdup(err == ETIMEDOUT ? device_backends[dev->backend].silence : strerror(err));
    return -1;
}
