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
#include "dom0/toolstack/report.h"

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

/*
 * Offline, closing, and no frontend any more: the driver then takes the device apart without waiting for a
 * guest that may be paused or hostile.
 */
static int close_body(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    struct device_list *list = arg;
    char path[DEVICE_PATH_ROOM], state[DEVICE_PATH_ROOM + 8], value[2];

    snprintf(value, sizeof(value), "%d", XenbusStateClosing);
    for (size_t i = 0; i < list->count; i++) {
        struct closing_device *closing = &list->devices[i];

        device_backend_path(&closing->dev, path);
        snprintf(state, sizeof(state), "%s/state", path);
        closing->state = device_backend_state(xs, &closing->dev);
        /*
         * Somebody else may have removed it meanwhile; writing would bring it back. A backend that is closed
         * already, since its guest was orderly, would not say so a second time.
         */
        if (xsc_exists(xs, tx, state) == 1 &&
            (xsc_writef(xs, tx, "0", "%s/online", path) != 0 ||
             (closing->state != XenbusStateClosed && xsc_write(xs, tx, state, value, 1) != 0)))
            return -1;
        device_frontend_path(&closing->dev, path);
        if (xsc_rm(xs, tx, path) != 0 && errno != ENOENT)
            return -1;
    }
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

/* The backend says 6 (or its node is gone) when it holds nothing of the guest any more. */
static int wait_closed(struct toolstack *ts, const struct closing_device *closing)
{
    const struct timespec step = {0, 1000000};
    const struct device *dev = &closing->dev;
    int64_t deadline = device_now_ms() + DEVICE_TIMEOUT_MS;

    if (device_backend_state(ts->xs, dev) != XenbusStateUnknown && !is_served(closing))
        return 0;
    if (device_backend_state(ts->xs, dev) != XenbusStateUnknown &&
        device_wait_backend(ts->xs, dev, XenbusStateClosed, DEVICE_TIMEOUT_MS) != 0 &&
        device_backend_state(ts->xs, dev) != XenbusStateUnknown)
        return -1;
    while (device_backends[dev->backend].in_kernel && driver_has(dev)) {
        if (device_now_ms() > deadline)
            return -1;
        nanosleep(&step, NULL);
    }
    return 0;
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

struct removal {
    uint32_t domid;
    enum device_backend backend;
};

static int remove_body(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    static const char *const dirs[] = {"/local/domain/0/backend", "/local/domain/0/error/backend", NULL};
    const struct removal *r = arg;
    const char *back = device_backends[r->backend].dir;
    const char *front = device_kind_name(device_backends[r->backend].kind);
    char path[DEVICE_PATH_ROOM];

    for (size_t i = 0; dirs[i]; i++) {
        snprintf(path, sizeof(path), "%s/%s/%u", dirs[i], back, r->domid);
        if (xsc_rm(xs, tx, path) != 0 && errno != ENOENT)
            return -1;
        snprintf(path, sizeof(path), "%s/%s", dirs[i], back);
        if (remove_if_empty(xs, tx, path) != 0 || remove_if_empty(xs, tx, dirs[i]) != 0)
            return -1;
    }
    snprintf(path, sizeof(path), "/libxl/%u/device/%s", r->domid, front);
    if (xsc_rm(xs, tx, path) != 0 && errno != ENOENT)
        return -1;
    snprintf(path, sizeof(path), "/local/domain/%u/device/%s", r->domid, front);
    return xsc_rm(xs, tx, path) != 0 && errno != ENOENT ? -1 : 0;
}

static int remove_nodes(struct toolstack *ts, uint32_t domid)
{
    int rc = 0;

    for (enum device_backend backend = 0; backend < DEVICE_BACKENDS; backend++) {
        struct removal r = {domid, backend};

        if (xsc_transact(ts->xs, remove_body, &r) != 0) {
            report_error("devices of domain %u: cannot remove the nodes below backend/%s: %s", domid,
                         device_backends[backend].dir, strerror(errno));
            rc = -1;
        }
    }
    return rc;
}

int devices_detach_all(struct toolstack *ts, uint32_t domid)
{
    struct device_list list = {NULL, 0};
    int rc = find_devices(ts, domid, &list);

    if (list.count && xsc_transact(ts->xs, close_body, &list) != 0) {
        report_error("devices of domain %u: cannot close them in the store: %s", domid, strerror(errno));
        rc = -1;
    }
    for (size_t i = 0; i < list.count; i++) {
        if (wait_closed(ts, &list.devices[i]) == 0)
            continue;
        /* Removing the nodes makes the driver let go, too, if it can. */
        report_error("device %s %u of domain %u: its backend did not close it, removing its nodes anyway",
                     device_front_name(&list.devices[i].dev), list.devices[i].dev.devid, domid);
        rc = -1;
    }
    free(list.devices);
    if (remove_nodes(ts, domid) != 0)
        rc = -1;
    return rc;
}
