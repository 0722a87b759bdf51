/* SPDX-License-Identifier: MIT */
/*
 * The PVH start information (QEMU's -kernel). There is room for one module only, QEMU's -initrd, so that it
 * may be
 *  - a kernel: its command line is what follows " -- " in our own (-append "console=com1 -- console=hvc0"),
 * or
 *  - a cpio archive (newc form; mk/pack-modules.py makes it) with the entries `kernel`, and if wanted
 * `initrd` and `cmdline`; what follows " -- " is then appended to `cmdline`.
 */
#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>
#include "boot/cpio.h"
#include "boot/protocol.h"
#include "lib/printk.h"
#include "lib/string.h"

static void parse_memory_map(struct boot_info *bi, const struct hvm_start_info *si)
{
    u64 bytes = (u64)si->memmap_entries * sizeof(struct hvm_memmap_table_entry);
    const struct hvm_memmap_table_entry *e = boot_phys(si->memmap_paddr, bytes);

    for (u32 i = 0; e && i < si->memmap_entries; i++)
        if (!e820_add(bi, e[i].addr, e[i].size, e[i].type)) {
            printk(LOG_WARNING, "boot: memory map has more than %u entries; the rest is ignored\n", E820_MAX);
            break;
        }
}

/* Cuts our command line at " -- " (or at a leading "-- ") and returns what follows. */
static const char *split_cmdline(char *cmdline)
{
    char *cut = strncmp(cmdline, "-- ", 3) ? strstr(cmdline, " -- ") : cmdline;

    if (!cut)
        return "";
    const char *rest = cut + (*cut == ' ' ? 4 : 3);
    *cut = '\0';
    return rest;
}

static void append_text(char *dst, size_t size, const char *text, size_t n)
{
    size_t have = strlen(dst);

    while (n && (text[n - 1] == '\n' || text[n - 1] == ' ' || !text[n - 1]))
        n--;
    if (!n)
        return;
    if (have && have + 1 < size)
        dst[have++] = ' ';
    n = MIN(n, size - 1 - have);
    memcpy(dst + have, text, n);
    dst[have + n] = '\0';
}

static const char *unpack_modules(struct boot_info *bi, paddr_t start, const u8 *data, u64 size)
{
    struct cpio_entry kernel, initrd, cmdline;

    if (!cpio_find(data, size, "kernel", &kernel))
        return "the module is a cpio archive without an entry \"kernel\"";
    bi->modules[0].start = start + (u64)(kernel.data - data);
    bi->modules[0].size = kernel.size;
    bi->module_count = 1;
    if (cpio_find(data, size, "cmdline", &cmdline))
        append_text(bi->modules[0].cmdline, sizeof(bi->modules[0].cmdline), (const char *)cmdline.data,
                    cmdline.size);
    if (cpio_find(data, size, "initrd", &initrd)) {
        bi->modules[1].start = start + (u64)(initrd.data - data);
        bi->modules[1].size = initrd.size;
        bi->module_count = 2;
    }
    return NULL;
}

static const char *parse_modules(struct boot_info *bi, const struct hvm_start_info *si)
{
    const struct hvm_modlist_entry *mod = boot_phys(si->modlist_paddr, sizeof(*mod));
    const char *dom0_cmdline = split_cmdline(bi->cmdline), *wrong;
    const u8 *data;

    if (!si->nr_modules)
        return NULL;
    data = mod ? boot_phys(mod->paddr, mod->size) : NULL;
    if (!data)
        return "the module lies outside the memory that can be reached at boot";
    if (cpio_is_archive(data, mod->size)) {
        wrong = unpack_modules(bi, mod->paddr, data, mod->size);
        if (wrong)
            return wrong;
    } else {
        bi->modules[0].start = mod->paddr;
        bi->modules[0].size = mod->size;
        bi->module_count = 1;
    }
    append_text(bi->modules[0].cmdline, sizeof(bi->modules[0].cmdline), dom0_cmdline, strlen(dom0_cmdline));
    return NULL;
}

const char *pvh_parse(struct boot_info *bi, paddr_t info)
{
    const struct hvm_start_info *si = boot_phys(info, sizeof(*si));
    const char *text;

    if (!si || si->magic != XEN_HVM_START_MAGIC_VALUE)
        return "the PVH start information is not there";
    text = si->cmdline_paddr ? boot_phys(si->cmdline_paddr, sizeof(bi->cmdline)) : NULL;
    if (text) {
        size_t n = strnlen(text, sizeof(bi->cmdline));

        if (n == sizeof(bi->cmdline))
            printk(LOG_WARNING, "boot: the command line is longer than %zu characters; the rest is cut off\n",
                   --n);
        memcpy(bi->cmdline, text, n);
        bi->cmdline[n] = '\0';
    }
    bi->rsdp = si->rsdp_paddr;
    bi->vga_text = true;
    if (si->version >= 1)
        parse_memory_map(bi, si);
    return parse_modules(bi, si);
}
