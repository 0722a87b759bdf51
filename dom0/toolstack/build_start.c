/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/build.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define EFLAGS_IF            0x200U
#define DR6_AFTER_RESET      0xffff0ff0U
#define DR7_AFTER_RESET      0x400U
#define VCPUS_IN_SHARED_INFO XEN_LEGACY_MAX_VCPUS

void build_write_start_info(const struct build *b, uint64_t shared_info_mfn, struct start_info *si)
{
    const struct build_layout *l = &b->layout;

    snprintf(si->magic, sizeof(si->magic), "xen-3.0-x86_64");
    si->nr_pages = l->nr_pages;
    si->shared_info = shared_info_mfn << LAYOUT_PAGE_SHIFT;
    si->store_mfn = b->store_mfn;
    si->store_evtchn = b->store_port;
    si->console.domU.mfn = b->console_mfn;
    si->console.domU.evtchn = b->console_port;
    si->pt_base = layout_va(l, l->main.tables_pfn);
    si->nr_pt_frames = l->main.tables;
    si->mfn_list = l->p2m_va;
    if (l->initrd_pages) {
        si->mod_start = l->initrd_mapped ? layout_va(l, l->initrd_pfn) : l->initrd_pfn;
        si->mod_len = b->ramdisk.len;
        if (!l->initrd_mapped)
            si->flags |= SIF_MOD_START_PFN;
    }
    snprintf((char *)si->cmd_line, sizeof(si->cmd_line), "%s", b->cfg->cmdline);
    si->first_p2m_pfn = l->p2m_pfn;
    si->nr_p2m_frames = l->p2m_pages + l->p2m.tables;
}

/* The page starts with all upcalls masked, as a guest expects that has no handler yet. */
static int init_shared_info(struct toolstack *ts, const struct build *b, uint64_t mfn)
{
    xen_pfn_t frame = mfn;
    shared_info_t *shared = hv_map(&ts->hv, b->domid, PROT_READ | PROT_WRITE, &frame, 1);

    if (!shared)
        return build_failed(b, "mapping of shared_info");
    memset(shared, 0, LAYOUT_PAGE_BYTES);
    for (unsigned int i = 0; i < VCPUS_IN_SHARED_INFO; i++)
        shared->vcpu_info[i].evtchn_upcall_mask = 1;
    hv_unmap(&ts->hv, shared, 1);
    return 0;
}

static void fill_context(const struct build *b, vcpu_guest_context_t *ctx)
{
    const struct build_layout *l = &b->layout;

    memset(ctx, 0, sizeof(*ctx));
    ctx->flags = VGCF_in_kernel | VGCF_online;
    ctx->user_regs.rip = b->image.entry;
    ctx->user_regs.rsi = layout_va(l, l->start_info_pfn);
    ctx->user_regs.rsp = layout_va(l, l->stack_pfn + 1);
    ctx->user_regs.rflags = EFLAGS_IF;
    ctx->user_regs.cs = FLAT_KERNEL_CS;
    ctx->user_regs.ss = FLAT_KERNEL_SS;
    ctx->kernel_ss = ctx->user_regs.ss;
    ctx->kernel_sp = ctx->user_regs.rsp;
    ctx->ctrlreg[3] = b->mfn_of[l->main.tables_pfn] << LAYOUT_PAGE_SHIFT;
    ctx->debugreg[6] = DR6_AFTER_RESET;
    ctx->debugreg[7] = DR7_AFTER_RESET;
}

int build_start_vcpu(struct toolstack *ts, struct build *b, uint64_t shared_info_mfn)
{
    vcpu_guest_context_t ctx;
    uint64_t pfn;

    if (b->image.has_hypercall_page) {
        pfn = (b->image.hypercall_page - b->image.virt_base) >> LAYOUT_PAGE_SHIFT;
        if (hv_hypercall_page(&ts->hv, b->domid, b->mfn_of[pfn]) != 0)
            return build_failed(b, "hypercall page");
    }
    if (hv_pin_l4(&ts->hv, b->domid, b->mfn_of[b->layout.main.tables_pfn]) != 0)
        return build_failed(b, "first page tables");
    if (init_shared_info(ts, b, shared_info_mfn) != 0)
        return -1;
    fill_context(b, &ctx);
    if (hv_vcpu_set_context(&ts->hv, b->domid, 0, &ctx) != 0)
        return build_failed(b, "first vCPU");
    return 0;
}
