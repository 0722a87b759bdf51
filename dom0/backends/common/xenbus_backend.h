/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BACKEND_XENBUS_BACKEND_H
#define HOSPES_BACKEND_XENBUS_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/io/xenbus.h>

#include "dom0/backends/common/daemon.h"
#include "dom0/backends/common/guest_ring.h"
#include "dom0/backends/common/loop.h"
#include "dom0/backends/common/store.h"

/*
 * The devices of one kind: their nodes below /local/domain/0/backend/KIND/GUEST/ID, which the toolstack
 * writes, and their frontends' nodes, which the guest writes as it likes. This library follows both and calls
 * the backend (struct backend_ops) in an order that no guest can upset:
 *
 *     probe  ( connect  disconnect )*  remove       per device; connect may fail and is then not disconnected
 *
 * What a device is told to be, by the frontend's state, when the frontend's nodes are as they should be:
 *
 *     frontend                        device             our state
 *     Initialising, InitWait          disconnected       InitWait
 *     Initialised, Connected          connected          Connected
 *     Closing                         disconnected       Closing
 *     Closed, gone, anything else     disconnected       Closed
 *
 * From Closing and Closed only a frontend that is Initialising leads back (a new driver in the guest, a crash
 * kernel). A frontend that skips states, goes back, or repeats itself is taken by the table. A device that is
 * not online any more and is Closed is removed before that state is written: a toolstack that sees it may use
 * the image again.
 */

struct backend;

struct backend_dev {
    uint32_t domid, devid;
    char *back, *front; /* paths of the two directories; front is verified to be domid's own */
    void *priv;         /* the backend's */
    bool resumed;       /* at probe and the connect after it: the daemon before us had it connected */
    struct backend *backend;
    struct backend_dev_state *state; /* the library's */
};

struct backend_ops {
    const char *kind; /* directory below backend/: "hospes-vbd" */
    /* Nodes below the device's directory of whose changes `changed` is told; NULL at the end. NULL: none. */
    const char *const *nodes;

    /*
     * A new device, or one that was there before us: reads its nodes, writes features. 0, or -1 after
     * backend_dev_fail(). One that failed here stays dead until the toolstack removes it.
     */
    int (*probe)(struct backend_dev *dev);
    /*
     * The frontend's nodes are complete: maps rings, binds ports, writes what the frontend is to know. 0, or
     * -1 after backend_dev_fail(), holding nothing of the guest. With dev->resumed rings and grants are as
     * the last daemon left them: it goes on there.
     */
    int (*connect)(struct backend_dev *dev);
    /*
     * Lets go of rings and ports. True: done. False: I/O is still under way; backend_disconnected() is called
     * once when it has ended, and nothing of the device is called before.
     */
    bool (*disconnect)(struct backend_dev *dev);
    /* Frees what probe made. */
    void (*remove)(struct backend_dev *dev);
    /* A node of `nodes` was written or removed. NULL: nothing. */
    void (*changed)(struct backend_dev *dev, const char *node);
};

/*
 * For broker_spec.store_writes: what this library changes for devices of the kind, and error nodes. A backend
 * adds its own: BACKEND_NODE("hospes-vbd", "feature-*").
 */
#define BACKEND_NODE(kind, node) "/local/domain/0/backend/" kind "/*/*/" node
#define BACKEND_WRITES(kind)                                                                      \
    BACKEND_NODE(kind, "state"), "/local/domain/0/error/backend/" kind "/*/*/error",              \
        "/local/domain/0/error/backend/" kind "/*/*", "/local/domain/0/error/backend/" kind "/*", \
        "/local/domain/0/error/backend/" kind, "/local/domain/0/error/backend", "/local/domain/0/error"

/* What a worker has; the pieces outlive the backend. */
struct backend_env {
    struct loop *loop;
    struct store *store;
    struct guest_access *access;
    struct broker *broker;
    void *priv;
};

/* Opens all of env but priv, in broker_spec.open. 0, or -1 after a log line. */
int backend_env_open(struct backend_env *env, struct broker *broker);

/* Serves the kind's devices from the loop's next round on. NULL after a log line. ops and env are kept. */
struct backend *backend_start(const struct backend_ops *ops, const struct backend_env *env);

/*
 * The daemon ends in order: every device is disconnected (one whose disconnect takes time is waited for, up
 * to five seconds, in the loop) and removed. No state is written: guests wait, and the next daemon resumes.
 */
void backend_end(struct backend *backend);

const struct backend_env *backend_env(const struct backend_dev *dev);

/* ---- for the backend's functions ---- */

/* See backend_ops.disconnect. */
void backend_disconnected(struct backend_dev *dev);

/*
 * This device cannot go on: a line in the log, the same line in the store for the operator
 * (/local/domain/0/error/backend/KIND/G/ID/error), state Closed. err: an errno value, or 0. Allowed at any
 * time: one that is connected is disconnected from the loop, not in here. After a failure in probe only the
 * toolstack helps; after any other, a frontend that begins anew (Closed, then Initialising) is served again.
 */
void backend_dev_fail(struct backend_dev *dev, int err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* One line "hospes-vbd 3/51712: ..."; a guest that causes many gets few of them through. */
void backend_log(struct backend_dev *dev, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Nodes of the frontend's or of our directory; `node` may have slashes ("queue-0/ring-ref"). 0 and a value,
 * or an errno value: ENOENT, EINVAL (not decimal, or not a value one could mean), ERANGE (above max), E2BIG
 * (a string beyond `size`), EIO (no store now).
 */
int backend_read_front(struct backend_dev *dev, const char *node, uint64_t max, uint64_t *value);
int backend_read_front_string(struct backend_dev *dev, const char *node, char *text, size_t size);
int backend_read(struct backend_dev *dev, const char *node, uint64_t max, uint64_t *value);
int backend_read_string(struct backend_dev *dev, const char *node, char *text, size_t size);

/* The same for several numbers of the device's own directory, which cost one wait for the store together. At
 * most 32. */
struct backend_number {
    const char *node;
    uint64_t max;
    uint64_t value; /* as it was before the call if there was an error */
    int error;
};

void backend_read_numbers(struct backend_dev *dev, struct backend_number *numbers, size_t count);

/* Writes a node of ours. 0 or an errno value; with EIO the connection comes back and the device is looked at
 * anew. */
int backend_write(struct backend_dev *dev, xsc_tx_t tx, const char *node, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for several: all of them or none, and one wait. */
struct backend_value {
    const char *node, *text;
};

int backend_write_all(struct backend_dev *dev, xsc_tx_t tx, const struct backend_value *values, size_t count);

/* Writes our present state again: frontends look at the other nodes then (a disk that has grown). */
void backend_announce(struct backend_dev *dev);

/* True while the frontend is served. */
bool backend_connected(const struct backend_dev *dev);

/* The devices of the backend, to walk over; NULL at the end. dev NULL: the first. */
struct backend_dev *backend_next(struct backend *backend, const struct backend_dev *dev);

#endif
