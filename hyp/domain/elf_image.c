/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <xen/elfnote.h>
#include "domain/elf_image.h"
#include "lib/string.h"

#define NOTE_ABSENT  (~0UL)
#define MAX_PADDR    (1UL << 40)
#define FEATURE_DOM0 11

struct notes {
    bool loader_generic, xen_version_ok, any;
    u64 entry, virt_base, paddr_offset, init_p2m, hypercall_page, mod_start_pfn, supported;
};

static bool in_image(u64 offset, u64 len, u64 size)
{
    return offset <= size && len <= size - offset;
}

static u64 note_number(const u8 *desc, u32 len)
{
    u64 v = 0;

    memcpy(&v, desc, MIN(len, (u32)sizeof(v)));
    return v;
}

static bool note_string_is(const u8 *desc, u32 len, const char *want)
{
    size_t n = strlen(want);

    return len >= n && !memcmp(desc, want, n) && (len == n || desc[n] == 0);
}

static void take_note(struct notes *n, u32 type, const u8 *desc, u32 len)
{
    u64 *const numbers[] = {
        [XEN_ELFNOTE_ENTRY] = &n->entry,
        [XEN_ELFNOTE_VIRT_BASE] = &n->virt_base,
        [XEN_ELFNOTE_PADDR_OFFSET] = &n->paddr_offset,
        [XEN_ELFNOTE_HYPERCALL_PAGE] = &n->hypercall_page,
        [XEN_ELFNOTE_INIT_P2M] = &n->init_p2m,
        [XEN_ELFNOTE_MOD_START_PFN] = &n->mod_start_pfn,
        [XEN_ELFNOTE_SUPPORTED_FEATURES] = &n->supported,
    };

    n->any = true;
    if (type < ARRAY_SIZE(numbers) && numbers[type])
        *numbers[type] = note_number(desc, len);
    else if (type == XEN_ELFNOTE_LOADER)
        n->loader_generic = note_string_is(desc, len, "generic");
    else if (type == XEN_ELFNOTE_XEN_VERSION)
        n->xen_version_ok = note_string_is(desc, len, "xen-3.0");
}

static void scan_notes(struct notes *n, const u8 *p, u64 size)
{
    while (size >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr h;
        u64 name_len, desc_len, total;

        memcpy(&h, p, sizeof(h));
        name_len = ROUND_UP((u64)h.n_namesz, 4UL);
        desc_len = ROUND_UP((u64)h.n_descsz, 4UL);
        total = sizeof(h) + name_len + desc_len;
        if (total > size)
            return;
        if (h.n_namesz == 4 && !memcmp(p + sizeof(h), "Xen", 4))
            take_note(n, h.n_type, p + sizeof(h) + name_len, h.n_descsz);
        p += total;
        size -= total;
    }
}

static const char *add_segment(struct elf_image *out, const u8 *image, const Elf64_Phdr *ph)
{
    struct elf_segment *s;

    if (out->segment_count == ELF_MAX_SEGMENTS)
        return "kernel has too many segments";
    if (ph->p_filesz > ph->p_memsz || ph->p_paddr >= MAX_PADDR || ph->p_memsz >= MAX_PADDR)
        return "kernel has a segment out of bounds";
    s = &out->segment[out->segment_count++];
    *s = (struct elf_segment){ph->p_paddr, ph->p_filesz, ph->p_memsz, image + ph->p_offset};
    out->pstart = MIN(out->pstart, ph->p_paddr);
    out->pend = MAX(out->pend, ph->p_paddr + ph->p_memsz);
    return NULL;
}

static const char *walk_headers(const u8 *image, u64 size, const Elf64_Ehdr *eh, struct elf_image *out,
                                struct notes *n)
{
    if (eh->e_phentsize != sizeof(Elf64_Phdr) ||
        !in_image(eh->e_phoff, (u64)eh->e_phnum * sizeof(Elf64_Phdr), size))
        return "kernel's program headers lie outside the file";
    for (unsigned i = 0; i < eh->e_phnum; i++) {
        Elf64_Phdr ph;
        const char *why = NULL;

        memcpy(&ph, image + eh->e_phoff + i * sizeof(ph), sizeof(ph));
        if (ph.p_type != PT_LOAD && ph.p_type != PT_NOTE)
            continue;
        if (!in_image(ph.p_offset, ph.p_filesz, size))
            return "kernel is truncated";
        if (ph.p_type == PT_NOTE)
            scan_notes(n, image + ph.p_offset, ph.p_filesz);
        else if (ph.p_memsz)
            why = add_segment(out, image, &ph);
        if (why)
            return why;
    }
    return out->segment_count ? NULL : "kernel has nothing to load";
}

const char *elf_parse(const void *image, u64 size, struct elf_image *out)
{
    struct notes n = {.entry = NOTE_ABSENT, .virt_base = NOTE_ABSENT, .supported = 1UL << FEATURE_DOM0};
    Elf64_Ehdr eh;
    const char *why;

    *out = (struct elf_image){.pstart = ~0UL};
    if (size < sizeof(eh))
        return "module is no kernel: too short";
    memcpy(&eh, image, sizeof(eh));
    if (memcmp(eh.e_ident, ELFMAG, SELFMAG) || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
        eh.e_ident[EI_DATA] != ELFDATA2LSB || eh.e_machine != EM_X86_64)
        return "module is no 64-bit x86 ELF kernel";
    why = walk_headers(image, size, &eh, out, &n);
    if (why)
        return why;
    if (!n.any)
        return "kernel has no Xen notes: it cannot run paravirtualized";
    if (!n.loader_generic || !n.xen_version_ok)
        return "kernel's Xen notes ask for another interface than xen-3.0";
    if (!(n.supported & (1UL << FEATURE_DOM0)))
        return "kernel cannot be dom0: built without CONFIG_XEN_DOM0";
    out->entry = n.entry == NOTE_ABSENT ? eh.e_entry : n.entry;
    out->virt_base = n.virt_base == NOTE_ABSENT ? 0 : n.virt_base;
    out->paddr_offset = n.paddr_offset;
    out->init_p2m = n.init_p2m;
    out->hypercall_page = n.hypercall_page;
    out->mod_start_pfn = n.mod_start_pfn != 0;
    if (out->paddr_offset > out->pstart || out->virt_base & (PAGE_SIZE - 1))
        return "kernel's notes do not fit its segments";
    return NULL;
}
