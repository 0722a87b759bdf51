/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_grant_table_op. */
#include <xen/grant_table.h>
#include "hypercalls/hypercalls.h"
#include "grant/grant.h"

/* Elements are copied in, worked on and copied back so many at a time; between such chunks a long batch can
 * be interrupted. */
#define CHUNK 16u

union chunk {
    struct gnttab_map_grant_ref map[CHUNK];
    struct gnttab_unmap_grant_ref unmap[CHUNK];
    struct gnttab_unmap_and_replace replace[CHUNK];
    struct gnttab_copy copy[CHUNK];
};

struct batch_op {
    u32 size; /* of an element */
    void (*run)(struct grant_batch *b, union chunk *c, unsigned n);
    /* The guest cannot be told what was done: takes it back. */
    void (*undo)(union chunk *c, unsigned n);
};

static void run_map(struct grant_batch *b, union chunk *c, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        grant_map(b, &c->map[i]);
}

/* Without the handles in the guest's hands nobody could ever unmap these. */
static void undo_map(union chunk *c, unsigned n)
{
    struct grant_unmap_state st[CHUNK];

    for (unsigned i = 0; i < n; i++) {
        struct gnttab_unmap_grant_ref un = {.host_addr = c->map[i].host_addr,
                                            .dev_bus_addr = c->map[i].dev_bus_addr,
                                            .handle = c->map[i].handle};

        st[i].flags = 0;
        if (c->map[i].status == GNTST_okay)
            grant_unmap(&un, &st[i]);
    }
    grant_unmap_finish(st, n);
}

static void run_unmap(struct grant_batch *, union chunk *c, unsigned n)
{
    struct grant_unmap_state st[CHUNK];

    for (unsigned i = 0; i < n; i++)
        grant_unmap(&c->unmap[i], &st[i]);
    grant_unmap_finish(st, n);
}

static void run_replace(struct grant_batch *, union chunk *c, unsigned n)
{
    struct grant_unmap_state st[CHUNK];

    for (unsigned i = 0; i < n; i++)
        grant_unmap_replace(&c->replace[i], &st[i]);
    grant_unmap_finish(st, n);
}

static void run_copy(struct grant_batch *b, union chunk *c, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        grant_copy(b, &c->copy[i]);
}

static const struct batch_op batch_ops[] = {
    [GNTTABOP_map_grant_ref] = {sizeof(struct gnttab_map_grant_ref), run_map, undo_map},
    [GNTTABOP_unmap_grant_ref] = {sizeof(struct gnttab_unmap_grant_ref), run_unmap, NULL},
    [GNTTABOP_unmap_and_replace] = {sizeof(struct gnttab_unmap_and_replace), run_replace, NULL},
    [GNTTABOP_copy] = {sizeof(struct gnttab_copy), run_copy, NULL},
};

static long run_chunks(const struct batch_op *op, struct grant_batch *b, u64 cmd, u64 arg, u32 count)
{
    union chunk c;

    while (count) {
        unsigned n = MIN(count, CHUNK);

        if (copy_from_guest(&c, arg, n * op->size))
            return -EFAULT;
        op->run(b, &c, n);
        if (copy_to_guest(arg, &c, n * op->size)) {
            if (op->undo)
                op->undo(&c, n);
            return -EFAULT;
        }
        arg += n * op->size;
        count -= n;
        if (count && hypercall_preempt_needed())
            return hypercall_continue(__HYPERVISOR_grant_table_op, 3, cmd, arg, count, 0, 0);
    }
    return 0;
}

static long run_batch(u32 cmd, u64 arg, u32 count)
{
    struct grant_batch b = {0};
    long rc = run_chunks(&batch_ops[cmd], &b, cmd, arg, count);

    grant_batch_end(&b);
    return rc;
}

/* The domain of a query, or the status that says why not. */
static int16_t named_domain(u16 domid, struct domain **d)
{
    switch (hypercall_domain(domid, d)) {
    case 0:
        return GNTST_okay;
    case -EPERM:
        return GNTST_permission_denied;
    default:
        return GNTST_bad_domain;
    }
}

static int16_t list_frames(struct domain *d, u32 frames, u64 list)
{
    mfn_t mfn;

    if (grant_table_grow(d, frames))
        return GNTST_general_error;
    for (u32 i = 0; i < frames; i++) {
        if (grant_table_get_frame(d, i, &mfn))
            return GNTST_general_error;
        if (put_guest_u64(list + i * sizeof(u64), mfn_x(mfn)))
            return GNTST_bad_virt_addr;
    }
    return GNTST_okay;
}

static long setup_table(u64 arg, u32 count)
{
    struct gnttab_setup_table op;
    struct domain *d;

    if (count != 1)
        return -EINVAL;
    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    op.status = named_domain(op.dom, &d);
    if (op.status == GNTST_okay) {
        op.status = list_frames(d, op.nr_frames, (u64)op.frame_list.p);
        domain_put(d);
    }
    return copy_to_guest(arg, &op, sizeof(op)) ? -EFAULT : 0;
}

static long query_size(u64 arg, u32 count)
{
    struct gnttab_query_size op;
    struct domain *d;

    if (count != 1)
        return -EINVAL;
    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    op.status = named_domain(op.dom, &d);
    if (op.status == GNTST_okay) {
        grant_query_size(d, &op.nr_frames, &op.max_nr_frames);
        domain_put(d);
    }
    return copy_to_guest(arg, &op, sizeof(op)) ? -EFAULT : 0;
}

/* There is only version 1. */
static long set_version(u64 arg)
{
    struct gnttab_set_version op;
    long rc;

    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    rc = op.version == 1 ? 0 : op.version == 2 ? -ENOSYS : -EINVAL;
    op.version = 1;
    return copy_to_guest(arg, &op, sizeof(op)) ? -EFAULT : rc;
}

static long get_version(u64 arg)
{
    struct gnttab_get_version op;
    struct domain *d;
    long rc;

    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    rc = hypercall_domain(op.dom, &d);
    if (rc)
        return rc;
    domain_put(d);
    op.version = 1;
    return copy_to_guest(arg, &op, sizeof(op)) ? -EFAULT : 0;
}

/* Status frames belong to version 2. */
static long get_status_frames(u64 arg, u32 count)
{
    struct gnttab_get_status_frames op;
    struct domain *d;

    if (count != 1)
        return -EINVAL;
    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    op.status = named_domain(op.dom, &d);
    if (op.status == GNTST_okay) {
        op.status = GNTST_general_error;
        domain_put(d);
    }
    return copy_to_guest(arg, &op, sizeof(op)) ? -EFAULT : 0;
}

long do_grant_table_op(u64 cmd, u64 arg, u64 count64, u64, u64)
{
    u32 count = (u32)count64;

    if ((s32)count < 0)
        return -EINVAL;
    switch ((u32)cmd) {
    case GNTTABOP_map_grant_ref:
    case GNTTABOP_unmap_grant_ref:
    case GNTTABOP_unmap_and_replace:
    case GNTTABOP_copy:
        return run_batch((u32)cmd, arg, count);
    case GNTTABOP_setup_table:
        return setup_table(arg, count);
    case GNTTABOP_query_size:
        return query_size(arg, count);
    case GNTTABOP_set_version:
        return set_version(arg);
    case GNTTABOP_get_version:
        return get_version(arg);
    case GNTTABOP_get_status_frames:
        return get_status_frames(arg, count);
    default: /* docs/abi-coverage.md says which and why */
        return hypercall_unknown(__HYPERVISOR_grant_table_op, (u32)cmd);
    }
}
