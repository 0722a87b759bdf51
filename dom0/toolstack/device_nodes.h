/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_DEVICE_NODES_H
#define HOSPES_TOOLSTACK_DEVICE_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0/toolstack/toolstack.h"
#include "xs/client/xs.h"

/*
 * One device in the store: where its three directories lie, what is written there, what its backend makes of
 * it. Shared by all kinds.
 */

/* What a guest sees: its name for a kind of device in the store is the same whoever serves it. */
enum device_kind {
    DEVICE_VBD,
    DEVICE_VIF,
};

/* Who serves it: each has a directory of its own below /local/domain/0/backend. */
enum device_backend {
    BACKEND_LINUX_VBD,
    BACKEND_HOSPES_VBD,
    BACKEND_QDISK,
    BACKEND_LINUX_VIF,
    BACKEND_HOSPES_VIF,
    DEVICE_BACKENDS,
};

struct device_backend_kind {
    const char *dir;       /* "vbd", "hospes-vbd", ... */
    enum device_kind kind; /* of the device that it serves */
    bool in_kernel;      /* a driver of dom0's kernel, which has a node in its device model; else a process */
    const char *silence; /* for messages: why it may not answer */
};

extern const struct device_backend_kind device_backends[DEVICE_BACKENDS];

struct device {
    enum device_backend backend;
    uint32_t domid; /* of the guest; all backends are in domain 0 */
    uint32_t devid;
};

/* "vbd", "vif": the frontend's directory. */
const char *device_kind_name(enum device_kind kind);
/* The same for a device. */
const char *device_front_name(const struct device *dev);

#define DEVICE_PATH_ROOM 96

void device_frontend_path(const struct device *dev, char path[DEVICE_PATH_ROOM]);
void device_backend_path(const struct device *dev, char path[DEVICE_PATH_ROOM]);
/* The toolstack's own record, which no guest can write. */
void device_record_path(const struct device *dev, char path[DEVICE_PATH_ROOM]);
/* Where a backend says what went wrong. */
void device_error_path(const struct device *dev, char path[DEVICE_PATH_ROOM]);
/* Name of the backend in the kernel's device model, for those that are in_kernel: "vbd-3-51712". */
void device_bus_name(const struct device *dev, char name[DEVICE_PATH_ROOM]);

#define DEVICE_MAX_NODES 24

/* What a device says about itself, beside the nodes that all devices have. */
struct device_nodes {
    struct device_node {
        const char *name; /* static */
        char *value;
    } front[DEVICE_MAX_NODES], back[DEVICE_MAX_NODES];
    size_t front_count, back_count;
    bool out_of_memory;
};

void device_nodes_front(struct device_nodes *nodes, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void device_nodes_back(struct device_nodes *nodes, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void device_nodes_free(struct device_nodes *nodes);

/*
 * Writes the three directories: the frontend's belongs to the guest and dom0 reads it, the backend's belongs
 * to dom0 and the guest reads it, the record repeats the backend's for tools. 0, or -1 with errno; failures
 * of the store are told by the batch's end.
 */
int device_nodes_write(struct xsc_batch *batch, const struct device *dev, const struct device_nodes *nodes);

/* State of either side, 0 (unknown) when the node is missing. The guest writes the frontend's. */
unsigned int device_backend_state(struct xsc *xs, const struct device *dev);
unsigned int device_frontend_state(struct xsc *xs, const struct device *dev);

/*
 * Waits until the backend's state is at least `state` (or, for 0, until the node is gone). 0, or -1 with
 * errno: ETIMEDOUT, ENOENT when the node is gone instead, or that of the store.
 */
int device_wait_backend(struct xsc *xs, const struct device *dev, unsigned int state, int timeout_ms);

/* What the backend says went wrong; malloc'd, NULL when it says nothing. */
char *device_backend_error(struct xsc *xs, const struct device *dev);

/*
 * Waits until the backend is ready for its frontend (InitWait or beyond). 0, or -1 and in *why one line for
 * the operator: what the backend says, or that it does not answer. *why is malloc'd, NULL when out of memory.
 */
int device_wait_ready(struct xsc *xs, const struct device *dev, int timeout_ms, char **why);

/* Milliseconds of a clock that is never set. */
int64_t device_now_ms(void);

#endif
