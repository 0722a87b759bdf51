/* SPDX-License-Identifier: MIT */
/*
 * Frames into the stack. The input is a list of records: one byte that chooses what happens and how much of
 * the frame is mended (addresses, lengths and checksums that fuzzing alone would hardly get right), two of
 * length, then the frame. Between frames time passes and datagrams are read. Sockets: one that echoes, one
 * that keeps, and DHCP's.
 */
#include <stdlib.h>
#include <string.h>
#include "guest/heap.h"
#include "guest/net/internal.h"
#include "guest/net/checksum.h"
#include "tests/host/guest/net/fake_guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OWN_IP 0x0a000502u

static const uint8_t own_mac[6] = {0, 0x16, 0x3e, 0, 0, 2};
static uint32_t last_xid;

/* What is sent must be whole. */
static int card_send(void *ctx, const struct net_frag *frags, unsigned nr_frags, enum net_csum csum,
                     uint32_t flow, uint64_t deadline)
{
    size_t total = 0;
    uint8_t byte = 0;

    (void)ctx;
    (void)csum;
    (void)flow;
    (void)deadline;
    for (unsigned i = 0; i < nr_frags; i++) {
        for (size_t at = 0; at < frags[i].len; at++)
            byte ^= ((const volatile uint8_t *)frags[i].data)[at];
        total += frags[i].len;
        if (frags[i].len == 300)
            last_xid = get32((const uint8_t *)frags[i].data + 4);
    }
    if (total < sizeof(struct eth_header) || total > 1514)
        abort();
    return byte == 1 ? -XEN_EAGAIN : 0;
}

static void card_rearm(void *ctx)
{
    (void)ctx;
}

static void echo(void *ctx, struct udp_socket *sock, const struct udp_peer *from, const void *data,
                 size_t len)
{
    (void)ctx;
    udp_send(sock, from, data, len, NET_NO_WAIT);
}

/* Bits of `what`: 1 to us, 2 right checksum of IPv4, 4 to our address, 8 ICMP's checksum, 16 the last DHCP
 * transaction. */
static void mend(uint8_t *frame, size_t len, unsigned what)
{
    struct ipv4_header *ip = (struct ipv4_header *)(frame + sizeof(struct eth_header));
    size_t header = 0, total;
    uint16_t sum;

    if (len < sizeof(struct eth_header) + sizeof(*ip))
        return;
    if (what & 1)
        memcpy(frame, own_mac, 6);
    if (what & 4)
        put32(ip->to, OWN_IP);
    header = (ip->version_ihl & 15u) * 4;
    total = len - sizeof(struct eth_header);
    if (what & 2 && header >= sizeof(*ip) && header <= total) {
        put16(ip->total_len, (uint16_t)total);
        memset(ip->checksum, 0, 2);
        sum = (uint16_t)~checksum_fold(checksum_add(0, ip, header));
        memcpy(ip->checksum, &sum, 2);
    }
    if (what & 8 && header >= sizeof(*ip) && header + 8 <= total) {
        memset((uint8_t *)ip + header + 2, 0, 2);
        sum = (uint16_t)~checksum_fold(checksum_add(0, (uint8_t *)ip + header, total - header));
        memcpy((uint8_t *)ip + header + 2, &sum, 2);
    }
    if (what & 16 && total >= sizeof(*ip) + 8 + sizeof(struct dhcp_header)) {
        struct dhcp_header *h = (struct dhcp_header *)((uint8_t *)(ip + 1) + 8);

        put32(h->xid, last_xid);
        memcpy(h->client_mac, own_mac, 6);
    }
}

static void one_frame(struct netstack *ns, const uint8_t *data, size_t len, unsigned what)
{
    uint8_t *exact = malloc(len ? len : 1);

    memcpy(exact, data, len);
    mend(exact, len, what);
    netstack_input(ns, exact, len, what & 32 ? NET_CSUM_BLANK : NET_CSUM_UNKNOWN);
    free(exact);
}

static void run(struct netstack *ns, struct udp_socket *keeps, const uint8_t *data, size_t size)
{
    uint8_t got[64];

    while (size >= 3) {
        unsigned what = data[0];
        size_t len = (size_t)(data[1] | data[2] << 8) % 2048;

        data += 3;
        size -= 3;
        if (len > size)
            len = size;
        one_frame(ns, data, len, what);
        if (what & 64)
            fake_now += len * NS_PER_S / 4;
        if (what & 128)
            udp_recv(keeps, got, sizeof(got), NULL, fake_now);
        netstack_tick(ns);
        data += len;
        size -= len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct netstack_card card = {.send = card_send, .rearm = card_rearm};
    struct ipv4_config config = {OWN_IP, 0xffffff00u, OWN_IP - 1};
    struct netstack_link link = {.mtu = 1500, .up = true};
    struct netstack *ns = netstack_new(&card);
    struct udp_socket *keeps, *echoes;

    memcpy(link.mac, own_mac, 6);
    if (udp_open(ns, &keeps, 9, NULL, NULL) || udp_open(ns, &echoes, 7, echo, NULL) ||
        (size && data[0] & 1 && dhcp_start(ns)))
        abort();
    netstack_link_set(ns, &link);
    if (!size || !(data[0] & 1))
        netstack_config_set(ns, &config);
    run(ns, keeps, data, size);
    udp_close(keeps);
    udp_close(echoes);
    if (ns->dhcp.sock)
        udp_close(ns->dhcp.sock);
    arp_forget_all(ns);
    heap_free(ns);
    if (fake_allocations)
        abort();
    return 0;
}
