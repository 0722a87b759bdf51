/* SPDX-License-Identifier: MIT */
/*
 * GDT, TSS, IDT and syscall entry of each CPU.
 *
 * The hypervisor's descriptors sit in the GDT pages that the ABI reserves (entries 7168 and up). A CPU has
 * one such page, because the TSS and LDT descriptors are its own; a vCPU's window maps it behind the guest's
 * fourteen.
 */
#include "cpu/entry.h"
#include "cpu/features.h"
#include "cpu/percpu.h"
#include "cpu/processor.h"
#include "cpu/traps.h"
#include "lib/printk.h"
#include "mm/page.h"

struct tss {
    u32 reserved0;
    u64 rsp[3];
    u64 reserved1;
    u64 ist[7];
    u64 reserved2;
    u16 reserved3, iomap_base;
} __packed;

struct gate {
    u16 offset_low, selector;
    u8 ist, type;
    u16 offset_mid;
    u32 offset_high, reserved;
};
_Static_assert(sizeof(struct tss) == 104, "hardware reads the TSS in this layout");
_Static_assert(sizeof(struct gate) == 16, "an IDT gate is 16 bytes in long mode");

static u64 gdt_page[NR_CPUS][512] __aligned(4096);
static struct tss tss_of[NR_CPUS] __aligned(128);
static struct gate idt[256] __aligned(4096);

#define GDT_INDEX(sel) (((sel)-FIRST_RESERVED_GDT_BYTE) / 8)
#define DESC_CODE64    0x00af9b000000ffffUL
#define DESC_DATA      0x00cf93000000ffffUL
#define DESC_DPL3      0x0000600000000000UL
#define DESC_CODE32    0x00cf9b000000ffffUL

static void set_system_descriptor(u64 *page, unsigned sel, u64 base, u32 limit, unsigned type)
{
    u64 low = (limit & 0xffff) | ((base & 0xffffff) << 16) | ((u64)(0x80 | type) << 40) |
              ((u64)(limit & 0xf0000) << 32) | ((base & 0xff000000) << 32);

    page[GDT_INDEX(sel)] = low;
    page[GDT_INDEX(sel) + 1] = base >> 32;
}

static void set_gate(unsigned vector, const void *entry, unsigned dpl, unsigned ist)
{
    u64 addr = (u64)entry;

    idt[vector] = (struct gate){
        .offset_low = (u16)addr,
        .selector = HYP_CS64,
        .ist = (u8)ist,
        .type = (u8)(0x8e | (dpl << 5)),
        .offset_mid = (u16)(addr >> 16),
        .offset_high = (u32)(addr >> 32),
    };
}

static void idt_init(void)
{
    for (unsigned v = 0; v < 32; v++)
        set_gate(v, exception_stubs + (size_t)v * EXCEPTION_STUB_SIZE, 0, 0);
    for (unsigned v = 32; v < 256; v++)
        set_gate(v, interrupt_stubs + (size_t)(v - 32) * 16, 0, 0);
    set_gate(TRAP_DB, exception_stubs + TRAP_DB * EXCEPTION_STUB_SIZE, 0, IST_DB);
    set_gate(TRAP_NMI, exception_stubs + TRAP_NMI * EXCEPTION_STUB_SIZE, 0, IST_NMI);
    set_gate(TRAP_DF, exception_stubs + TRAP_DF * EXCEPTION_STUB_SIZE, 0, IST_DF);
    set_gate(TRAP_MC, exception_stubs + TRAP_MC * EXCEPTION_STUB_SIZE, 0, IST_MC);
    /* Guests may execute these; the hottest of the software interrupts has a gate of its own. */
    set_gate(TRAP_BP, exception_stubs + TRAP_BP * EXCEPTION_STUB_SIZE, 3, 0);
    set_gate(TRAP_OF, exception_stubs + TRAP_OF * EXCEPTION_STUB_SIZE, 3, 0);
    set_gate(0x80, int80_stub, 3, 0);
}

static void gdt_init_cpu(unsigned cpu)
{
    u64 *page = gdt_page[cpu];

    page[GDT_INDEX(HYP_CS64)] = DESC_CODE64;
    page[GDT_INDEX(HYP_DS)] = DESC_DATA;
    page[GDT_INDEX(GUEST_CS32)] = DESC_CODE32 | DESC_DPL3;
    page[GDT_INDEX(GUEST_DS)] = DESC_DATA | DESC_DPL3;
    page[GDT_INDEX(GUEST_CS64)] = DESC_CODE64 | DESC_DPL3;
    set_system_descriptor(page, HYP_TSS, (u64)&tss_of[cpu], sizeof(struct tss) - 1, 9);
}

static void tss_init_cpu(unsigned cpu, u64 stack)
{
    struct tss *t = &tss_of[cpu];

    t->rsp[0] = stack + STACK_SIZE - CPU_INFO_STACK_TOP;
    for (unsigned ist = IST_DF; ist <= IST_DB; ist++)
        t->ist[ist - 1] = stack + ist * PAGE_SIZE;
    t->iomap_base = sizeof(struct tss); /* no port is open to ring 3 */
}

static void syscall_init_cpu(unsigned cpu, u64 stack)
{
    syscall_stack_top[cpu] = stack + STACK_SIZE - CPU_INFO_STACK_TOP;
    wrmsr(MSR_STAR, ((u64)GUEST_CS32 << 48) | ((u64)HYP_CS64 << 32));
    wrmsr(MSR_LSTAR, (u64)(syscall_stubs + (size_t)cpu * SYSCALL_STUB_SIZE));
    wrmsr(MSR_CSTAR, (u64)(syscall32_stubs + (size_t)cpu * SYSCALL_STUB_SIZE));
    wrmsr(MSR_SYSCALL_MASK, X86_EFLAGS_IF | X86_EFLAGS_TF | X86_EFLAGS_DF | X86_EFLAGS_AC | X86_EFLAGS_NT |
                                X86_EFLAGS_IOPL | X86_EFLAGS_RF | X86_EFLAGS_VM);
    if (features.intel) {
        wrmsr(MSR_SYSENTER_CS, HYP_CS64);
        wrmsr(MSR_SYSENTER_ESP, stack + STACK_SIZE - CPU_INFO_STACK_TOP);
        wrmsr(MSR_SYSENTER_EIP, (u64)sysenter_entry);
    }
}

struct table_pointer {
    u16 limit;
    u64 base;
} __packed;

void traps_load_gdt(u64 base)
{
    struct table_pointer ptr = {
        .limit = 0xffff,
        .base = base ? base : (u64)gdt_page[this_cpu_id()] - FIRST_RESERVED_GDT_BYTE,
    };

    __asm__ volatile("lgdt %0" ::"m"(ptr));
}

void traps_load_ldt(u64 base, unsigned entries)
{
    if (!entries) {
        __asm__ volatile("lldt %w0" ::"r"(0));
        return;
    }
    set_system_descriptor(gdt_page[this_cpu_id()], HYP_LDT, base, entries * 8 - 1, 2);
    __asm__ volatile("lldt %w0" ::"r"(HYP_LDT));
}

mfn_t traps_gdt_frame(unsigned cpu, unsigned page)
{
    /* The second reserved page holds nothing: every window shares the zero-filled last half by mapping
     * nothing there. */
    return page == 0 ? virt_to_mfn(gdt_page[cpu]) : MFN_NONE;
}

static void reload_segments(void)
{
    __asm__ volatile("pushq %0\n\t"
                     "lea 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1: mov %1, %%ss\n\t"
                     "xor %%eax, %%eax\n\t"
                     "mov %%eax, %%ds\n\t"
                     "mov %%eax, %%es\n\t"
                     "mov %%eax, %%fs\n\t"
                     "mov %%eax, %%gs" ::"i"(HYP_CS64),
                     "r"(HYP_DS)
                     : "rax", "memory");
}

void traps_init_cpu(unsigned cpu, void *stack)
{
    struct table_pointer idt_pointer = {.limit = sizeof(idt) - 1, .base = (u64)idt};

    BUG_ON(((u64)stack & (STACK_SIZE - 1)) != 0);
    if (cpu == 0)
        idt_init();
    gdt_init_cpu(cpu);
    tss_init_cpu(cpu, (u64)stack);
    traps_load_gdt((u64)gdt_page[cpu] - FIRST_RESERVED_GDT_BYTE);
    reload_segments();
    __asm__ volatile("ltr %w0" ::"r"(HYP_TSS));
    __asm__ volatile("lldt %w0" ::"r"(0));
    __asm__ volatile("lidt %0" ::"m"(idt_pointer));
    syscall_init_cpu(cpu, (u64)stack);
}
