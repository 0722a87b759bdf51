/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/backends/common/xenbus_internal.h"

#define VALUE_ROOM  1024
#define REASON_ROOM 256
#define ERROR_ROOT  "/local/domain/0/error"

/* ---- reading ---- */

/* A value as a string; without a store, as with any other failure, NULL and *error. */
static char *read_node(struct backend_dev *dev, const char *dir, const char *node, int *error)
{
    struct xsc *xs = store_xs(dev->backend->env.store);
    char *value;
    size_t len;

    char path[BACKEND_PATH_ROOM + 64];

    *error = EIO;
    if (!xs)
        return NULL;
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, node) >= sizeof(path)) {
        *error = E2BIG;
        return NULL;
    }
    value = xsc_read(xs, XSC_NO_TX, path, &len);
    *error = value ? 0 : errno;
    if (value && strlen(value) != len) {
        *error = EINVAL;
        free(value);
        value = NULL;
    }
    return value;
}

static int parse_decimal(const char *text, uint64_t max, uint64_t *value)
{
    uint64_t n = 0;

    if (!*text)
        return EINVAL;
    for (; *text; text++) {
        unsigned int digit = (unsigned int)(unsigned char)*text - '0';

        if (digit > 9)
            return EINVAL;
        if (n > (UINT64_MAX - digit) / 10)
            return ERANGE;
        n = n * 10 + digit;
    }
    if (n > max)
        return ERANGE;
    *value = n;
    return 0;
}

static int read_number(struct backend_dev *dev, const char *dir, const char *node, uint64_t max,
                       uint64_t *value)
{
    int error;
    char *text = read_node(dev, dir, node, &error);

    if (text)
        error = parse_decimal(text, max, value);
    free(text);
    return error;
}

static int read_string(struct backend_dev *dev, const char *dir, const char *node, char *text, size_t size)
{
    int error;
    char *value = read_node(dev, dir, node, &error);

    if (!value)
        return error;
    if (strlen(value) >= size)
        error = E2BIG;
    else
        strcpy(text, value);
    free(value);
    return error;
}

int backend_read_front(struct backend_dev *dev, const char *node, uint64_t max, uint64_t *value)
{
    return read_number(dev, dev->front, node, max, value);
}

int backend_read_front_string(struct backend_dev *dev, const char *node, char *text, size_t size)
{
    return read_string(dev, dev->front, node, text, size);
}

int backend_read(struct backend_dev *dev, const char *node, uint64_t max, uint64_t *value)
{
    return read_number(dev, dev->back, node, max, value);
}

int backend_read_string(struct backend_dev *dev, const char *node, char *text, size_t size)
{
    return read_string(dev, dev->back, node, text, size);
}

int backend_fetch(struct backend *backend, struct backend_node *nodes, size_t count)
{
    struct xsc *xs = store_xs(backend->env.store);
    char path[BACKEND_PATH_ROOM + 64];
    struct xsc_batch batch;

    for (size_t i = 0; i < count; i++)
        nodes[i].answer = (struct xsc_answer){.error = EIO};
    if (!xs)
        return EIO;
    xsc_batch_begin(&batch, xs, XSC_NO_TX);
    for (size_t i = 0; i < count; i++) {
        if ((size_t)snprintf(path, sizeof(path), "%s/%s", nodes[i].dir, nodes[i].node) >= sizeof(path))
            nodes[i].answer.error = E2BIG;
        else
            xsc_batch_read(&batch, path, &nodes[i].answer);
    }
    return xsc_batch_end(&batch) == 0 ? 0 : errno;
}

void backend_fetched(struct backend_node *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(nodes[i].answer.value);
}

int backend_state_of(const struct xsc_answer *answer)
{
    const char *text = answer->value;

    if (!text)
        return answer->error != EIO ? XenbusStateUnknown : -1;
    if (!*text)
        return XenbusStateUnknown;
    return text[0] >= '0' && text[0] <= '6' && !text[1] ? text[0] - '0' : XenbusStateClosed;
}

int backend_number_of(const struct xsc_answer *answer, uint64_t max, uint64_t *value)
{
    if (!answer->value)
        return answer->error;
    return strlen(answer->value) == answer->len ? parse_decimal(answer->value, max, value) : EINVAL;
}

void backend_read_numbers(struct backend_dev *dev, struct backend_number *numbers, size_t count)
{
    struct backend_node nodes[BACKEND_MAX_NODES];

    for (size_t i = 0; i < count; i++)
        nodes[i] = (struct backend_node){.dir = dev->back, .node = numbers[i].node};
    backend_fetch(dev->backend, nodes, count);
    for (size_t i = 0; i < count; i++)
        numbers[i].error = backend_number_of(&nodes[i].answer, numbers[i].max, &numbers[i].value);
    backend_fetched(nodes, count);
}

int backend_read_state(struct backend *backend, const char *dir)
{
    struct backend_node node = {.dir = dir, .node = "state"};
    int state;

    backend_fetch(backend, &node, 1);
    state = backend_state_of(&node.answer);
    backend_fetched(&node, 1);
    return state;
}

/* ---- writing ---- */

struct put {
    struct backend_dev_state *s;
    const struct backend_value *values;
    size_t count;
};

/* A toolstack that has just removed the directory would have it back with a node in it, were this not looked
 * at first. */
static int put_body(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    const struct put *p = arg;
    struct xsc_answer state;
    struct xsc_batch batch;
    char path[BACKEND_PATH_ROOM + 64];

    xsc_batch_begin(&batch, xs, tx);
    snprintf(path, sizeof(path), "%s/state", p->s->back);
    xsc_batch_read(&batch, path, &state);
    for (size_t i = 0; i < p->count; i++) {
        if ((size_t)snprintf(path, sizeof(path), "%s/%s", p->s->back, p->values[i].node) >= sizeof(path))
            batch.error = E2BIG;
        else
            xsc_batch_write(&batch, path, p->values[i].text, strlen(p->values[i].text));
    }
    if (xsc_batch_end(&batch) == 0 && !state.value) {
        errno = state.error;
        return -1;
    }
    free(state.value);
    return batch.error == 0 ? 0 : -1;
}

int backend_write_all(struct backend_dev *dev, xsc_tx_t tx, const struct backend_value *values, size_t count)
{
    struct put p = {dev->state, values, count};
    struct xsc *xs = store_xs(dev->backend->env.store);

    if (!xs)
        return EIO;
    if (tx == XSC_NO_TX)
        return xsc_transact(xs, put_body, &p) == 0 ? 0 : errno;
    return put_body(xs, tx, &p) == 0 ? 0 : errno;
}

int backend_put(struct backend_dev_state *s, xsc_tx_t tx, const char *node, const char *value)
{
    const struct backend_value v = {node, value};

    return backend_write_all(&s->dev, tx, &v, 1);
}

int backend_write(struct backend_dev *dev, xsc_tx_t tx, const char *node, const char *fmt, ...)
{
    char value[VALUE_ROOM];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(value))
        return E2BIG;
    return backend_put(dev->state, tx, node, value);
}

void backend_announce(struct backend_dev *dev)
{
    char value[4];

    if (dev->state->ours == XenbusStateUnknown)
        return;
    snprintf(value, sizeof(value), "%d", dev->state->ours);
    backend_put(dev->state, XSC_NO_TX, "state", value);
}

/* ---- what goes wrong ---- */

void backend_log(struct backend_dev *dev, const char *fmt, ...)
{
    char text[REASON_ROOM];
    unsigned int left_out;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (!log_limit_take(&dev->state->limit, &left_out))
        return;
    if (left_out > 0)
        daemon_log("%s %u/%u: (%u lines left out)", dev->backend->ops->kind, dev->domid, dev->devid,
                   left_out);
    daemon_log("%s %u/%u: %s", dev->backend->ops->kind, dev->domid, dev->devid, text);
}

struct error_node {
    const char *kind;
    uint32_t domid, devid;
};

static void error_path(const struct error_node *e, char path[BACKEND_PATH_ROOM])
{
    snprintf(path, BACKEND_PATH_ROOM, ERROR_ROOT "/backend/%.40s/%u/%u", e->kind, e->domid, e->devid);
}

static struct error_node error_node(const struct backend_dev_state *s)
{
    return (struct error_node){s->dev.backend->ops->kind, s->dev.domid, s->dev.devid};
}

void backend_error_path(const struct backend *b, uint32_t domid, uint32_t devid, char path[BACKEND_PATH_ROOM])
{
    const struct error_node e = {b->ops->kind, domid, devid};

    error_path(&e, path);
}

static void put_error(struct backend_dev_state *s, const char *text)
{
    struct xsc *xs = store_xs(s->dev.backend->env.store);
    const struct error_node e = error_node(s);
    char path[BACKEND_PATH_ROOM];

    error_path(&e, path);
    /* A device that is no longer there has nobody who would remove its error. */
    if (!xs || backend_read_state(s->dev.backend, s->back) <= XenbusStateUnknown)
        return;
    s->has_error = xsc_writef(xs, XSC_NO_TX, text, "%s/error", path) == 0;
}

void backend_dev_fail(struct backend_dev *dev, int err, const char *fmt, ...)
{
    struct backend_dev_state *s = dev->state;
    char text[REASON_ROOM];
    va_list ap;
    int n;

    if (s->failed)
        return;
    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (err != 0 && n >= 0 && (size_t)n < sizeof(text))
        snprintf(text + n, sizeof(text) - (size_t)n, ": %s", strerror(err));
    backend_log(dev, "%s", text);
    s->failed = true;
    s->parted = false;
    put_error(s, text);
    backend_mark(s);
}

static int clear_body(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    char path[BACKEND_PATH_ROOM], *slash;
    size_t count = 0;

    error_path(arg, path);
    if (xsc_rm(xs, tx, path) != 0 && errno != ENOENT)
        return -1;
    /* Up to ERROR_ROOT, as far as nothing else is there. */
    while ((slash = strrchr(path, '/')) && strlen(path) > strlen(ERROR_ROOT)) {
        char **names;

        *slash = '\0';
        names = xsc_directory(xs, tx, path, &count);
        if (!names)
            return errno == ENOENT ? 0 : -1;
        free(names);
        if (count > 0)
            break;
        if (xsc_rm(xs, tx, path) != 0)
            return -1;
    }
    return 0;
}

static void clear_error(struct backend *b, uint32_t domid, uint32_t devid)
{
    struct error_node e = {b->ops->kind, domid, devid};
    struct xsc *xs = store_xs(b->env.store);

    if (xs)
        xsc_transact(xs, clear_body, &e);
}

void backend_clear_error(struct backend_dev_state *s)
{
    if (s->has_error)
        clear_error(s->dev.backend, s->dev.domid, s->dev.devid);
    s->has_error = false;
}

static void clear_if_lost(struct backend *b, uint32_t domid, uint32_t devid)
{
    if (!backend_find(b, domid, devid))
        clear_error(b, domid, devid);
}

static void clear_lost_of_guest(struct backend *b, uint32_t unused, uint32_t domid)
{
    char dir[BACKEND_PATH_ROOM];

    (void)unused;
    snprintf(dir, sizeof(dir), ERROR_ROOT "/backend/%.40s/%u", b->ops->kind, domid);
    backend_for_numbers(b, dir, domid, clear_if_lost);
}

void backend_clear_lost_errors(struct backend *b)
{
    char dir[BACKEND_PATH_ROOM];

    snprintf(dir, sizeof(dir), ERROR_ROOT "/backend/%.40s", b->ops->kind);
    backend_for_numbers(b, dir, 0, clear_lost_of_guest);
}
