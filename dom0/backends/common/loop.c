/* SPDX-License-Identifier: MIT */
#include "dom0/backends/common/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#define ROUND_EVENTS 64
#define NS_PER_S     1000000000LL
#define NS_PER_MS    1000000LL
#define NOT_SET      SIZE_MAX
#define DUE          (SIZE_MAX - 1)

struct loop_handle {
    struct loop *loop;
    int fd;
    uint32_t events;
    loop_callback *callback; /* NULL: removed */
    void *arg;
    struct loop_handle *next_dead;
};

struct loop_timer {
    struct loop *loop;
    int64_t deadline;
    size_t at; /* in the loop's heap; NOT_SET: off; DUE: in the list of those that are called next */
    TAILQ_ENTRY(loop_timer) due;
    loop_function *callback;
    void *arg;
};

struct loop_hook {
    LIST_ENTRY(loop_hook) link;
    struct loop *loop;
    loop_function *callback;
    void *arg;
};

struct loop {
    int epoll;
    bool stopped;
    struct loop_handle *dead; /* removed in this round; events of it may still be in the kernel's answer */
    /* A binary heap, the first deadline on top; there is room for every timer that exists, so setting cannot
     * fail. */
    struct loop_timer **heap;
    size_t timers, set, room;
    TAILQ_HEAD(timer_list, loop_timer) due;
    LIST_HEAD(hook_list, loop_hook) hooks;
    struct loop_hook *next_hook; /* while they are called: one may free another */
    loop_waiter *waiter;         /* NULL: the loop waits itself */
    void *waiter_arg;
};

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof(*loop));

    if (!loop)
        return NULL;
    LIST_INIT(&loop->hooks);
    TAILQ_INIT(&loop->due);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll >= 0)
        return loop;
    free(loop);
    return NULL;
}

static void free_dead(struct loop *loop)
{
    while (loop->dead) {
        struct loop_handle *handle = loop->dead;

        loop->dead = handle->next_dead;
        free(handle);
    }
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    free_dead(loop);
    close(loop->epoll);
    free(loop->heap);
    free(loop);
}

/* ---- descriptors ---- */

struct loop_handle *loop_add(struct loop *loop, int fd, uint32_t events, loop_callback *callback, void *arg)
{
    struct loop_handle *handle = calloc(1, sizeof(*handle));
    struct epoll_event event = {.events = events, .data.ptr = handle};

    if (!handle)
        return NULL;
    *handle = (struct loop_handle){loop, fd, events, callback, arg, NULL};
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
        return handle;
    free(handle);
    return NULL;
}

void loop_set_events(struct loop_handle *handle, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = handle};

    if (handle->events == events)
        return;
    handle->events = events;
    epoll_ctl(handle->loop->epoll, EPOLL_CTL_MOD, handle->fd, &event);
}

void loop_remove(struct loop_handle *handle)
{
    if (!handle)
        return;
    epoll_ctl(handle->loop->epoll, EPOLL_CTL_DEL, handle->fd, NULL);
    handle->callback = NULL;
    handle->next_dead = handle->loop->dead;
    handle->loop->dead = handle;
}

/* ---- timers ---- */

struct loop_timer *loop_timer_new(struct loop *loop, loop_function *callback, void *arg)
{
    struct loop_timer *timer = calloc(1, sizeof(*timer));

    if (timer && loop->timers == loop->room) {
        size_t room = loop->room ? 2 * loop->room : 16;
        struct loop_timer **heap = reallocarray(loop->heap, room, sizeof(struct loop_timer *));

        if (!heap) {
            free(timer);
            return NULL;
        }
        loop->heap = heap;
        loop->room = room;
    }
    if (!timer)
        return NULL;
    *timer = (struct loop_timer){.loop = loop, .at = NOT_SET, .callback = callback, .arg = arg};
    loop->timers++;
    return timer;
}

static void put(struct loop *loop, size_t at, struct loop_timer *timer)
{
    loop->heap[at] = timer;
    timer->at = at;
}

/* Moves a timer to where its deadline belongs, from `at`, whose place is free. */
static void sift(struct loop *loop, size_t at, struct loop_timer *timer)
{
    size_t child;

    while (at > 0 && timer->deadline < loop->heap[(at - 1) / 2]->deadline) {
        put(loop, at, loop->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    while ((child = 2 * at + 1) < loop->set) {
        if (child + 1 < loop->set && loop->heap[child + 1]->deadline < loop->heap[child]->deadline)
            child++;
        if (timer->deadline <= loop->heap[child]->deadline)
            break;
        put(loop, at, loop->heap[child]);
        at = child;
    }
    put(loop, at, timer);
}

static void take_out(struct loop_timer *timer)
{
    struct loop *loop = timer->loop;
    size_t at = timer->at;

    timer->at = NOT_SET;
    if (at == DUE)
        TAILQ_REMOVE(&loop->due, timer, due);
    if (at == DUE || at == NOT_SET)
        return;
    loop->set--;
    if (at < loop->set)
        sift(loop, at, loop->heap[loop->set]);
}

void loop_timer_set(struct loop_timer *timer, int64_t deadline_ns)
{
    take_out(timer);
    if (deadline_ns == 0)
        return;
    timer->deadline = deadline_ns;
    sift(timer->loop, timer->loop->set++, timer);
}

bool loop_timer_is_set(const struct loop_timer *timer)
{
    return timer->at != NOT_SET;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer)
        return;
    take_out(timer);
    timer->loop->timers--;
    free(timer);
}

/* Those that are due now: one that sets itself to the past waits for the next round, and holds up nobody. */
static void call_timers(struct loop *loop)
{
    /* The clock may be a system call. */
    int64_t now = loop->set > 0 ? loop_now_ns() : 0;
    struct loop_timer *timer;

    while (loop->set > 0 && loop->heap[0]->deadline <= now) {
        timer = loop->heap[0];
        take_out(timer);
        timer->at = DUE;
        TAILQ_INSERT_TAIL(&loop->due, timer, due);
    }
    while ((timer = TAILQ_FIRST(&loop->due))) {
        take_out(timer);
        timer->callback(timer->arg);
    }
}

/* ---- hooks ---- */

struct loop_hook *loop_hook_new(struct loop *loop, loop_function *callback, void *arg)
{
    struct loop_hook *hook = calloc(1, sizeof(*hook));

    if (!hook)
        return NULL;
    hook->loop = loop;
    hook->callback = callback;
    hook->arg = arg;
    LIST_INSERT_HEAD(&loop->hooks, hook, link);
    return hook;
}

void loop_hook_free(struct loop_hook *hook)
{
    if (!hook)
        return;
    if (hook->loop->next_hook == hook)
        hook->loop->next_hook = LIST_NEXT(hook, link);
    LIST_REMOVE(hook, link);
    free(hook);
}

static void call_hooks(struct loop *loop)
{
    struct loop_hook *hook = LIST_FIRST(&loop->hooks);

    while (hook) {
        loop->next_hook = LIST_NEXT(hook, link);
        hook->callback(hook->arg);
        hook = loop->next_hook;
    }
    loop->next_hook = NULL;
}

/* ---- rounds ---- */

void loop_set_waiter(struct loop *loop, loop_waiter *waiter, void *arg)
{
    loop->waiter = waiter;
    loop->waiter_arg = arg;
}

/* How long to wait; -1 for ever. */
static int64_t time_to_wait(struct loop *loop, int timeout_ms)
{
    int64_t wait = timeout_ms < 0 ? INT64_MAX : timeout_ms * NS_PER_MS;

    if (loop->stopped)
        wait = 0;
    if (loop->set > 0) {
        int64_t until = loop->heap[0]->deadline - loop_now_ns();

        if (until < wait)
            wait = until > 0 ? until : 0;
    }
    return wait == INT64_MAX ? -1 : wait;
}

/* As epoll_wait(). */
static int wait_for_events(struct loop *loop, struct epoll_event *events, int64_t wait)
{
    struct timespec room;

    if (loop->waiter) {
        if (!loop->waiter(loop->waiter_arg, loop->epoll, wait))
            return 0;
        wait = 0;
    }
    room = (struct timespec){.tv_sec = wait / NS_PER_S, .tv_nsec = wait % NS_PER_S};
    return epoll_pwait2(loop->epoll, events, ROUND_EVENTS, wait < 0 ? NULL : &room, NULL);
}

int loop_round(struct loop *loop, int timeout_ms)
{
    struct epoll_event events[ROUND_EVENTS];
    int n;

    call_hooks(loop);
    n = wait_for_events(loop, events, time_to_wait(loop, timeout_ms));
    if (n < 0 && errno != EINTR)
        return -1;
    for (int i = 0; i < n; i++) {
        struct loop_handle *handle = events[i].data.ptr;

        if (handle->callback)
            handle->callback(handle->arg, events[i].events);
    }
    call_timers(loop);
    free_dead(loop);
    return 0;
}

int loop_run(struct loop *loop)
{
    int rc = 0;

    loop->stopped = false;
    while (!loop->stopped && rc == 0)
        rc = loop_round(loop, -1);
    return rc;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

int64_t loop_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t loop_now_ms(void)
{
    return loop_now_ns() / NS_PER_MS;
}
