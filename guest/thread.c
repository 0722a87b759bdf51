/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: one run queue a vCPU.
 *
 * A thread is in one of four states, which change under the lock of its vCPU's queue: it runs, is ready (in
 * the queue), waits, or has ended. It is put to sleep by itself only, on its own vCPU; others merely queue
 * it. So no two vCPUs ever use one stack, whatever the order in which a thread goes to sleep and is woken.
 *
 * A thread that waits while no other is ready stays on its stack and blocks the vCPU from there. Only one
 * that has ended needs somebody else's stack: that is what the idle thread is for.
 *
 * Lock order: waitq, run queue. All of this runs with upcalls masked, since handlers wake threads.
 */
#include "guest/events.h"
#include "guest/guest.h"
#include "guest/mm.h"
#include "guest/smp.h"
#include "guest/thread_internal.h"
#include "guest/time.h"

#define GUARD       0x5ac3f00d0ddba11ul
#define STACK_ORDER __builtin_ctz(GUEST_STACK_SIZE / PAGE_SIZE)

static struct runq {
    struct spinlock lock;
    struct thread *first, *last; /* ready */
    struct thread *timed;        /* waiting with a deadline; for this vCPU only */
    struct thread *left;         /* the thread that the vCPU switched away from last */
    struct thread *idle;         /* the stack that is left when a thread has ended */
    bool adopted;                /* threads can be started here; start_lock */
    unsigned ipi, timer;         /* ports; 0: not bound yet */
} runqs[SMP_MAX_VCPUS];

static struct spinlock start_lock;
static struct waitq endings, sleepers;
static bool stop;         /* the vCPUs other than the one that suspends */
static unsigned standing; /* how many of them do */

void thread_run(void) __attribute__((noreturn));

static struct runq *runq_of(const struct thread *t)
{
    return &runqs[t->head.vcpu->id];
}

struct thread *thread_self(void)
{
    return (struct thread *)stack_base();
}

const char *thread_name(const struct thread *t)
{
    return t->name;
}

void thread_init(struct thread *t, const char *name, struct vcpu_local *vcpu)
{
    *t = (struct thread){.head.vcpu = vcpu, .name = name, .guard = GUARD};
}

/* --- the ready ---------------------------------------------------------------------------------- */

static void push_ready(struct runq *rq, struct thread *t)
{
    t->state = THREAD_READY;
    t->next_ready = NULL;
    if (rq->first)
        rq->last->next_ready = t;
    else
        rq->first = t;
    rq->last = t;
}

static struct thread *take_ready(struct runq *rq)
{
    struct thread *t;

    spin_lock(&rq->lock);
    t = rq->first;
    if (t) {
        rq->first = t->next_ready;
        t->state = THREAD_RUNNING;
    }
    spin_unlock(&rq->lock);
    return t;
}

static void make_ready(struct thread *t)
{
    struct runq *rq = runq_of(t);
    bool queued = false;

    spin_lock(&rq->lock);
    if (t->state == THREAD_WAITING) {
        push_ready(rq, t);
        queued = true;
    } else {
        t->woken = true;
    }
    spin_unlock(&rq->lock);
    if (queued && t->head.vcpu != this_vcpu())
        event_send(rq->ipi);
}

/* --- deadlines ---------------------------------------------------------------------------------- */

static void timed_add(struct runq *rq, struct thread *t, uint64_t deadline)
{
    t->deadline = deadline;
    if (!deadline)
        return;
    t->next_timed = rq->timed;
    rq->timed = t;
}

static void timed_remove(struct runq *rq, struct thread *t)
{
    if (!t->deadline)
        return;
    for (struct thread **p = &rq->timed; *p; p = &(*p)->next_timed) {
        if (*p == t) {
            *p = t->next_timed;
            break;
        }
    }
    t->deadline = 0;
}

/* Those whose time has come are ready; returns the nearest deadline of the others, 0 if there is none. */
static uint64_t timed_expire(struct runq *rq)
{
    uint64_t nearest = 0, now;

    if (!rq->timed)
        return 0;
    now = time_now();
    for (struct thread *t = rq->timed; t; t = t->next_timed) {
        if (t->deadline <= now)
            make_ready(t);
        else if (!nearest || t->deadline < nearest)
            nearest = t->deadline;
    }
    return nearest;
}

/* --- switching ---------------------------------------------------------------------------------- */

static void after_switch(struct runq *rq)
{
    struct thread *left = rq->left;

    if (left->state != THREAD_ENDED)
        return;
    /* From here on whoever joins it may free it. */
    __atomic_store_n(&left->gone, true, __ATOMIC_RELEASE);
    waitq_wake(&endings);
}

static void switch_to(struct runq *rq, struct thread *self, struct thread *next)
{
    if (self->guard != GUARD)
        panic("the stack of thread '%s' has overflowed", self->name);
    rq->left = self;
    thread_switch(&self->sp, next->sp);
    after_switch(rq);
}

/* Runs others until this thread, which is not running any more, is at the head of the queue. */
static void schedule(struct runq *rq, struct thread *self)
{
    for (;;) {
        uint64_t nearest = timed_expire(rq);
        struct thread *next = take_ready(rq);

        if (next == self)
            return;
        if (!next && self->state == THREAD_ENDED)
            next = rq->idle;
        if (next) {
            switch_to(rq, self, next);
            return;
        }
        if (nearest)
            time_set_timer(nearest);
        hv_sched_op(SCHEDOP_block, NULL); /* unmasks */
        upcall_mask_set(1);
    }
}

static void on_timer(unsigned port, void *data)
{
    (void)port;
    (void)data;
    /* The interruption is all that is needed: schedule() looks again. */
}

/* For a suspend. The hypervisor gives every vCPU of a new domain its periodic timer again. */
static void stand_still(void)
{
    __atomic_add_fetch(&standing, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&stop, __ATOMIC_SEQ_CST))
        hv_sched_op(SCHEDOP_yield, NULL);
    time_init_vcpu();
    __atomic_sub_fetch(&standing, 1, __ATOMIC_SEQ_CST);
}

void spin_wait(void)
{
    uint8_t mask;

    hv_sched_op(SCHEDOP_yield, NULL);
    if (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST) || !this_vcpu()->id)
        return;
    mask = upcall_mask_set(1);
    stand_still();
    upcall_mask_restore(mask);
}

static void on_ipi(unsigned port, void *data)
{
    (void)port;
    (void)data;
    if (__atomic_load_n(&stop, __ATOMIC_SEQ_CST))
        stand_still();
}

/* The ports without which a vCPU must not block. The lock is start_lock or none is needed: see the callers.
 */
static bool bind_ports(struct runq *rq, unsigned vcpu)
{
    int ipi = event_bind_ipi(vcpu), timer = event_bind_virq(VIRQ_TIMER, vcpu);

    if (ipi < 0 || timer < 0) {
        if (ipi >= 0)
            event_close((unsigned)ipi);
        if (timer >= 0)
            event_close((unsigned)timer);
        return false;
    }
    event_handle((unsigned)ipi, on_ipi, NULL);
    event_handle((unsigned)timer, on_timer, NULL);
    rq->timer = (unsigned)timer;
    __atomic_store_n(&rq->ipi, (unsigned)ipi, __ATOMIC_RELEASE);
    return true;
}

static void release_ports(struct runq *rq)
{
    event_close(rq->ipi);
    event_close(rq->timer);
    rq->ipi = rq->timer = 0;
}

static void need_ports(struct runq *rq, unsigned vcpu)
{
    bool ok = true;

    spin_lock(&start_lock);
    if (!rq->ipi)
        ok = bind_ports(rq, vcpu);
    spin_unlock(&start_lock);
    if (!ok)
        panic("vcpu %u cannot wait: its VIRQ_TIMER is taken, or there is no port left", vcpu);
}

/* --- waiting ------------------------------------------------------------------------------------ */

static void sleep_until_woken(struct thread *self, uint64_t deadline)
{
    struct runq *rq = runq_of(self);
    bool woken;

    if (!rq->ipi)
        need_ports(rq, self->head.vcpu->id);
    spin_lock(&rq->lock);
    woken = self->woken;
    self->woken = false;
    if (!woken)
        self->state = THREAD_WAITING;
    spin_unlock(&rq->lock);
    if (woken)
        return;
    timed_add(rq, self, deadline);
    schedule(rq, self);
    timed_remove(rq, self);
}

static void enqueue_self(struct waitq *q, struct thread *self)
{
    spin_lock(&q->lock);
    if (!self->on) {
        self->on = q;
        self->next_waiter = q->first;
        q->first = self;
    }
    spin_unlock(&q->lock);
}

static void dequeue_self(struct waitq *q, struct thread *self)
{
    spin_lock(&q->lock);
    for (struct thread **p = &q->first; self->on && *p; p = &(*p)->next_waiter) {
        if (*p == self) {
            *p = self->next_waiter;
            self->on = NULL;
            break;
        }
    }
    spin_unlock(&q->lock);
}

bool waitq_wait(struct waitq *q, bool (*cond)(void *), void *arg, uint64_t deadline)
{
    struct thread *self = thread_self();
    uint8_t mask = upcall_mask_set(1);
    bool holds = cond && cond(arg), queued = false;

    while (!holds && !(deadline && time_now() >= deadline)) {
        /* In the queue first, then the look: a change in between wakes. */
        enqueue_self(q, self);
        queued = true;
        holds = cond && cond(arg);
        if (!holds)
            sleep_until_woken(self, deadline);
        holds = holds || (cond && cond(arg));
    }
    if (queued)
        dequeue_self(q, self);
    upcall_mask_restore(mask);
    return holds;
}

void waitq_wake(struct waitq *q)
{
    uint8_t mask = spin_lock_masked(&q->lock);
    struct thread *t;

    while ((t = q->first)) {
        q->first = t->next_waiter;
        t->on = NULL;
        make_ready(t);
    }
    spin_unlock_masked(&q->lock, mask);
}

void thread_yield(void)
{
    struct thread *self = thread_self();
    struct runq *rq = runq_of(self);
    uint8_t mask = upcall_mask_set(1);

    spin_lock(&rq->lock);
    push_ready(rq, self);
    spin_unlock(&rq->lock);
    schedule(rq, self);
    upcall_mask_restore(mask);
}

static bool try_lock(void *arg)
{
    struct mutex *m = arg;

    return !__atomic_exchange_n(&m->held, 1, __ATOMIC_ACQUIRE);
}

void mutex_lock(struct mutex *m)
{
    waitq_wait(&m->waiters, try_lock, m, 0);
}

void mutex_unlock(struct mutex *m)
{
    __atomic_store_n(&m->held, 0, __ATOMIC_RELEASE);
    waitq_wake(&m->waiters);
}

/* Without the scheduler on this vCPU no port is taken for it, which tests of the timer rely on. */
void time_sleep(uint64_t ns)
{
    uint64_t end = time_now() + ns;

    if (runq_of(thread_self())->ipi) {
        waitq_wait(&sleepers, NULL, NULL, end);
        return;
    }
    while (time_now() < end) {
        struct sched_poll poll = {.nr_ports = 0, .timeout = end};

        hv_sched_op(SCHEDOP_poll, &poll);
    }
}

/* --- beginning and end --------------------------------------------------------------------------- */

static void end(struct thread *self)
{
    struct runq *rq = runq_of(self);

    spin_lock(&rq->lock);
    self->state = THREAD_ENDED;
    spin_unlock(&rq->lock);
    schedule(rq, self);
    panic("thread '%s' came back after its end", self->name);
}

void thread_run(void)
{
    struct thread *self = thread_self();

    after_switch(runq_of(self));
    upcall_mask_restore(0);
    self->fn(self->arg);
    upcall_mask_set(1);
    end(self);
    __builtin_unreachable();
}

/* Runs when a thread has ended and none is ready; until one is. */
static void idle(void *arg)
{
    struct thread *self = thread_self();
    struct runq *rq = runq_of(self);

    (void)arg;
    upcall_mask_set(1);
    rq->idle = self;
    for (;;) {
        spin_lock(&rq->lock);
        self->state = THREAD_WAITING;
        spin_unlock(&rq->lock);
        schedule(rq, self);
    }
}

static struct thread *new_thread(const char *name, unsigned vcpu, void (*fn)(void *), void *arg)
{
    struct thread *t = page_alloc(STACK_ORDER);
    uint64_t *sp;

    if (!t)
        return NULL;
    thread_init(t, name, smp_vcpu(vcpu));
    t->fn = fn;
    t->arg = arg;
    /* What thread_switch() pops: six registers and its return address, which leaves the stack aligned. */
    sp = (uint64_t *)((uintptr_t)t + GUEST_STACK_SIZE) - 2;
    *--sp = (uintptr_t)thread_first;
    t->sp = sp - 6;
    return t;
}

/* Makes a vCPU one that threads can be started on. Its ports exist before it runs: it never blocks without
 * them. */
static bool adopt_vcpu(struct runq *rq, unsigned vcpu)
{
    if (rq->adopted)
        return true;
    if (vcpu >= smp_vcpus() || (vcpu && rq->ipi))
        return false;
    if (!rq->ipi && !bind_ports(rq, vcpu))
        return false;
    if (!vcpu)
        rq->adopted = (rq->idle = new_thread("idle", 0, idle, NULL)) != NULL;
    else
        rq->adopted = smp_start(vcpu, idle, NULL) == 0;
    if (!rq->adopted && vcpu)
        release_ports(rq);
    return rq->adopted;
}

struct thread *thread_start(const char *name, unsigned vcpu, void (*fn)(void *), void *arg)
{
    struct thread *t = NULL;
    bool ok;

    if (vcpu >= SMP_MAX_VCPUS)
        return NULL;
    spin_lock(&start_lock);
    /* The starter's own vCPU too: from now on others may wake it. */
    ok = adopt_vcpu(&runqs[0], 0) && adopt_vcpu(&runqs[vcpu], vcpu);
    spin_unlock(&start_lock);
    if (ok)
        t = new_thread(name, vcpu, fn, arg);
    if (t) {
        uint8_t mask = upcall_mask_set(1);

        t->state = THREAD_WAITING;
        make_ready(t);
        upcall_mask_restore(mask);
    }
    return t;
}

static bool is_gone(void *t)
{
    return __atomic_load_n(&((struct thread *)t)->gone, __ATOMIC_ACQUIRE);
}

void thread_join(struct thread *t)
{
    waitq_wait(&endings, is_gone, t, 0);
    page_free(t, STACK_ORDER);
}

/* --- suspend ------------------------------------------------------------------------------------- */

static unsigned count_others(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < SMP_MAX_VCPUS; i++)
        n += i != this_vcpu()->id && runqs[i].adopted;
    return n;
}

bool sched_stop_others(void)
{
    unsigned others = count_others();

    for (unsigned i = 0; i < smp_vcpus(); i++)
        if (i != this_vcpu()->id && !runqs[i].adopted && smp_is_up(i) == 1)
            return false;
    __atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < SMP_MAX_VCPUS; i++)
        if (i != this_vcpu()->id && runqs[i].adopted)
            event_send(runqs[i].ipi);
    while (__atomic_load_n(&standing, __ATOMIC_SEQ_CST) != others)
        hv_sched_op(SCHEDOP_yield, NULL);
    return true;
}

void sched_bind_again(void)
{
    time_init_vcpu();
    for (unsigned i = 0; i < SMP_MAX_VCPUS; i++)
        if (runqs[i].ipi && !bind_ports(&runqs[i], i))
            panic("no ports for vcpu %u after the resume", i);
}

void sched_go_on(void)
{
    __atomic_store_n(&stop, false, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&standing, __ATOMIC_SEQ_CST))
        hv_sched_op(SCHEDOP_yield, NULL);
}
