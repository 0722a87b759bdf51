/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HOST_GUEST_NET_FAKE_GUEST_H
#define TESTS_HOST_GUEST_NET_FAKE_GUEST_H

/* What the stack takes from the guest's library, in one thread: a clock that the test moves, malloc(), and
 * waiting. */

#include <stdint.h>

extern uint64_t fake_now;

/* Allocations that are not freed. */
extern long fake_allocations;

/* Called once in a waitq_wait() that finds its condition false; afterwards time jumps to the deadline. */
extern void (*fake_idle)(void);

#endif
