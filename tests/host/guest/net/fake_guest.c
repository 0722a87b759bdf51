/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include "fake_guest.h"
#include "guest/heap.h"
#include "guest/thread.h"
#include "guest/time.h"

uint64_t fake_now = 1000000000;
long fake_allocations;
void (*fake_idle)(void);

uint64_t time_now(void)
{
    return fake_now;
}

void *heap_alloc(size_t size)
{
    fake_allocations++;
    return calloc(1, size);
}

void heap_free(void *p)
{
    fake_allocations -= p != NULL;
    free(p);
}

/* Of one thread no lock is ever waited for. */
void spin_wait(void)
{
    abort();
}

void waitq_wake(struct waitq *q)
{
    (void)q;
}

bool waitq_wait(struct waitq *q, bool (*cond)(void *), void *arg, uint64_t deadline)
{
    (void)q;
    if (!cond(arg) && fake_idle)
        fake_idle();
    if (cond(arg))
        return true;
    if (!deadline)
        abort(); /* for ever, in the only thread */
    if (fake_now < deadline)
        fake_now = deadline;
    return cond(arg);
}
