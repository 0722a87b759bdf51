/* SPDX-License-Identifier: MIT */
/*
 * The connection to the store.
 *
 * A requester puts its struct request into the list, writes its message to the ring under send_lock, so that
 * messages do not mix, and waits. The reading thread matches answers to the list by their ids, and passes
 * events on to the watches' thread (xenbus_watch.c), so that what a watch's function asks for can be
 * answered.
 *
 * When the store breaks the protocol or says nothing for ANSWER_TIMEOUT, all requests under way fail,
 * transactions are over, and the connection begins anew if the store can do that; if it cannot, it is lost
 * until a resume.
 */
#include "guest/events.h"
#include "guest/guest.h"
#include "guest/heap.h"
#include "guest/mm.h"
#include "guest/store_ring.h"
#include "guest/time.h"
#include "guest/xenbus_internal.h"

#define SECOND         1000000000ul
#define KICK_INTERVAL  (2 * SECOND)  /* a store that was restarted may have missed an event */
#define ANSWER_TIMEOUT (90 * SECOND) /* far beyond what a store on a busy machine needs */
#define MAX_TX         16u

struct request {
    struct request *next;
    uint32_t id, type;
    bool done;
    int rc;
    struct xenbus_answer answer;
};

static enum { DOWN, UP, LOST } state;

static struct store_ring ring;
static struct store_reader reader;
static unsigned port;
static struct waitq ring_events; /* woken by the store's event */

static struct spinlock lock; /* of the following */
static struct request *requests;
static uint32_t next_id;
static xenbus_tx_t open_tx[MAX_TX]; /* 0: free */
static bool suspended, broken;
static unsigned connection; /* counts up with each new one */

static struct waitq answers, gate;
static struct mutex send_lock, init_lock;

/* --- transactions ------------------------------------------------------------------------------- */

static bool tx_replace(xenbus_tx_t old, xenbus_tx_t new)
{
    bool found = false;

    spin_lock(&lock);
    for (unsigned i = 0; i < MAX_TX && !found; i++) {
        if (open_tx[i] == old) {
            open_tx[i] = new;
            found = true;
        }
    }
    spin_unlock(&lock);
    return found;
}

static bool tx_is_open(xenbus_tx_t tx)
{
    return tx_replace(tx, tx);
}

int xenbus_tx_start(xenbus_tx_t *tx)
{
    struct xenbus_part none = {"", 1};
    struct xenbus_answer a;
    uint64_t id;
    int rc = xenbus_request(XS_TRANSACTION_START, XENBUS_NO_TX, &none, 1, &a);

    if (rc)
        return rc;
    rc = store_number(a.body, strnlen(a.body, a.len), &id);
    heap_free(a.body);
    if (rc || !id || id > UINT32_MAX)
        return -XEN_EIO;
    if (!tx_replace(0, (xenbus_tx_t)id)) {
        struct xenbus_part f = {"F", 2};

        xenbus_request(XS_TRANSACTION_END, (xenbus_tx_t)id, &f, 1, NULL);
        return -XEN_EBUSY;
    }
    *tx = (xenbus_tx_t)id;
    return 0;
}

int xenbus_tx_end(xenbus_tx_t tx, bool commit)
{
    struct xenbus_part how = {commit ? "T" : "F", 2};
    int rc = xenbus_request(XS_TRANSACTION_END, tx, &how, 1, NULL);

    if (tx)
        tx_replace(tx, 0);
    return rc;
}

/* --- requests ----------------------------------------------------------------------------------- */

/* The reading thread begins a new one. */
static void break_connection(void)
{
    broken = true;
    waitq_wake(&ring_events);
}

static bool may_send(void *arg)
{
    (void)arg;
    return state != UP || store_ring_can_write(&ring);
}

/* Under send_lock. Not 0: this connection is not that one any more, or broken. */
static int send_bytes(const void *data, size_t len, unsigned on_connection)
{
    while (len) {
        long n;

        if (!waitq_wait(&ring_events, may_send, NULL, time_now() + KICK_INTERVAL)) {
            event_send(port);
            continue;
        }
        if (state != UP || connection != on_connection)
            return -XEN_EIO;
        n = store_ring_write(&ring, data, len);
        if (n < 0) {
            break_connection();
            return (int)n;
        }
        data = (const char *)data + n;
        len -= (size_t)n;
        event_send(port);
    }
    return 0;
}

static int send_message(const struct xsd_sockmsg *head, const struct xenbus_part *parts, unsigned n)
{
    unsigned on = connection;
    int rc = state == UP ? send_bytes(head, sizeof(*head), on) : -XEN_EIO;

    for (unsigned i = 0; i < n && !rc; i++)
        rc = send_bytes(parts[i].data, parts[i].len, on);
    return rc;
}

static bool is_done(void *arg)
{
    return __atomic_load_n(&((struct request *)arg)->done, __ATOMIC_ACQUIRE);
}

static void list_remove(struct request *r)
{
    for (struct request **p = &requests; *p; p = &(*p)->next) {
        if (*p == r) {
            *p = r->next;
            return;
        }
    }
}

/* Under the lock; r's owner may return from now on. */
static void complete(struct request *r, int rc)
{
    list_remove(r);
    r->rc = rc;
    __atomic_store_n(&r->done, true, __ATOMIC_RELEASE);
}

static void wait_for_answer(struct request *r)
{
    uint64_t give_up = time_now() + ANSWER_TIMEOUT;

    while (!waitq_wait(&answers, is_done, r, time_now() + KICK_INTERVAL)) {
        event_send(port);
        if (time_now() < give_up)
            continue;
        give_up += ANSWER_TIMEOUT;
        break_connection();
    }
}

static bool gate_is_open(void *arg)
{
    struct request *r = arg;
    bool open;

    spin_lock(&lock);
    open = !suspended;
    if (open) {
        r->id = next_id++;
        r->next = requests;
        requests = r;
    }
    spin_unlock(&lock);
    return open;
}

int xenbus_request(uint32_t type, xenbus_tx_t tx, const struct xenbus_part *parts, unsigned n,
                   struct xenbus_answer *answer)
{
    struct request r = {.type = type};
    struct xsd_sockmsg head = {.type = type, .tx_id = tx};
    int rc;

    if (state == DOWN)
        return -XEN_ENODEV;
    for (unsigned i = 0; i < n; i++)
        head.len += (uint32_t)parts[i].len;
    if (head.len > XENSTORE_PAYLOAD_MAX)
        return -XEN_ENAMETOOLONG;
    waitq_wait(&gate, gate_is_open, &r, 0);
    head.req_id = r.id;
    mutex_lock(&send_lock);
    rc = tx && !tx_is_open(tx) ? -XEN_EAGAIN : send_message(&head, parts, n);
    mutex_unlock(&send_lock);
    if (rc) {
        spin_lock(&lock);
        if (!r.done)
            complete(&r, rc);
        spin_unlock(&lock);
        waitq_wake(&answers);
    }
    wait_for_answer(&r);
    if (answer && !r.rc)
        *answer = r.answer;
    else
        heap_free(r.answer.body);
    return r.rc;
}

/* --- the reading thread ------------------------------------------------------------------------- */

static int take_answer(struct request *r)
{
    if (reader.head.type == XS_ERROR)
        return store_error(reader.body, reader.head.len);
    if (reader.head.type != r->type)
        return -XEN_EIO;
    r->answer.body = heap_alloc(reader.head.len + 1);
    if (!r->answer.body)
        return -XEN_ENOMEM;
    memcpy(r->answer.body, reader.body, reader.head.len);
    r->answer.len = reader.head.len;
    return 0;
}

static void dispatch(void)
{
    const char *path;
    uint32_t token;

    if (reader.head.type == XS_WATCH_EVENT) {
        if (store_event(reader.body, reader.head.len, &path, &token))
            xenbus_watch_event(path, token);
        return;
    }
    spin_lock(&lock);
    for (struct request *r = requests; r; r = r->next) {
        if (r->id == reader.head.req_id) {
            complete(r, take_answer(r));
            break;
        }
    }
    spin_unlock(&lock);
    waitq_wake(&answers);
}

static bool has_work(void *arg)
{
    (void)arg;
    return broken || (state == UP && (store_ring_can_read(&ring) || store_ring_refused(&ring)));
}

static void fail_all(void)
{
    spin_lock(&lock);
    while (requests)
        complete(requests, -XEN_EIO);
    memset(open_tx, 0, sizeof(open_tx));
    broken = false;
    spin_unlock(&lock);
    waitq_wake(&answers);
    waitq_wake(&ring_events);
}

static bool is_connected(void *arg)
{
    (void)arg;
    return store_ring_connected(&ring) || suspended;
}

static void attach(void)
{
    store_ring_attach(&ring, ring.page);
    memset(&reader, 0, sizeof(reader));
    connection++;
    state = UP;
}

/* The store empties the ring on request, if it is one that can. Not faster than once a second, whatever it
 * does. */
static void reconnect(void)
{
    state = LOST;
    fail_all();
    if (!store_ring_can_reconnect(&ring)) {
        printf("xenbus: connection to the store lost\n");
        return;
    }
    time_sleep(SECOND);
    mutex_lock(&send_lock);
    store_ring_reconnect(&ring);
    do
        event_send(port);
    while (!waitq_wait(&ring_events, is_connected, NULL, time_now() + KICK_INTERVAL));
    if (!suspended)
        attach();
    mutex_unlock(&send_lock);
    if (state == UP)
        xenbus_watch_restore();
}

static void read_forever(void *arg)
{
    (void)arg;
    for (;;) {
        int rc = 0;

        waitq_wait(&ring_events, has_work, NULL, 0);
        if (!broken && !store_ring_refused(&ring))
            rc = store_reader_pull(&reader, &ring);
        else
            rc = -XEN_EIO;
        if (rc < 0)
            reconnect();
        else
            event_send(port); /* there is room again */
        if (rc > 0)
            dispatch();
    }
}

static void on_event(unsigned p, void *data)
{
    (void)p;
    (void)data;
    waitq_wake(&ring_events);
}

/* --- beginning, suspend and resume --------------------------------------------------------------- */

static bool find_ring(void)
{
    if (guest_is_dom0() || !start_info->store_mfn || !start_info->store_evtchn)
        return false;
    ring.page = pfn_to_virt(mfn_to_pfn(start_info->store_mfn));
    port = start_info->store_evtchn;
    attach();
    event_handle(port, on_event, NULL);
    return true;
}

static int init_once(void)
{
    int rc;

    if (state != DOWN)
        return 0;
    if (!find_ring())
        return -XEN_ENODEV;
    rc = xenbus_watch_start();
    if (!rc && !thread_start("xenbus", 0, read_forever, NULL))
        rc = -XEN_ENOMEM;
    if (rc) {
        event_handle(port, NULL, NULL);
        state = DOWN;
    }
    return rc;
}

int xenbus_init(void)
{
    int rc;

    mutex_lock(&init_lock);
    rc = init_once();
    mutex_unlock(&init_lock);
    return rc;
}

static bool is_quiet(void *arg)
{
    (void)arg;
    return !__atomic_load_n(&requests, __ATOMIC_ACQUIRE);
}

void xenbus_suspend(void)
{
    if (state == DOWN)
        return;
    spin_lock(&lock);
    suspended = true;
    spin_unlock(&lock);
    waitq_wake(&ring_events);
    waitq_wait(&answers, is_quiet, NULL, 0);
    mutex_lock(&send_lock);
}

void xenbus_resume(bool cancelled)
{
    if (state == DOWN)
        return;
    if (!cancelled) {
        find_ring();
        fail_all();
    } else if (state == LOST) {
        break_connection(); /* the suspend interrupted the attempt to begin anew */
    }
    mutex_unlock(&send_lock);
    spin_lock(&lock);
    suspended = false;
    spin_unlock(&lock);
    waitq_wake(&gate);
    if (!cancelled)
        xenbus_watch_restore();
}
