/* SPDX-License-Identifier: MIT */
/* Devices: a frontend's directory, its backend's, and their states. */
#include "guest/guest.h"
#include "guest/store_ring.h"
#include "guest/xenbus.h"

#define MAX_LISTING 1024u /* names of one kind's devices */

static enum xenbus_state read_state(const struct xenbus_device *dev)
{
    uint64_t state;

    if (xenbus_read_uint(XENBUS_NO_TX, &state, "%s/state", dev->back) || state > XenbusStateReconfigured)
        return XenbusStateUnknown;
    return (enum xenbus_state)state;
}

static void backend_changed(struct xenbus_watch *w, const char *path)
{
    struct xenbus_device *dev = w->data;
    enum xenbus_state now = read_state(dev);
    bool differs = now != __atomic_exchange_n(&dev->backend_state, now, __ATOMIC_SEQ_CST);

    (void)path;
    waitq_wake(&dev->waiters);
    if (differs && dev->changed)
        dev->changed(dev, now);
}

int xenbus_device_open(struct xenbus_device *dev, const char *kind, unsigned id)
{
    uint64_t backend;
    int rc;

    dev->kind = kind;
    dev->id = id;
    dev->backend_state = XenbusStateUnknown;
    if (snprintf(dev->front, sizeof(dev->front), "device/%s/%u", kind, id) >= (int)sizeof(dev->front))
        return -XEN_ENAMETOOLONG;
    rc = xenbus_read(XENBUS_NO_TX, dev->back, sizeof(dev->back), "%s/backend", dev->front);
    if (rc < 0)
        return rc;
    rc = xenbus_read_uint(XENBUS_NO_TX, &backend, "%s/backend-id", dev->front);
    if (rc)
        return rc;
    if (backend >= DOMID_FIRST_RESERVED)
        return -XEN_EINVAL;
    dev->backend = (domid_t)backend;
    dev->watch.fn = backend_changed;
    dev->watch.data = dev;
    return xenbus_watch(&dev->watch, "%s/state", dev->back);
}

void xenbus_device_close(struct xenbus_device *dev)
{
    xenbus_unwatch(&dev->watch);
}

enum xenbus_state xenbus_backend_state(struct xenbus_device *dev)
{
    return __atomic_load_n(&dev->backend_state, __ATOMIC_SEQ_CST);
}

static int set_state_in(xenbus_tx_t tx, struct xenbus_device *dev, enum xenbus_state state)
{
    char back[sizeof(dev->back)];
    int rc = xenbus_read(tx, back, sizeof(back), "%s/backend", dev->front);

    return rc < 0 ? rc : xenbus_write_uint(tx, state, "%s/state", dev->front);
}

int xenbus_set_state(xenbus_tx_t tx, struct xenbus_device *dev, enum xenbus_state state)
{
    xenbus_tx_t own;
    int rc, end;

    if (tx)
        return set_state_in(tx, dev, state);
    do {
        rc = xenbus_tx_start(&own);
        if (rc)
            return rc;
        rc = set_state_in(own, dev, state);
        end = xenbus_tx_end(own, !rc);
        if (!rc)
            rc = end;
    } while (rc == -XEN_EAGAIN);
    return rc;
}

struct wanted {
    struct xenbus_device *dev;
    unsigned mask;
};

static bool is_wanted(void *arg)
{
    const struct wanted *w = arg;

    return w->mask >> xenbus_backend_state(w->dev) & 1;
}

int xenbus_wait_backend(struct xenbus_device *dev, unsigned mask_of_states, uint64_t deadline)
{
    struct wanted w = {dev, mask_of_states};

    if (!waitq_wait(&dev->waiters, is_wanted, &w, deadline))
        return -XEN_ETIMEDOUT;
    return (int)xenbus_backend_state(dev);
}

int xenbus_device_ids(const char *kind, unsigned *ids, unsigned max)
{
    char names[MAX_LISTING];
    const char *name = names;
    unsigned n = 0;
    int listed = xenbus_list(XENBUS_NO_TX, names, sizeof(names), "device/%s", kind);

    if (listed == -XEN_ENOENT)
        return 0;
    for (int i = 0; i < listed && n < max; i++, name += strlen(name) + 1) {
        uint64_t id;

        if (!store_number(name, strlen(name), &id) && id <= UINT32_MAX)
            ids[n++] = (unsigned)id;
    }
    return listed < 0 ? listed : (int)n;
}
