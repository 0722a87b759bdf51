/* SPDX-License-Identifier: MIT */
#include "dom0/backends/console/loop.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define ROUND_EVENTS 32

struct loop_handle {
    struct loop *loop;
    int fd;
    uint32_t events;
    loop_callback *callback; /* NULL: removed */
    void *arg;
    struct loop_handle *next_dead;
};

struct loop {
    int epoll;
    struct loop_handle *dead; /* removed in this round; events of it may still be in the kernel's answer */
};

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof(*loop));

    if (!loop)
        return NULL;
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
    free(loop);
}

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

int loop_round(struct loop *loop, int timeout_ms)
{
    struct epoll_event events[ROUND_EVENTS];
    int n = epoll_wait(loop->epoll, events, ROUND_EVENTS, timeout_ms);

    for (int i = 0; i < n; i++) {
        struct loop_handle *handle = events[i].data.ptr;

        if (handle->callback)
            handle->callback(handle->arg, events[i].events);
    }
    free_dead(loop);
    return n < 0 ? -1 : 0;
}

int64_t loop_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
