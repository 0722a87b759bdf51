/* SPDX-License-Identifier: MIT */
#include "tests/host/guest/blk/kernel.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "guest/events.h"
#include "guest/grant.h"
#include "guest/guest.h"
#include "guest/mm.h"
#include "guest/smp.h"
#include "guest/suspend.h"
#include "guest/thread.h"
#include "guest/time.h"
#include "guest/xenbus.h"

#define MAX_THREADS 16u
#define STACK_BYTES (256u << 10)
#define MAX_NODES   128u
#define MAX_PORTS   32u
#define PATH_BYTES  96u
#define POOL        512u            /* pages that are said to be free */
#define PATIENCE    3600000000000ul /* of a test, in the time that it makes up */

/* --- threads ---------------------------------------------------------------------- */

struct thread {
    ucontext_t context;
    char *stack;
    void (*fn)(void *);
    void *arg;
    bool used, ready, ended;
    struct waitq *on;
    uint64_t deadline; /* 0: none */
};

static struct thread threads[MAX_THREADS], *current;
static uint64_t now = 1;

uint64_t time_now(void)
{
    return now;
}

static bool is_due(const struct thread *t)
{
    return t->ready || (t->deadline && t->deadline <= now);
}

/* The next that can run, behind the one that runs; the clock goes on if there is none. */
static struct thread *next_thread(void)
{
    unsigned from = (unsigned)(current - threads);
    uint64_t nearest = 0;

    for (unsigned i = 1; i <= MAX_THREADS; i++) {
        struct thread *t = &threads[(from + i) % MAX_THREADS];

        if (!t->used || t->ended)
            continue;
        if (is_due(t))
            return t;
        if (t->deadline && (!nearest || t->deadline < nearest))
            nearest = t->deadline;
    }
    assert(nearest); /* else all wait for ever */
    now = nearest;
    assert(now < PATIENCE); /* and not by turns either */
    return next_thread();
}

static void schedule(void)
{
    struct thread *from = current, *to = next_thread();

    if (from == to)
        return;
    current = to;
    swapcontext(&from->context, &to->context);
}

void thread_yield(void)
{
    current->ready = true;
    schedule();
    current->ready = false;
}

bool waitq_wait(struct waitq *q, bool (*cond)(void *), void *arg, uint64_t deadline)
{
    struct thread *self = current;

    for (;;) {
        if (cond && cond(arg))
            return true;
        if (deadline && now >= deadline)
            return false;
        self->on = q;
        self->deadline = deadline;
        schedule();
        self->on = NULL;
        self->deadline = 0;
        self->ready = false;
    }
}

void waitq_wake(struct waitq *q)
{
    for (unsigned i = 0; i < MAX_THREADS; i++)
        if (threads[i].used && threads[i].on == q)
            threads[i].ready = true;
}

static struct waitq sleepers, endings;

void time_sleep(uint64_t ns)
{
    waitq_wait(&sleepers, NULL, NULL, now + ns);
}

static void thread_main(void)
{
    current->ready = false;
    current->fn(current->arg);
    current->ended = true;
    waitq_wake(&endings);
    schedule();
    abort();
}

static void make_context(struct thread *t)
{
    assert(getcontext(&t->context) == 0);
    t->context.uc_stack.ss_sp = t->stack;
    t->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&t->context, thread_main, 0);
}

struct thread *thread_start(const char *name, unsigned vcpu, void (*fn)(void *), void *arg)
{
    struct thread *t = threads;

    (void)name;
    (void)vcpu;
    while (t->used)
        assert(++t < threads + MAX_THREADS);
    *t = (struct thread){.used = true, .ready = true, .fn = fn, .arg = arg, .stack = malloc(STACK_BYTES)};
    assert(t->stack);
    make_context(t);
    return t;
}

static bool has_ended(void *arg)
{
    return ((struct thread *)arg)->ended;
}

void thread_join(struct thread *t)
{
    waitq_wait(&endings, has_ended, t, 0);
    free(t->stack);
    t->used = false;
}

unsigned smp_vcpus(void)
{
    return 2;
}

unsigned long pages_free(void)
{
    return POOL;
}

bool cmdline_value(const char *key, char *value, size_t size)
{
    (void)key;
    (void)value;
    (void)size;
    return false;
}

bool cmdline_word(const char *word)
{
    (void)word;
    return false;
}

unsigned grant_refs(void)
{
    return 1;
}

bool grant_init(unsigned nr_frames)
{
    (void)nr_frames;
    return true;
}

/* --- event channels ----------------------------------------------------------------- */

static struct port {
    bool used, masked, pending;
    event_handler_t fn;
    void *data;
} ports[MAX_PORTS];

int event_alloc_unbound(domid_t remote)
{
    (void)remote;
    for (unsigned i = 1; i < MAX_PORTS; i++)
        if (!ports[i].used) {
            ports[i] = (struct port){.used = true, .masked = true};
            return (int)i;
        }
    return -XEN_ENOSPC;
}

int event_bind_vcpu(unsigned port, unsigned vcpu)
{
    (void)vcpu;
    return ports[port].used ? 0 : -XEN_EINVAL;
}

void event_unmask(unsigned port)
{
    ports[port].masked = false;
    if (ports[port].pending)
        port_raise(port);
}

void event_mask(unsigned port)
{
    ports[port].masked = true;
}

void event_handle(unsigned port, event_handler_t handler, void *data)
{
    event_mask(port);
    ports[port].fn = handler;
    ports[port].data = data;
    if (handler)
        event_unmask(port);
}

int event_close(unsigned port)
{
    assert(ports[port].used);
    ports[port] = (struct port){.used = false};
    return 0;
}

void port_raise(unsigned port)
{
    struct port *p = &ports[port];

    p->pending = p->masked && p->used;
    if (p->used && !p->masked && p->fn)
        p->fn(port, p->data);
}

/* --- the store ------------------------------------------------------------------------ */

static struct node {
    char path[PATH_BYTES], value[PATH_BYTES]; /* no path: free */
} nodes[MAX_NODES];

static struct xenbus_watch *watches;
static struct waitq watch_wait;
static bool any_missed;

static bool is_below(const char *path, const char *dir)
{
    size_t len = strlen(dir);

    return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static void changed(const char *path)
{
    for (struct xenbus_watch *w = watches; w; w = w->next)
        if (is_below(path, w->path) || is_below(w->path, path))
            w->missed = any_missed = true;
    waitq_wake(&watch_wait);
}

static struct node *find(const char *path)
{
    for (unsigned i = 0; i < MAX_NODES; i++)
        if (strcmp(nodes[i].path, path) == 0)
            return &nodes[i];
    return NULL;
}

const char *store_get(const char *path)
{
    const struct node *n = find(path);

    return n ? n->value : NULL;
}

unsigned long store_number_at(const char *path, unsigned long otherwise)
{
    const char *value = store_get(path);

    return value ? strtoul(value, NULL, 10) : otherwise;
}

static void put(const char *path, const char *value)
{
    struct node *n = find(path);

    if (!n)
        n = find("");
    assert(n && strlen(path) < PATH_BYTES && strlen(value) < PATH_BYTES);
    strcpy(n->path, path);
    strcpy(n->value, value);
    changed(path);
}

void store_put(const char *path, const char *fmt, ...)
{
    char value[PATH_BYTES];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    put(path, value);
}

void store_remove(const char *path)
{
    for (unsigned i = 0; i < MAX_NODES; i++)
        if (*nodes[i].path && is_below(nodes[i].path, path))
            nodes[i].path[0] = '\0';
    changed(path);
}

unsigned store_count(const char *below)
{
    unsigned n = 0;

    for (unsigned i = 0; i < MAX_NODES; i++)
        n += *nodes[i].path && is_below(nodes[i].path, below);
    return n;
}

/* Each request of the guest lets others run, as a wait for the answer does. */
static void format(char path[PATH_BYTES], const char *fmt, va_list ap)
{
    vsnprintf(path, PATH_BYTES, fmt, ap);
    thread_yield();
}

#define PATH(path, fmt)    \
    char path[PATH_BYTES]; \
    va_list ap;            \
    va_start(ap, fmt);     \
    format(path, fmt, ap); \
    va_end(ap)

int xenbus_init(void)
{
    return 0;
}

int xenbus_read(xenbus_tx_t tx, char *value, size_t size, const char *fmt, ...)
{
    PATH(path, fmt);
    const char *found = store_get(path);

    (void)tx;
    if (!found)
        return -XEN_ENOENT;
    assert(strlen(found) < size);
    strcpy(value, found);
    return (int)strlen(found);
}

int xenbus_read_uint(xenbus_tx_t tx, uint64_t *value, const char *fmt, ...)
{
    PATH(path, fmt);

    (void)tx;
    if (!store_get(path))
        return -XEN_ENOENT;
    *value = store_number_at(path, 0);
    return 0;
}

int xenbus_write(xenbus_tx_t tx, const char *value, const char *fmt, ...)
{
    PATH(path, fmt);

    (void)tx;
    put(path, value);
    return 0;
}

int xenbus_write_uint(xenbus_tx_t tx, uint64_t value, const char *fmt, ...)
{
    PATH(path, fmt);

    (void)tx;
    store_put(path, "%lu", (unsigned long)value);
    return 0;
}

int xenbus_rm(xenbus_tx_t tx, const char *fmt, ...)
{
    PATH(path, fmt);

    (void)tx;
    store_remove(path);
    return 0;
}

/* Names of nodes, those with something below them several times. */
int xenbus_list(xenbus_tx_t tx, char *names, size_t size, const char *fmt, ...)
{
    PATH(path, fmt);
    size_t len = strlen(path);
    int n = 0;

    (void)tx;
    for (unsigned i = 0; i < MAX_NODES; i++) {
        const char *name = nodes[i].path + len + 1;

        if (!*nodes[i].path || !is_below(nodes[i].path, path) || nodes[i].path[len] != '/')
            continue;
        assert(strcspn(name, "/") < size);
        size -= (size_t)sprintf(names, "%.*s", (int)strcspn(name, "/"), name) + 1;
        names += strlen(names) + 1;
        n++;
    }
    return n ? n : -XEN_ENOENT;
}

int xenbus_tx_start(xenbus_tx_t *tx)
{
    *tx = 1;
    return 0;
}

int xenbus_tx_end(xenbus_tx_t tx, bool commit)
{
    (void)tx;
    (void)commit;
    return 0;
}

int xenbus_watch(struct xenbus_watch *w, const char *fmt, ...)
{
    PATH(path, fmt);

    w->path = strdup(path);
    assert(w->path);
    w->missed = any_missed = true;
    w->next = watches;
    watches = w;
    waitq_wake(&watch_wait);
    return 0;
}

int xenbus_unwatch(struct xenbus_watch *w)
{
    struct xenbus_watch **p = &watches;

    if (!w->path)
        return -XEN_ENOENT;
    while (*p != w)
        p = &(*p)->next;
    *p = w->next;
    free(w->path);
    w->path = NULL;
    return 0;
}

static bool has_missed(void *arg)
{
    (void)arg;
    return any_missed;
}

static void watch_main(void *arg)
{
    (void)arg;
    for (;;) {
        struct xenbus_watch *w;

        waitq_wait(&watch_wait, has_missed, NULL, 0);
        for (w = watches; w && !w->missed; w = w->next)
            ;
        any_missed = w != NULL;
        if (!w)
            continue;
        w->missed = false;
        w->fn(w, w->path);
    }
}

/* --- suspending ------------------------------------------------------------------------ */

static struct suspend_hook *hook; /* the frontend's only one */
static unsigned holds;
static bool under_way;

void suspend_hook_add(struct suspend_hook *h)
{
    assert(!hook || hook == h);
    hook = h;
}

void suspend_hold(void)
{
    assert(!under_way);
    holds++;
}

void suspend_release(void)
{
    holds--;
}

void kernel_suspend(void (*in_between)(void))
{
    assert(!holds);
    under_way = true;
    hook->before(hook->arg);
    /* The store falls silent, which takes a while. */
    time_sleep(100000000);
    if (in_between) {
        for (unsigned i = 0; i < MAX_PORTS; i++)
            assert(!ports[i].used);
        in_between();
        for (struct xenbus_watch *w = watches; w; w = w->next)
            w->missed = any_missed = true;
        waitq_wake(&watch_wait);
    }
    hook->after(hook->arg, !in_between);
    under_way = false;
}

/* --- beginning and end -------------------------------------------------------------------- */

void kernel_begin(void)
{
    memset(threads, 0, sizeof(threads));
    memset(nodes, 0, sizeof(nodes));
    memset(ports, 0, sizeof(ports));
    watches = NULL;
    any_missed = false;
    now = 1;
    current = &threads[0];
    threads[0] = (struct thread){.used = true};
    thread_start("watches", 0, watch_main, NULL);
}

void kernel_end(void)
{
    unsigned left = 0;

    for (unsigned i = 0; i < MAX_THREADS; i++)
        left += threads[i].used;
    assert(current == &threads[0] && left == 2 && !watches && !holds);
    free(threads[1].stack);
    for (unsigned i = 0; i < MAX_PORTS; i++)
        assert(!ports[i].used);
}
