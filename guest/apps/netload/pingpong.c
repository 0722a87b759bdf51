/* SPDX-License-Identifier: MIT */
/*
 * Round trips. Up to `window` datagrams are under way; each has a place by its sequence number, and an answer
 * counts when it is the one that its place waits for. One that is not answered in time (wait=) is lost.
 */
#include "guest/guest.h"
#include "guest/heap.h"
#include "guest/time.h"
#include "load.h"

/* Round-trip times in buckets that grow by an eighth: enough for percentiles without keeping them all. */
#define BUCKETS (64u * 8u)

struct flight {
    uint64_t seq, sent;
    bool out;
};

struct pingpong {
    const struct load_options *o;
    struct udp_socket *sock;
    uint8_t *data;
    struct flight *flights;
    uint64_t next; /* sequence number */
    unsigned under_way;
    uint64_t answered, bytes, lost, wrong, late;
    uint64_t min, max, sum;
    uint64_t buckets[BUCKETS];
};

static unsigned bucket_of(uint64_t ns)
{
    unsigned log = ns < 8 ? 3 : 63 - (unsigned)__builtin_clzl(ns);

    return log * 8 + (unsigned)(ns >> (log - 3) & 7);
}

/* The time below which `part` of 1000 answers came. */
static uint64_t percentile(const struct pingpong *p, unsigned part)
{
    uint64_t seen = 0;
    unsigned i = 3 * 8; /* bucket_of() knows none below */

    while (i < BUCKETS - 1 && (seen += p->buckets[i]) * 1000 < p->answered * part)
        i++;
    return (8ul + i % 8 + 1) << (i / 8 - 3);
}

static void count_answer(struct pingpong *p, uint64_t ns, size_t len)
{
    p->answered++;
    p->bytes += len;
    p->sum += ns;
    p->min = p->answered == 1 || ns < p->min ? ns : p->min;
    p->max = ns > p->max ? ns : p->max;
    p->buckets[bucket_of(ns)]++;
}

/* Short datagrams have no number in them: then they are sent one at a time, and the answer is to the last. */
static uint64_t seq_of(const struct pingpong *p, size_t len)
{
    return len >= sizeof(uint64_t) ? load_seq(p->data) : p->next - 1;
}

static void take_answer(struct pingpong *p, size_t len)
{
    uint64_t seq = seq_of(p, len);
    struct flight *f = &p->flights[seq % p->o->window];

    if (!f->out || f->seq != seq) {
        p->late++;
        return;
    }
    if (!load_check(p->o, seq, p->data, len)) {
        p->wrong++;
        return;
    }
    f->out = false;
    p->under_way--;
    count_answer(p, time_now() - f->sent, len);
}

static int send_next(struct pingpong *p)
{
    struct flight *f = &p->flights[p->next % p->o->window];
    size_t len = load_fill(p->o, p->next, p->data);
    int rc;

    *f = (struct flight){.seq = p->next, .sent = time_now(), .out = true};
    rc = udp_send(p->sock, &p->o->to, p->data, len, f->sent + p->o->patience);
    /* Without a backend, or with one that does nothing, it is as lost as on the wire. */
    if (rc && rc != -XEN_EAGAIN && rc != -XEN_ENOTCONN)
        return rc;
    p->next++;
    p->under_way++;
    return 0;
}

static void give_up_old(struct pingpong *p)
{
    uint64_t now = time_now();

    for (unsigned i = 0; i < p->o->window; i++) {
        struct flight *f = &p->flights[i];

        if (f->out && now - f->sent >= p->o->patience) {
            f->out = false;
            p->under_way--;
            p->lost++;
        }
    }
}

/*
 * The next place is free, so that numbers and places stay in step. The first one goes alone until there was
 * an answer: its neighbour has to be asked for, and few of those that follow it so long would be kept.
 */
static bool may_send(const struct pingpong *p, uint64_t end)
{
    if (p->flights[p->next % p->o->window].out || (p->under_way && !p->answered))
        return false;
    return (!p->o->count || p->next < p->o->count) && (!end || time_now() < end);
}

static const char *turn(struct pingpong *p)
{
    uint64_t start = time_now(), end = p->o->duration ? start + p->o->duration : 0;

    while (may_send(p, end) || p->under_way) {
        int rc = 0;

        while (!rc && may_send(p, end))
            rc = send_next(p);
        if (rc) {
            printf("udp_send: %d\n", rc);
            return "a datagram was not sent";
        }
        rc = udp_recv(p->sock, p->data, p->o->size_to + 1, NULL, time_now() + p->o->patience);
        if (rc >= 0)
            take_answer(p, (size_t)rc);
        if (rc == -XEN_ECONNREFUSED && !p->answered)
            return "the peer has no such port";
        give_up_old(p);
    }
    load_print_rate("answered", p->answered, p->bytes, time_now() - start);
    return NULL;
}

static const char *verdict(const struct pingpong *p)
{
    if (p->answered)
        printf(
            "round trip us: min %llu, mean %llu, 50%% %llu, 99%% %llu, max %llu\n",
            (unsigned long long)(p->min / NS_PER_US), (unsigned long long)(p->sum / p->answered / NS_PER_US),
            (unsigned long long)(percentile(p, 500) / NS_PER_US),
            (unsigned long long)(percentile(p, 990) / NS_PER_US), (unsigned long long)(p->max / NS_PER_US));
    printf("lost %llu of %llu, wrong %llu, late %llu\n", (unsigned long long)p->lost,
           (unsigned long long)p->next, (unsigned long long)p->wrong, (unsigned long long)p->late);
    if (p->wrong)
        return "answers with other bytes than were sent";
    if (!p->answered)
        return "no answer";
    return p->lost * 100 > p->next * p->o->loss ? "too many were lost" : NULL;
}

const char *load_pingpong(const struct load_options *o)
{
    struct pingpong *p = heap_alloc(sizeof(*p));
    const char *failure;

    if (!p)
        return "no memory";
    p->o = o;
    p->data = heap_alloc(o->size_to + 1);
    p->flights = heap_alloc(o->window * sizeof(*p->flights));
    if (!p->data || !p->flights || udp_open(o->nif->ns, &p->sock, 0, NULL, NULL))
        return "no socket";
    if (o->window > 1 && o->size_from < sizeof(uint64_t))
        return "a window needs datagrams of at least 8 bytes";
    failure = turn(p);
    if (!failure)
        failure = verdict(p);
    udp_close(p->sock);
    heap_free(p->flights);
    heap_free(p->data);
    heap_free(p);
    return failure;
}
