/* SPDX-License-Identifier: MIT */
/* All disks, when the domain is suspended: ports and grants end with it. */
#include "guest/frontends/blk_internal.h"
#include "guest/guest.h"
#include "guest/suspend.h"

static struct {
    struct spinlock lock;
    struct blk_dev *first;
    struct waitq wait; /* for devices to be disconnected */
    bool hooked;
} all;

static bool is_suspended(void *data)
{
    return __atomic_load_n(&((struct blk_dev *)data)->suspended, __ATOMIC_ACQUIRE);
}

/* Nobody opens or closes a device meanwhile: suspend_hold(). */
static void before_suspend(void *arg)
{
    (void)arg;
    for (struct blk_dev *dev = all.first; dev; dev = dev->next)
        blk_note(dev, BLK_EV_SUSPEND);
    for (struct blk_dev *dev = all.first; dev; dev = dev->next)
        waitq_wait(&all.wait, is_suspended, dev, 0);
}

static void after_suspend(void *arg, bool cancelled)
{
    (void)arg;
    (void)cancelled;
    for (struct blk_dev *dev = all.first; dev; dev = dev->next) {
        /* Here, not by its manager: the next suspend may come before that has run. */
        __atomic_store_n(&dev->suspended, false, __ATOMIC_RELEASE);
        blk_note(dev, BLK_EV_RESUME);
    }
}

void blk_list_add(struct blk_dev *dev)
{
    static struct suspend_hook hook = {.before = before_suspend, .after = after_suspend};
    bool hooked;

    spin_lock(&all.lock);
    dev->next = all.first;
    all.first = dev;
    hooked = all.hooked;
    all.hooked = true;
    spin_unlock(&all.lock);
    if (!hooked)
        suspend_hook_add(&hook);
}

void blk_list_remove(struct blk_dev *dev)
{
    spin_lock(&all.lock);
    for (struct blk_dev **p = &all.first; *p; p = &(*p)->next) {
        if (*p == dev) {
            *p = dev->next;
            break;
        }
    }
    spin_unlock(&all.lock);
}

static bool may_go_on(void *data)
{
    return blk_noted(data, BLK_EV_RESUME);
}

void blk_stand_by(struct blk_dev *dev)
{
    __atomic_store_n(&dev->suspended, true, __ATOMIC_RELEASE);
    waitq_wake(&all.wait);
    waitq_wait(&dev->wake, may_go_on, dev, 0);
    __atomic_and_fetch(&dev->events, ~(unsigned)BLK_EV_RESUME, __ATOMIC_ACQ_REL);
}
