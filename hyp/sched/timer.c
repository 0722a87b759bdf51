/* SPDX-License-Identifier: MIT */
/*
 * Timer queues: one pairing heap a CPU, smallest expiry at the root. A heap node knows its children through
 * the first of them; siblings are linked both ways, and the first sibling's `prev` is the parent, so that any
 * node can be cut out.
 */
#include "sched/timer.h"
#include "cpu/clock.h"
#include "cpu/processor.h"
#include "cpu/softirq.h"

struct timer_queue {
    struct spinlock lock; /* LOCK_TIMER */
    struct timer *root;
};
static DEFINE_PER_CPU(struct timer_queue, timer_queue);

/* The root of two heaps; both are roots without siblings, either may be NULL. */
static struct timer *heap_meld(struct timer *a, struct timer *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->expires < a->expires) {
        struct timer *t = a;
        a = b;
        b = t;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child)
        a->child->prev = b;
    a->child = b;
    a->next = a->prev = NULL;
    return a;
}

/* One heap of a list of siblings: pairs from left to right, then all of them from right to left. */
static struct timer *heap_merge_siblings(struct timer *first)
{
    struct timer *pairs = NULL, *heap = NULL;

    while (first) {
        struct timer *a = first, *b = a->next;

        first = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        a = heap_meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct timer *a = pairs;

        pairs = a->next;
        a->next = NULL;
        heap = heap_meld(heap, a);
    }
    return heap;
}

static void queue_insert(struct timer_queue *q, struct timer *t)
{
    t->child = t->next = t->prev = NULL;
    t->active = true;
    q->root = heap_meld(q->root, t);
}

static void queue_remove(struct timer_queue *q, struct timer *t)
{
    struct timer *below = heap_merge_siblings(t->child);

    if (t == q->root) {
        q->root = below;
    } else {
        if (t->prev->child == t)
            t->prev->child = t->next;
        else
            t->prev->next = t->next;
        if (t->next)
            t->next->prev = t->prev;
        q->root = heap_meld(q->root, below);
    }
    t->child = t->next = t->prev = NULL;
    t->active = false;
}

/* Locks the queue that the timer belongs to; it can move while we wait. */
static struct timer_queue *lock_queue_of(struct timer *t, u64 *flags)
{
    for (;;) {
        unsigned cpu = READ_ONCE(t->cpu);
        struct timer_queue *q = &timer_queue[cpu];

        *flags = spin_lock_irqsave(&q->lock);
        if (t->cpu == cpu)
            return q;
        spin_unlock_irqrestore(&q->lock, *flags);
    }
}

void timer_setup(struct timer *t, void (*fn)(void *), void *data)
{
    *t = (struct timer){.fn = fn, .data = data};
}

void timer_set(struct timer *t, ns_t expires)
{
    unsigned cpu = this_cpu_id();

    for (;;) {
        u64 flags;
        struct timer_queue *q = lock_queue_of(t, &flags);

        if (t->active)
            queue_remove(q, t);
        if (t->cpu != cpu) {
            /* Queues are not locked in pairs: move the inactive timer, then look again, since somebody may be
             * faster. */
            WRITE_ONCE(t->cpu, cpu);
            spin_unlock_irqrestore(&q->lock, flags);
            continue;
        }
        t->expires = expires;
        queue_insert(q, t);
        if (q->root == t)
            clock_set_deadline(expires ? expires : 1);
        spin_unlock_irqrestore(&q->lock, flags);
        return;
    }
}

void timer_stop_nosync(struct timer *t)
{
    u64 flags;
    struct timer_queue *q = lock_queue_of(t, &flags);

    /* The clock stays armed: one interrupt too many costs less than programming it. */
    if (t->active)
        queue_remove(q, t);
    spin_unlock_irqrestore(&q->lock, flags);
}

void timer_stop(struct timer *t)
{
    do {
        timer_stop_nosync(t);
        while (__atomic_load_n(&t->calls, __ATOMIC_ACQUIRE))
            cpu_relax();
        /* The call that has just ended may have set the timer again. */
    } while (READ_ONCE(t->active));
}

/* Runs what had expired at entry. What a function arms in the past waits for the next interrupt, so the loop
 * ends. */
static void timer_softirq(void)
{
    struct timer_queue *q = &this_cpu(timer_queue);
    ns_t t_now = now();
    u64 flags = spin_lock_irqsave(&q->lock);

    while (q->root && q->root->expires <= t_now) {
        struct timer *t = q->root;
        void (*fn)(void *) = t->fn;
        void *data = t->data;

        queue_remove(q, t);
        __atomic_fetch_add(&t->calls, 1, __ATOMIC_RELAXED);
        spin_unlock_irqrestore(&q->lock, flags);
        fn(data);
        /* Last touch: timer_stop() may now let go of the memory. */
        __atomic_fetch_sub(&t->calls, 1, __ATOMIC_RELEASE);
        flags = spin_lock_irqsave(&q->lock);
    }
    clock_set_deadline(q->root ? (q->root->expires ? q->root->expires : 1) : 0);
    spin_unlock_irqrestore(&q->lock, flags);
}

void timers_init(void)
{
    for (unsigned c = 0; c < NR_CPUS; c++)
        timer_queue[c] = (struct timer_queue){.lock = SPINLOCK_INIT(LOCK_TIMER)};
    softirq_register(SOFTIRQ_TIMER, timer_softirq);
}
