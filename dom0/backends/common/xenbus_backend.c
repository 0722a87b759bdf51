/* SPDX-License-Identifier: MIT */
/* Which devices there are: the store's events, devices that come and go, the beginning and the end. */
#include "dom0/backends/common/xenbus_backend.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/backends/common/xenbus_internal.h"

#define END_NS        5000000000LL
#define END_ROUND_MS  20
#define TOKEN_BACK    "back"
#define TOKEN_DOMAINS "domains"

/* ---- one device ---- */

struct backend_dev_state *backend_find(struct backend *b, uint32_t domid, uint32_t devid)
{
    struct backend_dev_state *s;

    LIST_FOREACH (s, &b->devices, link)
        if (s->dev.domid == domid && s->dev.devid == devid)
            return s;
    return NULL;
}

void backend_mark(struct backend_dev_state *s)
{
    struct backend *b = s->dev.backend;

    s->dirty = true;
    if (!loop_timer_is_set(b->look))
        loop_timer_set(b->look, loop_now_ns());
}

/*
 * The frontend has to be a device of that very guest: the toolstack writes this node, and one that was wrong
 * there must not let a guest speak for another.
 */
static bool is_own_frontend(const char *path, uint32_t domid)
{
    char home[48];
    size_t len = (size_t)snprintf(home, sizeof(home), "/local/domain/%u/device/", domid);

    if (strncmp(path, home, len) != 0 || !path[len] || strlen(path) >= BACKEND_PATH_ROOM)
        return false;
    for (const char *c = path + len; *c; c++)
        if (*c == '/' ? c[-1] == '/' || !c[1] : !isalnum((unsigned char)*c) && !strchr("-_.", *c))
            return false;
    return true;
}

static void watch_front(struct backend_dev_state *s, struct xsc *xs)
{
    char path[BACKEND_PATH_ROOM + 8];

    if (!*s->front || !xs)
        return;
    snprintf(path, sizeof(path), "%s/state", s->front);
    if (xsc_watch(xs, path, s->token) != 0 && errno != EEXIST && errno != EIO)
        backend_log(&s->dev, "cannot watch %s: %s", path, strerror(errno));
}

static void unwatch_front(struct backend_dev_state *s)
{
    struct xsc *xs = store_xs(s->dev.backend->env.store);
    char path[BACKEND_PATH_ROOM + 8];

    if (!*s->front || !xs)
        return;
    snprintf(path, sizeof(path), "%s/state", s->front);
    xsc_unwatch(xs, path, s->token);
}

/* Behind those that were there before: a toolstack waits for them in the order in which it wrote them. */
static void append(struct backend *b, struct backend_dev_state *s)
{
    struct backend_dev_state *last = LIST_FIRST(&b->devices);

    while (last && LIST_NEXT(last, link))
        last = LIST_NEXT(last, link);
    if (last)
        LIST_INSERT_AFTER(last, s, link);
    else
        LIST_INSERT_HEAD(&b->devices, s, link);
}

static struct backend_dev_state *new_device(struct backend *b, uint32_t domid, uint32_t devid)
{
    struct backend_dev_state *s = calloc(1, sizeof(*s));

    if (!s) {
        daemon_log("%s %u/%u: out of memory", b->ops->kind, domid, devid);
        return NULL;
    }
    s->dev = (struct backend_dev){
        .domid = domid, .devid = devid, .back = s->back, .front = s->front, .backend = b, .state = s};
    snprintf(s->back, sizeof(s->back), "%s/%u/%u", b->root, domid, devid);
    snprintf(s->token, sizeof(s->token), "%u/%u", domid, devid);
    append(b, s);
    return s;
}

/* Takes note of a device whose directory names a frontend and a state: the rest was written with these. */
static void take_note(struct backend *b, uint32_t domid, uint32_t devid, const struct xsc_answer *front,
                      const struct xsc_answer *front_id, bool has_error)
{
    struct backend_dev_state *s = new_device(b, domid, devid);
    uint64_t id;

    if (!s)
        return;
    s->has_error = has_error;
    if (!is_own_frontend(front->value, domid))
        backend_dev_fail(&s->dev, 0, "its frontend %s is not one of domain %u", front->value, domid);
    else if (backend_number_of(front_id, UINT32_MAX, &id) != 0 || id != domid)
        backend_dev_fail(&s->dev, 0, "its frontend-id is not %u", domid);
    else
        strcpy(s->front, front->value);
    watch_front(s, store_xs(b->env.store));
    backend_mark(s);
}

static void see_device(struct backend *b, uint32_t domid, uint32_t devid)
{
    char dir[BACKEND_PATH_ROOM], error_dir[BACKEND_PATH_ROOM];
    struct backend_node nodes[] = {{.dir = dir, .node = "state"},
                                   {.dir = dir, .node = "frontend"},
                                   {.dir = dir, .node = "frontend-id"},
                                   {.dir = error_dir, .node = "error"}};

    snprintf(dir, sizeof(dir), "%s/%u/%u", b->root, domid, devid);
    backend_error_path(b, domid, devid, error_dir);
    if (backend_fetch(b, nodes, 4) == 0 && backend_state_of(&nodes[0].answer) > XenbusStateUnknown &&
        nodes[1].answer.value)
        take_note(b, domid, devid, &nodes[1].answer, &nodes[2].answer, nodes[3].answer.value != NULL);
    backend_fetched(nodes, 4);
}

void backend_forget(struct backend_dev_state *s)
{
    struct backend *b = s->dev.backend;
    uint32_t domid = s->dev.domid, devid = s->dev.devid;

    if (s->phase == BACKEND_IDLE)
        b->ops->remove(&s->dev);
    unwatch_front(s);
    LIST_REMOVE(s, link);
    if (b->ending) {
        free(s);
        return;
    }
    backend_clear_error(s);
    free(s);
    /* Perhaps it made room for another one of the same number. */
    see_device(b, domid, devid);
}

/* ---- the store's events ---- */

static bool take_number(const char **text, uint32_t *number)
{
    char *end;
    unsigned long n;

    if (!isdigit((unsigned char)**text) || (**text == '0' && isdigit((unsigned char)(*text)[1])))
        return false;
    errno = 0;
    n = strtoul(*text, &end, 10);
    if (errno != 0 || n > UINT32_MAX || (*end && *end != '/'))
        return false;
    *number = (uint32_t)n;
    *text = *end ? end + 1 : end;
    return true;
}

static void see_or_mark(struct backend *b, uint32_t domid, uint32_t devid)
{
    struct backend_dev_state *s = backend_find(b, domid, devid);

    if (s)
        backend_mark(s);
    else
        see_device(b, domid, devid);
}

void backend_for_numbers(struct backend *b, const char *dir, uint32_t domid,
                         void (*fn)(struct backend *b, uint32_t domid, uint32_t number))
{
    struct xsc *xs = store_xs(b->env.store);
    size_t count = 0;
    char **names = xs ? xsc_directory(xs, XSC_NO_TX, dir, &count) : NULL;

    for (size_t i = 0; names && i < count; i++) {
        const char *name = names[i];
        uint32_t number;

        if (take_number(&name, &number) && !*name)
            fn(b, domid, number);
    }
    free(names);
}

/* All devices of a guest: those that are there, and those that were. */
static void scan_guest(struct backend *b, uint32_t unused, uint32_t domid)
{
    char dir[BACKEND_PATH_ROOM];
    struct backend_dev_state *s;

    (void)unused;
    LIST_FOREACH (s, &b->devices, link)
        if (s->dev.domid == domid)
            backend_mark(s);
    snprintf(dir, sizeof(dir), "%s/%u", b->root, domid);
    backend_for_numbers(b, dir, domid, see_or_mark);
}

static void scan_all(struct backend *b)
{
    struct backend_dev_state *s;

    LIST_FOREACH (s, &b->devices, link)
        backend_mark(s);
    backend_for_numbers(b, b->root, 0, scan_guest);
    backend_clear_lost_errors(b);
}

static void node_changed(struct backend_dev_state *s, const char *node)
{
    const char *const *nodes = s->dev.backend->ops->nodes;

    for (unsigned int i = 0; nodes && nodes[i] && i < BACKEND_MAX_NODES; i++)
        if (strcmp(nodes[i], node) == 0) {
            s->changed |= 1U << i;
            backend_mark(s);
        }
    if (!*node || strcmp(node, "state") == 0 || strcmp(node, "online") == 0)
        backend_mark(s);
}

static void back_event(struct backend *b, const char *path)
{
    size_t len = strlen(b->root);
    struct backend_dev_state *s;
    uint32_t domid, devid;

    if (strncmp(path, b->root, len) != 0 || path[len] != '/') {
        scan_all(b);
        return;
    }
    path += len + 1;
    if (!take_number(&path, &domid))
        return;
    if (!*path) {
        scan_guest(b, 0, domid);
        return;
    }
    if (!take_number(&path, &devid))
        return;
    s = backend_find(b, domid, devid);
    if (s)
        node_changed(s, path);
    else
        see_device(b, domid, devid);
}

static void on_event(void *arg, const char *path, const char *token)
{
    struct backend *b = arg;
    struct backend_dev_state *s;
    uint32_t domid, devid;

    if (b->ending)
        return;
    if (strcmp(token, TOKEN_BACK) == 0) {
        back_event(b, path);
    } else if (strcmp(token, TOKEN_DOMAINS) == 0) {
        LIST_FOREACH (s, &b->devices, link)
            if (s->adrift)
                backend_mark(s);
    } else if (take_number(&token, &domid) && take_number(&token, &devid)) {
        s = backend_find(b, domid, devid);
        if (s)
            backend_mark(s);
    }
}

static void look(void *arg)
{
    struct backend *b = arg;
    struct backend_dev_state *s = LIST_FIRST(&b->devices);
    int64_t later = 0;

    while (s && !b->ending) {
        struct backend_dev_state *next = LIST_NEXT(s, link);
        int64_t due = s->dirty ? backend_share_due(&s->share, b->share_burst_ns, loop_now_ns()) : 0;

        if (s->dirty && due == 0)
            backend_follow(s);
        else if (due != 0 && (later == 0 || due < later))
            later = due;
        s = next;
    }
    loop_timer_set(b->later, later);
}

static void on_connected(void *arg, struct xsc *xs)
{
    struct backend *b = arg;
    struct backend_dev_state *s;

    if (b->ending)
        return;
    if (xsc_watch(xs, b->root, TOKEN_BACK) != 0 || xsc_watch(xs, "@releaseDomain", TOKEN_DOMAINS) != 0)
        daemon_log("cannot watch %s: %s", b->root, strerror(errno));
    LIST_FOREACH (s, &b->devices, link) {
        s->reconnected = true;
        watch_front(s, xs);
        backend_mark(s);
    }
}

/* ---- beginning and end ---- */

int backend_env_open(struct backend_env *env, struct broker *broker)
{
    *env = (struct backend_env){.broker = broker, .loop = broker_loop(broker), .priv = env->priv};
    env->access = guest_access_open();
    env->store = env->access ? store_open(broker) : NULL;
    return env->store ? 0 : -1;
}

struct backend *backend_start(const struct backend_ops *ops, const struct backend_env *env)
{
    struct backend *b = calloc(1, sizeof(*b));
    struct store_user user = {on_connected, on_event, look, b};

    if (b) {
        b->ops = ops;
        b->env = *env;
        b->share_burst_ns = BACKEND_SHARE_BURST_NS;
        LIST_INIT(&b->devices);
        snprintf(b->root, sizeof(b->root), "/local/domain/0/backend/%s", ops->kind);
        b->look = loop_timer_new(env->loop, look, b);
        b->later = loop_timer_new(env->loop, look, b);
    }
    if (!b || !b->look || !b->later || guest_access_start(env->access, env->loop) != 0) {
        daemon_log("cannot serve %s: %s", ops->kind, strerror(errno));
        if (b) {
            loop_timer_free(b->look);
            loop_timer_free(b->later);
        }
        free(b);
        return NULL;
    }
    store_start(env->store, &user);
    return b;
}

/* Whether any device still waits for its I/O. */
static bool any_leaving(const struct backend *b)
{
    const struct backend_dev_state *s;

    LIST_FOREACH (s, &b->devices, link)
        if (s->phase == BACKEND_LEAVING)
            return true;
    return false;
}

void backend_end(struct backend *b)
{
    int64_t deadline = loop_now_ns() + END_NS;
    struct backend_dev_state *s;

    b->ending = true;
    LIST_FOREACH (s, &b->devices, link)
        backend_leave(s);
    while (any_leaving(b) && loop_now_ns() < deadline)
        if (loop_round(b->env.loop, END_ROUND_MS) != 0)
            break;
    while ((s = LIST_FIRST(&b->devices)))
        backend_forget(s);
    loop_timer_free(b->look);
    loop_timer_free(b->later);
    free(b);
}

const struct backend_env *backend_env(const struct backend_dev *dev)
{
    return &dev->backend->env;
}

struct backend_dev *backend_next(struct backend *backend, const struct backend_dev *dev)
{
    struct backend_dev_state *s = dev ? LIST_NEXT(dev->state, link) : LIST_FIRST(&backend->devices);

    return s ? &s->dev : NULL;
}
