/* SPDX-License-Identifier: MIT */
/*
 * The daemon with domains behind rings of plain memory: requests of every size through a ring of 1024 bytes,
 * life and death of domains, hostile rings, and domains that do not take what is sent to them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/host/xs/fake_hv.h"
#include "xs/daemon/domain.h"
#include "xs/daemon/log.h"

static struct server srv;

/* The guest's end of a ring. */
struct guest {
    unsigned int domid;
    struct xsd_sockmsg hdr;
    char body[XENSTORE_PAYLOAD_MAX + 1];
};

static struct guest g0 = {.domid = 0}, g1 = {.domid = 1}, g2 = {.domid = 2};

static void kick(unsigned int domid)
{
    fake_event = 100 + (int)domid;
    domain_events(&srv);
}

static void run(void)
{
    for (int i = 0; i < 20; i++)
        assert_int_equal(server_turn(&srv, 0), 0);
}

/* Puts bytes into the ring, as many as fit now; returns how many. */
static size_t push(struct guest *g, const void *data, size_t len)
{
    struct xenstore_domain_interface *r = &fake[g->domid].ring;
    size_t n = 0;

    while (n < len && r->req_prod - r->req_cons < XENSTORE_RING_SIZE) {
        r->req[MASK_XENSTORE_IDX(r->req_prod)] = ((const char *)data)[n++];
        r->req_prod++;
    }
    kick(g->domid);
    return n;
}

static size_t pull(struct guest *g, void *data, size_t len)
{
    struct xenstore_domain_interface *r = &fake[g->domid].ring;
    size_t n = 0;

    while (n < len && r->rsp_cons != r->rsp_prod) {
        ((char *)data)[n++] = r->rsp[MASK_XENSTORE_IDX(r->rsp_cons)];
        r->rsp_cons++;
    }
    kick(g->domid);
    return n;
}

static void pull_all(struct guest *g, void *data, size_t len)
{
    for (size_t have = 0, tries = 0; have < len; tries++) {
        have += pull(g, (char *)data + have, len - have);
        run();
        assert_true(tries < 100);
    }
}

static void send(struct guest *g, uint32_t type, uint32_t tx, const void *payload, size_t len)
{
    char msg[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
    struct xsd_sockmsg hdr = {.type = type, .req_id = 1, .tx_id = tx, .len = (uint32_t)len};

    memcpy(msg, &hdr, sizeof(hdr));
    memcpy(msg + sizeof(hdr), payload, len);
    len += sizeof(hdr);
    for (size_t sent = 0, tries = 0; sent < len; tries++) {
        sent += push(g, msg + sent, len - sent);
        run();
        assert_true(tries < 100);
    }
}

static void receive(struct guest *g)
{
    pull_all(g, &g->hdr, sizeof(g->hdr));
    assert_true(g->hdr.len <= XENSTORE_PAYLOAD_MAX);
    pull_all(g, g->body, g->hdr.len);
    g->body[g->hdr.len] = '\0';
}

/* A request and its reply: the reply's type. */
static uint32_t ask(struct guest *g, uint32_t type, const void *payload, size_t len)
{
    send(g, type, 0, payload, len);
    receive(g);
    return g->hdr.type;
}

#define ASK(g, type, text) ask(g, type, text, sizeof(text))

static bool ring_empty(const struct guest *g)
{
    return fake[g->domid].ring.rsp_cons == fake[g->domid].ring.rsp_prod;
}

static int setup(void **state)
{
    (void)state;
    fake_reset();
    assert_int_equal(log_open("/dev/null"), 0);
    assert_int_equal(server_init(&srv), 0);
    srv.hv = hv_open();
    assert_int_equal(domain_open_own(&srv), 0);
    run();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(xs_store_check(&srv.store, stderr), 0);
    server_fini(&srv);
    for (int i = 0; i < FAKE_DOMAINS; i++) {
        assert_int_equal(fake[i].mapped, 0);
        assert_int_equal(fake[i].local_port, -1);
    }
    return 0;
}

static void introduce(unsigned int domid)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "%u%c%u%c%u", domid, 0, 1000 + domid, 0, 5);
    char path[64];

    assert_int_equal(ask(&g0, XS_INTRODUCE, text, (size_t)len + 1), XS_INTRODUCE);
    len = snprintf(path, sizeof(path), "/local/domain/%u", domid);
    assert_int_equal(ask(&g0, XS_MKDIR, path, (size_t)len + 1), XS_MKDIR);
    len += snprintf(path + len + 1, sizeof(path) - (size_t)len - 1, "n%u", domid) + 1;
    assert_int_equal(ask(&g0, XS_SET_PERMS, path, (size_t)len + 1), XS_SET_PERMS);
}

static void large_messages(void **state)
{
    char big[XENSTORE_PAYLOAD_MAX];

    (void)state;
    assert_true(fake[0].notified > 0); /* dom0's kernel waits for the first event */
    introduce(1);
    assert_int_equal(fake[1].ring.server_features & 7, 7);
    memset(big, 'x', sizeof(big));
    memcpy(big, "big", 4);
    assert_int_equal(ask(&g1, XS_WRITE, big, 4 + 2048), XS_WRITE);
    for (int i = 0; i < 20; i++) { /* all positions in the ring */
        assert_int_equal(ASK(&g1, XS_READ, "big"), XS_READ);
        assert_int_equal(g1.hdr.len, 2048);
        assert_memory_equal(g1.body, big + 4, 2048);
        assert_int_equal(ASK(&g1, XS_READ, "odd-length-name"), XS_ERROR);
        assert_string_equal(g1.body, "ENOENT");
    }
    memcpy(big, "/dom0-big", 10);
    assert_int_equal(ask(&g0, XS_WRITE, big, sizeof(big)), XS_WRITE);
}

static void many_requests_at_once(void **state)
{
    static const char name[] = "x";
    struct xsd_sockmsg hdr = {.type = XS_READ, .len = sizeof(name)};
    char msg[sizeof(hdr) + sizeof(name)];

    (void)state;
    introduce(1);
    for (hdr.req_id = 0; hdr.req_id < 50; hdr.req_id++) {
        memcpy(msg, &hdr, sizeof(hdr));
        memcpy(msg + sizeof(hdr), name, sizeof(name));
        assert_int_equal(push(&g1, msg, sizeof(msg)), sizeof(msg));
    }
    for (uint32_t i = 0; i < 50; i++) {
        run();
        receive(&g1);
        assert_int_equal(g1.hdr.req_id, i); /* replies in the order of the requests */
    }
}

static void life_of_a_domain(void **state)
{
    (void)state;
    assert_int_equal(ASK(&g0, XS_WATCH, "@introduceDomain\0i"), XS_WATCH);
    receive(&g0);
    assert_int_equal(ASK(&g0, XS_WATCH, "@releaseDomain\0r"), XS_WATCH);
    receive(&g0);
    assert_int_equal(ASK(&g0, XS_INTRODUCE,
                         "1\0"
                         "1001\0"
                         "5"),
                     XS_WATCH_EVENT);
    assert_string_equal(g0.body, "@introduceDomain");
    receive(&g0);
    assert_int_equal(g0.hdr.type, XS_INTRODUCE);
    assert_int_equal(ASK(&g0, XS_IS_DOMAIN_INTRODUCED, "1"), XS_IS_DOMAIN_INTRODUCED);
    assert_string_equal(g0.body, "T");
    assert_int_equal(ASK(&g0, XS_INTRODUCE,
                         "7\0"
                         "1001\0"
                         "5"),
                     XS_ERROR); /* does not exist */
    assert_string_equal(g0.body, "ENOENT");

    assert_int_equal(ASK(&g0, XS_MKDIR, "/local/domain/1"), XS_MKDIR);
    assert_int_equal(ASK(&g0, XS_SET_PERMS, "/local/domain/1\0n1"), XS_SET_PERMS);
    assert_int_equal(ASK(&g1, XS_WRITE, "x\0value"), XS_WRITE);

    fake_event = FAKE_VIRQ_PORT; /* something else happened */
    domain_events(&srv);
    run();
    assert_true(ring_empty(&g0));

    fake[1].state = HV_SHUTDOWN;
    fake_event = FAKE_VIRQ_PORT;
    domain_events(&srv);
    run();
    receive(&g0);
    assert_string_equal(g0.body, "@releaseDomain");
    fake_event = FAKE_VIRQ_PORT; /* once a shutdown */
    domain_events(&srv);
    run();
    assert_true(ring_empty(&g0));
    assert_int_equal(ASK(&g0, XS_RESUME, "1"), XS_RESUME);
    fake_event = FAKE_VIRQ_PORT;
    domain_events(&srv);
    run();
    receive(&g0);
    assert_string_equal(g0.body, "@releaseDomain");

    fake[1].state = HV_DYING;
    fake_event = FAKE_VIRQ_PORT;
    domain_events(&srv);
    run();
    receive(&g0);
    assert_string_equal(g0.body, "@releaseDomain");
    assert_int_equal(fake[1].mapped, 0);
    assert_int_equal(ASK(&g0, XS_IS_DOMAIN_INTRODUCED, "1"), XS_IS_DOMAIN_INTRODUCED);
    assert_string_equal(g0.body, "F");
    assert_int_equal(ASK(&g0, XS_READ, "/local/domain/1/x"), XS_ERROR);
    assert_string_equal(g0.body, "ENOENT");
}

static void release_of_a_living_domain(void **state)
{
    (void)state;
    introduce(1);
    assert_int_equal(ASK(&g1, XS_WRITE, "x\0value"), XS_WRITE);
    assert_int_equal(ASK(&g0, XS_RELEASE, "1"), XS_RELEASE);
    assert_int_equal(fake[1].mapped, 0);
    assert_int_equal(ASK(&g0, XS_RELEASE, "1"), XS_ERROR);
    assert_string_equal(g0.body, "ENOENT");
    assert_int_equal(ASK(&g0, XS_RELEASE, "0"), XS_ERROR);
    assert_string_equal(g0.body, "EINVAL");
    assert_int_equal(ASK(&g0, XS_READ, "/local/domain/1/x"), XS_READ); /* it lives: its nodes stay */
    introduce(1);
    assert_int_equal(ASK(&g1, XS_READ, "x"), XS_READ);
}

static void introduced_again(void **state)
{
    (void)state;
    introduce(1);
    assert_int_equal(ASK(&g1, XS_WATCH, "x\0t"), XS_WATCH);
    receive(&g1);
    push(&g1, "half a header", 7);
    run();
    fake[1].ring.req_cons = fake[1].ring.req_prod = 5000; /* a new kernel with a ring of its own mind */
    fake[1].ring.rsp_cons = fake[1].ring.rsp_prod = 77;
    introduce(1);
    assert_int_equal(ASK(&g1, XS_WRITE, "x\0v"), XS_WRITE); /* no event: the watch is gone */
    assert_true(ring_empty(&g1));
}

static void failing_introductions(void **state)
{
    (void)state;
    fake[1].no_map = true;
    assert_int_equal(ASK(&g0, XS_INTRODUCE,
                         "1\0"
                         "1001\0"
                         "5"),
                     XS_ERROR);
    fake[1].no_map = false;
    fake[1].no_bind = true;
    assert_int_equal(ASK(&g0, XS_INTRODUCE,
                         "1\0"
                         "1001\0"
                         "5"),
                     XS_ERROR);
    assert_int_equal(fake[1].mapped, 0);
    fake[1].no_bind = false;
    fake[1].no_grant = true;
    introduce(1); /* by the frame number */
    assert_int_equal(ASK(&g1, XS_WRITE, "x\0v"), XS_WRITE);
}

static void targets(void **state)
{
    (void)state;
    introduce(1);
    introduce(2);
    assert_int_equal(ASK(&g2, XS_WRITE, "/local/domain/1/x\0v"), XS_ERROR);
    assert_string_equal(g2.body, "EACCES");
    assert_int_equal(ASK(&g0, XS_SET_TARGET,
                         "2\0"
                         "1"),
                     XS_SET_TARGET);
    assert_int_equal(ASK(&g2, XS_WRITE, "/local/domain/1/x\0v"), XS_WRITE);
    assert_int_equal(ASK(&g0, XS_SET_TARGET,
                         "2\0"
                         "5"),
                     XS_ERROR);
}

/* ---- hostile rings ---- */

static void assert_disabled(struct guest *g, uint32_t error)
{
    struct xenstore_domain_interface *r = &fake[g->domid].ring;
    uint32_t prod;

    run();
    assert_int_equal(r->error, error);
    prod = r->rsp_prod;
    kick(g->domid);
    run();
    assert_int_equal(r->rsp_prod, prod);
    assert_int_equal(ASK(&g0, XS_READ, "/tool"), XS_READ); /* the others live on */
}

static void impossible_indices(void **state)
{
    (void)state;
    introduce(1);
    fake[1].ring.req_prod = fake[1].ring.req_cons + XENSTORE_RING_SIZE + 1;
    kick(1);
    assert_disabled(&g1, XENSTORE_ERROR_RINGIDX);
    introduce(2);
    send(&g2, XS_READ, 0, "x", 2);
    fake[2].ring.rsp_cons = fake[2].ring.rsp_prod + 1;
    send(&g2, XS_READ, 0, "x", 2);
    assert_disabled(&g2, XENSTORE_ERROR_RINGIDX);
}

static void indices_of_ours(void **state)
{
    (void)state;
    introduce(1);
    for (int i = 0; i < 10; i++) { /* what it writes over our indices is not believed */
        assert_int_equal(ASK(&g1, XS_WRITE, "x\0v"), XS_WRITE);
        fake[1].ring.server_features = 0;
    }
    fake[1].ring.req_cons += 500;
    fake[1].ring.rsp_prod += 500;
    kick(1);
    run();
    assert_int_equal(fake[1].ring.error, XENSTORE_ERROR_NONE);
}

static void too_long(void **state)
{
    struct xsd_sockmsg hdr = {.type = XS_WRITE, .len = XENSTORE_PAYLOAD_MAX + 1};

    (void)state;
    introduce(1);
    push(&g1, &hdr, sizeof(hdr));
    assert_disabled(&g1, XENSTORE_ERROR_PROTO);
}

static void reconnection(void **state)
{
    struct xsd_sockmsg hdr = {.type = XS_WRITE, .len = UINT32_MAX};

    (void)state;
    introduce(1);
    assert_int_equal(ASK(&g1, XS_WATCH, "x\0t"), XS_WATCH);
    receive(&g1);
    push(&g1, &hdr, sizeof(hdr));
    assert_disabled(&g1, XENSTORE_ERROR_PROTO);
    fake[1].ring.connection = XENSTORE_RECONNECT;
    kick(1);
    assert_int_equal(fake[1].ring.connection, XENSTORE_CONNECTED);
    assert_int_equal(fake[1].ring.error, XENSTORE_ERROR_NONE);
    assert_int_equal(ASK(&g1, XS_WRITE, "x\0v"), XS_WRITE);
    assert_true(ring_empty(&g1));
}

/* Bytes and indices at random, in every order: only the domain itself may suffer. */
static void random_ring(void **state)
{
    (void)state;
    introduce(1);
    introduce(2);
    srand(7);
    for (int i = 0; i < 30000; i++) {
        struct xenstore_domain_interface *r = &fake[1].ring;

        switch (rand() % 6) {
        case 0:
            r->req_prod = r->req_cons + (uint32_t)rand() % 1100;
            break;
        case 1:
            r->rsp_cons = r->rsp_prod - (uint32_t)rand() % 1100;
            break;
        case 2:
            r->connection = XENSTORE_RECONNECT;
            break;
        case 3: {
            struct xsd_sockmsg hdr = {.type = (uint32_t)rand() % 24, .len = (uint32_t)rand() % 40};

            r->rsp_cons = r->rsp_prod;
            push(&g1, &hdr, sizeof(hdr));
            break;
        }
        default:
            for (int n = 0; n < 20; n++)
                r->req[rand() % XENSTORE_RING_SIZE] = "/abt\0\0\0"[rand() % 7];
        }
        kick(1);
        assert_int_equal(server_turn(&srv, 0), 0);
    }
    assert_int_equal(ASK(&g2, XS_WRITE, "x\0v"), XS_WRITE);
}

/* ---- who does not take what is sent ---- */

static void same_event_waits_once(void **state)
{
    (void)state;
    introduce(1);
    assert_int_equal(ASK(&g1, XS_WATCH, "x\0t"), XS_WATCH);
    receive(&g1);
    for (int i = 0; i < 5000; i++) /* more than the ring and its queue would hold */
        assert_int_equal(ASK(&g0, XS_WRITE, "/local/domain/1/x\0v"), XS_WRITE);
    assert_int_equal(fake[1].ring.error, XENSTORE_ERROR_NONE);
    assert_true(domain_find(&srv, 1)->conn.out_bytes < 200);
    while (!ring_empty(&g1)) {
        receive(&g1);
        assert_string_equal(g1.body, "x");
    }
}

static void replies_not_taken(void **state)
{
    struct xsd_sockmsg hdr = {.type = XS_READ, .len = 4};
    char msg[sizeof(hdr) + 4], big[4 + 2000];
    size_t sent = 0;

    (void)state;
    introduce(1);
    memset(big, 'v', sizeof(big));
    memcpy(big, "big", 4);
    assert_int_equal(ask(&g1, XS_WRITE, big, sizeof(big)), XS_WRITE);
    memcpy(msg, &hdr, sizeof(hdr));
    memcpy(msg + sizeof(hdr), "big", 4);
    for (int i = 0; i < 1000; i++) {
        sent += push(&g1, msg, sizeof(msg)) == sizeof(msg);
        run();
        if (fake[1].ring.req_prod - fake[1].ring.req_cons > XENSTORE_RING_SIZE - sizeof(msg))
            break;
    }
    assert_true(sent < 100); /* it is not read any further */
    assert_true(domain_find(&srv, 1)->conn.out_bytes < 32 * 1024);
    for (size_t i = 0; i < sent; i++) {
        receive(&g1);
        assert_int_equal(g1.hdr.len, 2000);
    }
    assert_true(ring_empty(&g1));
}

static void hostage(void **state)
{
    char text[64];
    unsigned int done = 0;

    (void)state;
    introduce(1);
    introduce(2);
    /* Domain 2 watches what domain 1 writes, and takes no event. */
    assert_int_equal(ASK(&g0, XS_SET_PERMS, "/local/domain/1\0n1\0r2"), XS_SET_PERMS);
    assert_int_equal(ASK(&g2, XS_WATCH, "/local/domain/1\0t"), XS_WATCH);
    receive(&g2);
    while (done < 200) {
        int len = snprintf(text, sizeof(text), "some-name-of-some-length-%u%cv", done, 0);

        send(&g1, XS_WRITE, 0, text, (size_t)len);
        if (ring_empty(&g1))
            break;
        receive(&g1);
        done++;
    }
    assert_true(done > 20 && done < 100);
    assert_true(conn_stalled(&domain_find(&srv, 1)->conn));
    assert_true(domain_check_stalls(&srv));
    assert_int_equal(fake[2].ring.error, XENSTORE_ERROR_NONE);

    domain_find(&srv, 2)->conn.progress_ms -= EVENT_TIMEOUT_MS;
    assert_true(domain_check_stalls(&srv));
    run();
    assert_int_equal(fake[2].ring.error, XENSTORE_ERROR_COMM);
    receive(&g1); /* the reply that had to wait */
    assert_int_equal(g1.hdr.type, XS_WRITE);
    assert_false(domain_check_stalls(&srv));
}

/* dom0's own connection is never broken off for this, and the guest goes on as soon as it is served again. */
static void hostage_of_dom0(void **state)
{
    char text[64];

    (void)state;
    introduce(1);
    assert_int_equal(ASK(&g0, XS_WATCH, "/local/domain/1\0t"), XS_WATCH);
    receive(&g0);
    for (int i = 0; i < 100 && !conn_stalled(&domain_find(&srv, 1)->conn); i++) {
        int len = snprintf(text, sizeof(text), "some-name-of-some-length-%u%cv", i, 0);

        send(&g1, XS_WRITE, 0, text, (size_t)len);
        if (!ring_empty(&g1))
            receive(&g1);
    }
    assert_true(conn_stalled(&domain_find(&srv, 1)->conn));
    domain_find(&srv, 0)->conn.progress_ms -= EVENT_TIMEOUT_MS;
    assert_true(domain_check_stalls(&srv));
    assert_true(domain_find(&srv, 0)->conn.blamed);
    assert_false(domain_find(&srv, 0)->conn.dead);
    while (!ring_empty(&g0)) {
        receive(&g0);
        assert_int_equal(g0.hdr.type, XS_WATCH_EVENT);
    }
    assert_false(domain_find(&srv, 0)->conn.blamed);
    assert_false(domain_check_stalls(&srv));
}

/* The one that waits goes away first. */
static void hostage_dies(void **state)
{
    char text[64];

    (void)state;
    introduce(1);
    introduce(2);
    assert_int_equal(ASK(&g0, XS_SET_PERMS, "/local/domain/1\0n1\0r2"), XS_SET_PERMS);
    assert_int_equal(ASK(&g2, XS_WATCH, "/local/domain/1\0t"), XS_WATCH);
    for (int i = 0; i < 100; i++) {
        int len = snprintf(text, sizeof(text), "some-name-of-some-length-%u%cv", i, 0);

        send(&g1, XS_WRITE, 0, text, (size_t)len);
        if (ring_empty(&g1))
            break;
        receive(&g1);
    }
    fake[1].state = HV_GONE;
    fake_event = FAKE_VIRQ_PORT;
    domain_events(&srv);
    run();
    receive(&g2);
    assert_int_equal(ASK(&g0, XS_READ, "/tool"), XS_READ);
}

/* ---- control ---- */

static void control(void **state)
{
    (void)state;
    introduce(1);
    assert_int_equal(ASK(&g0, XS_CONTROL, "help"), XS_CONTROL);
    assert_non_null(strstr(g0.body, "quota"));
    assert_int_equal(ASK(&g0, XS_CONTROL, "check"), XS_CONTROL);
    assert_string_equal(g0.body, "OK");
    assert_int_equal(ASK(&g0, XS_CONTROL,
                         "quota\0set\0watches\0"
                         "3"),
                     XS_CONTROL);
    assert_int_equal(srv.store.quota[XS_QUOTA_WATCHES], 3);
    assert_int_equal(ASK(&g0, XS_CONTROL, "quota"), XS_CONTROL);
    assert_int_equal(ASK(&g0, XS_CONTROL,
                         "quota\0"
                         "1"),
                     XS_CONTROL);
    assert_int_equal(ASK(&g0, XS_CONTROL,
                         "quota\0"
                         "4"),
                     XS_ERROR);
    assert_int_equal(ASK(&g0, XS_CONTROL,
                         "quota\0set\0nonsense\0"
                         "3"),
                     XS_ERROR);
    assert_int_equal(ASK(&g0, XS_CONTROL, "memreport"), XS_CONTROL);
    assert_int_equal(ASK(&g0, XS_CONTROL, "log"), XS_CONTROL);
    assert_int_equal(ASK(&g0, XS_CONTROL, "no-such-command"), XS_ERROR);
    assert_int_equal(ask(&g0, XS_CONTROL, "", 0), XS_ERROR);
    assert_int_equal(ASK(&g1, XS_CONTROL, "help"), XS_ERROR);
    assert_string_equal(g1.body, "EACCES");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(large_messages),
        TEST(many_requests_at_once),
        TEST(life_of_a_domain),
        TEST(release_of_a_living_domain),
        TEST(introduced_again),
        TEST(failing_introductions),
        TEST(targets),
        TEST(impossible_indices),
        TEST(indices_of_ours),
        TEST(too_long),
        TEST(reconnection),
        TEST(random_ring),
        TEST(same_event_waits_once),
        TEST(replies_not_taken),
        TEST(hostage),
        TEST(hostage_of_dom0),
        TEST(hostage_dies),
        TEST(control),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
