/* SPDX-License-Identifier: MIT */
#ifndef GUEST_XENBUS_H
#define GUEST_XENBUS_H

/*
 * Client of the store. All functions are for threads and wait for the answer; several threads may have
 * requests under way. Failures are negative -XEN_E* values: what the store said, or -XEN_ENODEV        there
 * is no store, or xenbus_init() was not called -XEN_EIO           the store broke the protocol, or the
 * connection was lost before the answer came -XEN_ENAMETOOLONG  the path does not fit XENSTORE_ABS_PATH_MAX,
 * or path and value one message -XEN_ENOMEM A path is relative to the domain's own directory unless it begins
 * with '/'.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/errno.h>
#include <xen/io/xenbus.h>
#include "guest/thread.h"

typedef uint32_t xenbus_tx_t;
#define XENBUS_NO_TX 0u

/* Connects and starts the thread that reads answers, on vCPU 0. May be called again: 0 if connected. */
int xenbus_init(void);

/* Copies the value, terminated; its length (NULs in it count). -XEN_ERANGE if it does not fit. */
int xenbus_read(xenbus_tx_t tx, char *value, size_t size, const char *path_fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* A decimal number and nothing else; -XEN_EINVAL if the value is not one, -XEN_ERANGE above 64 bits. */
int xenbus_read_uint(xenbus_tx_t tx, uint64_t *value, const char *path_fmt, ...)
    __attribute__((format(printf, 3, 4)));

int xenbus_write(xenbus_tx_t tx, const char *value, const char *path_fmt, ...)
    __attribute__((format(printf, 3, 4)));
int xenbus_write_uint(xenbus_tx_t tx, uint64_t value, const char *path_fmt, ...)
    __attribute__((format(printf, 3, 4)));
int xenbus_rm(xenbus_tx_t tx, const char *path_fmt, ...) __attribute__((format(printf, 2, 3)));

/* Names of the children, each with its NUL, one behind the other; how many. -XEN_ERANGE if they do not fit.
 */
int xenbus_list(xenbus_tx_t tx, char *names, size_t size, const char *path_fmt, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * A transaction that spans a suspend or a reconnection is lost: what is done in it then gives -XEN_EAGAIN, as
 * does the end of one that another client's change got in the way of. It is over in both cases: start again.
 */
int xenbus_tx_start(xenbus_tx_t *tx);
int xenbus_tx_end(xenbus_tx_t tx, bool commit);

/*
 * fn runs on the thread for watches, one call at a time, and may use everything here; path is the node that
 * changed, as the store spells it (below the path that was given; special paths begin with '@'). It is called
 * once at the start, and again after a resume or a reconnection, since changes may have been missed. The
 * structure belongs to the caller and must stay until xenbus_unwatch() has returned; fill in fn and data,
 * leave the rest zero.
 */
struct xenbus_watch {
    void (*fn)(struct xenbus_watch *w, const char *path);
    void *data;
    /* private */
    struct xenbus_watch *next;
    char *path;
    uint32_t token;
    bool missed;
};

/* A watch is best set once the structure is ready for its first call, which may come before this returns. */
int xenbus_watch(struct xenbus_watch *w, const char *path_fmt, ...) __attribute__((format(printf, 2, 3)));

/* fn is not running and will not be called any more, unless it is fn itself that calls this. */
int xenbus_unwatch(struct xenbus_watch *w);

/*
 * A device's frontend half (states: <xen/io/xenbus.h>). The structure belongs to the caller; fill in changed
 * (may be NULL) and data, leave the rest zero. changed is called as a watch is, when the backend's state is
 * not what it was.
 */
struct xenbus_device {
    char front[64]; /* device/KIND/ID */
    char back[96];  /* absolute */
    domid_t backend;
    const char *kind; /* kept, not copied */
    unsigned id;
    void (*changed)(struct xenbus_device *dev, enum xenbus_state backend_state);
    void *data;
    /* private */
    struct xenbus_watch watch;
    struct waitq waiters;
    enum xenbus_state backend_state;
};

/* Reads backend and backend-id, watches the backend's state. */
int xenbus_device_open(struct xenbus_device *dev, const char *kind, unsigned id);

/* Stops watching; the frontend's state is the caller's to set before. */
void xenbus_device_close(struct xenbus_device *dev);

/* As last seen; XenbusStateUnknown when the node is gone or no state. */
enum xenbus_state xenbus_backend_state(struct xenbus_device *dev);

/*
 * Writes the frontend's state, unless the toolstack has taken the device away: then writing would bring a
 * part of it back (-XEN_ENOENT).
 */
int xenbus_set_state(xenbus_tx_t tx, struct xenbus_device *dev, enum xenbus_state state);

/* Waits until the backend is in one of the states (1u << state each): the state, or -XEN_ETIMEDOUT. */
int xenbus_wait_backend(struct xenbus_device *dev, unsigned mask_of_states, uint64_t deadline);

/* The devices of the kind that this domain has, at most max of them; how many. */
int xenbus_device_ids(const char *kind, unsigned *ids, unsigned max);

#endif
