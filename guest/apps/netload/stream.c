/* SPDX-License-Identifier: MIT */
/* One direction: as much as goes out, and as much as comes in. */
#include "guest/guest.h"
#include "guest/heap.h"
#include "guest/thread.h"
#include "guest/time.h"
#include "load.h"

/* A receiver without count= and seconds= of its own ends after this long without a datagram. */
#define SILENCE_NS (5 * NS_PER_S)

/* Datagrams until other threads have their turn: without it nobody learns the neighbour's address, and all
 * goes into the bin. */
#define TURN 64u

const char *load_send(const struct load_options *o)
{
    struct udp_socket *sock;
    uint8_t *data = heap_alloc(o->size_to + 1);
    uint64_t start, end, sent = 0, bytes = 0;
    int rc = 0;

    if (!data || udp_open(o->nif->ns, &sock, 0, NULL, NULL))
        return "no socket";
    start = time_now();
    end = o->duration ? start + o->duration : 0;
    while (!rc && (!o->count || sent < o->count) && (!end || time_now() < end)) {
        size_t len = load_fill(o, sent, data);

        if (sent % TURN == 0)
            thread_yield();
        rc = udp_send(sock, &o->to, data, len, end);
        if (!rc) {
            sent++;
            bytes += len;
        }
    }
    load_print_rate("sent", sent, bytes, time_now() - start);
    udp_close(sock);
    heap_free(data);
    /* No room at the very end is the end. */
    if (rc && !(rc == -XEN_EAGAIN && end && time_now() >= end)) {
        printf("udp_send: %d\n", rc);
        return "a datagram was not sent";
    }
    return sent ? NULL : "nothing was sent";
}

/* Counted on the threads of the queues. */
struct receiver {
    const struct load_options *o;
    struct waitq wait;
    uint64_t first, last; /* times */
    uint64_t packets, bytes, wrong;
    uint64_t highest; /* sequence number + 1 */
};

static void raise_to(uint64_t *value, uint64_t to)
{
    uint64_t old = __atomic_load_n(value, __ATOMIC_RELAXED);

    while (old < to &&
           !__atomic_compare_exchange_n(value, &old, to, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

static void take(void *ctx, struct udp_socket *sock, const struct udp_peer *from, const void *data,
                 size_t len)
{
    struct receiver *r = ctx;
    uint64_t none = 0, now = time_now();

    (void)sock;
    (void)from;
    __atomic_compare_exchange_n(&r->first, &none, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    raise_to(&r->last, now);
    if (len >= sizeof(uint64_t)) {
        uint64_t seq = load_seq(data);

        raise_to(&r->highest, seq + 1);
        if (!load_check(r->o, seq, data, len))
            __atomic_fetch_add(&r->wrong, 1, __ATOMIC_RELAXED);
    }
    __atomic_fetch_add(&r->bytes, len, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&r->packets, 1, __ATOMIC_RELAXED) == r->o->count)
        waitq_wake(&r->wait);
}

static bool has_all(void *arg)
{
    const struct receiver *r = arg;

    return r->o->count && __atomic_load_n(&r->packets, __ATOMIC_RELAXED) >= r->o->count;
}

/* Until all have come, time is up, or nothing has come for a while after the first. */
static void receive(struct receiver *r)
{
    uint64_t end = r->o->duration ? time_now() + r->o->duration : 0;

    for (;;) {
        uint64_t turn = time_now() + SILENCE_NS, last;

        if (waitq_wait(&r->wait, has_all, r, end && end < turn ? end : turn) || (end && time_now() >= end))
            return;
        last = __atomic_load_n(&r->last, __ATOMIC_RELAXED);
        if (last && time_now() - last >= SILENCE_NS)
            return;
    }
}

const char *load_receive(const struct load_options *o)
{
    struct receiver r = {.o = o};
    struct udp_socket *sock;
    uint64_t lost;

    if (udp_open(o->nif->ns, &sock, o->port, take, &r))
        return "no socket";
    printf("netload: receiving on port %u\n", o->port);
    receive(&r);
    udp_close(sock);
    lost = r.highest > r.packets ? r.highest - r.packets : 0;
    load_print_rate("received", r.packets, r.bytes, r.last - r.first);
    printf("lost %llu of %llu, wrong %llu\n", (unsigned long long)lost, (unsigned long long)r.highest,
           (unsigned long long)r.wrong);
    if (r.wrong)
        return "datagrams came with other bytes than were sent";
    if (!r.packets)
        return "nothing came";
    return lost * 100 > r.highest * o->loss ? "too many were lost" : NULL;
}
