/* SPDX-License-Identifier: MIT */
#include "guest/frontends/dev_suspend.h"
#include "guest/guest.h"
#include "guest/spinlock.h"
#include "guest/suspend.h"
#include "guest/thread.h"

static struct {
    struct spinlock lock;
    struct dev_suspend *first;
    struct waitq wait; /* for devices to be ready */
    bool hooked;
} all;

bool dev_is_suspended(const struct dev_suspend *dev)
{
    return __atomic_load_n(&dev->ready, __ATOMIC_ACQUIRE);
}

static bool is_ready(void *arg)
{
    return dev_is_suspended(arg);
}

/* Nobody opens or closes a device meanwhile: suspend_hold(). All are told before one is waited for. */
static void before_suspend(void *arg)
{
    (void)arg;
    for (struct dev_suspend *dev = all.first; dev; dev = dev->next)
        dev->suspend(dev);
    for (struct dev_suspend *dev = all.first; dev; dev = dev->next)
        waitq_wait(&all.wait, is_ready, dev, 0);
}

static void after_suspend(void *arg, bool cancelled)
{
    (void)arg;
    (void)cancelled;
    for (struct dev_suspend *dev = all.first; dev; dev = dev->next) {
        /* Here, not by its thread: the next suspend may come before that has run. */
        __atomic_store_n(&dev->ready, false, __ATOMIC_RELEASE);
        dev->resume(dev);
    }
}

void dev_suspend_ready(struct dev_suspend *dev)
{
    __atomic_store_n(&dev->ready, true, __ATOMIC_RELEASE);
    waitq_wake(&all.wait);
}

void dev_suspend_add(struct dev_suspend *dev)
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

void dev_suspend_remove(struct dev_suspend *dev)
{
    spin_lock(&all.lock);
    for (struct dev_suspend **p = &all.first; *p; p = &(*p)->next) {
        if (*p == dev) {
            *p = dev->next;
            break;
        }
    }
    spin_unlock(&all.lock);
}
