/* SPDX-License-Identifier: MIT */
/* Ethernet, ARP, IPv4, ICMP and UDP, one frame at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <xen/errno.h>
#include "fake_guest.h"
#include "frames.h"
#include "guest/net/bytes.h"
#include "guest/net/checksum.h"
#include "guest/net/udp.h"

static struct netstack *ns;
static uint8_t buf[2048], text[1480];

static int set_up(void **state)
{
    (void)state;
    ns = stack_make(true);
    for (unsigned i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(i * 3 + 1);
    fake_idle = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stack_drop(ns);
    return fake_allocations != 0;
}

static struct netstack_counters counters(void)
{
    struct netstack_counters n;

    netstack_counters(ns, &n);
    return n;
}

static void receive(size_t len)
{
    stack_receive(ns, buf, len, NET_CSUM_UNKNOWN);
}

/* --- checksum and text --- */

static void test_checksum(void **state)
{
    static const uint8_t data[] = {0x45, 0, 0,    0x73, 0, 0, 0x40, 0,    0x40, 0x11,
                                   0,    0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0,    0xc7};
    uint16_t sum = (uint16_t)~checksum_fold(checksum_add(0, data, sizeof(data)));
    uint8_t bytes[2];

    (void)state;
    memcpy(bytes, &sum, 2);
    assert_int_equal(get16(bytes), 0xb861);
    for (size_t len = 0; len <= 64; len++) {
        uint32_t plain = 0;

        for (size_t i = 0; i < len; i++)
            plain += i & 1 ? text[i] : (uint32_t)text[i] << 8;
        while (plain >> 16)
            plain = (plain & 0xffff) + (plain >> 16);
        sum = checksum_fold(checksum_add(0, text, len));
        memcpy(bytes, &sum, 2);
        assert_int_equal(get16(bytes), plain);
    }
}

static void test_addresses(void **state)
{
    static const char *const bad[] = {"",           "1",        "1.2.3",     "1.2.3.4.5", "256.1.1.1",
                                      "1.2.3.-4",   "a.b.c.d",  "1..2.3",    "1.2.3.4 ",  "0001.2.3.4",
                                      "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/8x"};
    uint32_t addr, mask;
    char out[IPV4_TEXT];

    (void)state;
    assert_true(ipv4_parse("10.0.5.2/24", &addr, &mask));
    assert_int_equal(addr, OWN_IP);
    assert_int_equal(mask, 0xffffff00u);
    assert_true(ipv4_parse("0.0.0.0/0", &addr, &mask) && mask == 0);
    assert_true(ipv4_parse("255.255.255.255/32", &addr, &mask) && mask == 0xffffffffu);
    assert_true(ipv4_parse("10.0.5.1", &addr, NULL));
    assert_false(ipv4_parse("10.0.5.1/24", &addr, NULL));
    assert_false(ipv4_parse("10.0.5.1", &addr, &mask));
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(ipv4_parse(bad[i], &addr, strchr(bad[i], '/') ? &mask : NULL));
    assert_string_equal(ipv4_text(out, 0xffffffffu), "255.255.255.255");
    assert_string_equal(ipv4_text(out, OWN_IP), "10.0.5.2");
}

/* --- ARP --- */

static void test_arp_answers(void **state)
{
    (void)state;
    receive(make_arp(buf, ARP_REQUEST, PEER_IP, OWN_IP));
    assert_int_equal(nr_sent, 1);
    assert_memory_equal(eth_of(&sent[0])->to, peer_mac, 6);
    assert_int_equal(get16(arp_of(&sent[0])->operation), ARP_REPLY);
    assert_memory_equal(arp_of(&sent[0])->sender_mac, own_mac, 6);
    assert_int_equal(get32(arp_of(&sent[0])->sender_ip), OWN_IP);
    assert_int_equal(get32(arp_of(&sent[0])->target_ip), PEER_IP);
    receive(make_arp(buf, ARP_REQUEST, PEER_IP, OWN_IP + 1));
    assert_int_equal(nr_sent, 1);
    /* Whoever asks whether the address is free gets an answer too. */
    receive(make_arp(buf, ARP_REQUEST, 0, OWN_IP));
    assert_int_equal(nr_sent, 2);
}

static void test_arp_refuses(void **state)
{
    size_t len = make_arp(buf, ARP_REQUEST, PEER_IP, OWN_IP);

    (void)state;
    for (size_t cut = 0; cut < len; cut++)
        receive(cut);
    for (size_t at = 14; at < 20; at++) {
        make_arp(buf, ARP_REQUEST, PEER_IP, OWN_IP);
        buf[at] ^= 0x10;
        receive(len);
    }
    make_arp(buf, ARP_REQUEST, PEER_IP, OWN_IP);
    buf[22] = 1; /* sender's MAC is a group */
    receive(len);
    assert_int_equal(nr_sent, 0);
    assert_int_equal(counters().arp_bad, 28 + 6 + 1);
    assert_int_equal(counters().rx_short, 14);
}

static struct udp_socket *open_socket(uint16_t port)
{
    struct udp_socket *s;

    assert_int_equal(udp_open(ns, &s, port, NULL, NULL), 0);
    return s;
}

static void test_arp_resolves(void **state)
{
    struct udp_socket *s = open_socket(0);
    struct udp_peer to = {PEER_IP, 7};

    (void)state;
    assert_true(udp_port(s) >= 49152);
    assert_int_equal(udp_send(s, &to, text, 10, 0), 0);
    assert_int_equal(udp_send(s, &to, text, 20, 0), 0);
    assert_int_equal(nr_sent, 1);
    assert_int_equal(get16(arp_of(&sent[0])->operation), ARP_REQUEST);
    assert_int_equal(get32(arp_of(&sent[0])->target_ip), PEER_IP);
    assert_memory_equal(eth_of(&sent[0])->to, all_mac, 6);
    assert_true(rearmed);
    receive(make_arp(buf, ARP_REPLY, PEER_IP, OWN_IP));
    assert_int_equal(nr_sent, 3);
    assert_memory_equal(eth_of(&sent[1])->to, peer_mac, 6);
    assert_true(sums_are_right(&sent[1]) && sums_are_right(&sent[2]));
    assert_int_equal(get16(udp_of(&sent[1])->len), 18);
    assert_int_equal(get16(udp_of(&sent[2])->len), 28);
    udp_close(s);
    assert_int_equal(fake_allocations, 1); /* the stack itself */
}

static void test_arp_gives_up(void **state)
{
    struct udp_socket *s = open_socket(0);
    struct udp_peer to = {PEER_IP, 7};

    (void)state;
    for (unsigned i = 0; i < 20; i++)
        udp_send(s, &to, text, 10, 0);
    for (unsigned i = 0; i < 10; i++) {
        uint64_t next = netstack_tick(ns);

        if (!next)
            break;
        fake_now = next;
    }
    assert_int_equal(nr_sent, 3);
    assert_int_equal(counters().arp_unanswered, 20);
    assert_int_equal(netstack_tick(ns), 0);
    udp_close(s);
}

static void test_arp_believes_only_answers(void **state)
{
    struct udp_socket *s = open_socket(0);
    struct udp_peer to = {PEER_IP, 7};

    (void)state;
    receive(make_arp(buf, ARP_REPLY, PEER_IP, OWN_IP)); /* nobody asked */
    udp_send(s, &to, text, 10, 0);
    assert_int_equal(get16(arp_of(&sent[0])->operation), ARP_REQUEST);
    receive(make_arp(buf, ARP_REQUEST, 0x0b000001, OWN_IP)); /* not on our network: answered, not believed */
    receive(make_arp(buf, ARP_REPLY, OWN_IP, OWN_IP));
    assert_int_equal(counters().arp_conflicts, 1);
    udp_close(s);
}

static void test_arp_ages(void **state)
{
    struct udp_socket *s = open_socket(0);
    struct udp_peer to = {PEER_IP, 7};

    (void)state;
    meet_peer(ns);
    fake_now += 59 * NS_S;
    netstack_tick(ns);
    assert_int_equal(udp_send(s, &to, text, 10, 0), 0);
    assert_int_equal(nr_sent, 1);
    fake_now += 2 * NS_S;
    netstack_tick(ns); /* in use: asked for again, and used meanwhile */
    assert_int_equal(nr_sent, 2);
    assert_int_equal(get16(eth_of(&sent[1])->type), ETH_TYPE_ARP);
    udp_send(s, &to, text, 10, 0);
    assert_int_equal(get16(eth_of(&sent[2])->type), ETH_TYPE_IPV4);
    for (unsigned i = 0; i < 5; i++) {
        fake_now += NS_S;
        netstack_tick(ns);
    }
    assert_int_equal(nr_sent, 5);
    udp_send(s, &to, text, 10, 0);
    assert_int_equal(get16(eth_of(&sent[5])->type), ETH_TYPE_ARP);
    udp_close(s);
}

static void test_arp_table_is_finite(void **state)
{
    struct udp_socket *s = open_socket(0);

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        struct udp_peer to = {0x0a000564u + i, 7};

        assert_int_equal(udp_send(s, &to, text, 10, 0), 0);
    }
    assert_int_equal(nr_sent, 32);
    assert_int_equal(counters().arp_unanswered, 68);
    udp_close(s);
    for (uint32_t i = 0; i < 200; i++)
        receive(make_arp(buf, ARP_REQUEST, 0x0a000510u + i, OWN_IP));
}

/* --- IPv4 --- */

static void expect_echo(size_t len, bool answered)
{
    sent_forget();
    receive(len);
    assert_int_equal(nr_sent, answered);
}

static void test_ipv4_checks(void **state)
{
    size_t len;

    (void)state;
    meet_peer(ns);
    len = make_icmp(buf, PEER_IP, OWN_IP, ICMP_ECHO_REQUEST, 0, text, 60);
    expect_echo(len, true);
    expect_echo(len + 20, true); /* padding behind the packet */
    assert_int_equal(sent[0].len, len);
    for (size_t cut = 0; cut < len; cut++)
        expect_echo(cut, false);
    buf[14] = 0x55; /* version 5 */
    fix_ipv4(buf);
    expect_echo(len, false);
    buf[14] = 0x44; /* header of 16 bytes */
    fix_ipv4(buf);
    expect_echo(len, false);
    buf[14] = 0x4f; /* more header than packet */
    put16(buf + 16, 40);
    expect_echo(len, false);
    make_icmp(buf, PEER_IP, OWN_IP, ICMP_ECHO_REQUEST, 0, text, 60);
    buf[24] ^= 1;
    expect_echo(len, false);
    assert_int_equal(counters().ip_bad_checksum, 1);
    make_icmp(buf, PEER_IP, OWN_IP, ICMP_ECHO_REQUEST, 0, text, 60);
    put16(buf + 16, 19);
    fix_ipv4(buf);
    expect_echo(len, false);
}

static void test_ipv4_fragments(void **state)
{
    static const uint16_t fields[] = {0x2000, 0x0001, 0x1fff, 0x2001};
    size_t len = make_icmp(buf, PEER_IP, OWN_IP, ICMP_ECHO_REQUEST, 0, text, 60);

    (void)state;
    meet_peer(ns);
    for (unsigned i = 0; i < 4; i++) {
        put16(buf + 20, fields[i]);
        fix_ipv4(buf);
        expect_echo(len, false);
    }
    assert_int_equal(counters().ip_fragments, 4);
    put16(buf + 20, IPV4_DONT_FRAGMENT);
    fix_ipv4(buf);
    expect_echo(len, true);
}

static void test_ipv4_options(void **state)
{
    size_t len = make_icmp(buf, PEER_IP, OWN_IP, ICMP_ECHO_REQUEST, 0, text, 60);

    (void)state;
    meet_peer(ns);
    memmove(buf + 14 + 60, buf + 14 + 20, len - 34);
    memset(buf + 34, 0x94, 40);
    buf[14] = 0x4f;
    put16(buf + 16, (uint16_t)(len - 14 + 40));
    fix_ipv4(buf);
    expect_echo(len + 40, true);
    assert_int_equal(sent[0].len, len);
}

static void test_ipv4_who_for(void **state)
{
    static const uint32_t senders[] = {0x7f000001, 0xe0000001, 0xffffffff, 0x0a0005ff, OWN_IP};

    (void)state;
    meet_peer(ns);
    expect_echo(make_icmp(buf, PEER_IP, OWN_IP + 1, ICMP_ECHO_REQUEST, 0, text, 60), false);
    expect_echo(make_icmp(buf, PEER_IP, IPV4_BROADCAST, ICMP_ECHO_REQUEST, 0, text, 60), false);
    for (unsigned i = 0; i < 5; i++)
        expect_echo(make_icmp(buf, senders[i], OWN_IP, ICMP_ECHO_REQUEST, 0, text, 60), false);
    expect_echo(make_icmp(buf, 0, OWN_IP, ICMP_ECHO_REQUEST, 0, text, 60), false);
    make_icmp(buf, PEER_IP, OWN_IP, ICMP_ECHO_REQUEST, 0, text, 60);
    memcpy(buf + 6, own_mac, 6); /* our own frame comes back */
    expect_echo(98, false);
}

static void test_routes(void **state)
{
    struct udp_socket *s = open_socket(0);
    struct ipv4_config config = {OWN_IP, 0xffffff00u, 0};
    static const uint32_t unreachable[] = {0, OWN_IP, 0x7f000001, 0xe0000001};

    (void)state;
    meet_peer(ns);
    assert_int_equal(udp_send(s, &(struct udp_peer){0x08080808, 53}, text, 1, 0), 0);
    assert_memory_equal(eth_of(&sent[0])->to, peer_mac, 6);
    assert_int_equal(udp_send(s, &(struct udp_peer){0x0a0005ff, 53}, text, 1, 0), 0);
    assert_memory_equal(eth_of(&sent[1])->to, all_mac, 6);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(udp_send(s, &(struct udp_peer){unreachable[i], 53}, text, 1, 0), -XEN_EADDRNOTAVAIL);
    netstack_config_set(ns, &config);
    assert_int_equal(udp_send(s, &(struct udp_peer){0x08080808, 53}, text, 1, 0), -XEN_ENXIO);
    config.addr = 0;
    netstack_config_set(ns, &config);
    assert_int_equal(udp_send(s, &(struct udp_peer){PEER_IP, 53}, text, 1, 0), -XEN_EADDRNOTAVAIL);
    udp_close(s);
}

static void test_link_down(void **state)
{
    struct netstack_link link = {.mtu = 1500};
    struct udp_socket *s = open_socket(0);

    (void)state;
    meet_peer(ns);
    memcpy(link.mac, own_mac, 6);
    netstack_link_set(ns, &link);
    assert_int_equal(udp_send(s, &(struct udp_peer){IPV4_BROADCAST, 7}, text, 1, 0), -XEN_ENOTCONN);
    assert_false(netstack_wait_ready(ns, fake_now + 1));
    link.up = true;
    netstack_link_set(ns, &link);
    assert_true(netstack_wait_ready(ns, fake_now + 1));
    assert_int_equal(nr_sent, 1); /* the announcement */
    assert_int_equal(get32(arp_of(&sent[0])->sender_ip), get32(arp_of(&sent[0])->target_ip));
    udp_close(s);
}

/* --- ICMP --- */

static void test_echo(void **state)
{
    (void)state;
    meet_peer(ns);
    for (size_t len = 4; len <= 1476; len += 23) {
        sent_forget();
        receive(make_icmp(buf, PEER_IP, OWN_IP, ICMP_ECHO_REQUEST, 0, text, len));
        assert_int_equal(nr_sent, 1);
        assert_true(sums_are_right(&sent[0]));
        assert_int_equal(icmp_of(&sent[0])->type, ICMP_ECHO_REPLY);
        assert_int_equal(sent[0].len, 38 + len);
        assert_memory_equal(icmp_of(&sent[0])->rest, text, len);
        assert_int_equal(get32(ipv4_of(&sent[0])->to), PEER_IP);
    }
    make_icmp(buf, PEER_IP, OWN_IP, ICMP_ECHO_REQUEST, 0, text, 60);
    buf[60] ^= 1;
    expect_echo(98, false);
    expect_echo(make_icmp(buf, PEER_IP, OWN_IP, ICMP_ECHO_REQUEST, 0, text, 3), false);
    expect_echo(make_icmp(buf, PEER_IP, OWN_IP, ICMP_ECHO_REPLY, 0, text, 60), false);
    expect_echo(make_icmp(buf, PEER_IP, OWN_IP, 13, 0, text, 60), false);
    assert_int_equal(counters().icmp_bad, 2);
}

static void test_unreachable(void **state)
{
    (void)state;
    meet_peer(ns);
    fake_now += 10 * NS_S;
    receive(make_udp(buf, PEER_IP, OWN_IP, 1234, 4321, text, 100));
    assert_int_equal(nr_sent, 1);
    assert_int_equal(icmp_of(&sent[0])->type, ICMP_UNREACHABLE);
    assert_int_equal(icmp_of(&sent[0])->code, ICMP_UNREACHABLE_PORT);
    assert_memory_equal(icmp_of(&sent[0]) + 1, buf + 14, 28);
    assert_true(sums_are_right(&sent[0]));
    receive(make_ipv4(buf, PEER_IP, OWN_IP, 6, text, 40));
    assert_int_equal(icmp_of(&sent[1])->code, ICMP_UNREACHABLE_PROTOCOL);
    receive(make_ipv4(buf, PEER_IP, OWN_IP, 6, text, 3)); /* less to quote than one would */
    assert_true(sums_are_right(&sent[2]));
    receive(make_udp(buf, PEER_IP, IPV4_BROADCAST, 1234, 4321, text, 100));
    assert_int_equal(nr_sent, 3);
    for (unsigned i = 0; i < 100; i++)
        receive(make_udp(buf, PEER_IP, OWN_IP, 1234, 4321, text, 100));
    assert_int_equal(nr_sent, 20);
    assert_int_equal(counters().icmp_limited, 83);
    fake_now += NS_S / 2;
    for (unsigned i = 0; i < 100; i++)
        receive(make_udp(buf, PEER_IP, OWN_IP, 1234, 4321, text, 100));
    assert_int_equal(nr_sent, 30);
}

static void test_refused(void **state)
{
    struct udp_socket *s = open_socket(5000);
    uint8_t quote[64] = {0}, small[64];

    (void)state;
    meet_peer(ns);
    udp_send(s, &(struct udp_peer){PEER_IP, 9}, text, 5, 0);
    memcpy(quote + 4, sent[0].data + 14, 28);
    receive(make_icmp(buf, PEER_IP, OWN_IP, ICMP_UNREACHABLE, ICMP_UNREACHABLE_PORT, quote, 32));
    assert_int_equal(udp_recv(s, small, sizeof(small), NULL, fake_now + 1), -XEN_ECONNREFUSED);
    assert_int_equal(udp_recv(s, small, sizeof(small), NULL, fake_now + 1), -XEN_ETIMEDOUT);
    for (size_t len = 0; len < 32; len++)
        receive(make_icmp(buf, PEER_IP, OWN_IP, ICMP_UNREACHABLE, ICMP_UNREACHABLE_PORT, quote, len));
    quote[4] = 0x4f;
    receive(make_icmp(buf, PEER_IP, OWN_IP, ICMP_UNREACHABLE, ICMP_UNREACHABLE_PORT, quote, 32));
    assert_int_equal(udp_recv(s, small, sizeof(small), NULL, fake_now + 1), -XEN_ETIMEDOUT);
    udp_close(s);
}

/* --- UDP --- */

static void test_udp_sends(void **state)
{
    struct netstack_link link = {.mtu = 1500, .up = true, .csum_blank = true};
    struct udp_socket *s = open_socket(5000);
    struct udp_peer to = {PEER_IP, 7};

    (void)state;
    meet_peer(ns);
    assert_int_equal(udp_max_len(s), 1472);
    for (size_t len = 0; len <= 1472; len++) {
        sent_forget();
        assert_int_equal(udp_send(s, &to, text, len, 0), 0);
        assert_true(sums_are_right(&sent[0]));
        assert_memory_equal(udp_of(&sent[0]) + 1, text, len);
    }
    assert_int_equal(udp_send(s, &to, text, 1473, 0), -XEN_EMSGSIZE);
    assert_int_equal(udp_send(s, &to, text, 70000, 0), -XEN_EMSGSIZE);
    memcpy(link.mac, own_mac, 6);
    netstack_link_set(ns, &link);
    sent_forget();
    assert_int_equal(udp_send(s, &to, text, 99, 0), 0);
    assert_int_equal(sent[0].csum, NET_CSUM_BLANK);
    assert_true(sums_are_right(&sent[0]));
    card_result = -XEN_EAGAIN;
    assert_int_equal(udp_send(s, &to, text, 99, NET_NO_WAIT), -XEN_EAGAIN);
    udp_close(s);
}

static void test_udp_receives(void **state)
{
    struct udp_socket *s = open_socket(5000);
    uint8_t got[1472];
    struct udp_peer from;

    (void)state;
    for (size_t len = 0; len <= 1472; len += 8) {
        receive(make_udp(buf, PEER_IP, OWN_IP, 77, 5000, text, len));
        assert_int_equal(udp_recv(s, got, sizeof(got), &from, 0), len);
        assert_memory_equal(got, text, len);
        assert_int_equal(from.addr, PEER_IP);
        assert_int_equal(from.port, 77);
    }
    receive(make_udp(buf, PEER_IP, OWN_IP, 77, 5000, text, 100));
    assert_int_equal(udp_recv(s, got, 10, NULL, 0), 10);
    receive(make_udp(buf, PEER_IP, IPV4_BROADCAST, 77, 5000, text, 100));
    assert_int_equal(udp_recv(s, got, sizeof(got), NULL, 0), 100);
    udp_close(s);
}

static void test_udp_checks(void **state)
{
    struct udp_socket *s = open_socket(5000);
    size_t len = make_udp(buf, PEER_IP, OWN_IP, 77, 5000, text, 99);
    uint8_t got[100];

    (void)state;
    buf[50] ^= 1;
    receive(len);
    assert_int_equal(counters().udp_bad_checksum, 1);
    assert_int_equal(udp_recv(s, got, sizeof(got), NULL, fake_now + 1), -XEN_ETIMEDOUT);
    stack_receive(ns, buf, len, NET_CSUM_VALID); /* somebody looked: believed */
    assert_int_equal(udp_recv(s, got, sizeof(got), NULL, fake_now + 1), 99);
    stack_receive(ns, buf, len, NET_CSUM_BLANK);
    assert_int_equal(udp_recv(s, got, sizeof(got), NULL, fake_now + 1), 99);
    memset(buf + 40, 0, 2); /* none sent */
    receive(len);
    assert_int_equal(udp_recv(s, got, sizeof(got), NULL, fake_now + 1), 99);
    for (unsigned udp_len = 0; udp_len < 300; udp_len++) {
        put16(buf + 38, (uint16_t)udp_len);
        receive(len);
        if (udp_len >= 8 && udp_len <= 107)
            assert_int_equal(udp_recv(s, got, sizeof(got), NULL, fake_now + 1), (int)udp_len - 8);
        else
            assert_int_equal(udp_recv(s, got, sizeof(got), NULL, fake_now + 1), -XEN_ETIMEDOUT);
    }
    udp_close(s);
}

static void test_udp_queue_is_finite(void **state)
{
    long before = fake_allocations;
    struct udp_socket *s = open_socket(5000);
    uint64_t lost;
    unsigned got = 0;

    (void)state;
    for (unsigned i = 0; i < 10000; i++)
        receive(make_udp(buf, PEER_IP, OWN_IP, 77, 5000, text, 0));
    lost = counters().udp_overflow;
    assert_int_equal(lost, 10000 - 262144 / 128);
    while (udp_recv(s, NULL, 0, NULL, fake_now + 1) == 0)
        got++;
    assert_int_equal(got, 10000 - lost);
    receive(make_udp(buf, PEER_IP, OWN_IP, 77, 5000, text, 0));
    udp_close(s);
    assert_int_equal(fake_allocations, before);
}

static void test_udp_ports(void **state)
{
    struct udp_socket *a = open_socket(5000), *b, *free_port[3];

    (void)state;
    assert_int_equal(udp_open(ns, &b, 5000, NULL, NULL), -XEN_EADDRINUSE);
    for (unsigned i = 0; i < 3; i++)
        free_port[i] = open_socket(0);
    assert_int_not_equal(udp_port(free_port[0]), udp_port(free_port[1]));
    for (unsigned i = 0; i < 3; i++)
        udp_close(free_port[i]);
    udp_close(a);
    assert_int_equal(udp_open(ns, &b, 5000, NULL, NULL), 0);
    udp_close(b);
}

static void echo(void *ctx, struct udp_socket *sock, const struct udp_peer *from, const void *data,
                 size_t len)
{
    ++*(unsigned *)ctx;
    udp_send(sock, from, data, len, NET_NO_WAIT);
}

static void test_udp_callback(void **state)
{
    struct udp_socket *s;
    unsigned calls = 0;

    (void)state;
    meet_peer(ns);
    assert_int_equal(udp_open(ns, &s, 7, echo, &calls), 0);
    receive(make_udp(buf, PEER_IP, OWN_IP, 77, 7, text, 1000));
    assert_int_equal(calls, 1);
    assert_int_equal(nr_sent, 1);
    assert_true(sums_are_right(&sent[0]));
    assert_memory_equal(udp_of(&sent[0]) + 1, text, 1000);
    udp_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_arp_resolves),
        TEST(test_checksum),
        TEST(test_addresses),
        TEST(test_arp_answers),
        TEST(test_arp_refuses),
        TEST(test_arp_gives_up),
        TEST(test_arp_believes_only_answers),
        TEST(test_arp_ages),
        TEST(test_arp_table_is_finite),
        TEST(test_ipv4_checks),
        TEST(test_ipv4_fragments),
        TEST(test_ipv4_options),
        TEST(test_ipv4_who_for),
        TEST(test_routes),
        TEST(test_link_down),
        TEST(test_echo),
        TEST(test_unreachable),
        TEST(test_refused),
        TEST(test_udp_sends),
        TEST(test_udp_receives),
        TEST(test_udp_checks),
        TEST(test_udp_queue_is_finite),
        TEST(test_udp_ports),
        TEST(test_udp_callback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
