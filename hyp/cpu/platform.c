/* SPDX-License-Identifier: MIT */
/* Power, reset, and what of the machine is the hypervisor's own. */
#include "cpu/platform.h"
#include "cpu/acpi_info.h"
#include "cpu/clock.h"
#include "cpu/console.h"
#include "cpu/paging.h"
#include "cpu/processor.h"
#include "cpu/smp.h"
#include "lib/printk.h"

#define RAM_RANGES_MAX  128
#define DENIED_MMIO_MAX (ACPI_IOAPICS_MAX + 8)

#define PORT_PIC1_CMD   0x20
#define PORT_PIC1_DATA  0x21
#define PORT_PIC2_CMD   0xa0
#define PORT_PIC2_DATA  0xa1
#define PORT_PIT_CH0    0x40
#define PORT_PIT_MODE   0x43
#define PORT_NMI_STAT   0x61
#define PORT_KBD_CMD    0x64
#define PORT_RESET_CF9  0xcf9
#define PORT_DELAY      0x80

#define PM1_SLP_EN      (1u << 13)
#define PM1_SCI_EN      1u

static struct {
    u64 start, end;
} ram[RAM_RANGES_MAX];
static unsigned ram_count;
static u64 denied_mmio[DENIED_MMIO_MAX];
static unsigned denied_count;

void platform_add_ram(mfn_t start, mfn_t end)
{
    if (ram_count && ram[ram_count - 1].end == mfn_x(start))
        ram[ram_count - 1].end = mfn_x(end);
    else if (ram_count < RAM_RANGES_MAX)
        ram[ram_count++] = (__typeof__(ram[0])){mfn_x(start), mfn_x(end)};
    else
        panic("memory map: more than %u pieces of RAM\n", RAM_RANGES_MAX);
}

bool platform_is_ram(mfn_t mfn)
{
    unsigned low = 0, high = ram_count;

    while (low < high) {
        unsigned mid = low + (high - low) / 2;

        if (mfn_x(mfn) >= ram[mid].end)
            low = mid + 1;
        else
            high = mid;
    }
    return low < ram_count && mfn_x(mfn) >= ram[low].start;
}

void platform_deny_mmio(mfn_t mfn)
{
    if (platform_mmio_denied(mfn))
        return;
    BUG_ON(denied_count == DENIED_MMIO_MAX);
    denied_mmio[denied_count++] = mfn_x(mfn);
}

bool platform_mmio_denied(mfn_t mfn)
{
    for (unsigned i = 0; i < denied_count; i++)
        if (denied_mmio[i] == mfn_x(mfn))
            return true;
    return false;
}

bool platform_port_denied(u16 port)
{
    switch (port) {
    case PORT_PIC1_CMD:
    case PORT_PIC1_DATA:
    case PORT_PIC2_CMD:
    case PORT_PIC2_DATA:
    case PORT_PIT_CH0 ... PORT_PIT_MODE:
    case PORT_NMI_STAT:
    case 0x4d0: /* ELCR: trigger modes of the legacy lines */
    case 0x4d1:
        return true;
    default:
        break;
    }
    if (acpi_info.pm_timer_port && port >= acpi_info.pm_timer_port && port < acpi_info.pm_timer_port + 4)
        return true;
    return console_owns_port(port);
}

void platform_init(void)
{
    /* Remapped to vectors that nothing else has, for spurious interrupts of a masked controller still come;
     * then masked. */
    static const u8 words[][2] = {
        {PORT_PIC1_CMD, 0x11},  {PORT_PIC2_CMD, 0x11},  {PORT_PIC1_DATA, 0x20}, {PORT_PIC2_DATA, 0x28},
        {PORT_PIC1_DATA, 4},    {PORT_PIC2_DATA, 2},    {PORT_PIC1_DATA, 1},    {PORT_PIC2_DATA, 1},
        {PORT_PIC1_DATA, 0xff}, {PORT_PIC2_DATA, 0xff},
    };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        outb(words[i][0], words[i][1]);
        outb(PORT_DELAY, 0);
    }
    /* 8254 channel 0: one shot with no count loaded, so that it never fires again. */
    outb(PORT_PIT_MODE, 0x30);
}

void platform_delay_us(u64 us)
{
    u64 start, khz = tsc_khz ? tsc_khz : 4000000; /* too long rather than too short while not known */

    for (start = rdtsc(); rdtsc() - start < us * khz / 1000;)
        cpu_relax();
}

void machine_halt(void)
{
    local_irq_disable();
    smp_stop_others();
    for (;;)
        __asm__ volatile("cli; hlt");
}

static void acpi_reset(void)
{
    u64 addr = acpi_info.reset.addr;

    if (!acpi_info.reset.present)
        return;
    switch (acpi_info.reset.space) {
    case ACPI_IO:
        outb((u16)addr, acpi_info.reset.value);
        break;
    case ACPI_PCI: /* bus 0 by definition: device in bits 32-47, function in 16-31, offset below */
        pci_conf_write(0, (u8)((addr >> 32 & 31) << 3 | (addr >> 16 & 7)), addr & 0xff, 1,
                       acpi_info.reset.value);
        break;
    case ACPI_MEMORY: {
        volatile u8 *reg = ioremap(addr, 1, HYP_PTE_UC);

        if (reg)
            *reg = acpi_info.reset.value;
        break;
    }
    }
    platform_delay_us(50000);
}

static void keyboard_reset(void)
{
    for (unsigned i = 0; i < 10; i++) {
        for (unsigned n = 0; n < 10000 && (inb(PORT_KBD_CMD) & 2); n++)
            cpu_relax();
        outb(PORT_KBD_CMD, 0xfe);
        platform_delay_us(1000);
    }
}

static void cf9_reset(void)
{
    u8 v = inb(PORT_RESET_CF9) & ~6;

    outb(PORT_RESET_CF9, v | 2);
    platform_delay_us(50);
    outb(PORT_RESET_CF9, v | 6);
    platform_delay_us(50000);
}

static void triple_fault(void)
{
    struct {
        u16 limit;
        u64 base;
    } __packed none = {0, 0};

    __asm__ volatile("lidt %0; int3" ::"m"(none));
}

void machine_reboot(void)
{
    local_irq_disable();
    smp_stop_others();
    acpi_reset();
    keyboard_reset();
    cf9_reset();
    triple_fault();
    machine_halt();
}

static void enter_sleep(u16 port, u16 type_value)
{
    u16 v = inw(port) & PM1_SCI_EN;

    outw(port, (u16)(v | (type_value & ~PM1_SLP_EN)));
    outw(port, (u16)(v | type_value | PM1_SLP_EN));
}

void machine_power_off(u16 pm1a, u16 pm1b)
{
    local_irq_disable();
    smp_stop_others();
    if (acpi_info.pm1a_cnt)
        enter_sleep(acpi_info.pm1a_cnt, pm1a);
    if (acpi_info.pm1b_cnt)
        enter_sleep(acpi_info.pm1b_cnt, pm1b);
    platform_delay_us(1000000);
    console_emergency();
    printk(LOG_ERROR,
           "power: the machine is still on after the firmware was told to switch it off; halted\n");
    machine_halt();
}
