/* SPDX-License-Identifier: MIT */
/* Secondary CPUs: INIT, startup, and interrupts between processors. */
#include "cpu/smp.h"
#include "cpu/acpi_info.h"
#include "cpu/clock.h"
#include "cpu/features.h"
#include "cpu/entry.h"
#include "cpu/irq.h"
#include "cpu/lapic.h"
#include "cpu/paging.h"
#include "cpu/percpu.h"
#include "cpu/platform.h"
#include "cpu/processor.h"
#include "cpu/trampoline.h"
#include "cpu/traps.h"
#include "lib/printk.h"
#include "lib/string.h"

#define SHORT_TIMEOUT_US 100000
#define LONG_TIMEOUT_US  1000000
#define BOOT_STACK_ROOM  256 /* struct cpu_info, rounded up to keep the stack aligned */
_Static_assert(sizeof(struct cpu_info) <= BOOT_STACK_ROOM, "the start stacks begin below struct cpu_info");

cpumask_t cpu_online_mask;
unsigned cpu_count;
struct cpu_ids cpu_ids[NR_CPUS];
void *cpu_stack[NR_CPUS];
extern char boot_stack[];

/* --- calls --- */

struct call {
    void (*fn)(void *);
    void *arg;
    u32 left; /* CPUs that have not finished */
};
static struct call calls[NR_CPUS]; /* by caller: a CPU waits for its call to end, so it has one at a time */
static u64 calls_pending[NR_CPUS]; /* by target: bit per caller */
_Static_assert(NR_CPUS <= 64, "one word holds a bit for each caller");
static u8 kick_vector, call_vector;
static u32 stopped_cpus;

/* The way back to the guest looks at softirqs and events. */
static void kick_interrupt(struct cpu_user_regs *)
{
}

void smp_call_poll(void)
{
    u64 callers = __atomic_exchange_n(&calls_pending[this_cpu_id()], 0, __ATOMIC_ACQUIRE);

    for (; callers; callers &= callers - 1) {
        struct call *c = &calls[__builtin_ctzl(callers)];

        c->fn(c->arg);
        __atomic_fetch_sub(&c->left, 1, __ATOMIC_RELEASE);
    }
}

static void call_interrupt(struct cpu_user_regs *)
{
    smp_call_poll();
}

void smp_kick(unsigned cpu)
{
    if (cpu != this_cpu_id())
        lapic_send_ipi(cpu_ids[cpu].apic_id, kick_vector);
}

void smp_call(const cpumask_t *mask, void (*fn)(void *), void *arg)
{
    u64 flags = local_irq_save();
    unsigned self = this_cpu_id(), cpu;
    struct call *c = &calls[self];
    u32 others = 0;
    cpumask_t targets;

    for (size_t i = 0; i < ARRAY_SIZE(targets.bits); i++)
        targets.bits[i] = READ_ONCE(mask->bits[i]) & READ_ONCE(cpu_online_mask.bits[i]);
    for_each_cpu (cpu, &targets)
        others += cpu != self;
    c->fn = fn;
    c->arg = arg;
    __atomic_store_n(&c->left, others, __ATOMIC_RELEASE);
    for_each_cpu (cpu, &targets) {
        if (cpu == self)
            continue;
        /* Somebody else's bit is there: that CPU has been interrupted already and will see ours too. */
        if (!__atomic_fetch_or(&calls_pending[cpu], 1UL << self, __ATOMIC_SEQ_CST))
            lapic_send_ipi(cpu_ids[cpu].apic_id, call_vector);
    }
    if (cpumask_test(&targets, self))
        fn(arg);
    while (__atomic_load_n(&c->left, __ATOMIC_ACQUIRE)) {
        smp_call_poll(); /* two callers with interrupts off must not wait for each other */
        cpu_relax();
    }
    local_irq_restore(flags);
}

/* --- stop --- */

void nmi_handler(void)
{
    if (!READ_ONCE(stopped_cpus))
        return; /* a hardware NMI: nothing here can tell why; the machine goes on */
    __atomic_fetch_add(&stopped_cpus, 1, __ATOMIC_SEQ_CST);
    for (;;)
        __asm__ volatile("cli; hlt");
}

void smp_stop_others(void)
{
    if (cpu_count <= 1 || __atomic_exchange_n(&stopped_cpus, 1, __ATOMIC_SEQ_CST))
        return;
    lapic_send_nmi_others();
    for (unsigned ms = 0; ms < 100 && READ_ONCE(stopped_cpus) < cpu_count; ms++)
        platform_delay_us(1000);
}

/* --- start --- */

static u32 cpu_alive; /* number of the CPU that has reported last, + 1 */

static void secondary_main(void) __noreturn;
static void secondary_main(void)
{
    unsigned cpu = this_cpu_id();

    write_cr3(hyp_l4_paddr());
    traps_init_cpu(cpu, cpu_stack[cpu]);
    features_apply_cpu();
    lapic_init_cpu();
    __atomic_store_n(&cpu_alive, cpu + 1, __ATOMIC_RELEASE);
    clock_init_cpu();
    cpumask_set(&cpu_online_mask, cpu);
    cpu_startup(cpu);
}

/* A page below 640 KiB. What lies there (perhaps a module of the loader's) is put back afterwards. */
static mfn_t find_trampoline_page(void)
{
    for (u64 page = 8; page < 0x9f; page++)
        if (platform_is_ram(mfn_of(page)) && platform_is_ram(mfn_of(page + 1)))
            return mfn_of(page);
    return MFN_NONE;
}

static void prepare_trampoline(u8 *page, paddr_t base)
{
    static u64 start_l4[512] __aligned(4096);
    u32 base32 = (u32)base, cr3 = (u32)virt_to_paddr(start_l4);
    u64 entry = (u64)secondary_main;

    memcpy(start_l4, hyp_l4, sizeof(start_l4));
    start_l4[0] = virt_to_paddr(boot_identity_l3) | HYP_PTE_TABLE;
    memcpy(page, trampoline_start, (size_t)(trampoline_end - trampoline_start));
    memcpy(page + TRAMPOLINE_BASE, &base32, 4);
    memcpy(page + TRAMPOLINE_CR3, &cr3, 4);
    memcpy(page + TRAMPOLINE_ENTRY, &entry, 8);
}

static bool wait_alive(unsigned cpu, u64 us)
{
    for (; us; us -= 10) {
        if (__atomic_load_n(&cpu_alive, __ATOMIC_ACQUIRE) == cpu + 1)
            return true;
        platform_delay_us(10);
    }
    return false;
}

/* CPUs of this century need no pause after INIT; the long form is for one that did not follow the short one.
 */
static bool wake_cpu(unsigned cpu, paddr_t base)
{
    u32 apic_id = cpu_ids[cpu].apic_id;
    u8 page = (u8)(base >> PAGE_SHIFT);

    lapic_send_init(apic_id);
    platform_delay_us(100);
    lapic_send_startup(apic_id, page);
    if (wait_alive(cpu, SHORT_TIMEOUT_US))
        return true;
    lapic_send_init(apic_id);
    platform_delay_us(10000);
    lapic_send_startup(apic_id, page);
    if (wait_alive(cpu, 200))
        return true;
    lapic_send_startup(apic_id, page);
    return wait_alive(cpu, LONG_TIMEOUT_US);
}

static bool start_cpu(unsigned cpu, u8 *page, paddr_t base)
{
    u64 top = (u64)cpu_stack[cpu] + STACK_SIZE, sp = top - BOOT_STACK_ROOM;

    ((struct cpu_info *)top - 1)->cpu = cpu;
    memcpy(page + TRAMPOLINE_STACK, &sp, 8);
    if (!wake_cpu(cpu, base))
        return false;
    clock_sync_cpu();
    while (!cpumask_test(&cpu_online_mask, cpu))
        cpu_relax();
    return true;
}

void smp_prepare_boot_cpu(void)
{
    cpu_ids[0] = acpi_info.cpus[0];
    cpu_stack[0] = boot_stack;
    cpu_count = 1;
    cpumask_set(&cpu_online_mask, 0);
    kick_vector = irq_alloc_hyp_vector(kick_interrupt);
    call_vector = irq_alloc_hyp_vector(call_interrupt);
}

void smp_init(void)
{
    mfn_t low = find_trampoline_page();
    paddr_t base = mfn_to_paddr(low);
    static u8 saved[PAGE_SIZE];
    u8 *page;

    if (acpi_info.cpu_count <= 1)
        return;
    if (mfn_eq(low, MFN_NONE)) {
        printk(LOG_WARNING, "SMP: no free page below 640 KiB; one CPU is used\n");
        return;
    }
    page = paddr_to_virt(base);
    memcpy(saved, page, PAGE_SIZE);
    prepare_trampoline(page, base);
    for (unsigned i = 1; i < acpi_info.cpu_count; i++) {
        cpu_ids[cpu_count] = acpi_info.cpus[i];
        if (start_cpu(cpu_count, page, base)) {
            cpu_count++;
            continue;
        }
        printk(LOG_ERROR, "SMP: CPU with APIC id %u does not start; left out\n", acpi_info.cpus[i].apic_id);
        /* If it wakes up late, it must not find the next one's stack. */
        lapic_send_init(acpi_info.cpus[i].apic_id);
    }
    memcpy(page, saved, PAGE_SIZE);
    printk(LOG_INFO, "%u CPUs\n", cpu_count);
}
