/* SPDX-License-Identifier: MIT */
#include "dom0/backends/common/restricted_uring.h"

#include <errno.h>

static int restrict_operations(struct io_uring *ring, const struct restricted_uring *what)
{
    struct io_uring_restriction list[RESTRICTED_URING_MAX + 2];
    unsigned int n = 0;

    for (; n < what->count; n++)
        list[n] =
            (struct io_uring_restriction){.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = what->operations[n]};
    /* Without this rule none is allowed. */
    if (what->sqe_flags)
        list[n++] = (struct io_uring_restriction){.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
                                                  .sqe_flags = what->sqe_flags};
    if (what->buffers)
        list[n++] = (struct io_uring_restriction){.opcode = IORING_RESTRICTION_REGISTER_OP,
                                                  .register_op = IORING_REGISTER_BUFFERS_UPDATE};
    return io_uring_register((unsigned)ring->ring_fd, IORING_REGISTER_RESTRICTIONS, list, n);
}

int restricted_uring_open(struct io_uring *ring, const struct restricted_uring *what)
{
    struct io_uring_params params = {.flags = what->setup | IORING_SETUP_R_DISABLED};
    int rc;

    if (what->count == 0 || what->count > RESTRICTED_URING_MAX)
        return -EINVAL;
    if (what->completions) {
        params.flags |= IORING_SETUP_CQSIZE;
        params.cq_entries = what->completions;
    }
    rc = io_uring_queue_init_params(what->entries, ring, &params);
    if (rc != 0)
        return rc;
    if (what->buffers)
        io_uring_register_buffers_sparse(ring, what->buffers);
    rc = restrict_operations(ring, what);
    if (rc == 0)
        rc = io_uring_register((unsigned)ring->ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    if (rc != 0)
        io_uring_queue_exit(ring);
    return rc;
}
