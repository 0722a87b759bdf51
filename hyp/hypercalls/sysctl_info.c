/* SPDX-License-Identifier: MIT */
/* sysctl: what the machine is made of. Topology is not modelled: every CPU is a core of one socket in one
 * node. */
#include <xen/physdev.h>
#include "cpu/clock.h"
#include "cpu/platform.h"
#include "cpu/smp.h"
#include "hypercalls/hypercalls.h"
#include "hypercalls/policy.h"
#include "hypercalls/sysctl.h"
#include "lib/string.h"
#include "mm/alloc.h"
#include "mm/page.h"

#define LOCAL_DISTANCE 10 /* as the ACPI SLIT counts */

long sysctl_physinfo(struct xen_sysctl *op)
{
    struct xen_sysctl_physinfo *p = &op->u.physinfo;
    u32 words[FEATURE_WORDS];

    memset(p, 0, sizeof(*p));
    p->threads_per_core = 1;
    p->cores_per_socket = cpu_count;
    p->nr_cpus = cpu_count;
    p->max_cpu_id = cpu_count - 1;
    p->nr_nodes = 1;
    p->cpu_khz = (u32)tsc_khz;
    p->capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1;
    p->total_pages = total_page_count();
    p->free_pages = free_page_count();
    p->outstanding_pages = claimed_page_count();
    p->max_mfn = max_mfn;
    policy_features(POLICY_HOST, words);
    memcpy(p->hw_cap, words, sizeof(p->hw_cap));
    return 0;
}

long sysctl_cpu_topology(struct xen_sysctl *op)
{
    struct xen_sysctl_cputopoinfo *t = &op->u.cputopoinfo;
    u32 n = t->cputopo.p ? MIN(t->num_cpus, cpu_count) : cpu_count;

    for (u32 i = 0; t->cputopo.p && i < n; i++) {
        const struct xen_sysctl_cputopo c = {.core = i, .socket = 0, .node = 0};

        if (copy_to_guest((u64)t->cputopo.p + i * sizeof(c), &c, sizeof(c)))
            return -EFAULT;
    }
    t->num_cpus = n;
    return 0;
}

long sysctl_numa(struct xen_sysctl *op)
{
    struct xen_sysctl_numainfo *n = &op->u.numainfo;
    const struct xen_sysctl_meminfo mem = {.memsize = total_page_count() << PAGE_SHIFT,
                                           .memfree = free_page_count() << PAGE_SHIFT};
    const u32 distance = LOCAL_DISTANCE;

    if ((n->meminfo.p || n->distance.p) && n->num_nodes < 1)
        return 0;
    if (n->meminfo.p && copy_to_guest((u64)n->meminfo.p, &mem, sizeof(mem)))
        return -EFAULT;
    if (n->distance.p && copy_to_guest((u64)n->distance.p, &distance, sizeof(distance)))
        return -EFAULT;
    n->num_nodes = 1;
    return 0;
}

/* Nobody has said near which node a device is. */
long sysctl_pci_topology(struct xen_sysctl *op)
{
    struct xen_sysctl_pcitopoinfo *t = &op->u.pcitopoinfo;

    if (!t->devs.p || !t->nodes.p)
        return -EINVAL;
    for (u32 i = 0; i < t->num_devs; i++) {
        struct physdev_pci_device dev;
        u32 node = XEN_INVALID_NODE_ID;

        if (copy_from_guest(&dev, (u64)t->devs.p + i * sizeof(dev), sizeof(dev)))
            return -EFAULT;
        if (dev.seg || pci_conf_read(dev.bus, dev.devfn, 0, 4) == 0xffffffffu)
            node = XEN_INVALID_DEV;
        if (copy_to_guest((u64)t->nodes.p + i * sizeof(node), &node, sizeof(node)))
            return -EFAULT;
        if (hypercall_preempt_needed()) {
            t->num_devs = i + 1;
            return 0;
        }
    }
    return 0;
}
