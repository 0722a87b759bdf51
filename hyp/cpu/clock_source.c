/* SPDX-License-Identifier: MIT */
/* ACPI power-management timer, HPET, and 8254 channel 2 as counters that run upwards. */
#include "cpu/clock.h"
#include "cpu/acpi_info.h"
#include "cpu/paging.h"
#include "cpu/processor.h"

#define PM_TIMER_HZ       3579545
#define PIT_HZ            1193182

#define HPET_CAPABILITIES 0x000
#define HPET_CONFIG       0x010
#define HPET_COUNTER      0x0f0
#define HPET_ENABLE       1u
#define FS_PER_SEC        1000000000000000UL

static volatile u8 *hpet;

static u64 pm_timer_read(void)
{
    return inl(acpi_info.pm_timer_port);
}

static u64 hpet_read(void)
{
    return *(volatile u32 *)(hpet + HPET_COUNTER);
}

/* Channel 2 counts down from 65536, gated by port 0x61, without an interrupt. */
static u64 pit_read(void)
{
    u8 low, high;

    outb(0x43, 0x80);
    low = inb(0x42);
    high = inb(0x42);
    return 0xffffU - (low | (u32)high << 8);
}

static void pit_start(void)
{
    outb(0x61, (inb(0x61) & ~2) | 1);
    outb(0x43, 0xb4); /* channel 2, both bytes, rate generator */
    outb(0x42, 0);
    outb(0x42, 0);
}

static bool runs(const struct clock_source *src)
{
    u64 first = src->read();

    for (unsigned i = 0; i < 10000; i++)
        if (src->read() != first)
            return true;
    return false;
}

static bool hpet_start(struct clock_source *src)
{
    u32 period;

    if (!acpi_info.hpet_paddr)
        return false;
    hpet = ioremap(acpi_info.hpet_paddr, 0x400, HYP_PTE_UC);
    period = hpet ? *(volatile u32 *)(hpet + HPET_CAPABILITIES + 4) : 0;
    if (!period || period > 100000000)
        return false;
    *(volatile u32 *)(hpet + HPET_CONFIG) |= HPET_ENABLE;
    src->hz = FS_PER_SEC / period;
    return true;
}

const struct clock_source *clock_source_find(void)
{
    static struct clock_source pm = {.name = "ACPI timer", .hz = PM_TIMER_HZ, .read = pm_timer_read};
    static struct clock_source hp = {.name = "HPET", .mask = 0xffffffff, .read = hpet_read};
    static struct clock_source pit = {.name = "8254", .hz = PIT_HZ, .mask = 0xffff, .read = pit_read};

    pm.mask = acpi_info.pm_timer_32bit ? 0xffffffff : 0xffffff;
    if (acpi_info.pm_timer_port && runs(&pm))
        return &pm;
    if (hpet_start(&hp) && runs(&hp))
        return &hp;
    pit_start();
    return &pit;
}
