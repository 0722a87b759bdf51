/* SPDX-License-Identifier: MIT */
/* RAM, CPUs, messages. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/xen.h>
#include "fake.h"
#include "cpu/percpu.h"
#include "cpu/platform.h"
#include "cpu/smp.h"
#include "lib/printk.h"
#include "mm/alloc.h"
#include "mm/pt_internal.h"

struct page_info *frame_table;
u64 *m2p;
cpumask_t cpu_online_mask;
unsigned cpu_count = FAKE_CPUS;
unsigned fake_messages;
bool fake_verbose;

static unsigned char *ram;
static struct cpu_info cpu_infos[FAKE_CPUS];
static _Thread_local unsigned cpu_now;
static unsigned preempt_period, preempt_count;

struct cpu_info *get_cpu_info(void)
{
    return &cpu_infos[cpu_now];
}

void fake_set_cpu(unsigned cpu)
{
    cpu_now = cpu;
}

void smp_call(const cpumask_t *mask, void (*fn)(void *), void *arg)
{
    unsigned self = cpu_now;

    for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++) {
        if (cpumask_test(mask, cpu)) {
            cpu_now = cpu;
            fn(arg);
        }
    }
    cpu_now = self;
}

void smp_call_poll(void)
{
}

void fake_preempt_every(unsigned n)
{
    preempt_period = n;
    preempt_count = 0;
}

bool mm_preempt_needed(void)
{
    return preempt_period && ++preempt_count % preempt_period == 0;
}

bool platform_mmio_denied(mfn_t mfn)
{
    return mfn_x(mfn) == FAKE_MMIO + 1;
}

void *mfn_to_virt(mfn_t mfn)
{
    if (mfn_x(mfn) >= FAKE_FRAMES)
        panic("fake: frame %#lx is no RAM\n", mfn_x(mfn));
    return ram + mfn_to_paddr(mfn);
}

mfn_t virt_to_mfn(const void *va)
{
    return mfn_of((u64)((const unsigned char *)va - ram) / PAGE_SIZE);
}

void pt_install_hyp_slots(u64 *l4)
{
    for (unsigned i = HYP_L4_FIRST; i <= HYP_L4_LAST; i++)
        l4[i] = 0xfeed000000000000UL | i;
}

static void print(const char *fmt, va_list ap)
{
    fake_messages++;
    if (fake_verbose)
        vfprintf(stderr, fmt, ap);
}

void printk(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    (void)level;
    va_start(ap, fmt);
    print(fmt, ap);
    va_end(ap);
}

void gprintk(enum log_level level, const char *fmt, ...)
{
    (void)level;
    (void)fmt;
}

void panic(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    abort();
}

void fake_tlb_reset(void);

void fake_reset(void)
{
    static u64 bitmap[BITS_TO_WORDS(FAKE_FRAMES)];

    if (!ram) {
        ram = aligned_alloc(PAGE_SIZE, FAKE_FRAMES * PAGE_SIZE);
        frame_table = calloc(FAKE_FRAMES, sizeof(*frame_table));
        m2p = malloc(FAKE_FRAMES * sizeof(u64));
        mm_owner_init(&mm_owner_xen, DOMID_XEN);
        mm_owner_init(&mm_owner_io, DOMID_IO);
        max_mfn = FAKE_FRAMES - 1;
        ram_bitmap = bitmap;
        for (unsigned m = 1; m < FAKE_HOLE; m++)
            set_bit(bitmap, m);
        for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++) {
            cpu_infos[cpu].cpu = cpu;
            cpumask_set(&cpu_online_mask, cpu);
        }
        memset(m2p, 0xff, FAKE_FRAMES * sizeof(u64));
        memset(ram, 0xa5, FAKE_FRAMES * PAGE_SIZE);
        alloc_add_range(mfn_of(1), mfn_of(FAKE_HOLE));
    }
    cpu_now = 0;
    fake_preempt_every(0);
    fake_tlb_reset();
    fake_messages = 0;
}

int pt_update_entry(struct mm_owner *pt, struct mm_owner *foreign, paddr_t ptr, u64 val, bool preserve_ad)
{
    spin_lock(&pt->pt_lock);
    int rc = pt_update_entry_locked(pt, foreign, ptr, val, preserve_ad);
    spin_unlock(&pt->pt_lock);
    return rc;
}

struct mm_owner *fake_drained;

void mm_owner_drained(struct mm_owner *o)
{
    fake_drained = o;
}
