/* SPDX-License-Identifier: MIT */
/*
 * The dom0 builder.
 *
 * Pseudo-physical layout, mapped from VIRT_BASE on: kernel (at its own addresses), [ramdisk], [p2m list],
 * start_info, page tables, boot stack, padding to 4 MiB with at least 512 KiB to spare. In brackets: behind
 * the mapping instead when the kernel's notes say that it need not be mapped (ramdisk) or is wanted elsewhere
 * (p2m list, with tables of its own). Page tables are mapped read-only; pinning the L4 then checks the whole
 * tree like any guest's.
 */
#include <xen/xen.h>
#include "boot/boot.h"
#include "cpu/paging.h"
#include "cpu/processor.h"
#include "domain/dom0_build.h"
#include "domain/dom0_memory.h"
#include "domain/domain.h"
#include "domain/elf_image.h"
#include "lib/errno.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/alloc.h"
#include "mm/page.h"
#include "mm/pagetable.h"

#define MAP_ALIGN (4UL << 20)
#define MIN_SPARE (512UL << 10)
#define RESERVE_PAGES                                                                    \
    (64UL << 8) /* 64 MiB for the hypervisor and small guests when dom0_mem is not given \
                 */
#define MIN_DOM0_PAGES 4096UL
#define TABLE_FLAGS    (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)
#define LEAF_FLAGS     (PTE_P | PTE_RW | PTE_A | PTE_D)

struct layout {
    struct elf_image elf;
    const struct boot_module *kernel, *initrd; /* initrd NULL: none */
    u64 pages;                                 /* of dom0 */
    u64 initrd_pfn, p2m_pfn, start_info_pfn, pt_pfn, stack_pfn;
    u64 p2m_pages, pt_pages, map_end_pfn; /* mapped: pfn 0 .. map_end_pfn */
    u64 p2m_pt_pfn, p2m_pt_pages;         /* tables of a p2m list outside the mapping */
    u64 next_pt_pfn, last_pt_pfn;         /* while building */
};

static u64 va_of(const struct layout *l, u64 pfn)
{
    return l->elf.virt_base + (pfn << PAGE_SHIFT) - l->elf.paddr_offset;
}

/* Tables of levels 1..3 for [va, end), without the L4. */
static u64 tables_for(u64 va, u64 end)
{
    u64 n = 0;

    for (unsigned shift = 21; shift <= 39; shift += 9)
        n += ((end - 1) >> shift) - (va >> shift) + 1;
    return n;
}

static u64 place(u64 *next, u64 pages)
{
    u64 pfn = *next;

    *next += pages;
    return pfn;
}

/* Everything inside the mapping, when the mapping has `pt_pages` tables. Returns the end in bytes. */
static u64 place_mapped(struct layout *l, u64 pt_pages)
{
    u64 next = PFN_UP(l->elf.pend), end;

    if (l->initrd && !l->elf.mod_start_pfn)
        l->initrd_pfn = place(&next, PFN_UP(l->initrd->size));
    if (!l->elf.init_p2m)
        l->p2m_pfn = place(&next, l->p2m_pages);
    l->start_info_pfn = place(&next, 1);
    l->pt_pfn = place(&next, pt_pages);
    l->stack_pfn = place(&next, 1);
    end = ROUND_UP(next << PAGE_SHIFT, MAP_ALIGN);
    if (end - (next << PAGE_SHIFT) < MIN_SPARE)
        end += MAP_ALIGN;
    return end;
}

static void make_layout(struct layout *l)
{
    u64 end = 0, tables, next;

    l->p2m_pages = PFN_UP(l->pages * 8);
    /* The tables map themselves: a little more until it fits. */
    for (tables = 4;; tables = l->pt_pages) {
        end = place_mapped(l, tables);
        l->pt_pages = 1 + tables_for(va_of(l, 0), va_of(l, end >> PAGE_SHIFT));
        if (l->pt_pages <= tables)
            break;
    }
    l->pt_pages = tables;
    l->map_end_pfn = next = end >> PAGE_SHIFT;
    if (l->initrd && l->elf.mod_start_pfn)
        l->initrd_pfn = place(&next, PFN_UP(l->initrd->size));
    if (l->elf.init_p2m) {
        l->p2m_pfn = place(&next, l->p2m_pages);
        l->p2m_pt_pages = tables_for(l->elf.init_p2m, l->elf.init_p2m + l->p2m_pages * PAGE_SIZE);
        l->p2m_pt_pfn = place(&next, l->p2m_pt_pages);
    }
    if (next > l->pages)
        boot_stop("dom0_mem is too small for the kernel and its ramdisk");
}

static void load_images(const struct layout *l)
{
    for (unsigned i = 0; i < l->elf.segment_count; i++) {
        const struct elf_segment *s = &l->elf.segment[i];

        dom0_memory_write(s->paddr, s->data, s->filesz);
        dom0_memory_write(s->paddr + s->filesz, NULL, s->memsz - s->filesz);
    }
    if (l->initrd)
        dom0_memory_write(l->initrd_pfn << PAGE_SHIFT, paddr_to_virt(l->initrd->start), l->initrd->size);
}

static void write_hypercall_page(const struct layout *l, void (*fill)(u8 *page))
{
    u64 pfn;

    if (!l->elf.hypercall_page)
        return;
    pfn = (l->elf.hypercall_page - l->elf.virt_base + l->elf.paddr_offset) >> PAGE_SHIFT;
    if ((l->elf.hypercall_page & (PAGE_SIZE - 1)) || pfn < PFN_DOWN(l->elf.pstart) ||
        pfn >= PFN_UP(l->elf.pend))
        boot_stop("the kernel's note puts the hypercall page outside the kernel");
    fill(mfn_to_virt(dom0_pfn_to_mfn(pfn)));
}

/* --- page tables
 * ------------------------------------------------------------------------------------------------------ */

static u64 *new_table(struct layout *l, mfn_t *mfn)
{
    u64 *t;

    BUG_ON(l->next_pt_pfn >= l->last_pt_pfn);
    *mfn = dom0_pfn_to_mfn(l->next_pt_pfn++);
    t = mfn_to_virt(*mfn);
    memset(t, 0, PAGE_SIZE);
    return t;
}

static u64 *leaf_entry(struct layout *l, u64 *l4, u64 va)
{
    u64 *table = l4;

    for (unsigned level = 4; level > 1; level--) {
        u64 *e = &table[pt_index(va, level)];
        mfn_t mfn;

        if (!(*e & PTE_P)) {
            table = new_table(l, &mfn);
            *e = pte_make(mfn, TABLE_FLAGS);
        } else {
            table = mfn_to_virt(pte_mfn(*e));
        }
    }
    return &table[pt_index(va, 1)];
}

static void map_range(struct layout *l, u64 *l4, u64 va, u64 pfn, u64 pages)
{
    for (u64 i = 0; i < pages; i++, va += PAGE_SIZE) {
        u64 p = pfn + i, flags = LEAF_FLAGS;

        if ((p >= l->pt_pfn && p < l->pt_pfn + l->pt_pages) ||
            (p >= l->p2m_pt_pfn && p < l->p2m_pt_pfn + l->p2m_pt_pages))
            flags &= ~PTE_RW;
        *leaf_entry(l, l4, va) = pte_make(dom0_pfn_to_mfn(p), flags);
    }
}

static mfn_t build_tables(struct layout *l)
{
    mfn_t root;
    u64 *l4;

    l->next_pt_pfn = l->pt_pfn;
    l->last_pt_pfn = l->pt_pfn + l->pt_pages;
    l4 = new_table(l, &root);
    map_range(l, l4, va_of(l, 0), 0, l->map_end_pfn);
    /* Tables that turned out not to be needed are mapped read-only: clear them, so that they are valid as
     * anything. */
    while (l->next_pt_pfn < l->last_pt_pfn) {
        mfn_t unused;

        new_table(l, &unused);
    }
    if (l->elf.init_p2m) {
        l->next_pt_pfn = l->p2m_pt_pfn;
        l->last_pt_pfn = l->p2m_pt_pfn + l->p2m_pt_pages;
        map_range(l, l4, l->elf.init_p2m, l->p2m_pfn, l->p2m_pages);
    }
    return root;
}

/* --- what the kernel finds
 * ---------------------------------------------------------------------------------------------- */

static void fill_console_info(struct start_info *si)
{
    struct dom0_vga_console_info *vga = (void *)(si + 1);

    if (!boot_info.vga_text)
        return;
    vga->video_type = XEN_VGATYPE_TEXT_MODE_3;
    vga->u.text_mode_3.font_height = 16;
    vga->u.text_mode_3.columns = 80;
    vga->u.text_mode_3.rows = 25;
    si->console.dom0.info_off = sizeof(*si);
    si->console.dom0.info_size = sizeof(*vga);
}

static void write_start_info(struct domain *d, const struct layout *l)
{
    struct start_info *si = mfn_to_virt(dom0_pfn_to_mfn(l->start_info_pfn));

    memset(si, 0, PAGE_SIZE);
    snprintf(si->magic, sizeof(si->magic), "xen-3.0-x86_64p");
    si->nr_pages = l->pages;
    si->shared_info = mfn_to_paddr(virt_to_mfn(d->shared_info));
    si->flags = SIF_PRIVILEGED | SIF_INITDOMAIN | (l->elf.mod_start_pfn && l->initrd ? SIF_MOD_START_PFN : 0);
    si->pt_base = va_of(l, l->pt_pfn);
    si->nr_pt_frames = l->pt_pages;
    if (l->elf.init_p2m) {
        si->mfn_list = l->elf.init_p2m;
        si->first_p2m_pfn = l->p2m_pfn;
        si->nr_p2m_frames = l->p2m_pages + l->p2m_pt_pages;
    } else {
        si->mfn_list = va_of(l, l->p2m_pfn);
    }
    if (l->initrd) {
        si->mod_start = l->elf.mod_start_pfn ? l->initrd_pfn : va_of(l, l->initrd_pfn);
        si->mod_len = l->initrd->size;
    }
    hyp_strlcpy((char *)si->cmd_line, l->kernel->cmdline, sizeof(si->cmd_line));
    fill_console_info(si);
}

static void start_context(struct domain *d, const struct layout *l, mfn_t root)
{
    struct vcpu *v = d->vcpu[0];
    int rc;

    do {
        rc = pt_pin(&d->mm, root, PGT_l4);
    } while (rc == -ERESTART);
    if (!rc)
        rc = pt_get_root(&d->mm, root);
    if (rc)
        panic("dom0's own page tables were refused: %d\n", rc);
    v->guest_l4 = root;
    v->kernel_mode = true;
    v->regs.rip = l->elf.entry;
    v->regs.rsp = va_of(l, l->stack_pfn) + PAGE_SIZE;
    v->regs.rsi = va_of(l, l->start_info_pfn);
    v->regs.cs = GUEST_CS64;
    v->regs.ss = GUEST_DS;
    v->regs.rflags = X86_EFLAGS_IF | X86_EFLAGS_RES1;
    v->initialised = true;
    __atomic_fetch_and(&v->pause_flags, ~VPF_DOWN, __ATOMIC_SEQ_CST);
}

/* As `dom0_mem=` asks, or all but a reserve that grows with the machine. */
static u64 dom0_pages(void)
{
    u64 free = free_page_count(), want = boot_options.dom0_mem >> PAGE_SHIFT,
        most = boot_options.dom0_mem_max >> PAGE_SHIFT;
    u64 keep =
        boot_options.dom0_mem_keep ? boot_options.dom0_mem_keep >> PAGE_SHIFT : RESERVE_PAGES + free / 32;

    if (!want)
        want = free > keep ? free - keep : 0;
    else if (want + want / 128 > free)
        boot_stop("dom0_mem is larger than the memory that is free");
    if (most && want > most)
        want = most;
    if (want < MIN_DOM0_PAGES)
        boot_stop("dom0_mem leaves too little memory for dom0");
    return want;
}

void dom0_build(unsigned max_vcpus, void (*fill_hypercall_page)(u8 *page))
{
    static struct layout l;
    struct xen_domctl_createdomain cfg = {
        .max_vcpus = max_vcpus,
        .max_evtchn_port = 4095,
        .max_grant_frames = 64,
        .max_maptrack_frames = 1024,
    };
    const char *why;
    mfn_t root;
    int rc;

    l.kernel = &boot_info.modules[0];
    l.initrd = boot_info.module_count > 1 ? &boot_info.modules[1] : NULL;
    why = elf_parse(paddr_to_virt(l.kernel->start), l.kernel->size, &l.elf);
    if (why)
        boot_stop(why);
    l.pages = dom0_pages();
    make_layout(&l);
    rc = domain_create(0, &cfg, true, &dom0);
    if (rc)
        panic("dom0 cannot be created: %d\n", rc);
    dom0->mm.max_pages = MAX(l.pages, boot_options.dom0_mem_max >> PAGE_SHIFT);
    if (!dom0_memory_alloc(dom0, l.pages))
        boot_stop("dom0_mem is larger than the memory that is free");
    load_images(&l);
    write_hypercall_page(&l, fill_hypercall_page);
    dom0_write_p2m(l.p2m_pfn << PAGE_SHIFT, l.pages);
    root = build_tables(&l);
    write_start_info(dom0, &l);
    start_context(dom0, &l, root);
    printk(LOG_INFO, "dom0: %lu MiB, %u vCPUs, kernel at %#lx-%#lx, entry %#lx\n",
           (unsigned long)(l.pages >> 8), max_vcpus, (unsigned long)l.elf.pstart, (unsigned long)l.elf.pend,
           (unsigned long)l.elf.entry);
}
