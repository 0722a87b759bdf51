/* SPDX-License-Identifier: MIT */
/* The first C code: takes over what the loader left, before that memory can be used for something else. */
#include "boot/protocol.h"
#include "cpu/console.h"
#include "cpu/platform.h"
#include "cpu/processor.h"
#include "lib/printk.h"

_Static_assert(IMAGE_BASE_ASM == HYP_IMAGE_BASE, "head.S subtracts the image's base");

struct boot_info boot_info;
struct boot_options boot_options;
u64 boot_tsc;

#define FIRST_MAPPED (4UL << 30) /* head.S maps so much */

const void *boot_phys(paddr_t paddr, u64 size)
{
    if (!paddr || paddr >= FIRST_MAPPED || size > FIRST_MAPPED - paddr)
        return NULL;
    return (const void *)(DIRECTMAP_BASE + paddr);
}

static const char *parse_handover(u32 protocol, u32 info)
{
    switch (protocol) {
    case MULTIBOOT2_LOADER_MAGIC:
        return multiboot2_parse(&boot_info, info);
    case PVH_ENTRY_MAGIC:
        return pvh_parse(&boot_info, info);
    case MULTIBOOT1_LOADER_MAGIC:
        return "the loader speaks Multiboot 1: use GRUB's \"multiboot2\" and \"module2\" commands";
    default:
        return "not started by a Multiboot2 loader (nor through the PVH entry)";
    }
}

static const char *check_handover(void)
{
    if (!boot_info.e820_count)
        return "the loader gave no memory map";
    for (unsigned i = 0; i < boot_info.module_count; i++)
        if (!boot_phys(boot_info.modules[i].start, boot_info.modules[i].size))
            return "a module lies above 4 GiB";
    if (!boot_info.module_count)
        return "no module: the dom0 kernel must follow as \"module2\" (or QEMU's -initrd)";
    return NULL;
}

void boot_stop(const char *why)
{
    /* Seen whatever the options say: without a serial console it goes to the first port. */
    log_set_limits(LOG_DEBUG, LOG_DEBUG);
    console_emergency();
    printk(LOG_ERROR, "Hospes cannot start: %s\n", why);
    machine_halt();
}

void boot_start(u32 protocol, u32 info)
{
    const char *wrong;

    boot_tsc = rdtsc();
    wrong = parse_handover(protocol, info);
    if (!wrong)
        wrong = check_handover();
    cmdline_parse(&boot_options, boot_info.cmdline);
    log_set_limits(boot_options.loglvl, boot_options.guest_loglvl);
    panic_set_reboot(!boot_options.noreboot);
    console_set_vga_text(boot_info.vga_text);
    console_init(boot_options.console, boot_options.com1, boot_options.com2);
    if (wrong)
        boot_stop(wrong);
    e820_sanitize(&boot_info);
    hyp_main();
}
