/* SPDX-License-Identifier: MIT */
/* Start-up: ties the rooms together, brings up the CPUs, starts dom0. The order of calls is the order of
 * dependence. */
#include <xen/event_channel.h>
#include <xen/sched.h>
#include "boot/boot.h"
#include "boot/boot_alloc.h"
#include "cpu/clock.h"
#include "cpu/console.h"
#include "cpu/features.h"
#include "cpu/irq.h"
#include "cpu/lapic.h"
#include "cpu/platform.h"
#include "cpu/processor.h"
#include "cpu/smp.h"
#include "cpu/traps.h"
#include "domain/dom0_build.h"
#include "domain/domain.h"
#include "domain/above.h"
#include "event/evtchn.h"
#include "event/pirq.h"
#include "grant/grant.h"
#include "hypercalls/control.h"
#include "hypercalls/vcpu_timer.h"
#include "lib/printk.h"
#include "mm/alloc.h"
#include "sched/guest_time.h"
#include "sched/sched.h"
#include "sched/watchdog.h"
#include "sched/timer.h"

const struct domain_unit *const domain_units[] = {
    &sched_unit, &watchdog_unit, &vcpu_timer_unit, &evtchn_unit, &pirq_unit, &grant_unit, NULL,
};

void domain_exception(void)
{
    send_dom0_virq(VIRQ_DOM_EXC);
}

/* dom0 is what the machine is for: when it ends, the machine does what it asked for. */
void machine_shutdown(unsigned reason)
{
    switch (reason) {
    case SHUTDOWN_poweroff:
        printk(LOG_INFO, "dom0 has halted: powering off\n");
        machine_halt();
    case SHUTDOWN_reboot:
        printk(LOG_INFO, "dom0 wants a reboot\n");
        machine_reboot();
    default:
        printk(LOG_ERROR, "dom0 crashed (reason %u)\n", reason);
        if (boot_options.noreboot)
            machine_halt();
        machine_reboot();
    }
}

static void init_cpu(unsigned cpu)
{
    if (idle_vcpu_create(cpu))
        panic("CPU%u: no memory for its idle vCPU\n", cpu);
    get_cpu_info()->vcpu = idle_vcpu[cpu];
    sched_init_cpu(cpu);
}

void cpu_startup(unsigned cpu)
{
    init_cpu(cpu);
    local_irq_enable();
    run_on_fresh_stack(idle_loop);
}

static void init_rooms(void)
{
    domain_init();
    timers_init();
    sched_init();
    grant_init();
    ref_audit_init();
    init_cpu(0);
}

static bool is_tcg(void)
{
    struct cpuid_leaf l = cpuid(0x40000000, 0);

    return l.b == 0x54474354 && l.c == 0x43544743 && l.d == 0x47435447; /* "TCGTCGTCGTCG" */
}

/*
 * QEMU's TCG (7.2) makes the stack accesses of IRET and RET FAR in ring 3 with supervisor rights, so with
 * SMAP on a guest kernel faults on its own stack. And it makes each step of a REP MOVSB or REP STOSB by
 * itself: a kernel that believes that they are fast takes eight times as long for each page that it copies.
 */
static void correct_tcg(void)
{
    if (features.smap)
        printk(LOG_INFO, "SMAP is off: this emulated CPU applies it to ring 3\n");
    features.smap = false;
    features.erms = false;
}

static void choose_features(void)
{
    features_init();
    features.smep &= boot_options.smep;
    features.smap &= boot_options.smap;
    if (is_tcg())
        correct_tcg();
}

static void init_interrupts(void)
{
    platform_init();
    lapic_init();
    irq_init();
    smp_prepare_boot_cpu();
    lapic_init_cpu();
}

static void start_dom0(void)
{
    unsigned vcpus = boot_options.dom0_max_vcpus ? boot_options.dom0_max_vcpus : cpu_count;

    dom0_build(MIN(vcpus, (unsigned)MAX_VCPUS_PER_DOMAIN), hypercall_page_fill);
    boot_free_modules(alloc_add_range);
    guest_wallclock_update(dom0);
    printk(LOG_INFO, "%lu of %lu MiB free; starting dom0, %lu us after the loader\n", free_page_count() >> 8,
           total_page_count() >> 8, (rdtsc() - boot_tsc) * 1000 / tsc_khz);
    console_release_vga();
    if (domain_unpause_by_toolstack(dom0))
        panic("dom0 was not paused\n");
    domain_put(dom0);
}

void hyp_main(void)
{
    extern char boot_stack[];

    choose_features();
    traps_init_cpu(0, boot_stack);
    boot_alloc_init();
    paging_init();
    features_apply_cpu();
    patch_entry_code();
    acpi_init(); /* takes the stacks of the other CPUs, so before mm_init() ends early allocation */
    boot_unpack_kernel();
    mm_init();
    init_interrupts();
    clock_init();
    init_rooms();
    console_enable_input();
    local_irq_enable();
    smp_init();
    start_dom0();
    run_on_fresh_stack(idle_loop);
}
