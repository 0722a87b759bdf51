/* SPDX-License-Identifier: MIT */
/* What is done to packets on their way: headers, offloads, sources, rates, forwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/if_tun.h>
#include <netinet/in.h>

#include "dom0/backends/net/antispoof.h"
#include "dom0/backends/net/forward.h"
#include "dom0/backends/net/offload.h"
#include "dom0/backends/net/rate.h"

#define SECOND INT64_C(1000000000)

static const uint8_t mac[6] = {0, 0x16, 0x3e, 1, 2, 3};

/* ---- frames ---- */

static size_t ethernet(uint8_t *frame, uint16_t type)
{
    memset(frame, 0, NET_HEAD_BYTES);
    memset(frame, 0xff, 6);
    memcpy(frame + 6, mac, 6);
    net_put16(frame + 12, type);
    return 14;
}

/* An IPv4 header for `length` bytes behind it. */
static size_t ipv4(uint8_t *frame, uint8_t protocol, const uint8_t source[4], uint16_t length)
{
    uint8_t *ip = frame + ethernet(frame, NET_TYPE_IPV4);

    ip[0] = 0x45;
    net_put16(ip + 2, (uint16_t)(20 + length));
    ip[8] = 64;
    ip[9] = protocol;
    memcpy(ip + 12, source, 4);
    memcpy(ip + 16, "\x0a\x00\x05\x01", 4);
    return 34;
}

static size_t ipv6(uint8_t *frame, uint8_t next, const uint8_t source[16])
{
    uint8_t *ip = frame + ethernet(frame, NET_TYPE_IPV6);

    ip[0] = 0x60;
    ip[6] = next;
    ip[7] = 64;
    memcpy(ip + 8, source, 16);
    ip[24] = 0xff;
    ip[25] = 2;
    ip[39] = 1;
    return 54;
}

static const uint8_t me[4] = {10, 0, 5, 7}, other[4] = {10, 0, 5, 8};

static size_t tcp4(uint8_t *frame, uint16_t payload)
{
    size_t at = ipv4(frame, IPPROTO_TCP, me, (uint16_t)(20 + payload));

    frame[at + 12] = 0x50;
    return at + 20;
}

/* ---- headers ---- */

static void test_headers(void **state)
{
    uint8_t frame[NET_HEAD_BYTES];
    struct net_headers h;
    size_t len = tcp4(frame, 0);

    (void)state;
    assert_true(net_headers_find(&h, frame, len));
    assert_int_equal(h.transport, 34);
    assert_int_equal(h.payload, 54);
    for (size_t cut = 0; cut < len; cut++) { /* ASan: an exact buffer */
        uint8_t *part = malloc(cut ? cut : 1);

        memcpy(part, frame, cut);
        if (net_headers_find(&h, part, cut))
            assert_int_equal(h.payload, 0);
        free(part);
    }
    net_put16(frame + 20, 0x2000); /* the first of several fragments */
    assert_true(net_headers_find(&h, frame, len));
    assert_int_equal(h.transport, 0);
}

static void test_ipv6_extensions(void **state)
{
    static const uint8_t source[16] = {0xfe, 0x80};
    uint8_t frame[NET_HEAD_BYTES];
    struct net_headers h;
    size_t at = ipv6(frame, IPPROTO_HOPOPTS, source);

    (void)state;
    frame[at] = IPPROTO_UDP;
    assert_true(net_headers_find(&h, frame, at + 16));
    assert_int_equal(h.transport, at + 8);
    assert_int_equal(h.payload, at + 16);
    frame[at + 1] = 255; /* beyond what we see */
    assert_true(net_headers_find(&h, frame, at + 16));
    assert_true(h.cut);
    for (size_t i = at; i + 8 <= sizeof(frame); i += 8) { /* a chain without end */
        frame[i] = IPPROTO_DSTOPTS;
        frame[i + 1] = 0;
    }
    assert_true(net_headers_find(&h, frame, sizeof(frame)));
    assert_true(h.cut);
}

/* ---- offloads ---- */

static void test_blank_checksum(void **state)
{
    struct net_tx_packet packet = {.length = 54, .checksum_blank = true};
    uint8_t frame[NET_HEAD_BYTES];
    struct virtio_net_hdr hdr;
    struct net_headers h;

    (void)state;
    assert_true(net_headers_find(&h, frame, tcp4(frame, 0)));
    assert_null(net_offload_from_guest(&hdr, &packet, &h, frame));
    assert_int_equal(hdr.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
    assert_int_equal(hdr.csum_start, 34);
    assert_int_equal(hdr.csum_offset, 16);
    assert_int_equal(hdr.gso_type, VIRTIO_NET_HDR_GSO_NONE);
    frame[23] = IPPROTO_SCTP;
    net_headers_find(&h, frame, 54);
    assert_non_null(net_offload_from_guest(&hdr, &packet, &h, frame));
}

static void test_segmentation_from_guest(void **state)
{
    struct net_tx_packet packet = {.length = 60054, .gso_type = XEN_NETIF_GSO_TYPE_TCPV4, .gso_size = 1448};
    uint8_t frame[NET_HEAD_BYTES];
    struct virtio_net_hdr hdr;
    struct net_headers h;

    (void)state;
    assert_true(net_headers_find(&h, frame, tcp4(frame, 60000)));
    assert_null(net_offload_from_guest(&hdr, &packet, &h, frame));
    assert_int_equal(hdr.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
    assert_int_equal(hdr.gso_size, 1448);
    assert_int_equal(hdr.hdr_len, 54);
    /* The pseudo header that was left out: 10.0.5.7 + 10.0.5.1 + 6 + 60020. */
    assert_int_equal(net_get16(frame + 50), (0x0a00 * 2 + 0x0507 + 0x0501 + 6 + 60020) % 0xffff);
    packet.length = 1000; /* one segment */
    assert_null(net_offload_from_guest(&hdr, &packet, &h, frame));
    assert_int_equal(hdr.gso_type, VIRTIO_NET_HDR_GSO_NONE);
    packet.gso_type = XEN_NETIF_GSO_TYPE_TCPV6;
    assert_non_null(net_offload_from_guest(&hdr, &packet, &h, frame));
}

static const struct net_offers all = {true, true, true, true, true};

static void test_to_guest(void **state)
{
    struct virtio_net_hdr hdr = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                 .csum_start = 34,
                                 .csum_offset = 16,
                                 .gso_type = VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
                                 .gso_size = 1000};
    struct net_offers none = {0};
    struct net_rx_packet packet = {.length = 5000};
    uint8_t frame[5000] = {0};

    (void)state;
    tcp4(frame, 4946);
    assert_true(net_offload_to_guest(&packet, &hdr, frame, &all));
    assert_true(packet.checksum_blank);
    assert_int_equal(packet.gso_type, XEN_NETIF_GSO_TYPE_TCPV4);
    assert_int_equal(packet.gso_size, 1000);
    assert_false(net_offload_to_guest(&packet, &hdr, frame, &none)); /* was not asked for */
    hdr.gso_size = 0;
    assert_false(net_offload_to_guest(&packet, &hdr, frame, &all));
    hdr.gso_type = VIRTIO_NET_HDR_GSO_UDP;
    hdr.gso_size = 1000;
    assert_false(net_offload_to_guest(&packet, &hdr, frame, &all));
}

/* The checksum is filled in, once, when the frontend would not. */
static void test_fill_in(void **state)
{
    struct net_offers none = {.scatter = true};
    struct virtio_net_hdr hdr = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
    struct net_rx_packet packet = {.length = 64};
    uint8_t frame[NET_HEAD_BYTES];
    struct net_headers h;

    (void)state;
    net_headers_find(&h, frame, tcp4(frame, 10));
    memcpy(frame + 54, "0123456789", 10);
    net_put16(frame + 50, net_pseudo_sum(&h, frame, 64));
    for (int i = 0; i < 2; i++) {
        uint32_t sum = net_pseudo_sum(&h, frame, 64);

        assert_true(net_offload_to_guest(&packet, &hdr, frame, &none));
        assert_false(packet.checksum_blank);
        /* With the pseudo header the whole sums up to nothing. */
        sum += (uint16_t)~net_checksum(frame + 34, 30);
        assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
    }
    hdr = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 60, .csum_offset = 3};
    assert_false(net_offload_to_guest(&packet, &hdr, frame, &none));
    hdr.csum_start = 65;
    assert_false(net_offload_to_guest(&packet, &hdr, frame, &none));
}

static void test_tap_flags(void **state)
{
    struct net_offers no_sum = all;

    (void)state;
    assert_int_equal(net_offload_tap_flags(&all), TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6);
    no_sum.checksum_v4 = no_sum.checksum_v6 = false;
    assert_int_equal(net_offload_tap_flags(&no_sum), 0);
    no_sum.checksum_v4 = true;
    assert_int_equal(net_offload_tap_flags(&no_sum), TUN_F_CSUM | TUN_F_TSO4);
    no_sum.scatter = false;
    assert_int_equal(net_offload_tap_flags(&no_sum), TUN_F_CSUM);
}

/* ---- sources ---- */

static bool passes(const struct net_antispoof *rule, const uint8_t *frame, size_t len)
{
    uint8_t *exact = malloc(len);
    bool pass;

    memcpy(exact, frame, len);
    pass = net_antispoof_pass(rule, exact, len);
    free(exact);
    return pass;
}

static void test_antispoof_ipv4(void **state)
{
    static const uint8_t nobody[4] = {0};
    struct net_antispoof rule = {.on = true};
    uint8_t frame[NET_HEAD_BYTES];
    size_t at;

    (void)state;
    assert_true(net_antispoof_parse(&rule, "00:16:3e:01:02:03", "10.0.5.7 192.168.0.0/16,2001:db8::7"));
    assert_int_equal(rule.addresses, 3);
    assert_true(passes(&rule, frame, ipv4(frame, IPPROTO_ICMP, me, 0)));
    assert_false(passes(&rule, frame, ipv4(frame, IPPROTO_ICMP, other, 0)));
    assert_true(passes(&rule, frame, ipv4(frame, IPPROTO_ICMP, (const uint8_t[]){192, 168, 9, 9}, 0)));
    assert_false(passes(&rule, frame, ipv4(frame, IPPROTO_ICMP, nobody, 0)));
    at = ipv4(frame, IPPROTO_UDP, nobody, 8);
    net_put16(frame + at, 68);
    net_put16(frame + at + 2, 67);
    assert_true(passes(&rule, frame, at + 8));
    net_put16(frame + at + 2, 53);
    assert_false(passes(&rule, frame, at + 8));
    at = ipv4(frame, IPPROTO_ICMP, me, 0);
    frame[11]++; /* another MAC */
    assert_false(passes(&rule, frame, at));
    ethernet(frame, 0x8100);
    assert_false(passes(&rule, frame, 60));
    ethernet(frame, NET_TYPE_IPV4); /* cut off */
    assert_false(passes(&rule, frame, 14));
}

static void test_antispoof_arp(void **state)
{
    struct net_antispoof rule = {.on = true};
    uint8_t frame[NET_HEAD_BYTES], *arp = frame + 14;

    (void)state;
    assert_true(net_antispoof_parse(&rule, "00:16:3e:01:02:03", "10.0.5.7"));
    ethernet(frame, NET_TYPE_ARP);
    memcpy(arp, "\0\1\x8\0\6\4\0\1", 8);
    memcpy(arp + 8, mac, 6);
    assert_true(passes(&rule, frame, 42)); /* a probe */
    memcpy(arp + 14, me, 4);
    assert_true(passes(&rule, frame, 42));
    memcpy(arp + 14, other, 4);
    assert_false(passes(&rule, frame, 42));
    memcpy(arp + 14, me, 4);
    arp[9]++;
    assert_false(passes(&rule, frame, 42));
    assert_false(passes(&rule, frame, 41));
}

static void test_antispoof_ipv6(void **state)
{
    static const uint8_t own[16] = {0xfe, 0x80, [8] = 2, 0x16, 0x3e, 0xff, 0xfe, 1, 2, 3};
    static const uint8_t listed[16] = {0x20, 1, 0xd, 0xb8, [15] = 7},
                         foreign[16] = {0x20, 1, 0xd, 0xb8, [15] = 8};
    static const uint8_t nobody[16] = {0}, mapped[16] = {[10] = 0xff, 0xff, 10, 0, 5, 7};
    struct net_antispoof rule = {.on = true};
    uint8_t frame[NET_HEAD_BYTES];
    size_t at;

    (void)state;
    assert_true(net_antispoof_parse(&rule, "00:16:3e:01:02:03", "10.0.5.7 2001:db8::7"));
    assert_true(passes(&rule, frame, ipv6(frame, IPPROTO_NONE, own)));
    assert_true(passes(&rule, frame, ipv6(frame, IPPROTO_NONE, listed)));
    assert_true(passes(&rule, frame, ipv6(frame, IPPROTO_NONE, nobody)));
    assert_false(passes(&rule, frame, ipv6(frame, IPPROTO_NONE, foreign)));
    assert_false(passes(&rule, frame, ipv6(frame, IPPROTO_NONE, mapped)));
    at = ipv6(frame, IPPROTO_ICMPV6, own);
    frame[at] = 136;
    memcpy(frame + at + 8, listed, 16);
    assert_true(passes(&rule, frame, at + 24));
    memcpy(frame + at + 8, foreign, 16);
    assert_false(passes(&rule, frame, at + 24));
    assert_false(passes(&rule, frame, at + 23));
    /* The same behind an extension. */
    at = ipv6(frame, IPPROTO_HOPOPTS, own);
    frame[at] = IPPROTO_ICMPV6;
    frame[at + 8] = 136;
    memcpy(frame + at + 16, foreign, 16);
    assert_false(passes(&rule, frame, at + 32));
    frame[at + 8] = 143;
    assert_true(passes(&rule, frame, at + 32));
    frame[at + 1] = 200;
    assert_false(passes(&rule, frame, at + 32));
}

static void test_antispoof_parse(void **state)
{
    struct net_antispoof rule = {0};

    (void)state;
    assert_false(net_antispoof_parse(&rule, "00:16:3e:01:02", ""));
    assert_false(net_antispoof_parse(&rule, "00:16:3e:01:02:03x", ""));
    assert_false(net_antispoof_parse(&rule, "00:16:3e:01:02:03", "10.0.5"));
    assert_false(net_antispoof_parse(&rule, "00:16:3e:01:02:03", "10.0.5.7/33"));
    assert_false(net_antispoof_parse(&rule, "00:16:3e:01:02:03", "::1/129"));
    assert_false(net_antispoof_parse(&rule, "00:16:3e:01:02:03", "1.1.1.1/"));
    assert_true(net_antispoof_parse(&rule, "00:16:3e:01:02:03", NULL));
    assert_int_equal(rule.addresses, 0);
}

/* ---- rates ---- */

static void test_rate(void **state)
{
    struct net_rate rate = {0};

    (void)state;
    assert_true(net_rate_parse(&rate, "1000000,1000000", SECOND)); /* 1 MB a second, 1 MB at once */
    assert_int_equal(net_rate_tokens(&rate, SECOND), 1000000);
    net_rate_spend(&rate, 1500000);
    assert_int_equal(net_rate_tokens(&rate, SECOND), -500000);
    assert_int_equal(net_rate_due(&rate), SECOND + SECOND / 2 + 1000);
    assert_true(net_rate_tokens(&rate, net_rate_due(&rate)) > 0);
    /* Looking often loses nothing. */
    for (int64_t t = 2 * SECOND; t <= 3 * SECOND; t += 777)
        net_rate_tokens(&rate, t);
    assert_in_range(net_rate_tokens(&rate, 3 * SECOND), 999999, 1000000);
    assert_int_equal(net_rate_tokens(&rate, 1000 * SECOND), 1000000);
    assert_true(net_rate_parse(&rate, "1,1000", 0)); /* slow, but one packet always fits */
    assert_int_equal(net_rate_tokens(&rate, 0), 128 * 1024);
}

static void test_rate_parse(void **state)
{
    static const char *const bad[] = {
        "1", "1,", ",1", "0,1", "1,0", "-1,1", "1,1 ", "1,99999999999", "x,1", "99999999999999999999,1"};
    struct net_rate rate = {.bytes = 5, .usecs = 5};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(net_rate_parse(&rate, bad[i], 0));
    assert_int_equal(rate.bytes, 5);
    assert_true(net_rate_parse(&rate, "", 0));
    net_rate_spend(&rate, INT64_MAX);
    assert_true(net_rate_tokens(&rate, 0) > 0);
}

/* ---- forwards ---- */

static void test_forward_parse(void **state)
{
    static const char *const bad[] = {"tcp:0:1",  "tcp:1:65536",     "tcp:1",    "icmp:1:1",
                                      "tcp:1:2x", "tcp:1:2,udp:3:4", "tcp: 1:2", "tcp:1:-2"};
    struct net_forward forwards[NET_FORWARDS_MAX];
    char address[16];

    (void)state;
    assert_int_equal(net_forward_parse(forwards, "tcp:8080:80 udp:5353:53"), 2);
    assert_string_equal(forwards[1].protocol, "udp");
    assert_int_equal(forwards[1].port, 5353);
    assert_int_equal(forwards[1].guest_port, 53);
    assert_int_equal(net_forward_parse(forwards, ""), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(net_forward_parse(forwards, bad[i]), -1);
    assert_int_equal(net_forward_address(address, "2001:db8::1 10.0.5.7"), 0);
    assert_string_equal(address, "10.0.5.7");
    assert_int_equal(net_forward_address(address, "10.0.0.0/8"), -1);
    assert_int_equal(net_forward_address(address, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),         cmocka_unit_test(test_ipv6_extensions),
        cmocka_unit_test(test_blank_checksum),  cmocka_unit_test(test_segmentation_from_guest),
        cmocka_unit_test(test_to_guest),        cmocka_unit_test(test_fill_in),
        cmocka_unit_test(test_tap_flags),       cmocka_unit_test(test_antispoof_ipv4),
        cmocka_unit_test(test_antispoof_arp),   cmocka_unit_test(test_antispoof_ipv6),
        cmocka_unit_test(test_antispoof_parse), cmocka_unit_test(test_rate),
        cmocka_unit_test(test_rate_parse),      cmocka_unit_test(test_forward_parse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
