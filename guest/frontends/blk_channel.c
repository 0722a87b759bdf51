/* SPDX-License-Identifier: MIT */
/*
 * A queue on its vCPU. The event handler does the work; the thread is there for what a handler must not do
 * (go on for long, wait) and for events that never come: a backend may be killed between its answer and its
 * event, or while the port led nowhere.
 */
#include "guest/events.h"
#include "guest/frontends/blk_internal.h"
#include "guest/guest.h"
#include "guest/heap.h"
#include "guest/mm.h"
#include "guest/time.h"

#define TICK        SECONDS
#define STALL_TICKS 10u

/* Events without an answer in a row before the port is masked for a while: a backend can send as many as it
 * likes. */
#define USELESS_MAX   256u
#define USELESS_PAUSE (SECONDS / 100)

/* As many pages as Linux's backend keeps mapped for one ring, unless that is too much of the memory. */
#define POOL_MAX   1056u
#define POOL_SHARE 8u /* this part of what is free, for all queues */

static void work(struct blk_channel *ch)
{
    uint64_t before = ch->q.answers;

    if (!blk_queue_poll(&ch->q)) {
        __atomic_store_n(&ch->again, true, __ATOMIC_RELEASE);
        waitq_wake(&ch->wake);
    }
    ch->useless = ch->q.answers == before ? ch->useless + 1 : 0;
}

static void handler(unsigned port, void *data)
{
    struct blk_channel *ch = data;

    work(ch);
    if (ch->useless < USELESS_MAX)
        return;
    event_mask(port);
    __atomic_store_n(&ch->masked, true, __ATOMIC_RELEASE);
    waitq_wake(&ch->wake);
}

static bool has_work(void *data)
{
    struct blk_channel *ch = data;

    return __atomic_load_n(&ch->stop, __ATOMIC_ACQUIRE) || __atomic_load_n(&ch->again, __ATOMIC_ACQUIRE) ||
           __atomic_load_n(&ch->masked, __ATOMIC_ACQUIRE);
}

/* Once a tick: a queue with requests in flight that gets no answers is asked after, and reported once. */
static void watchdog(struct blk_channel *ch)
{
    bool waiting = blk_queue_in_flight(&ch->q) > 0;

    if (waiting && ch->q.answers == ch->last_answers) {
        blk_queue_kick(&ch->q);
        if (++ch->quiet == STALL_TICKS) {
            printf("blk %u: queue %u: no answer for %u s, waiting\n", ch->dev->xb.id, ch->q.index,
                   STALL_TICKS);
            ch->stalls++;
        }
    } else {
        if (ch->quiet >= STALL_TICKS)
            printf("blk %u: queue %u: goes on after %lu s\n", ch->dev->xb.id, ch->q.index, ch->quiet);
        ch->quiet = 0;
    }
    ch->last_answers = ch->q.answers;
}

static void serve(void *data)
{
    struct blk_channel *ch = data;
    uint64_t tick = time_now() + TICK;

    while (!__atomic_load_n(&ch->stop, __ATOMIC_ACQUIRE)) {
        waitq_wait(&ch->wake, has_work, ch, tick);
        __atomic_store_n(&ch->again, false, __ATOMIC_RELEASE);
        if (!blk_queue_poll(&ch->q))
            __atomic_store_n(&ch->again, true, __ATOMIC_RELEASE);
        if (__atomic_load_n(&ch->masked, __ATOMIC_ACQUIRE)) {
            time_sleep(USELESS_PAUSE);
            ch->useless = 0;
            __atomic_store_n(&ch->masked, false, __ATOMIC_RELEASE);
            if (ch->port)
                event_unmask(ch->port);
        }
        if (time_now() >= tick) {
            watchdog(ch);
            tick = time_now() + TICK;
        }
        thread_yield();
    }
}

static unsigned pool_pages(const struct blk_dev *dev)
{
    unsigned long n = dev->opt.pool_pages;

    if (!n) {
        n = pages_free() / POOL_SHARE / dev->opt.queues;
        if (n > POOL_MAX)
            n = POOL_MAX;
    }
    return (unsigned)n;
}

struct blk_channel *blk_channel_new(struct blk_dev *dev, unsigned index)
{
    struct blk_channel *ch = heap_alloc(sizeof(*ch));

    if (!ch)
        return NULL;
    ch->dev = dev;
    if (blk_queue_init(&ch->q, dev, index, dev->opt.ring_order, pool_pages(dev))) {
        heap_free(ch);
        return NULL;
    }
    ch->thread = thread_start("blk queue", index, serve, ch);
    if (ch->thread)
        return ch;
    blk_queue_fini(&ch->q);
    heap_free(ch);
    return NULL;
}

void blk_channel_free(struct blk_channel *ch)
{
    __atomic_store_n(&ch->stop, true, __ATOMIC_RELEASE);
    waitq_wake(&ch->wake);
    thread_join(ch->thread);
    blk_queue_fini(&ch->q);
    heap_free(ch);
}

int blk_channel_open_port(struct blk_channel *ch, domid_t backend)
{
    int port = event_alloc_unbound(backend);
    int rc;

    if (port < 0)
        return port;
    rc = event_bind_vcpu((unsigned)port, ch->q.index);
    if (rc) {
        event_close((unsigned)port);
        return rc;
    }
    ch->port = (unsigned)port;
    ch->useless = 0;
    event_handle(ch->port, handler, ch);
    return 0;
}

void blk_channel_close_port(struct blk_channel *ch)
{
    unsigned port = ch->port;

    ch->port = 0;
    if (port)
        event_close(port);
}
