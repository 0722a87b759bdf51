/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BACKEND_XENBUS_INTERNAL_H
#define HOSPES_BACKEND_XENBUS_INTERNAL_H

#include <sys/queue.h>

#include "dom0/backends/common/xenbus_backend.h"

/* What the files of this library know of a device; backends see struct backend_dev. */

#define BACKEND_PATH_ROOM 128
#define BACKEND_MAX_NODES 32

enum backend_phase {
    BACKEND_NEW,       /* not probed; or probing failed, which is final */
    BACKEND_IDLE,      /* holds nothing of the guest */
    BACKEND_CONNECTED, /* ops->connect succeeded */
    BACKEND_LEAVING,   /* ops->disconnect is under way */
};

/*
 * What a guest makes of the daemon's time by changing its states: in the long run a quarter for each device,
 * so that one that connects and disconnects without end does not keep the others' requests waiting. Three
 * seconds worth may be had at once, which is more than an honest frontend needs to connect.
 */
struct backend_share {
    int64_t paid_until; /* ns */
};

#define BACKEND_SHARE_BURST_NS 3000000000LL

/* 0: the device may be looked at now; else when. */
int64_t backend_share_due(const struct backend_share *share, int64_t burst_ns, int64_t now);

/* It was looked at from `from` to `to`. */
void backend_share_spend(struct backend_share *share, int64_t from, int64_t to);

struct backend_dev_state {
    LIST_ENTRY(backend_dev_state) link;
    struct backend_dev dev;
    enum backend_phase phase;
    enum xenbus_state ours; /* as the store has it from us; Unknown: nothing was written yet */
    bool failed;            /* backend_dev_fail() */
    bool parted;            /* ... and its frontend has been in another state than Initialising since */
    bool over;              /* it was offline and Closed: what is left is for the toolstack to remove */
    bool dirty;             /* something of it has changed */
    bool reconnected;       /* the store is another one since it was last seen there */
    bool adrift;            /* serves, and the store knows nothing of it any more */
    bool has_error;         /* there is an error node */
    uint32_t changed;       /* bits of ops->nodes that have changed */
    char back[BACKEND_PATH_ROOM], front[BACKEND_PATH_ROOM], token[32];
    struct log_limit limit;
    struct backend_share share;
};

struct backend {
    const struct backend_ops *ops;
    struct backend_env env;
    struct loop_timer *look;  /* dirty devices are looked at from the loop */
    struct loop_timer *later; /* ... and those that have used up their share */
    int64_t share_burst_ns;
    char root[64];
    bool ending;
    LIST_HEAD(backend_dev_list, backend_dev_state) devices;
};

/* NULL: none. */
struct backend_dev_state *backend_find(struct backend *b, uint32_t domid, uint32_t devid);

/* Calls fn for every node below dir that is named by a number; domid is passed on. */
void backend_for_numbers(struct backend *b, const char *dir, uint32_t domid,
                         void (*fn)(struct backend *b, uint32_t domid, uint32_t number));

/* The device will be looked at in the loop's next round. */
void backend_mark(struct backend_dev_state *s);

/* Follows the two state nodes of a device; it may be gone (freed) afterwards. */
void backend_follow(struct backend_dev_state *s);

/* Lets go of everything; the frontend is not told. True when done, else backend_disconnected() will come. */
bool backend_leave(struct backend_dev_state *s);

/* Disconnected before: removes and frees; looks for another device of the same number. */
void backend_forget(struct backend_dev_state *s);

/* ---- nodes ---- */

/* A node of the device's own directory, if that is still there: 0, or an errno value (ENOENT: it is not). */
int backend_put(struct backend_dev_state *s, xsc_tx_t tx, const char *node, const char *value);

/* The state at path/state: Unknown if there is none; -1 when the store is gone; anything odd is Closed. */
int backend_read_state(struct backend *backend, const char *dir);

/* A node and what the store said of it. */
struct backend_node {
    const char *dir, *node;
    struct xsc_answer answer;
};

/* Reads all of them with one wait: 0, or EIO, then no answer is of use. The answers are freed by
 * backend_fetched(), which is to be called either way. */
int backend_fetch(struct backend *backend, struct backend_node *nodes, size_t count);
void backend_fetched(struct backend_node *nodes, size_t count);

/* What backend_read_state() says of such an answer, and backend_read(). */
int backend_state_of(const struct xsc_answer *answer);
int backend_number_of(const struct xsc_answer *answer, uint64_t max, uint64_t *value);

/* Where the device's errors are; a daemon before us may have left one. */
void backend_error_path(const struct backend *b, uint32_t domid, uint32_t devid,
                        char path[BACKEND_PATH_ROOM]);

/* Removes the device's error node, and directories that held nothing else. */
void backend_clear_error(struct backend_dev_state *s);

/* The same for devices that went while no daemon was there to see it. */
void backend_clear_lost_errors(struct backend *b);

#endif
