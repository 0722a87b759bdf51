/* SPDX-License-Identifier: MIT */
/* The end: what happened, how we got there, and then a restart or silence. */
#include "cpu/console.h"
#include "cpu/percpu.h"
#include "cpu/platform.h"
#include "cpu/processor.h"
#include "cpu/smp.h"
#include "cpu/traps.h"
#include "lib/printk.h"

#define REBOOT_DELAY_MS 5000

static u32 panicking; /* number of the CPU + 1 */
static bool reboot_after = true;

void panic_set_reboot(bool reboot)
{
    reboot_after = reboot;
}

static void halt_this_cpu(void) __noreturn;
static void halt_this_cpu(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

void panic(const char *fmt, ...)
{
    u32 me = this_cpu_id() + 1, nobody = 0;
    va_list ap;

    local_irq_disable();
    if (!__atomic_compare_exchange_n(&panicking, &nobody, me, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        /* Another CPU is at it; or this one failed while it told the story. */
        if (nobody == me && reboot_after)
            machine_reboot();
        halt_this_cpu();
    }
    smp_stop_others();
    console_emergency();
    log_set_limits(LOG_DEBUG, LOG_DEBUG);
    printk(LOG_ERROR, "PANIC on CPU%u:\n", me - 1);
    va_start(ap, fmt);
    vprintk_panic(fmt, ap);
    va_end(ap);

    struct cpu_user_regs here = {
        .rip = (u64)__builtin_return_address(0),
        .rbp = *(u64 *)__builtin_frame_address(0),
    };
    show_backtrace(&here);
    if (!reboot_after) {
        printk(LOG_ERROR, "halted (noreboot)\n");
        halt_this_cpu();
    }
    printk(LOG_ERROR, "restart in %u seconds\n", REBOOT_DELAY_MS / 1000);
    platform_delay_us(REBOOT_DELAY_MS * 1000UL);
    machine_reboot();
}
