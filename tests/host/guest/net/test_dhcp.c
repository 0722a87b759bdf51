/* SPDX-License-Identifier: MIT */
/* The DHCP client against a server that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "fake_guest.h"
#include "frames.h"
#include "guest/net/bytes.h"
#include "guest/net/dhcp.h"
#include "guest/net/dhcp_message.h"

static struct netstack *ns;
static uint8_t buf[2048];

static int set_up(void **state)
{
    (void)state;
    ns = stack_make(false);
    assert_int_equal(dhcp_start(ns), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stack_drop(ns);
    return fake_allocations != 0;
}

/* Moves the message among the frames that were sent to the first place, and answers for the peer's address.
 */
static bool take_message(void)
{
    unsigned first = nr_sent, asked = nr_sent;

    for (unsigned i = 0; i < nr_sent; i++) {
        if (get16(eth_of(&sent[i])->type) == ETH_TYPE_ARP)
            asked = i;
        else if (first == nr_sent)
            first = i;
    }
    if (first < nr_sent) {
        sent[0] = sent[first];
        sent_forget();
        return true;
    }
    if (asked < nr_sent) {
        sent_forget();
        stack_receive(ns, buf, make_arp(buf, ARP_REPLY, PEER_IP, OWN_IP), NET_CSUM_UNKNOWN);
        return take_message();
    }
    return false;
}

/* Runs the clock to the next message; the DHCP part of it. */
static const struct dhcp_header *next_message(void)
{
    bool found = false;

    for (unsigned i = 0; i < 200 && !found; i++) {
        uint64_t next = netstack_tick(ns);

        found = take_message();
        if (!found && next)
            fake_now = next;
    }
    assert_true(found);
    assert_true(sums_are_right(&sent[0]));
    assert_int_equal(get16(udp_of(&sent[0])->from_port), 68);
    assert_int_equal(get16(udp_of(&sent[0])->to_port), 67);
    return (const struct dhcp_header *)(udp_of(&sent[0]) + 1);
}

/* The value of an option in a message of ours, NULL if it is not there. */
static const uint8_t *option(const struct dhcp_header *h, uint8_t wanted)
{
    for (const uint8_t *at = (const uint8_t *)(h + 1); *at != 255; at += 2 + at[1])
        if (*at == wanted)
            return at + 2;
    return NULL;
}

struct answer {
    uint8_t type;
    uint32_t addr, mask, router, server, lease;
};

static size_t make_answer(uint8_t *out, const struct dhcp_header *to, const struct answer *a)
{
    struct dhcp_header h = *to;
    uint8_t message[512], *at = message + sizeof(h);
    const uint32_t values[] = {a->mask, a->router, a->server, a->lease};
    static const uint8_t options[] = {1, 3, 54, 51};

    h.op = DHCP_BOOTREPLY;
    put32(h.your_ip, a->addr);
    memcpy(message, &h, sizeof(h));
    *at++ = 0; /* a pad in front */
    *at++ = 53;
    *at++ = 1;
    *at++ = a->type;
    for (unsigned i = 0; i < 4; i++) {
        if (!values[i])
            continue;
        *at++ = options[i];
        *at++ = 4;
        put32(at, values[i]);
        at += 4;
    }
    *at++ = 255;
    return make_udp(out, PEER_IP, IPV4_BROADCAST, 67, 68, message, (size_t)(at - message));
}

static const struct answer offer = {DHCP_OFFER, OWN_IP, 0xffffff00u, PEER_IP, PEER_IP, 3600};

static void answer(const struct dhcp_header *to, struct answer a)
{
    struct dhcp_header copy = *to;

    stack_receive(ns, buf, make_answer(buf, &copy, &a), NET_CSUM_UNKNOWN);
}

static struct answer ack(void)
{
    struct answer a = offer;

    a.type = DHCP_ACK;
    return a;
}

static uint32_t address(void)
{
    struct ipv4_config config;

    netstack_config(ns, &config);
    return config.addr;
}

static void bind_address(void)
{
    answer(next_message(), offer);
    answer(next_message(), ack());
    assert_int_equal(address(), OWN_IP);
    sent_forget(); /* the announcement */
}

static void test_whole_exchange(void **state)
{
    const struct dhcp_header *h = next_message();
    struct ipv4_config config;

    (void)state;
    assert_int_equal(*option(h, 53), DHCP_DISCOVER);
    assert_int_equal(get32(ipv4_of(&sent[0])->from), 0);
    assert_int_equal(get32(ipv4_of(&sent[0])->to), IPV4_BROADCAST);
    assert_memory_equal(eth_of(&sent[0])->to, all_mac, 6);
    assert_memory_equal(h->client_mac, own_mac, 6);
    assert_int_equal(get16(h->flags), DHCP_FLAG_BROADCAST);
    answer(h, offer);
    assert_int_equal(address(), 0);
    h = next_message();
    assert_int_equal(*option(h, 53), DHCP_REQUEST);
    assert_int_equal(get32(option(h, 50)), OWN_IP);
    assert_int_equal(get32(option(h, 54)), PEER_IP);
    answer(h, ack());
    netstack_config(ns, &config);
    assert_int_equal(config.addr, OWN_IP);
    assert_int_equal(config.mask, 0xffffff00u);
    assert_int_equal(config.gateway, PEER_IP);
    assert_true(netstack_wait_ready(ns, fake_now + 1));
}

static void test_asks_again(void **state)
{
    uint64_t start = fake_now, last;

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        last = fake_now;
        assert_int_equal(*option(next_message(), 53), DHCP_DISCOVER);
    }
    assert_true(fake_now - start > 60 * NS_S);
    assert_true(fake_now - last <= 33 * NS_S);
    answer(next_message(), offer);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(*option(next_message(), 53), DHCP_REQUEST);
    assert_int_equal(*option(next_message(), 53), DHCP_DISCOVER);
}

static void test_renews(void **state)
{
    const struct dhcp_header *h;
    uint64_t bound;

    (void)state;
    bind_address();
    bound = fake_now;
    meet_peer(ns);
    h = next_message();
    assert_int_equal((fake_now - bound) / NS_S, 1800);
    assert_int_equal(*option(h, 53), DHCP_REQUEST);
    assert_int_equal(get32(h->client_ip), OWN_IP);
    assert_null(option(h, 50));
    assert_int_equal(get32(ipv4_of(&sent[0])->to), PEER_IP);
    answer(h, ack());
    bound = fake_now;
    meet_peer(ns);
    next_message();
    assert_int_equal((fake_now - bound) / NS_S, 1800);
}

static void test_lease_ends(void **state)
{
    uint64_t bound;
    unsigned broadcasts = 0;

    (void)state;
    bind_address();
    bound = fake_now;
    while (address()) {
        meet_peer(ns);
        next_message();
        broadcasts += get32(ipv4_of(&sent[0])->to) == IPV4_BROADCAST;
        assert_true(fake_now - bound <= 3601 * NS_S);
    }
    assert_int_equal((fake_now - bound) / NS_S, 3600);
    assert_true(broadcasts >= 2);
    assert_int_equal(*option((const struct dhcp_header *)(udp_of(&sent[0]) + 1), 53), DHCP_DISCOVER);
}

static void test_refusal(void **state)
{
    struct answer nak = {.type = DHCP_NAK, .server = PEER_IP};

    (void)state;
    answer(next_message(), offer);
    answer(next_message(), nak);
    assert_int_equal(*option(next_message(), 53), DHCP_DISCOVER);
    bind_address();
    meet_peer(ns);
    answer(next_message(), nak);
    assert_int_equal(address(), 0);
    assert_int_equal(*option(next_message(), 53), DHCP_DISCOVER);
}

static void test_useless_offers(void **state)
{
    static const struct answer useless[] = {
        {DHCP_OFFER, 0, 0xffffff00u, PEER_IP, PEER_IP, 60},
        {DHCP_OFFER, 0xffffffffu, 0, 0, PEER_IP, 60},
        {DHCP_OFFER, 0x7f000001u, 0, 0, PEER_IP, 60},
        {DHCP_OFFER, OWN_IP, 0xff00ff00u, 0, PEER_IP, 60},
        {DHCP_OFFER, OWN_IP, 0xffffff00u, PEER_IP, 0, 60},
        {DHCP_ACK, OWN_IP, 0xffffff00u, PEER_IP, PEER_IP, 60},
        {DHCP_NAK, 0, 0, 0, PEER_IP, 0},
        {0, OWN_IP, 0xffffff00u, 0, PEER_IP, 60},
        {77, OWN_IP, 0xffffff00u, 0, PEER_IP, 60},
    };
    const struct dhcp_header *h = next_message();
    struct dhcp_header other = *h;

    (void)state;
    for (unsigned i = 0; i < sizeof(useless) / sizeof(useless[0]); i++)
        answer(h, useless[i]);
    other.xid[0] ^= 1;
    answer(&other, offer);
    other = *h;
    other.client_mac[5] ^= 1;
    answer(&other, offer);
    other = *h;
    other.cookie[0] ^= 1;
    answer(&other, offer);
    assert_int_equal(*option(next_message(), 53), DHCP_DISCOVER);
}

static void test_cut_messages(void **state)
{
    const struct dhcp_header *h = next_message();
    struct dhcp_header copy = *h;
    size_t len = make_answer(buf, &copy, &offer) - 42;
    struct dhcp_answer a;

    (void)state;
    for (size_t cut = 0; cut <= len; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1);

        memcpy(exact, buf + 42, cut);
        assert_true(dhcp_message_read((struct view){exact, cut}, &a) || cut < len);
        free(exact);
    }
    assert_int_equal(a.addr, OWN_IP);
}

static void test_short_times(void **state)
{
    struct answer a = ack();
    uint64_t bound;

    (void)state;
    a.lease = 1;
    answer(next_message(), offer);
    answer(next_message(), a);
    bound = fake_now;
    meet_peer(ns);
    next_message();
    assert_int_equal((fake_now - bound) / NS_S, 30);
}

static void test_for_ever(void **state)
{
    struct answer a = ack();

    (void)state;
    a.lease = 0xffffffffu;
    answer(next_message(), offer);
    answer(next_message(), a);
    assert_int_equal(netstack_tick(ns), 0);
}

static void test_link_comes_back(void **state)
{
    struct netstack_link link = {.mtu = 1500};

    (void)state;
    bind_address();
    memcpy(link.mac, own_mac, 6);
    netstack_link_set(ns, &link);
    assert_int_equal(netstack_tick(ns), 0);
    link.up = true;
    netstack_link_set(ns, &link);
    sent_forget();
    assert_int_equal(*option(next_message(), 53), DHCP_REQUEST);
    assert_int_equal(address(), OWN_IP);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_whole_exchange),  TEST(test_asks_again),  TEST(test_renews),
        TEST(test_lease_ends),      TEST(test_refusal),     TEST(test_useless_offers),
        TEST(test_cut_messages),    TEST(test_short_times), TEST(test_for_ever),
        TEST(test_link_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
