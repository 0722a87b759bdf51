/* SPDX-License-Identifier: MIT */
#include "dom0/backends/net/buffers.h"

#include <stdlib.h>
#include <sys/mman.h>

_Static_assert(NET_PACKET_MAX <= NET_PACKET_PAGES * NET_PAGE_SIZE, "the largest packet has room");

/* Pages of their own, also for the kernel, which pins them during a copy. */
static void *pages(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

struct net_buffers *net_buffers_new(void)
{
    struct net_buffers *buffers = calloc(1, sizeof(*buffers));

    if (!buffers)
        return NULL;
    buffers->piece = pages(NET_RING_SLOTS * sizeof(*buffers->piece));
    buffers->packet = pages(NET_RX_PACKETS * sizeof(*buffers->packet));
    if (buffers->piece && buffers->packet)
        return buffers;
    net_buffers_free(buffers);
    return NULL;
}

void net_buffers_free(struct net_buffers *buffers)
{
    if (!buffers)
        return;
    if (buffers->piece)
        munmap(buffers->piece, NET_RING_SLOTS * sizeof(*buffers->piece));
    if (buffers->packet)
        munmap(buffers->packet, NET_RX_PACKETS * sizeof(*buffers->packet));
    free(buffers);
}
