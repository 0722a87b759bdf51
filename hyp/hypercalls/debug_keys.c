/* SPDX-License-Identifier: MIT */
/* sysctl debug_keys: state of the hypervisor onto its console, one letter a subject. */
#include "cpu/smp.h"
#include "event/evtchn.h"
#include "grant/grant.h"
#include "hypercalls/control.h"
#include "hypercalls/hypercalls.h"
#include "hypercalls/sysctl.h"
#include "lib/printk.h"
#include "mm/alloc.h"
#include "mm/pagetable.h"
#include "sched/sched.h"

#define KEYS_MAX 64

static void show_vcpus(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v)
        printk(LOG_INFO, "  d%uv%u: CPU%u%s, pause flags %#x, pending %u, mask %u, port polled %u\n", d->id,
               v->id, v->cpu, sched_is_scheduled(v) ? " running" : "", v->pause_flags,
               v->info->evtchn_upcall_pending, v->info->evtchn_upcall_mask, v->poll_port);
}

static void show_domain(struct domain *d)
{
    printk(LOG_INFO, "d%u: %u references, %lu of %lu pages, %u vCPUs, paused %u times, %s%s\n", d->id,
           d->refs, d->mm.tot_pages, d->mm.max_pages, d->max_vcpus, d->pause_count,
           d->dying == DOM_ALIVE ? "alive" : "dying", d->is_shut_down ? ", shut down" : "");
    show_vcpus(d);
}

static void each_domain(void (*fn)(struct domain *d))
{
    struct domain *d;

    for_each_domain (d)
        fn(d);
}

static void show_cpus(void)
{
    for (unsigned c = 0; c < cpu_count; c++)
        printk(LOG_INFO, "CPU%u: idle for %lu ms in all\n", c, sched_idle_time(c) / 1000000);
}

static void run_key(char key)
{
    switch (key) {
    case 'h':
        printk(LOG_INFO, "keys: a audit page types, e event channels, g grants, h help, m memory, q domains, "
                         "r CPUs, u unknown operations\n");
        break;
    case 'a':
        printk(LOG_INFO, "audit: %lu differences\n", mm_audit());
        break;
    case 'e':
        each_domain(evtchn_dump);
        break;
    case 'g':
        each_domain(grant_dump);
        break;
    case 'm':
        printk(LOG_INFO, "memory: %lu of %lu pages free\n", free_page_count(), total_page_count());
        hyp_heap_dump();
        break;
    case 'q':
        each_domain(show_domain);
        break;
    case 'r':
        show_cpus();
        break;
    case 'u':
        hypercall_unknown_dump();
        break;
    default:
        break; /* keys of other hypervisors mean nothing here */
    }
}

long sysctl_debug_keys(struct xen_sysctl *op)
{
    char keys[KEYS_MAX];
    u32 n = MIN(op->u.debug_keys.nr_keys, sizeof(keys));

    if (copy_from_guest(keys, (u64)op->u.debug_keys.keys.p, n))
        return -EFAULT;
    for (u32 i = 0; i < n; i++)
        run_key(keys[i]);
    return 0;
}
