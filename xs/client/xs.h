/* SPDX-License-Identifier: MIT */
/*
 * Client of the store (the xenstore protocol), for programs in dom0 and in guests.
 *
 * Promises of every function here:
 *  - failure is -1 or NULL with errno set; errno is the server's answer (ENOENT, EACCES, EEXIST,
 *    EINVAL, ENOSPC, E2BIG, EAGAIN, ...) or that of the local system call. EIO is kept for a
 *    connection that is gone or speaks nonsense; such a handle only serves xsc_close();
 *  - a request blocks until its answer is there. Watch events that arrive meanwhile are queued in the
 *    handle, none is lost, and xsc_fd() stays readable as long as the queue is not empty;
 *  - paths are absolute ("/local/domain/3"), or relative to the caller's own /local/domain/N;
 *  - memory that is handed out is the caller's: one free() each, also for lists;
 *  - there is no thread and no global state. A handle is for one thread at a time, and after fork() for
 *    one of the two processes.
 */
#ifndef XS_CLIENT_XS_H
#define XS_CLIENT_XS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xsc;

/* A transaction's id as the server gave it. XSC_NO_TX: the request stands for itself. */
typedef uint32_t xsc_tx_t;
#define XSC_NO_TX 0u

/* ---- connection ------------------------------------------------------------------------------ */

/*
 * Connects to the Unix socket or character device at `path`. With NULL it tries in this order
 * $XENSTORED_PATH, $XENSTORED_RUNDIR/socket, /run/xenstored/socket and then, but only if none of
 * these is set by the environment, /dev/xen/xenbus and /proc/xen/xenbus. The descriptors are
 * close-on-exec.
 */
struct xsc *xsc_open(const char *path);

/*
 * The same in two steps, for a program that gets its connection from another one: the descriptor alone (-1
 * with errno), and the handle for it, which owns it from then on, also on failure.
 */
int xsc_connect(const char *path);
struct xsc *xsc_adopt(int fd);

/* Ends the connection; the server forgets its watches and transactions. NULL is allowed. */
void xsc_close(struct xsc *xs);

/*
 * Readable (poll, epoll, select) when xsc_check_watch() may return an event. Never read it directly.
 * It stays the same until xsc_close().
 */
int xsc_fd(const struct xsc *xs);

/* ---- nodes ----------------------------------------------------------------------------------- */

/*
 * The value of a node, with a NUL behind it that is not counted in *len (`len` may be NULL). A value may
 * hold NULs itself.
 */
char *xsc_read(struct xsc *xs, xsc_tx_t tx, const char *path, size_t *len);

/* The same with a path made by printf. */
char *xsc_readf(struct xsc *xs, xsc_tx_t tx, const char *path_fmt, ...) __attribute__((format(printf, 3, 4)));

/* Reads a decimal number (or 0x...). A value that is none: EINVAL; one that does not fit: ERANGE. */
int xsc_read_u64(struct xsc *xs, xsc_tx_t tx, const char *path, uint64_t *value);
int xsc_read_int(struct xsc *xs, xsc_tx_t tx, const char *path, int *value);

/* Sets a value of `len` bytes; the node and its parents are created if they are missing. */
int xsc_write(struct xsc *xs, xsc_tx_t tx, const char *path, const void *value, size_t len);

/* The same for a NUL-terminated value and a path made by printf. */
int xsc_writef(struct xsc *xs, xsc_tx_t tx, const char *value, const char *path_fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for a fixed path and a value made by printf. */
int xsc_printf(struct xsc *xs, xsc_tx_t tx, const char *path, const char *value_fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Creates an empty node; success also if it exists. */
int xsc_mkdir(struct xsc *xs, xsc_tx_t tx, const char *path);

/* Removes a node and all below it; success also if only the node itself is missing. */
int xsc_rm(struct xsc *xs, xsc_tx_t tx, const char *path);

/* 1 if the node can be read, 0 if there is none (ENOENT), -1 for anything else. */
int xsc_exists(struct xsc *xs, xsc_tx_t tx, const char *path);

/*
 * Names of a node's children in *count entries, in the server's order; a NULL entry follows the last one. One
 * free() for all. Lists beyond the payload limit are put together from parts, and taken again if
 * the node changes in between.
 */
char **xsc_directory(struct xsc *xs, xsc_tx_t tx, const char *path, size_t *count);

/* ---- permissions ------------------------------------------------------------------------------ */

/*
 * One entry: 'n' none, 'r' read, 'w' write, 'b' both. The first entry of a node names its owner, who may
 * always do both, and says what domains without an entry of their own may do.
 */
struct xsc_perm {
    unsigned int domid;
    char access;
};

struct xsc_perm *xsc_get_perms(struct xsc *xs, xsc_tx_t tx, const char *path, size_t *count);
int xsc_set_perms(struct xsc *xs, xsc_tx_t tx, const char *path, const struct xsc_perm *perms, size_t count);

/* ---- transactions ----------------------------------------------------------------------------- */

/* Starts one: 0 and its id in *tx. */
int xsc_tx_start(struct xsc *xs, xsc_tx_t *tx);

/* Ends one. commit: EAGAIN when somebody else changed a node that it has used; nothing was done. */
int xsc_tx_end(struct xsc *xs, xsc_tx_t tx, bool commit);

/*
 * Runs body(xs, tx, arg) in a transaction and commits it; begins again as often as the commit (or a request
 * in the body) fails with EAGAIN, so body() may run several times and must not count on its earlier runs. If
 * body returns other than 0, the transaction is dropped and that value is returned with errno as body left
 * it.
 */
typedef int xsc_tx_body(struct xsc *xs, xsc_tx_t tx, void *arg);
int xsc_transact(struct xsc *xs, xsc_tx_body *body, void *arg);

/* ---- many requests at once --------------------------------------------------------------------- */

/*
 * Requests that do not depend on each other's answers cost one wait together, not one each: they are
 * collected, and sent when there are many and at the end. They are carried out in their order, also behind
 * one that failed; whoever wants all or none takes a transaction. Until xsc_batch_end() the connection is for
 * the batch alone.
 */
#define XSC_BATCH_REQUESTS 128

struct xsc_answer {
    char *value; /* NULL: there is none; else one free(), a NUL behind it */
    size_t len;
    int error; /* an errno value, 0 with a value */
};

struct xsc_batch {
    struct xsc *xs;
    xsc_tx_t tx;
    int error; /* of the first request that failed without an answer of its own */
    unsigned int count;
    size_t ends[XSC_BATCH_REQUESTS];
    struct xsc_answer *answers[XSC_BATCH_REQUESTS];
    bool absent_is_fine[XSC_BATCH_REQUESTS];
    char bytes[16384];
};

void xsc_batch_begin(struct xsc_batch *b, struct xsc *xs, xsc_tx_t tx);

/* The value of a node; *answer is filled by the end. Its failure is not the batch's. */
void xsc_batch_read(struct xsc_batch *b, const char *path, struct xsc_answer *answer);

void xsc_batch_write(struct xsc_batch *b, const char *path, const void *value, size_t len);
void xsc_batch_mkdir(struct xsc_batch *b, const char *path);
void xsc_batch_set_perms(struct xsc_batch *b, const char *path, const struct xsc_perm *perms, size_t count);

/* Success also if the node, or its parent, is missing. */
void xsc_batch_rm(struct xsc_batch *b, const char *path);

/* Sends what is left and waits: 0, or -1 with errno of the first failure. Answers are filled either way. */
int xsc_batch_end(struct xsc_batch *b);

/* ---- watches ---------------------------------------------------------------------------------- */

/* An event: the path that changed (relative if the watch was) and the watch's token. One free(). */
struct xsc_event {
    char *path;
    char *token;
};

/*
 * Watches a node and all below it, or "@introduceDomain" / "@releaseDomain". One event follows at once,
 * whether the node exists or not. The pair (path, token) names the watch; a second one of the same: EEXIST.
 */
int xsc_watch(struct xsc *xs, const char *path, const char *token);

/*
 * Ends a watch. Its events that are still queued here are dropped (recognised by token, and a path at or
 * below `path`).
 */
int xsc_unwatch(struct xsc *xs, const char *path, const char *token);

/* The next event without waiting; NULL with errno EAGAIN if there is none. */
struct xsc_event *xsc_check_watch(struct xsc *xs);

/* The next event; waits up to timeout_ms (-1: for ever), then NULL with errno ETIMEDOUT; EINTR at a signal.
 */
struct xsc_event *xsc_wait_watch(struct xsc *xs, int timeout_ms);

/* ---- domains (all but the last two: dom0 only) ------------------------------------------------ */

/*
 * Tells the server of a new domain: the machine frame of its store ring (which is also grant 1 of the domain)
 * and the domain's unbound event channel. Again for the same domain: its ring is reset by the server's rules.
 */
int xsc_introduce(struct xsc *xs, unsigned int domid, unsigned long mfn, unsigned int port);

/* The server lets go of the domain's ring. */
int xsc_release(struct xsc *xs, unsigned int domid);

/* After a cancelled suspend: a later shutdown of the domain fires @releaseDomain again. */
int xsc_resume(struct xsc *xs, unsigned int domid);

/* Lets `domid` act on nodes as if it were `target`. */
int xsc_set_target(struct xsc *xs, unsigned int domid, unsigned int target);

/* Ends all watches and transactions of this connection. */
int xsc_reset_watches(struct xsc *xs);

/* 1 or 0; -1 with errno. */
int xsc_is_introduced(struct xsc *xs, unsigned int domid);

/* The domain's home: "/local/domain/N". */
char *xsc_get_domain_path(struct xsc *xs, unsigned int domid);

/*
 * A command to the server itself ("help", "check", ...), words separated by NUL in `args`; its answer as
 * text.
 */
char *xsc_control(struct xsc *xs, const char *args, size_t len);

#endif
