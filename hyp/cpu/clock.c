/* SPDX-License-Identifier: MIT */
/*
 * System time is the TSC in nanoseconds, calibrated once. The timer interrupt comes from the local APIC:
 * against the TSC itself where the CPU has the deadline mode, else by a count at the bus clock.
 */
#include "cpu/clock.h"
#include "cpu/features.h"
#include "cpu/irq.h"
#include "cpu/lapic.h"
#include "cpu/percpu.h"
#include "cpu/processor.h"
#include "cpu/softirq.h"
#include "lib/printk.h"

#define NS_PER_SEC     1000000000UL
#define CALIBRATION_US 10000

struct clock_scale clock_scale[NR_CPUS];
u64 tsc_khz;

static u64 timer_khz; /* of the local APIC's counter; 0: deadline mode */
static u8 timer_vector;

static ns_t scale_delta(const struct clock_scale *s, u64 delta)
{
    delta = s->shift >= 0 ? delta << s->shift : delta >> -s->shift;
    return (ns_t)(((unsigned __int128)delta * s->mul) >> 32);
}

ns_t now(void)
{
    const struct clock_scale *s = &this_cpu(clock_scale);

    return s->mul ? s->base_ns + scale_delta(s, rdtsc_ordered() - s->base_tsc) : 0;
}

/* ns = (tsc << shift) * mul >> 32 with mul as large as 32 bits allow, for precision. */
static void set_scale(struct clock_scale *s, u64 khz)
{
    u64 hz = khz * 1000;

    s->shift = 0;
    for (; hz > 2 * NS_PER_SEC; hz >>= 1)
        s->shift--;
    for (; hz <= NS_PER_SEC; hz <<= 1)
        s->shift++;
    s->mul = (u32)((NS_PER_SEC << 32) / hz);
}

struct sample {
    u64 ref, tsc;
    u32 timer;
};

/*
 * All counters at one moment. What comes between the readings (an SMI, the host of a virtual machine) makes
 * them differ, so of a few attempts the shortest counts.
 */
static struct sample take_sample(const struct clock_source *src)
{
    struct sample best = {0};
    u64 best_width = ~0UL;

    for (unsigned i = 0; i < 8; i++) {
        struct sample s;
        u64 before = rdtsc_ordered(), width;

        s.ref = src->read();
        s.timer = lapic_timer_read();
        width = rdtsc_ordered() - before;
        s.tsc = before + width / 2;
        if (width < best_width) {
            best_width = width;
            best = s;
        }
    }
    return best;
}

/* How far TSC and local timer get while the reference clock runs for about CALIBRATION_US. */
static void calibrate(const struct clock_source *src)
{
    struct sample first, last;
    u64 ref;

    lapic_timer_setup(0, false);
    lapic_timer_set(~0u);
    first = take_sample(src);
    do {
        ref = (src->read() - first.ref) & src->mask;
    } while (ref * 1000000 / src->hz < CALIBRATION_US);
    last = take_sample(src);
    lapic_timer_set(0);

    ref = (last.ref - first.ref) & src->mask;
    tsc_khz = (last.tsc - first.tsc) * src->hz / 1000 / ref;
    timer_khz = (u64)(first.timer - last.timer) * src->hz / 1000 / ref;
}

static void timer_interrupt(struct cpu_user_regs *)
{
    softirq_raise(SOFTIRQ_TIMER);
}

void clock_init(void)
{
    const struct clock_source *src = clock_source_find();

    calibrate(src);
    if (!tsc_khz || !timer_khz)
        panic("clock: the TSC or the local APIC's timer does not run (%lu, %lu kHz)\n", tsc_khz, timer_khz);
    if (features.tsc_deadline)
        timer_khz = 0;
    timer_vector = irq_alloc_hyp_vector(timer_interrupt);
    set_scale(&clock_scale[0], tsc_khz);
    clock_scale[0].base_tsc = rdtsc_ordered();
    lapic_timer_setup(timer_vector, !timer_khz);
    wallclock_init();
    printk(LOG_INFO, "clock: TSC %lu.%03lu MHz by %s, timer by %s\n", tsc_khz / 1000, tsc_khz % 1000,
           src->name, timer_khz ? "local APIC" : "TSC deadline");
}

void clock_set_deadline(ns_t when)
{
    u64 flags = local_irq_save(), delta, ticks;
    ns_t t = now();

    /* At most a second ahead: whoever armed it looks at the time again, and no conversion can overflow. */
    delta = when > t ? MIN(when - t, NS_PER_SEC) : 0;
    if (!timer_khz) {
        ticks = delta * tsc_khz / 1000000 + 1;
        wrmsr(MSR_TSC_DEADLINE, when ? rdtsc() + ticks : 0);
    } else {
        ticks = delta * timer_khz / 1000000 + 1;
        lapic_timer_set(when ? (u32)MIN(ticks, 0xffffffffUL) : 0);
    }
    local_irq_restore(flags);
}

/*
 * Synchronisation: the boot CPU answers each request with its TSC. Of many rounds the one with the shortest
 * way there and back says best how far the two counters are apart; as that is known only to within the way, a
 * difference smaller than it counts as none.
 */
#define SYNC_ROUNDS 64

static struct {
    u32 request, answer;
    u64 tsc;
} sync;

void clock_sync_cpu(void)
{
    for (u32 round = 1; round <= SYNC_ROUNDS; round++) {
        while (__atomic_load_n(&sync.request, __ATOMIC_ACQUIRE) != round)
            cpu_relax();
        sync.tsc = rdtsc_ordered();
        __atomic_store_n(&sync.answer, round, __ATOMIC_RELEASE);
    }
    /* The other one resets `request` last, so that the next CPU finds both at 0. */
    while (__atomic_load_n(&sync.request, __ATOMIC_ACQUIRE))
        cpu_relax();
}

void clock_init_cpu(void)
{
    struct clock_scale *s = &this_cpu(clock_scale);
    u64 best = ~0UL;
    s64 offset = 0;

    for (u32 round = 1; round <= SYNC_ROUNDS; round++) {
        u64 t0 = rdtsc_ordered(), t1;

        __atomic_store_n(&sync.request, round, __ATOMIC_RELEASE);
        while (__atomic_load_n(&sync.answer, __ATOMIC_ACQUIRE) != round)
            cpu_relax();
        t1 = rdtsc_ordered();
        if (t1 - t0 < best) {
            best = t1 - t0;
            offset = (s64)(t0 + best / 2 - sync.tsc);
        }
    }
    if ((u64)(offset < 0 ? -offset : offset) <= best)
        offset = 0;
    *s = clock_scale[0];
    s->base_tsc += (u64)offset;
    if (offset)
        printk(LOG_INFO, "clock: TSC of CPU%u is %ld ticks off, corrected\n", this_cpu_id(), offset);
    lapic_timer_setup(timer_vector, !timer_khz);
    sync.answer = 0;
    __atomic_store_n(&sync.request, 0, __ATOMIC_RELEASE);
}
