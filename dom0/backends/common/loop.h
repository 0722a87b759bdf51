/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BACKEND_LOOP_H
#define HOSPES_BACKEND_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A daemon's event loop: descriptors and what to call when they are ready (EPOLLIN and friends), timers, and
 * work for the end of a round. One thread. A callback may remove or free anything, itself too: memory is
 * given back after the round, and what was removed is not called any more.
 */
struct loop;
struct loop_handle;
struct loop_timer;
struct loop_hook;

typedef void loop_callback(void *arg, uint32_t events);
typedef void loop_function(void *arg);

struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* The descriptor stays the caller's. NULL with errno. */
struct loop_handle *loop_add(struct loop *loop, int fd, uint32_t events, loop_callback *callback, void *arg);

/* Other events from now on; 0 for none. */
void loop_set_events(struct loop_handle *handle, uint32_t events);

/* Call before closing the descriptor; NULL is allowed. */
void loop_remove(struct loop_handle *handle);

/* A timer that is off. NULL: no memory. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_function *callback, void *arg);

/* Calls back once when loop_now_ns() has reached deadline_ns (replaces an earlier one); 0: off. Cannot fail.
 */
void loop_timer_set(struct loop_timer *timer, int64_t deadline_ns);
bool loop_timer_is_set(const struct loop_timer *timer);

/* NULL is allowed. */
void loop_timer_free(struct loop_timer *timer);

/*
 * Calls back before each wait, after all that was ready has been served: the place to hand collected work to
 * the kernel in one go. NULL: no memory.
 */
struct loop_hook *loop_hook_new(struct loop *loop, loop_function *callback, void *arg);
void loop_hook_free(struct loop_hook *hook);

/*
 * Waits in the loop's place: returns when the epoll descriptor is readable (true), when the time is over, or
 * when whatever else it waits for has happened (false), which it serves itself. timeout_ns -1: for ever.
 */
typedef bool loop_waiter(void *arg, int epoll_fd, int64_t timeout_ns);

/* From now on; a daemon that sleeps in an io_uring saves the system calls between that and this loop. */
void loop_set_waiter(struct loop *loop, loop_waiter *waiter, void *arg);

/* Serves until loop_stop(). 0, or -1 with errno when the kernel refuses to wait. */
int loop_run(struct loop *loop);

/* From a callback: loop_run() returns after this round. */
void loop_stop(struct loop *loop);

/* One round, without waiting longer than timeout_ms (-1: for ever). As loop_run(), which is made of these. */
int loop_round(struct loop *loop, int timeout_ms);

/* Nanoseconds of a clock that is never set (CLOCK_MONOTONIC). */
int64_t loop_now_ns(void);

/* The same in milliseconds. */
int64_t loop_now_ms(void);

#endif
