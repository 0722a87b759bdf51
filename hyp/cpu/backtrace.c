/* SPDX-License-Identifier: MIT */
/* Registers and call chains on the console, for panics. */
#include "cpu/percpu.h"
#include "cpu/processor.h"
#include "cpu/traps.h"
#include "lib/printk.h"

/* The table of functions is made at link time by mk/symbols.py. */
extern const u64 symbol_count;
extern const u32 symbol_offsets[], symbol_names[];
extern const char symbol_strings[];
extern const char __text_start[], __text_end[];

static bool symbol_is_text(u64 addr)
{
    return addr >= (u64)__text_start && addr < (u64)__text_end;
}

/* Writes "function+0x12/0x40" (offset, size), or the bare address when the table has nothing. Returns buf. */
static const char *symbol_describe(u64 addr, char *buf, size_t size)
{
    u64 offset = addr - (u64)__text_start, low = 0, high = symbol_count, end;

    if (!symbol_is_text(addr) || !symbol_count || offset < symbol_offsets[0]) {
        snprintf(buf, size, "%#lx", addr);
        return buf;
    }
    /* symbol_offsets[low] <= offset < symbol_offsets[high] */
    while (high - low > 1) {
        u64 mid = low + (high - low) / 2;

        if (symbol_offsets[mid] <= offset)
            low = mid;
        else
            high = mid;
    }
    end = high < symbol_count ? symbol_offsets[high] : (u64)(__text_end - __text_start);
    snprintf(buf, size, "%s+%#lx/%#lx", symbol_strings + symbol_names[low], offset - symbol_offsets[low],
             end - symbol_offsets[low]);
    return buf;
}

static void show_address(const char *what, u64 addr)
{
    char name[96];

    printk(LOG_ERROR, "  %s %#lx %s\n", what, addr, symbol_describe(addr, name, sizeof(name)));
}

static bool in_own_stack(u64 addr)
{
    u64 base = (u64)get_cpu_info() & ~(STACK_SIZE - 1);

    return addr >= base && addr + 16 <= base + STACK_SIZE && addr % 8 == 0;
}

void show_backtrace(const struct cpu_user_regs *regs)
{
    u64 fp = regs->rbp;

    if (symbol_is_text(regs->rip))
        show_address("at", regs->rip);
    for (unsigned depth = 0; depth < 32 && in_own_stack(fp); depth++) {
        const u64 *frame = (const u64 *)fp;

        if (!symbol_is_text(frame[1]))
            break;
        show_address("by", frame[1] - 1); /* the call, not what follows: that may be another function */
        if (frame[0] <= fp)
            break;
        fp = frame[0];
    }
}

void show_registers(const struct cpu_user_regs *r)
{
    printk(LOG_ERROR, "CPU%u %s rip %04x:%016lx rsp %04x:%016lx rflags %#lx vector %u error %#x\n",
           this_cpu_id(), regs_from_guest(r) ? "guest" : "hypervisor", r->cs, (unsigned long)r->rip, r->ss,
           (unsigned long)r->rsp, (unsigned long)r->rflags, r->entry_vector, r->error_code);
    printk(LOG_ERROR, "rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", (unsigned long)r->rax,
           (unsigned long)r->rbx, (unsigned long)r->rcx, (unsigned long)r->rdx);
    printk(LOG_ERROR, "rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", (unsigned long)r->rsi,
           (unsigned long)r->rdi, (unsigned long)r->rbp, (unsigned long)r->r8);
    printk(LOG_ERROR, "r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", (unsigned long)r->r9,
           (unsigned long)r->r10, (unsigned long)r->r11, (unsigned long)r->r12);
    printk(LOG_ERROR, "r13 %016lx r14 %016lx r15 %016lx\n", (unsigned long)r->r13, (unsigned long)r->r14,
           (unsigned long)r->r15);
    printk(LOG_ERROR, "cr0 %#lx cr2 %#lx cr3 %#lx cr4 %#lx\n", read_cr0(), read_cr2(), read_cr3(),
           read_cr4());
    if (!regs_from_guest(r))
        show_backtrace(r);
}
