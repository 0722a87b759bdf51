/* SPDX-License-Identifier: MIT */
/*
 * Watches. Events are queued by the thread that reads the ring and handed out by another one, so that a
 * watch's function may wait for answers. The queue is bounded: beyond it a watch is only noted to have missed
 * something, and its function is then called with the path that it watches.
 */
#include "guest/guest.h"
#include "guest/heap.h"
#include "guest/store_ring.h"
#include "guest/xenbus_internal.h"

#define MAX_QUEUED 256u

struct event {
    struct event *next;
    uint32_t token;
    char path[];
};

static struct spinlock lock; /* of all that follows */
static struct xenbus_watch *watches;
static struct event *first, *last;
static unsigned queued;
static struct xenbus_watch *running; /* its function is being called */
static uint32_t next_token = 1;
static bool work, restore;

static struct waitq work_waiters, idle_waiters;
static struct mutex register_lock; /* one WATCH or UNWATCH at a time; taken before the other lock */
static struct thread *thread;

static struct xenbus_watch *find(uint32_t token)
{
    struct xenbus_watch *w = watches;

    while (w && w->token != token)
        w = w->next;
    return w;
}

static bool is_queued(uint32_t token, const char *path)
{
    const struct event *e = first;

    while (e && (e->token != token || strcmp(e->path, path) != 0))
        e = e->next;
    return e != NULL;
}

static void enqueue(struct xenbus_watch *w, const char *path)
{
    size_t len = strlen(path) + 1;
    struct event *e = queued < MAX_QUEUED ? heap_alloc(sizeof(*e) + len) : NULL;

    if (!e) {
        w->missed = true;
        return;
    }
    e->token = w->token;
    memcpy(e->path, path, len);
    if (first)
        last->next = e;
    else
        first = e;
    last = e;
    queued++;
}

void xenbus_watch_event(const char *path, uint32_t token)
{
    struct xenbus_watch *w;

    spin_lock(&lock);
    w = find(token);
    if (w && !is_queued(token, path))
        enqueue(w, path);
    work = true;
    spin_unlock(&lock);
    waitq_wake(&work_waiters);
}

void xenbus_watch_restore(void)
{
    spin_lock(&lock);
    restore = work = true;
    spin_unlock(&lock);
    waitq_wake(&work_waiters);
}

/* Under the lock. The queue holds no events of watches that are gone. */
static struct event *dequeue(void)
{
    struct event *e = first;

    if (e) {
        first = e->next;
        queued--;
    }
    return e;
}

static struct xenbus_watch *find_missed(void)
{
    struct xenbus_watch *w = watches;

    while (w && !w->missed)
        w = w->next;
    return w;
}

/* One call of a watch's function; false when there is nothing to tell. */
static bool tell_one(void)
{
    struct event *e;
    struct xenbus_watch *w;

    spin_lock(&lock);
    e = dequeue();
    w = e ? find(e->token) : find_missed();
    if (!e && w)
        w->missed = false;
    running = w;
    spin_unlock(&lock);
    /* The path of a watch that runs stays: xenbus_unwatch() waits, or is called by the function. */
    if (w)
        w->fn(w, e ? e->path : w->path);
    spin_lock(&lock);
    running = NULL;
    spin_unlock(&lock);
    waitq_wake(&idle_waiters);
    heap_free(e);
    return e || w;
}

static int send_watch(uint32_t type, const char *path, uint32_t number)
{
    char token[16];
    size_t len = (size_t)snprintf(token, sizeof(token), "%u", number) + 1;
    struct xenbus_part parts[] = {{path, strlen(path) + 1}, {token, len}};

    return xenbus_request(type, XENBUS_NO_TX, parts, 2, NULL);
}

/* Each new WATCH is answered with an event, so that nothing that happened meanwhile is missed. */
static void restore_all(void)
{
    mutex_lock(&register_lock);
    /* Only this lock's holders change the list. */
    for (struct xenbus_watch *w = watches; w; w = w->next) {
        int rc = send_watch(XS_WATCH, w->path, w->token);

        if (rc && rc != -XEN_EEXIST)
            printf("xenbus: watch on %s is lost: %d\n", w->path, rc);
    }
    mutex_unlock(&register_lock);
}

static bool has_work(void *arg)
{
    (void)arg;
    return __atomic_load_n(&work, __ATOMIC_ACQUIRE);
}

static void tell_forever(void *arg)
{
    (void)arg;
    for (;;) {
        bool again;

        waitq_wait(&work_waiters, has_work, NULL, 0);
        spin_lock(&lock);
        work = false;
        again = restore;
        restore = false;
        spin_unlock(&lock);
        if (again)
            restore_all();
        while (tell_one())
            ;
    }
}

int xenbus_watch_start(void)
{
    if (!thread)
        thread = thread_start("xenbus watches", 0, tell_forever, NULL);
    return thread ? 0 : -XEN_ENOMEM;
}

/* Events of a watch that goes. */
static void forget_events(uint32_t token)
{
    struct event **p = &first, *e, *prev = NULL;

    while ((e = *p)) {
        if (e->token != token) {
            prev = e;
            p = &e->next;
            continue;
        }
        *p = e->next;
        queued--;
        heap_free(e);
    }
    last = prev;
}

static void list_remove(struct xenbus_watch *w)
{
    for (struct xenbus_watch **p = &watches; *p; p = &(*p)->next) {
        if (*p == w) {
            *p = w->next;
            break;
        }
    }
    forget_events(w->token);
}

int xenbus_watch(struct xenbus_watch *w, const char *path_fmt, ...)
{
    va_list ap;
    int rc;

    va_start(ap, path_fmt);
    w->path = xenbus_format(path_fmt, ap, &rc);
    va_end(ap);
    if (!w->path)
        return rc;
    mutex_lock(&register_lock);
    spin_lock(&lock);
    w->missed = false;
    w->token = next_token++;
    w->next = watches;
    watches = w;
    spin_unlock(&lock);
    rc = send_watch(XS_WATCH, w->path, w->token);
    if (rc) {
        spin_lock(&lock);
        list_remove(w);
        spin_unlock(&lock);
        heap_free(w->path);
        w->path = NULL;
    }
    mutex_unlock(&register_lock);
    return rc;
}

static bool is_not_running(void *w)
{
    return __atomic_load_n(&running, __ATOMIC_ACQUIRE) != w;
}

int xenbus_unwatch(struct xenbus_watch *w)
{
    int rc;

    if (!w->path)
        return -XEN_ENOENT;
    mutex_lock(&register_lock);
    spin_lock(&lock);
    list_remove(w);
    spin_unlock(&lock);
    rc = send_watch(XS_UNWATCH, w->path, w->token);
    mutex_unlock(&register_lock);
    if (thread_self() != thread)
        waitq_wait(&idle_waiters, is_not_running, w, 0);
    heap_free(w->path);
    w->path = NULL;
    return rc;
}
