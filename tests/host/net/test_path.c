/* SPDX-License-Identifier: MIT */
/*
 * A packet's whole way on this machine: two network namespaces stand for a guest and for dom0, each with a
 * tap. A frontend made of this file moves what leaves the guest's tap through a transmit ring, the backend's
 * own passes take it to dom0's tap, and back. TCP streams with all offloads, and without, must arrive as they
 * were sent. Copies of grants are made by hand. Skipped where taps cannot be made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "dom0/backends/net/queue_pass.h"
#include "tests/host/net/front.h"

#define STREAM_BYTES (8u << 20)
#define GUEST_PAGES  (2 * NET_RING_SLOTS)
#define RX_GREF      NET_RING_SLOTS
#define PORT         7777

/* ---- what the backend's passes call ---- */

static uint8_t (*guest_page)[NET_PAGE_SIZE]; /* GUEST_PAGES, of the file; page n is grant n */
static int guest_fd;
static unsigned int grants_refused, pages_copied, pages_mapped;

int xengnttab_grant_copy(xengnttab_handle *handle, uint32_t count, xengnttab_grant_copy_segment_t *copy)
{
    (void)handle;
    pages_copied += count;
    for (uint32_t i = 0; i < count; i++) {
        bool in = copy[i].flags & GNTCOPY_source_gref;
        uint32_t ref = in ? copy[i].source.foreign.ref : copy[i].dest.foreign.ref;
        uint32_t offset = in ? copy[i].source.foreign.offset : copy[i].dest.foreign.offset;

        if (ref >= GUEST_PAGES) {
            grants_refused++;
            copy[i].status = GNTST_bad_gntref;
            continue;
        }
        if (in)
            memcpy(copy[i].dest.virt, guest_page[ref] + offset, copy[i].len);
        else
            memcpy(guest_page[ref] + offset, copy[i].source.virt, copy[i].len);
        copy[i].status = GNTST_okay;
    }
    return 0;
}

void *guest_map(struct guest_access *access, uint32_t domid, const uint32_t *refs, unsigned int n, int prot)
{
    char *base = mmap(NULL, n * (size_t)NET_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)access;
    (void)domid;
    assert_true(base != MAP_FAILED);
    for (unsigned int i = 0; i < n; i++)
        assert_true(mmap(base + i * (size_t)NET_PAGE_SIZE, NET_PAGE_SIZE, prot, MAP_SHARED | MAP_FIXED,
                         guest_fd, (off_t)refs[i] * NET_PAGE_SIZE) != MAP_FAILED);
    pages_mapped += n;
    return base;
}

void guest_unmap(struct guest_access *access, void *pages, unsigned int n)
{
    (void)access;
    munmap(pages, n * (size_t)NET_PAGE_SIZE);
    pages_mapped -= n;
}

void guest_port_notify(struct guest_port *port)
{
    (void)port; /* the frontend looks by itself */
}

void backend_log(struct backend_dev *dev, const char *fmt, ...)
{
    (void)dev;
    (void)fmt;
}

int64_t loop_now_ns(void)
{
    return 0;
}

/* ---- the frontend ---- */

struct path {
    struct front front;
    struct backend_dev dev;
    struct net_service service;
    struct vif vif;
    struct net_queue queue;
    struct net_buffers *buffers;
    uint32_t tx_done, rx_done;
    int guest_tap;
    size_t largest[2]; /* packets from, to the guest */
    uint8_t packet[NET_PACKET_PAGES * NET_PAGE_SIZE];
};

static unsigned int pages_of(size_t bytes)
{
    return (unsigned int)((bytes + NET_PAGE_SIZE - 1) / NET_PAGE_SIZE);
}

static uint16_t tx_flags(const struct virtio_net_hdr *hdr)
{
    uint16_t flags = hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM ? NETTXF_csum_blank | NETTXF_data_validated : 0;

    return hdr->gso_type ? flags | NETTXF_extra_info : flags;
}

static uint8_t gso_type(const struct virtio_net_hdr *hdr)
{
    return (hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == VIRTIO_NET_HDR_GSO_TCPV4 ? XEN_NETIF_GSO_TYPE_TCPV4
                                                                                 : XEN_NETIF_GSO_TYPE_TCPV6;
}

/* A slot's page is that of its place in the ring. */
static void send_packet(struct path *p, const struct virtio_net_hdr *hdr, size_t length)
{
    unsigned int pages = pages_of(length);

    for (unsigned int i = 0; i < pages; i++) {
        uint32_t ref = p->front.tx.ring.req_prod % NET_RING_SLOTS;
        size_t size = length - i * NET_PAGE_SIZE < NET_PAGE_SIZE ? length - i * NET_PAGE_SIZE : NET_PAGE_SIZE;

        memcpy(guest_page[ref], p->packet + i * NET_PAGE_SIZE, size);
        front_send(&p->front,
                   (netif_tx_request_t){.gref = ref,
                                        .id = (uint16_t)ref,
                                        .size = (uint16_t)(i ? size : length),
                                        .flags = (uint16_t)((i ? 0 : tx_flags(hdr)) |
                                                            (i + 1 < pages ? NETTXF_more_data : 0))});
        if (i == 0 && hdr->gso_type)
            front_send_extra(&p->front,
                             (netif_extra_info_t){.type = XEN_NETIF_EXTRA_TYPE_GSO,
                                                  .u.gso = {.size = hdr->gso_size, .type = gso_type(hdr)}});
    }
    if (length > p->largest[0])
        p->largest[0] = length;
}

/* What leaves the guest goes into the ring, as far as that has room. */
static void from_guest(struct path *p)
{
    struct virtio_net_hdr hdr;
    struct iovec iov[2] = {{&hdr, sizeof(hdr)}, {p->packet, sizeof(p->packet)}};

    while (p->front.tx.ring.req_prod - p->tx_done + 19 <= NET_RING_SLOTS) {
        ssize_t n = readv(p->guest_tap, iov, 2);

        if (n <= 0)
            return;
        send_packet(p, &hdr, (size_t)n - sizeof(hdr));
    }
}

static void take_answers(struct path *p)
{
    for (; p->tx_done != p->front.tx.ring.rsp_prod; p->tx_done++) {
        netif_tx_response_t answer = front_answer(&p->front, p->tx_done);

        assert_true(answer.status == NETIF_RSP_NULL || answer.status == NETIF_RSP_OKAY);
        if (answer.status == NETIF_RSP_OKAY)
            assert_int_equal(answer.id, p->tx_done % NET_RING_SLOTS);
    }
}

static void post(struct path *p)
{
    while (p->front.rx.ring.req_prod - p->rx_done < NET_RING_SLOTS) {
        uint32_t at = p->front.rx.ring.req_prod, slot = at % NET_RING_SLOTS;

        front_rx_slot(&p->front, at)->req =
            (netif_rx_request_t){.id = (uint16_t)slot, .gref = RX_GREF + slot};
        p->front.rx.ring.req_prod = at + 1;
    }
}

static void take_gso(struct path *p, struct virtio_net_hdr *hdr)
{
    netif_extra_info_t extra;

    memcpy(&extra, front_rx_slot(&p->front, p->rx_done++), sizeof(extra));
    assert_int_equal(extra.type, XEN_NETIF_EXTRA_TYPE_GSO);
    hdr->gso_type =
        extra.u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
    hdr->gso_size = extra.u.gso.size;
}

/* The next packet out of the ring, its length. */
static size_t take_packet(struct path *p, struct virtio_net_hdr *hdr)
{
    size_t length = 0;
    uint16_t flags;
    bool first = true;

    do {
        uint32_t slot = p->rx_done % NET_RING_SLOTS;
        netif_rx_response_t answer = front_rx_slot(&p->front, p->rx_done++)->rsp;

        assert_int_equal(answer.id, slot);
        assert_true(answer.status > 0 && answer.offset == 0);
        memcpy(p->packet + length, guest_page[RX_GREF + slot], (size_t)answer.status);
        length += (size_t)answer.status;
        flags = answer.flags;
        if (first && (flags & NETRXF_csum_blank))
            hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        if (flags & NETRXF_extra_info)
            take_gso(p, hdr);
        first = false;
    } while (flags & NETRXF_more_data);
    return length;
}

/* A frontend looks for the headers by itself. */
static void complete(struct virtio_net_hdr *hdr, const uint8_t *packet, size_t length)
{
    struct net_headers headers;

    if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
        return;
    assert_true(net_headers_find(&headers, packet, length < NET_HEAD_BYTES ? length : NET_HEAD_BYTES));
    hdr->csum_start = headers.transport;
    hdr->csum_offset = (uint16_t)net_headers_checksum_offset(&headers);
    if (hdr->gso_type)
        hdr->hdr_len = headers.payload;
}

static void to_guest(struct path *p)
{
    while (p->rx_done != p->front.rx.ring.rsp_prod) {
        struct virtio_net_hdr hdr = {0};
        size_t length = take_packet(p, &hdr);
        struct iovec iov[2] = {{&hdr, sizeof(hdr)}, {p->packet, length}};

        complete(&hdr, p->packet, length);
        if (length > p->largest[1])
            p->largest[1] = length;
        assert_true(writev(p->guest_tap, iov, 2) > 0);
    }
    post(p);
}

/* As the next daemon does. */
static void restart(struct path *p)
{
    net_tx_attach(&p->queue.tx, &p->front.tx.ring, &p->front.tx_journal);
    net_rx_attach(&p->queue.rx, &p->front.rx.ring, &p->front.rx_journal);
}

static void pump(struct path *p)
{
    struct pollfd fds[2] = {{.fd = p->guest_tap, .events = POLLIN}, {.fd = p->queue.tap, .events = POLLIN}};
    int64_t due;

    poll(fds, 2, 20);
    p->service.round++;
    from_guest(p);
    net_transmit_pass(&p->queue, &due);
    take_answers(p);
    net_receive_pass(&p->queue);
    to_guest(p);
    assert_false(p->queue.tx.ring.broken || p->queue.rx.ring.broken);
    if (p->service.round % 16 == 0) {
        int64_t tokens = INT64_MAX;

        /* Killed with packets in hand: they are taken again. */
        from_guest(p);
        net_tx_take(&p->queue.tx, &p->buffers->tx, &tokens);
        restart(p);
    }
}

/* ---- the ends ---- */

static int command(const char *fmt, ...)
{
    char text[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return system(text);
}

/* A tap in a new namespace, where the process then is. -1: not allowed here. */
static int make_end(const char *name, const char *address)
{
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    int fd;

    if (unshare(CLONE_NEWNET) != 0)
        return -1;
    fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) != 0)
        return -1;
    return command("ip addr add %s/24 dev %s && ip link set %s up", address, name, name) == 0 ? fd : -1;
}

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at ^ at >> 8 ^ at >> 16);
}

static void server(int fd)
{
    static uint8_t chunk[65536];
    int one = accept(fd, NULL, NULL);

    for (size_t at = 0; at < STREAM_BYTES;) {
        size_t n = STREAM_BYTES - at < sizeof(chunk) ? STREAM_BYTES - at : sizeof(chunk);
        ssize_t sent;

        for (size_t i = 0; i < n; i++)
            chunk[i] = pattern(at + i);
        sent = write(one, chunk, n);
        if (sent <= 0)
            _exit(1);
        at += (size_t)sent;
    }
    shutdown(one, SHUT_WR);
    _exit(read(one, chunk, 1) == 0 ? 0 : 1); /* until the other one has all */
}

static void client(const char *address)
{
    static uint8_t chunk[65536];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t at = 0;
    ssize_t n;

    inet_pton(AF_INET, address, &to.sin_addr);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        _exit(2);
    while ((n = read(fd, chunk, sizeof(chunk))) > 0)
        for (ssize_t i = 0; i < n; i++)
            if (chunk[i] != pattern(at++))
                _exit(3);
    _exit(n == 0 && at == STREAM_BYTES ? 0 : 4);
}

/* Both run where the process is when it calls; the listener is there before anyone connects. */
static pid_t start_server(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    pid_t pid;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
    assert_int_equal(listen(fd, 1), 0);
    pid = fork();
    if (pid == 0)
        server(fd);
    close(fd);
    return pid;
}

static pid_t start_client(const char *address)
{
    pid_t pid = fork();

    if (pid == 0)
        client(address);
    return pid;
}

struct ends {
    int tap[2], space[2]; /* guest's, dom0's */
};

static const char *const address[2] = {"10.9.0.2", "10.9.0.1"};

static bool make_ends(struct ends *ends)
{
    static const char *const name[2] = {"guest0", "vif0"};

    for (int i = 0; i < 2; i++) {
        ends->tap[i] = make_end(name[i], address[i]);
        ends->space[i] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        if (ends->tap[i] < 0 || ends->space[i] < 0)
            return false;
    }
    return true;
}

/* A stream from one end to the other, with the rings in between. */
static void stream(struct path *p, const struct ends *ends, int from)
{
    pid_t pids[2];
    int status, left = 2;

    assert_int_equal(setns(ends->space[from], CLONE_NEWNET), 0);
    pids[0] = start_server();
    assert_int_equal(setns(ends->space[1 - from], CLONE_NEWNET), 0);
    pids[1] = start_client(address[from]);
    while (left > 0) {
        pump(p);
        for (int i = 0; i < 2; i++) {
            if (pids[i] == 0 || waitpid(pids[i], &status, WNOHANG) != pids[i])
                continue;
            assert_int_equal(status, 0);
            pids[i] = 0;
            left--;
        }
    }
}

/* Without: what the daemon does where io_uring is not allowed. */
static bool without_io_uring;

/* The frontend's pages stay mapped. */
static bool with_persistent_grants;

static void map_pages(struct net_queue *queue)
{
    const struct persistent_bounds tx = {PROT_READ, NET_RING_SLOTS, 64};
    const struct persistent_bounds rx = {PROT_READ | PROT_WRITE, NET_RING_SLOTS, 64};

    queue->tx_pages = persistent_new(NULL, 1, &tx);
    queue->rx_pages = persistent_new(NULL, 1, &rx);
    assert_true(queue->tx_pages && queue->rx_pages);
}

static void path_of(struct path *p, const struct ends *ends, const struct net_offers *offers)
{
    unsigned int guest = offers->gso_v4 ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : 0;

    front_init(&p->front);
    p->guest_tap = ends->tap[0];
    p->dev.domid = 1;
    p->buffers = net_buffers_new();
    assert_non_null(p->buffers);
    p->service.io = without_io_uring ? NULL : net_tap_io_open();
    if (!p->service.io && !without_io_uring)
        print_message("no io_uring here: %s\n", strerror(errno));
    p->vif = (struct vif){.dev = &p->dev, .service = &p->service, .buffers = p->buffers, .offers = *offers};
    p->queue = (struct net_queue){.vif = &p->vif, .tap = ends->tap[1]};
    assert_true(net_rate_parse(&p->vif.rate, "", 0));
    if (with_persistent_grants)
        map_pages(&p->queue);
    restart(p);
    post(p);
    assert_int_equal(ioctl(ends->tap[0], TUNSETOFFLOAD, (unsigned long)guest), 0);
    assert_int_equal(ioctl(ends->tap[1], TUNSETOFFLOAD, (unsigned long)net_offload_tap_flags(offers)), 0);
}

static void run(const struct net_offers *offers, bool large)
{
    struct ends ends;
    struct path *p;

    if (!make_ends(&ends))
        skip();
    p = calloc(1, sizeof(*p));
    assert_non_null(p);
    path_of(p, &ends, offers);
    for (int from = 0; from < 2; from++)
        stream(p, &ends, from);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(p->largest[i] > 1514, large);
        close(ends.tap[i]);
        close(ends.space[i]);
    }
    persistent_free(p->queue.tx_pages);
    persistent_free(p->queue.rx_pages);
    assert_int_equal(pages_mapped, 0);
    net_buffers_free(p->buffers);
    net_tap_io_close(p->service.io);
    free(p);
}

static void test_all_offloads(void **state)
{
    const struct net_offers all = {true, true, true, true, true};

    (void)state;
    run(&all, true);
}

static void test_no_offloads(void **state)
{
    const struct net_offers none = {0};

    (void)state;
    run(&none, false);
}

/* The tap leaves checksums of both kinds to us when the frontend takes one. */
static void test_checksums_of_ipv6_only(void **state)
{
    const struct net_offers odd = {.checksum_v6 = true};

    (void)state;
    run(&odd, false);
}

static void test_without_io_uring(void **state)
{
    const struct net_offers all = {true, true, true, true, true};

    (void)state;
    without_io_uring = true;
    run(&all, true);
    without_io_uring = false;
}

/* Each page is copied by the hypervisor once at most; from then on it is mapped. */
static void test_persistent_grants(void **state)
{
    const struct net_offers all = {true, true, true, true, true};

    (void)state;
    pages_copied = 0;
    with_persistent_grants = true;
    run(&all, true);
    with_persistent_grants = false;
    assert_in_range(pages_copied, 1, GUEST_PAGES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_offloads),           cmocka_unit_test(test_no_offloads),
        cmocka_unit_test(test_checksums_of_ipv6_only), cmocka_unit_test(test_without_io_uring),
        cmocka_unit_test(test_persistent_grants),
    };

    signal(SIGPIPE, SIG_IGN);
    guest_fd = memfd_create("guest", MFD_CLOEXEC);
    if (guest_fd < 0 || ftruncate(guest_fd, GUEST_PAGES * (off_t)NET_PAGE_SIZE) != 0)
        abort();
    guest_page =
        mmap(NULL, GUEST_PAGES * (size_t)NET_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, guest_fd, 0);
    if (guest_page == MAP_FAILED)
        abort();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
