/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/hv.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <xen/grant_table.h>

/* Extents a call; more would only make the hypercall-safe buffer larger. */
#define POPULATE_BATCH 8192U

/* One call; the frames come back in the scratch buffer. */
static long populate_batch(struct hv *hv, uint32_t domid, unsigned int order, xen_pfn_t *mfns, size_t count)
{
    struct xen_memory_reservation reservation;
    xen_pfn_t *list = hv_scratch(hv, count * sizeof(*list));
    long done;

    if (!list)
        return -1;
    memcpy(list, mfns, count * sizeof(*list));
    memset(&reservation, 0, sizeof(reservation));
    set_xen_guest_handle(reservation.extent_start, list);
    reservation.nr_extents = count;
    reservation.extent_order = order;
    reservation.domid = (domid_t)domid;
    done = hv_memory_op(hv, XENMEM_populate_physmap, &reservation, sizeof(reservation));
    if (done > (long)count) {
        errno = EPROTO;
        return -1;
    }
    if (done > 0)
        memcpy(mfns, list, (size_t)done * sizeof(*list));
    return done;
}

long hv_populate(struct hv *hv, uint32_t domid, unsigned int order, xen_pfn_t *mfns, size_t count)
{
    size_t total = 0;

    while (total < count) {
        size_t batch = count - total < POPULATE_BATCH ? count - total : POPULATE_BATCH;
        long done = populate_batch(hv, domid, order, mfns + total, batch);

        if (done < 0)
            return total ? (long)total : -1;
        total += (size_t)done;
        if ((size_t)done < batch)
            break;
    }
    return (long)total;
}

int hv_set_memory_map(struct hv *hv, uint32_t domid, uint64_t bytes)
{
    /* The entry that <xen/hvm/e820.h> leaves to its user: what firmware calls an E820 entry. */
    struct __attribute__((packed)) {
        uint64_t addr, size;
        uint32_t type;
    } *ram = hv_scratch(hv, sizeof(*ram));
    struct xen_foreign_memory_map map;

    if (!ram)
        return -1;
    ram->addr = 0;
    ram->size = bytes;
    ram->type = 1;
    memset(&map, 0, sizeof(map));
    map.domid = (domid_t)domid;
    map.map.nr_entries = 1;
    set_xen_guest_handle_raw(map.map.buffer, ram);
    return hv_memory_op(hv, XENMEM_set_memory_map, &map, sizeof(map)) < 0 ? -1 : 0;
}

void *hv_map(struct hv *hv, uint32_t domid, int prot, const xen_pfn_t *mfns, size_t count)
{
    return xenforeignmemory_map(hv->fmem, domid, prot, count, mfns, NULL);
}

void hv_unmap(struct hv *hv, void *va, size_t count)
{
    if (va)
        xenforeignmemory_unmap(hv->fmem, va, count);
}

int hv_pin_l4(struct hv *hv, uint32_t domid, uint64_t mfn)
{
    struct mmuext_op *op = hv->op;

    memset(op, 0, sizeof(*op));
    op->cmd = MMUEXT_PIN_L4_TABLE;
    op->arg1.mfn = mfn;
    return xencall4(hv->call, __HYPERVISOR_mmuext_op, (uintptr_t)op, 1, 0, domid) < 0 ? -1 : 0;
}

static void seed_entries(grant_entry_v1_t *table, uint64_t console_mfn, uint64_t store_mfn)
{
    table[GNTTAB_RESERVED_CONSOLE] =
        (grant_entry_v1_t){.flags = GTF_permit_access, .domid = 0, .frame = (uint32_t)console_mfn};
    table[GNTTAB_RESERVED_XENSTORE] =
        (grant_entry_v1_t){.flags = GTF_permit_access, .domid = 0, .frame = (uint32_t)store_mfn};
}

/* The way of a hypervisor without acquire_resource: have the table set up, then map its first frame by
 * number. */
static int seed_by_setup_table(struct hv *hv, uint32_t domid, uint64_t console_mfn, uint64_t store_mfn)
{
    struct gnttab_setup_table *setup = hv->op;
    xen_pfn_t *frame = hv_scratch(hv, sizeof(*frame));
    void *table;

    memset(setup, 0, sizeof(*setup));
    *frame = 0;
    setup->dom = (domid_t)domid;
    setup->nr_frames = 1;
    set_xen_guest_handle(setup->frame_list, frame);
    if (xencall3(hv->call, __HYPERVISOR_grant_table_op, GNTTABOP_setup_table, (uintptr_t)setup, 1) < 0)
        return -1;
    if (setup->status != GNTST_okay) {
        errno = setup->status == GNTST_bad_domain ? ESRCH : ENOMEM;
        return -1;
    }
    table = hv_map(hv, domid, PROT_READ | PROT_WRITE, frame, 1);
    if (!table)
        return -1;
    seed_entries(table, console_mfn, store_mfn);
    hv_unmap(hv, table, 1);
    return 0;
}

int hv_seed_grants(struct hv *hv, uint32_t domid, uint64_t console_mfn, uint64_t store_mfn)
{
    xenforeignmemory_resource_handle *resource;
    void *table = NULL;

    /* A version 1 entry has 32 bits for the frame; silently granting another page would be worse than no
     * guest. */
    if ((console_mfn | store_mfn) >> 32) {
        errno = ERANGE;
        return -1;
    }
    resource = xenforeignmemory_map_resource(hv->fmem, (domid_t)domid, XENMEM_resource_grant_table,
                                             XENMEM_resource_grant_table_id_shared, 0, 1, &table,
                                             PROT_READ | PROT_WRITE, 0);
    if (!resource) {
        if (errno != EOPNOTSUPP && errno != ENOSYS && errno != ENOTTY)
            return -1;
        return seed_by_setup_table(hv, domid, console_mfn, store_mfn);
    }
    seed_entries(table, console_mfn, store_mfn);
    return xenforeignmemory_unmap_resource(hv->fmem, resource);
}
