/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/uring.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>

#include "dom0/backends/common/restricted_uring.h"

#define CQ_ENTRIES 8192u
#define NS_PER_S   1000000000ll

struct uring {
    struct io_uring ring;
    struct uring_op loop_op; /* the poll of the loop's descriptors */
    bool loop_polled, loop_ready;
    uint32_t buffers; /* a bit for each number that is in use */
};

static int open_ring(struct io_uring *ring, unsigned setup)
{
    static const uint8_t operations[] = {IORING_OP_READV,    IORING_OP_WRITEV,     IORING_OP_READ,
                                         IORING_OP_WRITE,    IORING_OP_FSYNC,      IORING_OP_FALLOCATE,
                                         IORING_OP_POLL_ADD, IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED};
    const struct restricted_uring what = {.operations = operations,
                                          .count = sizeof(operations),
                                          .sqe_flags = IOSQE_CQE_SKIP_SUCCESS,
                                          .entries = URING_ENTRIES,
                                          .completions = CQ_ENTRIES,
                                          .buffers = URING_BUFFERS,
                                          .setup = setup};

    return restricted_uring_open(ring, &what);
}

struct uring *uring_open(void)
{
    struct uring *uring = calloc(1, sizeof(*uring));
    int rc;

    if (!uring)
        return NULL;
    /* Completions are worked off when we wait, in batches; before Linux 6.1 they interrupt us instead. */
    rc = open_ring(&uring->ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    if (rc == -EINVAL)
        rc = open_ring(&uring->ring, 0);
    if (rc == 0)
        return uring;
    free(uring);
    errno = -rc;
    return NULL;
}

void uring_close(struct uring *uring)
{
    if (!uring)
        return;
    io_uring_queue_exit(&uring->ring);
    free(uring);
}

struct io_uring_sqe *uring_entry(struct uring *uring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);

    /* Full: the kernel takes what is there. With too many completions waiting it makes us wait for memory. */
    while (!sqe) {
        io_uring_submit(&uring->ring);
        sqe = io_uring_get_sqe(&uring->ring);
    }
    return sqe;
}

void uring_entry_op(struct io_uring_sqe *sqe, struct uring_op *op)
{
    io_uring_sqe_set_data(sqe, op);
    if (!op)
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

_Static_assert(URING_BUFFERS == 8 * sizeof(((struct uring *)0)->buffers), "a bit each");

static int set_buffer(struct uring *uring, int number, void *memory, size_t bytes)
{
    const struct iovec iov = {memory, bytes};
    const __u64 no_tag = 0;

    return io_uring_register_buffers_update_tag(&uring->ring, (unsigned)number, &iov, &no_tag, 1);
}

int uring_buffer_add(struct uring *uring, void *memory, size_t bytes)
{
    int number;

    if (uring->buffers == UINT32_MAX)
        return -1;
    number = __builtin_ctz(~uring->buffers);
    if (set_buffer(uring, number, memory, bytes) != 1)
        return -1;
    uring->buffers |= 1u << number;
    return number;
}

void uring_buffer_remove(struct uring *uring, int number)
{
    set_buffer(uring, number, NULL, 0);
    uring->buffers &= ~(1u << number);
}

static void loop_is_ready(struct uring_op *op, int32_t res)
{
    struct uring *uring = (struct uring *)((char *)op - offsetof(struct uring, loop_op));

    (void)res;
    uring->loop_polled = false;
    uring->loop_ready = true;
}

static void call_back(struct uring *uring)
{
    struct io_uring_cqe *cqe;
    unsigned head, n = 0;

    io_uring_for_each_cqe(&uring->ring, head, cqe)
    {
        struct uring_op *op = io_uring_cqe_get_data(cqe);

        if (op)
            op->done(op, cqe->res);
        n++;
    }
    io_uring_cq_advance(&uring->ring, n);
}

/* A loop_waiter: true when the loop's own descriptors have something. */
static bool wait(void *arg, int loop_fd, int64_t timeout_ns)
{
    struct uring *uring = arg;
    struct __kernel_timespec ts = {.tv_sec = timeout_ns / NS_PER_S, .tv_nsec = timeout_ns % NS_PER_S};
    struct io_uring_cqe *cqe;
    bool ready;

    if (!uring->loop_polled) {
        struct io_uring_sqe *sqe = uring_entry(uring);

        io_uring_prep_poll_add(sqe, loop_fd, POLLIN);
        uring_entry_op(sqe, &uring->loop_op);
        uring->loop_polled = true;
    }
    /* A timeout of zero too waits for one: completions are worked off in a wait alone. */
    io_uring_submit_and_wait_timeout(&uring->ring, &cqe, 1, timeout_ns < 0 ? NULL : &ts, NULL);
    call_back(uring);
    ready = uring->loop_ready;
    uring->loop_ready = false;
    return ready;
}

void uring_start(struct uring *uring, struct loop *loop)
{
    uring->loop_op.done = loop_is_ready;
    loop_set_waiter(loop, wait, uring);
}
