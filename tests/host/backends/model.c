/* SPDX-License-Identifier: MIT */
#include "tests/host/backends/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/backends/common/broker_internal.h"
#include "dom0/backends/common/xenbus_internal.h"

#define KIND       "hospes-vbd"
#define BACK_FMT   "/local/domain/0/backend/" KIND "/%u/%u"
#define FRONT_FMT  "/local/domain/%u/device/vbd/%u"
#define MAX_ROUNDS 200

static struct broker broker;
/* What killed daemons leave behind: their memory was never theirs to free. */
static struct backend *killed[4096];
static unsigned int nr_killed;

/* ---- the backend ---- */

static struct model *model_of(const struct backend_dev *dev)
{
    return backend_env(dev)->priv;
}

struct model_dev *model_find(struct model *m, uint32_t domid, uint32_t devid)
{
    for (int i = 0; i < MODEL_DEVICES; i++)
        if (m->devices[i].dev && m->devices[i].domid == domid && m->devices[i].devid == devid)
            return &m->devices[i];
    return NULL;
}

/* What is remembered of earlier ones of the same number goes on being counted. */
static struct model_dev *slot(struct model *m, uint32_t domid, uint32_t devid)
{
    struct model_dev *d = m->devices;

    while (d < m->devices + MODEL_DEVICES && (d->domid || d->devid) &&
           (d->domid != domid || d->devid != devid))
        d++;
    assert_true(d < m->devices + MODEL_DEVICES);
    d->domid = domid;
    d->devid = devid;
    return d;
}

static struct model_dev *dev_of(struct backend_dev *dev)
{
    struct model_dev *d = dev->priv;

    assert_non_null(d);
    assert_ptr_equal(d->dev, dev);
    return d;
}

static int probe(struct backend_dev *dev)
{
    struct model *m = model_of(dev);
    struct model_dev *d = slot(m, dev->domid, dev->devid);

    assert_null(d->dev);
    assert_int_equal(d->phase, ABSENT);
    if (m->probe_fails) {
        backend_dev_fail(dev, ENOENT, "no image");
        return -1;
    }
    d->probes++;
    d->dev = dev;
    dev->priv = d;
    d->phase = PROBED;
    assert_int_equal(backend_write(dev, XSC_NO_TX, "feature-x", "%d", 1), 0);
    return 0;
}

static int connect_dev(struct backend_dev *dev)
{
    struct model_dev *d = dev_of(dev);
    struct model *m = model_of(dev);

    assert_int_equal(d->phase, PROBED);
    if (m->connect_fails) {
        backend_dev_fail(dev, 0, "ring reference makes no sense");
        return -1;
    }
    d->connects++;
    d->resumed = dev->resumed;
    d->phase = CONNECTED;
    return 0;
}

static bool disconnect(struct backend_dev *dev)
{
    struct model_dev *d = dev_of(dev);
    struct model *m = model_of(dev);

    assert_int_equal(d->phase, CONNECTED);
    d->disconnects++;
    d->phase = m->slow_disconnect ? LEAVING : PROBED;
    return !m->slow_disconnect;
}

static void remove_dev(struct backend_dev *dev)
{
    struct model_dev *d = dev_of(dev);

    assert_int_equal(d->phase, PROBED);
    d->removes++;
    d->dev = NULL;
    d->phase = ABSENT;
}

static void changed(struct backend_dev *dev, const char *node)
{
    struct model_dev *d = dev_of(dev);

    assert_true(d->phase == PROBED || d->phase == CONNECTED);
    d->changes++;
    snprintf(model_of(dev)->changed, sizeof(model_of(dev)->changed), "%s", node);
}

static const char *const nodes[] = {"resize", "limit-iops", NULL};
static const struct backend_ops ops = {KIND, nodes, probe, connect_dev, disconnect, remove_dev, changed};

/* ---- the daemon ---- */

void model_start(struct model *m)
{
    broker.loop = m->loop = loop_new();
    m->env.priv = m;
    assert_int_equal(backend_env_open(&m->env, &broker), 0);
    m->backend = backend_start(&ops, &m->env);
    assert_non_null(m->backend);
    /* Here a guest's changes all count, however long they take. */
    m->backend->share_burst_ns = INT64_MAX / 2;
}

void model_stop(struct model *m)
{
    backend_end(m->backend);
    m->backend = NULL;
    store_close(m->env.store);
    loop_free(m->loop);
}

void model_kill(struct model *m)
{
    /* The kernel closes its connection; nothing else of it happens. */
    assert_true(nr_killed < sizeof(killed) / sizeof(killed[0]));
    killed[nr_killed++] = m->backend;
    m->backend = NULL;
    store_close(m->env.store);
    for (int i = 0; i < MODEL_DEVICES; i++) {
        m->devices[i].dev = NULL;
        m->devices[i].phase = ABSENT;
    }
}

void model_settle(struct model *m)
{
    unsigned int quiet = 0, n;

    /* Timers that wait for the store to come back do not count: time does not pass in here. */
    for (int i = 0; i < MAX_ROUNDS && quiet < 3; i++) {
        fake_store_requests();
        assert_int_equal(loop_round(m->loop, 0), 0);
        n = fake_store_requests();
        m->requests += n;
        quiet = n ? 0 : quiet + 1;
    }
    assert_int_equal(quiet, 3);
}

int model_setup(void **state)
{
    struct model *m = calloc(1, sizeof(*m));

    fake_store_begin();
    m->toolstack = fake_store_connect(0);
    model_start(m);
    *state = m;
    return 0;
}

static void free_killed(void)
{
    while (nr_killed > 0) {
        struct backend *b = killed[--nr_killed];
        struct backend_dev_state *s;

        while ((s = LIST_FIRST(&b->devices))) {
            LIST_REMOVE(s, link);
            free(s);
        }
        loop_timer_free(b->look);
        loop_timer_free(b->later);
        loop_free(b->env.loop);
        free(b);
    }
}

int model_teardown(void **state)
{
    struct model *m = *state;

    if (m->backend)
        model_stop(m);
    xsc_close(m->toolstack);
    fake_store_end();
    free_killed();
    free(m);
    return 0;
}

/* ---- toolstack ---- */

static void put(struct xsc *xs, xsc_tx_t tx, const char *value, const char *dir_fmt, uint32_t a, uint32_t b,
                const char *node)
{
    char path[160];

    snprintf(path, sizeof(path), dir_fmt, a, b);
    strcat(path, "/");
    strcat(path, node);
    assert_int_equal(xsc_write(xs, tx, path, value, strlen(value)), 0);
}

void toolstack_attach(struct model *m, uint32_t domid, uint32_t devid)
{
    const struct xsc_perm front_perms[] = {{domid, 'n'}, {0, 'r'}};
    struct xsc *xs = m->toolstack;
    char front[96], id[16];
    xsc_tx_t tx;

    snprintf(front, sizeof(front), FRONT_FMT, domid, devid);
    snprintf(id, sizeof(id), "%u", domid);
    assert_int_equal(xsc_tx_start(xs, &tx), 0);
    xsc_rm(xs, tx, front);
    assert_int_equal(xsc_mkdir(xs, tx, front), 0);
    assert_int_equal(xsc_set_perms(xs, tx, front, front_perms, 2), 0);
    put(xs, tx, "1", FRONT_FMT, domid, devid, "state");
    put(xs, tx, front, BACK_FMT, domid, devid, "frontend");
    put(xs, tx, id, BACK_FMT, domid, devid, "frontend-id");
    put(xs, tx, "1", BACK_FMT, domid, devid, "online");
    put(xs, tx, "1", BACK_FMT, domid, devid, "state");
    assert_int_equal(xsc_tx_end(xs, tx, true), 0);
}

void toolstack_write(struct model *m, uint32_t domid, uint32_t devid, const char *node, const char *value)
{
    put(m->toolstack, XSC_NO_TX, value, BACK_FMT, domid, devid, node);
}

void toolstack_detach(struct model *m, uint32_t domid, uint32_t devid)
{
    xsc_tx_t tx;

    assert_int_equal(xsc_tx_start(m->toolstack, &tx), 0);
    put(m->toolstack, tx, "0", BACK_FMT, domid, devid, "online");
    put(m->toolstack, tx, "5", BACK_FMT, domid, devid, "state");
    assert_int_equal(xsc_tx_end(m->toolstack, tx, true), 0);
}

void toolstack_remove(struct model *m, uint32_t domid, uint32_t devid)
{
    char path[96];

    snprintf(path, sizeof(path), BACK_FMT, domid, devid);
    xsc_rm(m->toolstack, XSC_NO_TX, path);
    snprintf(path, sizeof(path), FRONT_FMT, domid, devid);
    xsc_rm(m->toolstack, XSC_NO_TX, path);
}

static char *read_at(struct model *m, const char *fmt, uint32_t domid, uint32_t devid, const char *node)
{
    char path[160];

    snprintf(path, sizeof(path), fmt, domid, devid);
    strcat(path, node);
    return xsc_read(m->toolstack, XSC_NO_TX, path, NULL);
}

int back_state(struct model *m, uint32_t domid, uint32_t devid)
{
    char *text = read_at(m, BACK_FMT, domid, devid, "/state");
    int state = !text ? 0 : text[0] && !text[1] ? text[0] - '0' : -1;

    free(text);
    return state;
}

char *error_of(struct model *m, uint32_t domid, uint32_t devid)
{
    return read_at(m, "/local/domain/0/error/backend/" KIND "/%u/%u", domid, devid, "/error");
}

/* ---- guests ---- */

/* As root of the store: whether a guest may do it is not this test's subject, that it may write anything is.
 */
void guest_state(uint32_t domid, uint32_t devid, const char *state)
{
    struct xsc *xs = fake_store_connect(0);

    put(xs, XSC_NO_TX, state, FRONT_FMT, domid, devid, "state");
    xsc_close(xs);
}

void guest_remove(uint32_t domid, uint32_t devid)
{
    struct xsc *xs = fake_store_connect(0);
    char path[96];

    snprintf(path, sizeof(path), FRONT_FMT, domid, devid);
    xsc_rm(xs, XSC_NO_TX, path);
    xsc_close(xs);
}
