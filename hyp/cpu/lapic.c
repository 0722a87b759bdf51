/* SPDX-License-Identifier: MIT */
/*
 * Local APIC. x2APIC mode is used when firmware has turned it on or when an id does not fit into xAPIC's
 * eight bits; otherwise xAPIC, which every machine has.
 */
#include "cpu/lapic.h"
#include "cpu/acpi_info.h"
#include "cpu/features.h"
#include "cpu/paging.h"
#include "cpu/platform.h"
#include "cpu/processor.h"
#include "lib/printk.h"

enum lapic_reg {
    REG_ID = 0x020,
    REG_VERSION = 0x030,
    REG_TPR = 0x080,
    REG_EOI = 0x0b0,
    REG_SVR = 0x0f0,
    REG_ESR = 0x280,
    REG_CMCI = 0x2f0,
    REG_ICR = 0x300,
    REG_ICR_HIGH = 0x310,
    REG_LVT_TIMER = 0x320,
    REG_LVT_THERMAL = 0x330,
    REG_LVT_PERF = 0x340,
    REG_LVT_LINT0 = 0x350,
    REG_LVT_LINT1 = 0x360,
    REG_LVT_ERROR = 0x370,
    REG_TIMER_INIT = 0x380,
    REG_TIMER_COUNT = 0x390,
    REG_TIMER_DIVIDE = 0x3e0,
};

#define APIC_BASE_X2       (1UL << 10)
#define APIC_BASE_ENABLE   (1UL << 11)
#define APIC_BASE_ADDR     0x000ffffffffff000UL
#define X2APIC_MSR(reg)    (0x800u + ((reg) >> 4))

#define SVR_ENABLE         0x100
#define LVT_MASKED         (1u << 16)
#define LVT_NMI            (4u << 8)
#define LVT_TIMER_DEADLINE (2u << 17)
#define ICR_PENDING        (1u << 12)
#define ICR_ASSERT         (1u << 14)
#define ICR_LEVEL          (1u << 15)
#define ICR_ALL_BUT_SELF   (3u << 18)
#define ICR_NMI            (4u << 8)
#define ICR_INIT           (5u << 8)
#define ICR_STARTUP        (6u << 8)
#define DIVIDE_BY_1        0x0b

static volatile u32 *registers; /* NULL: x2APIC mode */

static u32 lapic_read(enum lapic_reg reg)
{
    return registers ? registers[reg / 4] : (u32)rdmsr(X2APIC_MSR(reg));
}

static void lapic_write(enum lapic_reg reg, u32 v)
{
    if (registers)
        registers[reg / 4] = v;
    else
        wrmsr(X2APIC_MSR(reg), v);
}

u32 lapic_boot_id(void)
{
    if (rdmsr(MSR_APIC_BASE) & APIC_BASE_X2)
        return (u32)rdmsr(X2APIC_MSR(REG_ID));
    return cpuid(1, 0).b >> 24;
}

static bool need_x2apic(void)
{
    if (rdmsr(MSR_APIC_BASE) & APIC_BASE_X2)
        return true;
    for (unsigned i = 0; i < acpi_info.cpu_count; i++)
        if (acpi_info.cpus[i].apic_id > 254)
            return features.x2apic;
    return false;
}

void lapic_init(void)
{
    paddr_t base = rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDR;

    /* The register says where it is; the table should agree, but the register decides. */
    platform_deny_mmio(paddr_to_mfn(base));
    if (need_x2apic())
        return;
    registers = ioremap(base, PAGE_SIZE, HYP_PTE_UC);
    if (!registers)
        panic("local APIC: registers at %#lx cannot be mapped\n", base);
}

void lapic_init_cpu(void)
{
    u64 base = rdmsr(MSR_APIC_BASE);
    unsigned max_lvt;

    if (!(base & APIC_BASE_ENABLE))
        wrmsr(MSR_APIC_BASE, base |= APIC_BASE_ENABLE);
    if (!registers && !(base & APIC_BASE_X2))
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2);
    lapic_write(REG_TPR, 0);
    lapic_write(REG_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
    max_lvt = (lapic_read(REG_VERSION) >> 16) & 0xff;
    lapic_write(REG_LVT_TIMER, LVT_MASKED);
    lapic_write(REG_LVT_LINT0, LVT_MASKED);
    lapic_write(REG_LVT_LINT1, LVT_NMI);
    lapic_write(REG_LVT_ERROR, LVT_MASKED);
    if (max_lvt >= 4)
        lapic_write(REG_LVT_PERF, LVT_MASKED);
    if (max_lvt >= 5)
        lapic_write(REG_LVT_THERMAL, LVT_MASKED);
    if (max_lvt >= 6)
        lapic_write(REG_CMCI, LVT_MASKED);
    lapic_write(REG_ESR, 0);
    /* An interrupt that was in service when firmware handed over would block all below it. */
    for (unsigned i = 0; i < 16; i++)
        lapic_write(REG_EOI, 0);
}

void lapic_eoi(void)
{
    lapic_write(REG_EOI, 0);
}

/* Interrupts off: the two halves of xAPIC's register belong together. */
static void send(u32 apic_id, u32 command)
{
    u64 flags = local_irq_save();

    if (registers) {
        while (lapic_read(REG_ICR) & ICR_PENDING)
            cpu_relax();
        lapic_write(REG_ICR_HIGH, apic_id << 24);
        lapic_write(REG_ICR, command);
    } else {
        /* Unlike a write to memory-mapped registers, this one is not ordered behind earlier stores. */
        __asm__ volatile("mfence; lfence" ::: "memory");
        wrmsr(X2APIC_MSR(REG_ICR), (u64)apic_id << 32 | command);
    }
    local_irq_restore(flags);
}

void lapic_send_ipi(u32 apic_id, u8 vector)
{
    send(apic_id, ICR_ASSERT | vector);
}

void lapic_send_nmi_others(void)
{
    send(0, ICR_ALL_BUT_SELF | ICR_ASSERT | ICR_NMI);
}

void lapic_send_init(u32 apic_id)
{
    send(apic_id, ICR_ASSERT | ICR_LEVEL | ICR_INIT);
    send(apic_id, ICR_LEVEL | ICR_INIT);
}

void lapic_send_startup(u32 apic_id, u8 page)
{
    send(apic_id, ICR_ASSERT | ICR_STARTUP | page);
}

void lapic_timer_setup(u8 vector, bool deadline)
{
    lapic_write(REG_TIMER_DIVIDE, DIVIDE_BY_1);
    if (!vector) {
        lapic_write(REG_LVT_TIMER, LVT_MASKED);
        return;
    }
    lapic_write(REG_LVT_TIMER, (deadline ? LVT_TIMER_DEADLINE : 0) | vector);
    /* The mode must have arrived before the first deadline is written. */
    if (deadline)
        __asm__ volatile("mfence" ::: "memory");
}

void lapic_timer_set(u32 count)
{
    lapic_write(REG_TIMER_INIT, count);
}

u32 lapic_timer_read(void)
{
    return lapic_read(REG_TIMER_COUNT);
}
