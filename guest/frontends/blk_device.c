/* SPDX-License-Identifier: MIT */
/*
 * A device's life. Its manager, a thread, is the only one that connects and disconnects after the first
 * connection; everybody else leaves it a note.
 *
 *   backend says           and `online` is 1              and it is 0, or gone
 *   Connected (again)      the size is read anew
 *   Closing, Closed        disconnect, connect again,     the device is unplugged
 *                          do again what was in flight
 *   anything else          nothing: a backend that was killed and comes back finds ring and port as they were
 *
 * Before the domain is suspended a device is disconnected; afterwards it looks for its backend, which in a
 * new domain is another one, and does again what was in flight.
 */
#include "guest/frontends/blk_internal.h"
#include "guest/grant.h"
#include "guest/guest.h"
#include "guest/heap.h"
#include "guest/smp.h"
#include "guest/suspend.h"
#include "guest/time.h"

#define FIRST_CONNECTION (60 * SECONDS)
#define AGAIN_CONNECTION (60 * SECONDS)
#define DRAIN            (3 * SECONDS)
#define LAST_REQUESTS    (30 * SECONDS)

/* --- notes for the manager ------------------------------------------------- */

void blk_note(struct blk_dev *dev, unsigned event)
{
    __atomic_or_fetch(&dev->events, event, __ATOMIC_ACQ_REL);
    waitq_wake(&dev->wake);
}

bool blk_noted(const struct blk_dev *dev, unsigned events)
{
    return __atomic_load_n(&dev->events, __ATOMIC_ACQUIRE) & events;
}

static bool has_notes(void *data)
{
    return blk_noted(data, ~0u);
}

static void state_changed(struct xenbus_device *xb, enum xenbus_state state)
{
    (void)state;
    blk_note(xb->data, BLK_EV_STATE);
}

/* A resize comes as a new `sectors` and the state that it was in anyway. */
static void size_changed(struct xenbus_watch *w, const char *path)
{
    (void)path;
    blk_note(w->data, BLK_EV_STATE);
}

void blk_dev_broken(struct blk_dev *dev, const char *why)
{
    if (!__atomic_exchange_n(&dev->broken, why, __ATOMIC_ACQ_REL))
        blk_note(dev, BLK_EV_BROKEN);
}

void blk_dev_unsupported(struct blk_dev *dev, enum blk_op op)
{
    __atomic_or_fetch(&dev->unsupported, 1u << op, __ATOMIC_RELAXED);
}

void blk_reconnect(struct blk_dev *dev)
{
    blk_note(dev, BLK_EV_RECONNECT);
}

/* --- what the manager does ------------------------------------------------- */

/* Out of use from now on. */
static void give_up(struct blk_dev *dev, int error, const char *why, uint64_t drain_ns)
{
    printf("blk %u: out of use: %s\n", dev->xb.id, why);
    __atomic_store_n(&dev->error, error, __ATOMIC_RELEASE);
    blk_drain(dev, drain_ns);
    for (unsigned i = 0; i < dev->nr_channels; i++)
        blk_queue_fail(&dev->channels[i]->q, error);
    waitq_wake(&dev->changed);
    blk_disconnect(dev);
}

/* False also when the store cannot say. */
static bool unplugged(struct blk_dev *dev)
{
    uint64_t online;
    int rc = xenbus_read_uint(XENBUS_NO_TX, &online, "%s/online", dev->xb.back);

    return rc == -XEN_ENOENT || (!rc && !online);
}

/* Waits for a backend to connect to, however long; false if there is something else to do, or no device any
 * more. */
static bool wait_for_backend(struct blk_dev *dev)
{
    while (!blk_noted(dev, BLK_EV_URGENT) && !unplugged(dev))
        if (xenbus_wait_backend(&dev->xb, 1u << XenbusStateInitWait, time_now() + BLK_LOOK_AROUND) >= 0)
            return true;
    return false;
}

/* A backend must not fill the console: one line a second of what it can cause again and again. */
static bool may_say(struct blk_dev *dev)
{
    uint64_t now = time_now();
    bool may = !dev->said || now - dev->said >= SECONDS;

    if (may)
        dev->said = now;
    return may;
}

static void report(struct blk_dev *dev)
{
    struct blk_info i;

    blk_info(dev, &i);
    printf("blk %u: %lu sectors of %u, %u queues of %u pages, %u segments%s%s%s%s%s\n", dev->xb.id,
           i.sectors * BLK_SECTOR / i.sector_size, i.sector_size, i.queues, i.ring_pages, i.segments,
           i.persistent ? ", persistent" : "",
           i.barrier ? ", barrier"
           : i.flush ? ", flush"
                     : "",
           i.discard ? ", discard" : "", i.readonly ? ", read-only" : "", i.cdrom ? ", cdrom" : "");
}

/* Connects to the device's backend, whenever that is there; what has not ended is done again. */
static void find_backend(struct blk_dev *dev)
{
    const char *why;
    int rc;

    for (;;) {
        xenbus_set_state(XENBUS_NO_TX, &dev->xb, XenbusStateInitialising);
        if (!wait_for_backend(dev))
            break;
        rc = blk_connect(dev, time_now() + AGAIN_CONNECTION, &why);
        if (!rc) {
            __atomic_add_fetch(&dev->reconnects, 1, __ATOMIC_RELAXED);
            if (may_say(dev))
                report(dev);
            waitq_wake(&dev->changed);
            return;
        }
        if (blk_noted(dev, BLK_EV_URGENT))
            break;
        if (may_say(dev))
            printf("blk %u: cannot connect again: %s\n", dev->xb.id, why);
        blk_disconnect(dev);
        time_sleep(SECONDS);
    }
    if (!blk_noted(dev, BLK_EV_URGENT))
        give_up(dev, -XEN_ENODEV, "unplugged", 0);
}

static void connect_again(struct blk_dev *dev)
{
    blk_drain(dev, DRAIN);
    blk_disconnect(dev);
    find_backend(dev);
}

static void read_size(struct blk_dev *dev)
{
    struct blk_info now;
    const char *why;
    uint8_t mask;
    bool differs;

    if (blk_read_properties(dev, &now, &why))
        return;
    mask = spin_lock_masked(&dev->lock);
    differs = now.sectors != dev->info.sectors;
    __atomic_store_n(&dev->info.sectors, now.sectors, __ATOMIC_RELAXED);
    spin_unlock_masked(&dev->lock, mask);
    if (!differs)
        return;
    if (may_say(dev))
        printf("blk %u: now %lu sectors\n", dev->xb.id, now.sectors);
    waitq_wake(&dev->changed);
}

static void backend_changed(struct blk_dev *dev)
{
    switch (xenbus_backend_state(&dev->xb)) {
    case XenbusStateConnected:
        read_size(dev);
        break;
    case XenbusStateClosing:
    case XenbusStateClosed:
    case XenbusStateUnknown:
        if (unplugged(dev))
            give_up(dev, -XEN_ENODEV, "unplugged", DRAIN);
        else if (xenbus_backend_state(&dev->xb) != XenbusStateUnknown)
            connect_again(dev);
        break;
    default:
        break;
    }
}

static int open_nodes(struct blk_dev *dev, unsigned id)
{
    dev->xb = (struct xenbus_device){.changed = state_changed, .data = dev};
    return xenbus_device_open(&dev->xb, "vbd", id);
}

static int watch_size(struct blk_dev *dev)
{
    dev->size.fn = size_changed;
    dev->size.data = dev;
    return xenbus_watch(&dev->size, "%s/sectors", dev->xb.back);
}

static void close_nodes(struct blk_dev *dev)
{
    xenbus_unwatch(&dev->size);
    xenbus_device_close(&dev->xb);
}

static struct blk_dev *from_suspend(struct dev_suspend *s)
{
    return (struct blk_dev *)((char *)s - offsetof(struct blk_dev, suspend));
}

static void note_suspend(struct dev_suspend *s)
{
    blk_note(from_suspend(s), BLK_EV_SUSPEND);
}

static void note_resume(struct dev_suspend *s)
{
    blk_note(from_suspend(s), BLK_EV_RESUME);
}

static bool may_go_on(void *data)
{
    return blk_noted(data, BLK_EV_RESUME);
}

static void suspend_and_resume(struct blk_dev *dev)
{
    int rc;

    if (!dev->error) {
        blk_drain(dev, DRAIN);
        blk_disconnect(dev);
    }
    dev_suspend_ready(&dev->suspend);
    waitq_wait(&dev->wake, may_go_on, dev, 0);
    __atomic_and_fetch(&dev->events, ~(unsigned)BLK_EV_RESUME, __ATOMIC_ACQ_REL);
    if (dev->error)
        return;
    close_nodes(dev);
    rc = open_nodes(dev, dev->xb.id);
    if (!rc)
        rc = watch_size(dev);
    if (rc)
        give_up(dev, rc == -XEN_ENOENT ? -XEN_ENODEV : rc, "not there after the resume", 0);
    else
        find_backend(dev);
}

static void manage(void *data)
{
    struct blk_dev *dev = data;

    for (;;) {
        unsigned events;

        waitq_wait(&dev->wake, has_notes, dev, 0);
        if (blk_noted(dev, BLK_EV_CLOSE))
            return;
        events = __atomic_exchange_n(&dev->events, 0, __ATOMIC_ACQ_REL);
        if (events & BLK_EV_BROKEN && !dev->error)
            give_up(dev, -XEN_EIO, dev->broken, 0);
        if (events & BLK_EV_SUSPEND)
            suspend_and_resume(dev);
        else if (dev->error)
            continue;
        else if (events & BLK_EV_RECONNECT)
            connect_again(dev);
        else
            backend_changed(dev);
    }
}

/* --- open and close -------------------------------------------------------- */

static void free_device(struct blk_dev *dev)
{
    for (unsigned i = 0; i < dev->nr_channels; i++)
        blk_channel_free(dev->channels[i]);
    close_nodes(dev);
    heap_free(dev);
}

static void set_options(struct blk_dev *dev, const struct blk_options *opt)
{
    unsigned vcpus = smp_vcpus();

    if (opt)
        dev->opt = *opt;
    else if (!blk_options_cmdline(&dev->opt))
        printf("blk: blk.off= has an unknown word\n");
    if (!dev->opt.queues || dev->opt.queues > vcpus)
        dev->opt.queues = vcpus;
    if (dev->opt.queues > BLK_MAX_QUEUES)
        dev->opt.queues = BLK_MAX_QUEUES;
    if (dev->opt.off & BLK_F_MULTIQUEUE)
        dev->opt.queues = 1;
    if (dev->opt.ring_order > BLK_MAX_ORDER)
        dev->opt.ring_order = BLK_MAX_ORDER;
    if (!dev->opt.timeout_ns)
        dev->opt.timeout_ns = FIRST_CONNECTION;
}

static int make_channels(struct blk_dev *dev)
{
    for (unsigned i = 0; i < dev->opt.queues; i++) {
        dev->channels[i] = blk_channel_new(dev, i);
        if (!dev->channels[i])
            break;
        dev->nr_channels++;
    }
    return dev->nr_channels ? 0 : -XEN_ENOMEM;
}

/* A driver before us, such as a boot loader, may have left the backend in any state. */
static void begin_clean(struct blk_dev *dev)
{
    if (xenbus_backend_state(&dev->xb) >= XenbusStateConnected)
        blk_disconnect(dev);
    xenbus_set_state(XENBUS_NO_TX, &dev->xb, XenbusStateInitialising);
}

static int start(struct blk_dev *dev, const char **why)
{
    int rc;

    *why = "no memory";
    if (!grant_refs() && !grant_init(0))
        return -XEN_ENOMEM;
    rc = make_channels(dev);
    if (rc)
        return rc;
    begin_clean(dev);
    rc = blk_connect(dev, time_now() + dev->opt.timeout_ns, why);
    if (!rc) {
        *why = "cannot watch the size";
        rc = watch_size(dev);
    }
    if (!rc) {
        *why = "no memory";
        dev->manager = thread_start("blk manager", 0, manage, dev);
        rc = dev->manager ? 0 : -XEN_ENOMEM;
    }
    if (rc)
        blk_disconnect(dev);
    return rc;
}

static struct blk_dev *open_device(unsigned id, const struct blk_options *opt, int *error)
{
    struct blk_dev *dev = heap_alloc(sizeof(*dev));
    const char *why = "no store";

    *error = dev ? xenbus_init() : -XEN_ENOMEM;
    if (*error)
        goto out;
    dev->suspend = (struct dev_suspend){.suspend = note_suspend, .resume = note_resume};
    set_options(dev, opt);
    why = "no such device";
    *error = open_nodes(dev, id);
    if (*error)
        goto out;
    *error = start(dev, &why);
    if (!*error) {
        dev_suspend_add(&dev->suspend);
        report(dev);
        return dev;
    }
    printf("blk %u: %s (%d)\n", id, why, *error);
    free_device(dev);
    return NULL;
out:
    printf("blk %u: %s (%d)\n", id, why, *error);
    heap_free(dev);
    return NULL;
}

struct blk_dev *blk_open(unsigned id, const struct blk_options *opt, int *error)
{
    struct blk_dev *dev;

    suspend_hold();
    dev = open_device(id, opt, error);
    suspend_release();
    return dev;
}

static bool all_ended(struct blk_dev *dev)
{
    for (unsigned i = 0; i < dev->nr_channels; i++)
        if (!blk_queue_empty(&dev->channels[i]->q))
            return false;
    return true;
}

void blk_close(struct blk_dev *dev)
{
    uint64_t deadline = time_now() + LAST_REQUESTS;

    suspend_hold();
    dev_suspend_remove(&dev->suspend);
    while (!all_ended(dev) && time_now() < deadline)
        time_sleep(SECONDS / 100);
    blk_note(dev, BLK_EV_CLOSE);
    thread_join(dev->manager);
    if (!dev->error)
        blk_disconnect(dev);
    for (unsigned i = 0; i < dev->nr_channels; i++)
        blk_queue_fail(&dev->channels[i]->q, -XEN_ENODEV);
    free_device(dev);
    suspend_release();
}
