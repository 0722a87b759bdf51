/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#include "dom0/toolstack/device_kinds.h"
#include "dom0/toolstack/qemu.h"
#include "dom0/toolstack/report.h"

/* How often to look whether a driver has left a device; it says so nowhere. */
#define DRIVER_STEP_NS 2000000L

/*
 * Ending is driven by what is in the store below /local/domain/0/backend, which was written in one piece with
 * the rest. Beside nodes a device owns nothing that needs an owner: the loop device goes with the last one
 * who has it open, the network interface with its backend.
 */

struct closing_device {
    struct device dev;
    unsigned int state; /* of its backend before it was asked to close */
};

struct device_list {
    struct closing_device *devices;
    size_t count;
};

static int list_add(struct device_list *list, struct device dev)
{
    struct closing_device *more = realloc(list->devices, (list->count + 1) * sizeof(*more));

    if (!more)
        return -1;
    list->devices = more;
    list->devices[list->count++] = (struct closing_device){dev, XenbusStateUnknown};
    return 0;
}

/* Adds what lies below dir; no such directory is no device. */
static int list_directory(struct xsc *xs, const char *dir, enum device_backend backend, uint32_t domid,
                          struct device_list *list)
{
    size_t count = 0;
    char **ids = xsc_directory(xs, XSC_NO_TX, dir, &count);
    int rc = 0;

    if (!ids)
        return errno == ENOENT ? 0 : -1;
    for (size_t i = 0; i < count && rc == 0; i++) {
        char *end;
        unsigned long devid = strtoul(ids[i], &end, 10);

        if (end != ids[i] && *end == '\0' && devid <= UINT32_MAX)
            rc = list_add(list, (struct device){backend, domid, (uint32_t)devid});
    }
    free(ids);
    return rc;
}

static int find_devices(struct toolstack *ts, uint32_t domid, struct device_list *list)
{
    char dir[DEVICE_PATH_ROOM];

    for (enum device_backend backend = 0; backend < DEVICE_BACKENDS; backend++) {
        snprintf(dir, sizeof(dir), "/local/domain/0/backend/%s/%u", device_backends[backend].dir, domid);
        if (list_directory(ts->xs, dir, backend, domid, list) != 0) {
            report_error("devices of domain %u: cannot list %s: %s", domid, dir, strerror(errno));
            return -1;
        }
    }
    return 0;
}

struct closing {
    struct device_list *list;
    bool force;
};

/* A frontend that never came, or has gone, will not do its part. */
static bool has_frontend(struct xsc *xs, const struct device *dev)
{
    unsigned int state = device_frontend_state(xs, dev);

    return state > XenbusStateInitialising && state != XenbusStateClosed;
}

/*
 * Offline and closing. By force there is no frontend any more either: the backend then takes the device apart
 * without waiting for a guest that may be paused or hostile. One that is closed already is left so: the
 * kernel would not write its state a second time.
 */
static int close_one(struct xsc *xs, xsc_tx_t tx, struct closing_device *closing, bool force)
{
    char front[DEVICE_PATH_ROOM], back[DEVICE_PATH_ROOM], state[DEVICE_PATH_ROOM + 8], value[2];

    device_frontend_path(&closing->dev, front);
    device_backend_path(&closing->dev, back);
    snprintf(state, sizeof(state), "%s/state", back);
    snprintf(value, sizeof(value), "%d", XenbusStateClosing);
    closing->state = device_backend_state(xs, &closing->dev);
    /* Somebody else may have removed it meanwhile; writing would bring it back. */
    if (xsc_exists(xs, tx, state) == 1) {
        if (xsc_writef(xs, tx, "0", "%s/online", back) != 0)
            return -1;
        if (closing->state < XenbusStateClosing && xsc_write(xs, tx, state, value, 1) != 0)
            return -1;
    }
    if (!force && has_frontend(xs, &closing->dev))
        return 0;
    return xsc_rm(xs, tx, front) != 0 && errno != ENOENT ? -1 : 0;
}

static int close_body(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    const struct closing *c = arg;

    for (size_t i = 0; i < c->list->count; i++)
        if (close_one(xs, tx, &c->list->devices[i], c->force) != 0)
            return -1;
    return 0;
}

static bool driver_has(const struct device *dev)
{
    char name[DEVICE_PATH_ROOM], path[DEVICE_PATH_ROOM + 40];

    device_bus_name(dev, name);
    snprintf(path, sizeof(path), "/sys/bus/xen-backend/devices/%s/driver", name);
    return access(path, F_OK) == 0;
}

/* Whether anybody has begun to serve the device; one who just begins is given a moment. */
static bool is_served(const struct closing_device *closing)
{
    const struct timespec moment = {0, 50000000};
    bool in_kernel = device_backends[closing->dev.backend].in_kernel;

    if (in_kernel ? driver_has(&closing->dev) : closing->state > XenbusStateInitialising)
        return true;
    nanosleep(&moment, NULL);
    return in_kernel && driver_has(&closing->dev);
}

/* A driver of the kernel holds nothing of the guest any more once it has left the device. */
static int wait_driver_gone(const struct device *dev, int64_t deadline)
{
    while (driver_has(dev)) {
        if (device_now_ms() > deadline)
            return -1;
        nanosleep(&(struct timespec){0, DRIVER_STEP_NS}, NULL);
    }
    return 0;
}

/* A process says 6, or removes the node. Until the deadline, of device_now_ms(). */
static int wait_closed(struct toolstack *ts, const struct closing_device *closing, int64_t deadline)
{
    const struct device *dev = &closing->dev;
    int64_t left = deadline - device_now_ms();

    if (!is_served(closing))
        return 0;
    if (device_backends[dev->backend].in_kernel)
        return wait_driver_gone(dev, deadline);
    return device_wait_backend(ts->xs, dev, XenbusStateClosed, left > 0 ? (int)left : 0) == 0 ||
                   errno == ENOENT
               ? 0
               : -1;
}

/*
 * They all close at the same time; one that is not through when the time is up has no more of it because
 * others wait, too. Whoever still closes devices is waited for.
 */
static int wait_all_closed(struct toolstack *ts, const struct device_list *list)
{
    int64_t deadline = device_now_ms() + DEVICE_TIMEOUT_MS;
    int rc = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct device *dev = &list->devices[i].dev;

        if (wait_closed(ts, &list->devices[i], deadline) == 0) {
            deadline = device_now_ms() + DEVICE_TIMEOUT_MS;
            continue;
        }
        /* Removing the nodes makes the driver let go, too, if it can. */
        report_error("device %s %u of domain %u: its backend did not close it, removing its nodes anyway",
                     device_front_name(dev), dev->devid, dev->domid);
        rc = -1;
    }
    return rc;
}

/* A directory, if nothing is left in it. */
static int remove_if_empty(struct xsc *xs, xsc_tx_t tx, const char *dir)
{
    size_t count = 0;
    char **names = xsc_directory(xs, tx, dir, &count);
    int rc = 0;

    if (!names)
        return errno == ENOENT ? 0 : -1;
    if (count == 0)
        rc = xsc_rm(xs, tx, dir);
    free(names);
    return rc;
}

/* A node, and the directories above it that have nothing else in them, `levels` of them. */
static int remove_with_parents(struct xsc *xs, xsc_tx_t tx, char *path, unsigned int levels)
{
    if (xsc_rm(xs, tx, path) != 0 && errno != ENOENT)
        return -1;
    while (levels--) {
        *strrchr(path, '/') = '\0';
        if (remove_if_empty(xs, tx, path) != 0)
            return -1;
    }
    return 0;
}

/* Below backend/ and error/backend/: ID, N, DIR and these directories themselves; below a guest: ID and the
 * kind. */
static int remove_one(struct xsc *xs, xsc_tx_t tx, const struct device *dev)
{
    char path[DEVICE_PATH_ROOM];

    device_backend_path(dev, path);
    if (remove_with_parents(xs, tx, path, 3) != 0)
        return -1;
    device_error_path(dev, path);
    if (remove_with_parents(xs, tx, path, 4) != 0)
        return -1;
    device_record_path(dev, path);
    if (remove_with_parents(xs, tx, path, 2) != 0)
        return -1;
    device_frontend_path(dev, path);
    return remove_with_parents(xs, tx, path, 1);
}

static int remove_body(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    const struct device_list *list = arg;

    for (size_t i = 0; i < list->count; i++)
        if (remove_one(xs, tx, &list->devices[i].dev) != 0)
            return -1;
    return 0;
}

/* QEMU goes with the last device that it serves. */
static int stop_idle_qemu(struct toolstack *ts, uint32_t domid)
{
    char path[DEVICE_PATH_ROOM];

    snprintf(path, sizeof(path), "/local/domain/0/backend/%s/%u", device_backends[BACKEND_QDISK].dir, domid);
    return xsc_exists(ts->xs, XSC_NO_TX, path) == 1 ? 0 : qemu_stop(ts, domid);
}

static int detach_list(struct toolstack *ts, uint32_t domid, struct device_list *list)
{
    struct closing closing = {list, true};
    int rc = 0;

    if (list->count == 0)
        return stop_idle_qemu(ts, domid);
    if (xsc_transact(ts->xs, close_body, &closing) != 0) {
        report_error("devices of domain %u: cannot close them in the store: %s", domid, strerror(errno));
        rc = -1;
    }
    if (wait_all_closed(ts, list) != 0)
        rc = -1;
    if (xsc_transact(ts->xs, remove_body, list) != 0) {
        report_error("devices of domain %u: cannot remove their nodes: %s", domid, strerror(errno));
        rc = -1;
    }
    return stop_idle_qemu(ts, domid) == 0 ? rc : -1;
}

int devices_detach_all(struct toolstack *ts, uint32_t domid)
{
    struct device_list list = {NULL, 0};
    int rc = find_devices(ts, domid, &list);

    if (detach_list(ts, domid, &list) != 0)
        rc = -1;
    free(list.devices);
    return rc;
}

int device_take_away(struct toolstack *ts, const struct device *dev)
{
    struct closing_device closing = {*dev, XenbusStateUnknown};
    struct device_list list = {&closing, 1};

    return detach_list(ts, dev->domid, &list);
}

int device_ask_back(struct toolstack *ts, const struct device *dev)
{
    struct closing_device closing = {*dev, XenbusStateUnknown};
    struct device_list list = {&closing, 1};
    struct closing order = {&list, false};

    if (xsc_transact(ts->xs, close_body, &order) != 0) {
        report_error("device %s %u of domain %u: %s", device_front_name(dev), dev->devid, dev->domid,
                     strerror(errno));
        return -1;
    }
    if (wait_closed(ts, &closing, device_now_ms() + DEVICE_TIMEOUT_MS) != 0) {
        report_error(
            "device %s %u of domain %u: the guest has not let it go within %d s; it stays until that does "
            "so, or --force takes it away",
            device_front_name(dev), dev->devid, dev->domid, DEVICE_TIMEOUT_MS / 1000);
        return -1;
    }
    if (xsc_transact(ts->xs, remove_body, &list) == 0)
        return stop_idle_qemu(ts, dev->domid);
    report_error("device %s %u of domain %u: its nodes: %s", device_front_name(dev), dev->devid, dev->domid,
                 strerror(errno));
    return -1;
}
