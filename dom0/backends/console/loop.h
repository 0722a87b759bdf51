/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_CONSOLE_LOOP_H
#define HOSPES_CONSOLE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The daemon's event loop: descriptors and what to call when they are ready (EPOLLIN and friends). One
 * thread. A callback may remove any handle, its own too: memory is given back after the round.
 */
struct loop;
struct loop_handle;

typedef void loop_callback(void *arg, uint32_t events);

struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* The descriptor stays the caller's. NULL with errno. */
struct loop_handle *loop_add(struct loop *loop, int fd, uint32_t events, loop_callback *callback, void *arg);

/* Other events from now on; 0 for none. */
void loop_set_events(struct loop_handle *handle, uint32_t events);

/* Call before closing the descriptor; NULL is allowed. */
void loop_remove(struct loop_handle *handle);

/* Waits for one round of events and calls back; timeout_ms -1: for ever. -1 with errno, EINTR included. */
int loop_round(struct loop *loop, int timeout_ms);

/* Milliseconds of a clock that is never set. */
int64_t loop_now_ms(void);

#endif
