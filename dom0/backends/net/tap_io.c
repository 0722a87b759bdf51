/* SPDX-License-Identifier: MIT */
#include "dom0/backends/net/tap_io.h"

#include <errno.h>
#include <stdlib.h>

#include "dom0/backends/common/restricted_uring.h"

struct net_tap_io {
    struct io_uring ring;
    unsigned int queued;
};

struct net_tap_io *net_tap_io_open(void)
{
    static const uint8_t operations[] = {IORING_OP_WRITEV, IORING_OP_WRITE};
    const struct restricted_uring what = {
        .operations = operations, .count = sizeof(operations), .entries = NET_TAP_IO_MAX};
    struct net_tap_io *io = calloc(1, sizeof(*io));
    int rc;

    if (!io)
        return NULL;
    rc = restricted_uring_open(&io->ring, &what);
    if (rc == 0)
        return io;
    free(io);
    errno = -rc;
    return NULL;
}

void net_tap_io_close(struct net_tap_io *io)
{
    if (!io)
        return;
    io_uring_queue_exit(&io->ring);
    free(io);
}

/* The kernel takes less than all, or nothing, when memory is short. */
void net_tap_io_flush(struct net_tap_io *io)
{
    while (io->queued > 0) {
        int rc = io_uring_submit_and_wait(&io->ring, io->queued);
        unsigned int ended = io_uring_cq_ready(&io->ring);

        if (rc < 0 && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY)
            abort(); /* the kernel may still read the packets; the next worker starts afresh */
        io_uring_cq_advance(&io->ring, ended);
        io->queued -= ended;
    }
}

void net_tap_io_write(struct net_tap_io *io, int tap, const struct iovec *iov, unsigned int n)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring);

    if (!sqe)
        abort(); /* more than NET_TAP_IO_MAX */
    if (n == 1)
        io_uring_prep_write(sqe, tap, iov->iov_base, (unsigned int)iov->iov_len, (uint64_t)-1);
    else
        io_uring_prep_writev(sqe, tap, iov, n, (uint64_t)-1);
    io->queued++;
}
