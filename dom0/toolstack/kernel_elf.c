/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/kernel.h"

#include <gelf.h>
#include <inttypes.h>
#include <libelf.h>
#include <string.h>

#include <xen/elfnote.h>
#include <xen/xen.h>

#include "dom0/toolstack/kernel_notes.h"
#include "dom0/toolstack/report.h"

#define PAGE_BYTES 4096ULL

static int check_ident(Elf *elf, const char *path)
{
    GElf_Ehdr ehdr;

    if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &ehdr)) {
        report_error("%s: damaged ELF header", path);
        return -1;
    }
    if (gelf_getclass(elf) != ELFCLASS64 || ehdr.e_ident[EI_DATA] != ELFDATA2LSB ||
        ehdr.e_machine != EM_X86_64) {
        report_error("%s: not a 64-bit x86 kernel (only those run as guests)", path);
        return -1;
    }
    if (ehdr.e_type != ET_EXEC && ehdr.e_type != ET_DYN) {
        report_error("%s: not an executable ELF image", path);
        return -1;
    }
    return 0;
}

/* Takes a PT_LOAD header whose file part must lie in the image. Addresses are still those of the header. */
static int add_segment(const struct kernel_bytes *bytes, const char *path, const GElf_Phdr *phdr,
                       struct kernel_image *image)
{
    struct kernel_segment *segment = &image->segments[image->segment_count];

    if (phdr->p_memsz == 0)
        return 0;
    if (image->segment_count == KERNEL_MAX_SEGMENTS) {
        report_error("%s: more than %u segments", path, KERNEL_MAX_SEGMENTS);
        return -1;
    }
    if (phdr->p_offset > bytes->len || phdr->p_filesz > bytes->len - phdr->p_offset) {
        report_error("%s: truncated: a segment of %" PRIu64 " bytes at %" PRIu64 " in an image of %zu bytes",
                     path, (uint64_t)phdr->p_filesz, (uint64_t)phdr->p_offset, bytes->len);
        return -1;
    }
    if (phdr->p_filesz > phdr->p_memsz || phdr->p_memsz > KERNEL_MAX_BYTES) {
        report_error("%s: a segment wants %" PRIu64 " bytes of memory", path, (uint64_t)phdr->p_memsz);
        return -1;
    }
    *segment = (struct kernel_segment){phdr->p_paddr, phdr->p_offset, phdr->p_filesz, phdr->p_memsz};
    image->segment_count++;
    return 0;
}

static int read_segments(Elf *elf, const struct kernel_bytes *bytes, const char *path,
                         struct kernel_image *image)
{
    size_t count;

    if (elf_getphdrnum(elf, &count) != 0) {
        report_error("%s: damaged ELF program headers", path);
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr phdr;

        if (!gelf_getphdr(elf, (int)i, &phdr)) {
            report_error("%s: truncated ELF program headers", path);
            return -1;
        }
        if (phdr.p_type == PT_LOAD && add_segment(bytes, path, &phdr, image) != 0)
            return -1;
    }
    if (image->segment_count == 0) {
        report_error("%s: no segment to load", path);
        return -1;
    }
    return 0;
}

/* From the header's addresses to guest-physical ones; sorted, and proven apart from each other. */
static int place_segments(const char *path, uint64_t paddr_offset, struct kernel_image *image)
{
    struct kernel_segment *segments = image->segments;

    for (size_t i = 0; i < image->segment_count; i++) {
        struct kernel_segment moved = segments[i];
        size_t at = i;

        moved.paddr -= paddr_offset;
        if (moved.paddr > KERNEL_MAX_BYTES || moved.memsz > KERNEL_MAX_BYTES - moved.paddr) {
            report_error("%s: a segment at physical address %#" PRIx64 " ends beyond %zu MiB", path,
                         moved.paddr, KERNEL_MAX_BYTES >> 20);
            return -1;
        }
        for (; at > 0 && segments[at - 1].paddr > moved.paddr; at--)
            segments[at] = segments[at - 1];
        segments[at] = moved;
    }
    for (size_t i = 1; i < image->segment_count; i++) {
        if (segments[i - 1].paddr + segments[i - 1].memsz > segments[i].paddr) {
            report_error("%s: segments overlap at physical address %#" PRIx64, path, segments[i].paddr);
            return -1;
        }
    }
    image->start = segments[0].paddr;
    image->end = segments[image->segment_count - 1].paddr + segments[image->segment_count - 1].memsz;
    return 0;
}

static bool in_image(const struct kernel_image *image, uint64_t va, uint64_t bytes)
{
    uint64_t pa = va - image->virt_base;

    for (size_t i = 0; i < image->segment_count; i++) {
        const struct kernel_segment *s = &image->segments[i];

        if (pa >= s->paddr && pa - s->paddr < s->memsz && bytes <= s->memsz - (pa - s->paddr))
            return true;
    }
    return false;
}

/* Where a guest may have mappings: canonical, and not the hypervisor's. */
static bool guest_range(uint64_t va, uint64_t bytes)
{
    const uint64_t low_end = 1ULL << 47;

    if (va < low_end)
        return bytes <= low_end - va;
    return va >= HYPERVISOR_VIRT_END && bytes <= 0 - va;
}

/* The mapping behind the kernel holds page tables and the like; this much more than the kernel always
 * suffices. */
#define MAPPING_SLACK (64ULL << 20)

static int check_addresses(const char *path, const struct kernel_image *image)
{
    if ((image->virt_base & (PAGE_BYTES - 1)) || !guest_range(image->virt_base, image->end + MAPPING_SLACK)) {
        report_error("%s: its virtual base %#" PRIx64 " leaves no room for a guest", path, image->virt_base);
        return -1;
    }
    if (!in_image(image, image->entry, 1)) {
        report_error("%s: entry point %#" PRIx64 " lies outside the kernel", path, image->entry);
        return -1;
    }
    if (image->has_hypercall_page &&
        ((image->hypercall_page & (PAGE_BYTES - 1)) || !in_image(image, image->hypercall_page, PAGE_BYTES))) {
        report_error("%s: hypercall page %#" PRIx64 " lies outside the kernel", path, image->hypercall_page);
        return -1;
    }
    if (image->has_p2m_base &&
        ((image->p2m_base & (PAGE_BYTES - 1)) || !guest_range(image->p2m_base, KERNEL_P2M_ROOM))) {
        report_error("%s: no room for the p2m list at %#" PRIx64, path, image->p2m_base);
        return -1;
    }
    return 0;
}

int kernel_parse(const struct kernel_bytes *bytes, const char *path, struct kernel_image *image)
{
    struct kernel_notes notes;
    Elf *elf;
    int rc = -1;

    memset(image, 0, sizeof(*image));
    elf_version(EV_CURRENT);
    elf = elf_memory((char *)(uintptr_t)bytes->data, bytes->len);
    if (check_ident(elf, path) == 0 && read_segments(elf, bytes, path, image) == 0 &&
        kernel_notes_read(elf, bytes, path, &notes) == 0) {
        GElf_Ehdr ehdr;

        image->virt_base = notes.virt_base;
        image->entry = notes.has_entry ? notes.entry : gelf_getehdr(elf, &ehdr)->e_entry;
        image->has_hypercall_page = notes.has_hypercall_page;
        image->hypercall_page = notes.hypercall_page;
        image->has_p2m_base = notes.has_p2m_base;
        image->p2m_base = notes.p2m_base;
        image->mod_start_pfn = notes.mod_start_pfn;
        memcpy(image->guest_os, notes.guest_os, sizeof(image->guest_os));
        rc = place_segments(path, notes.paddr_offset, image);
        if (rc == 0)
            rc = check_addresses(path, image);
    }
    elf_end(elf);
    return rc;
}

int kernel_read_segment(const struct kernel_bytes *elf, const char *path,
                        const struct kernel_segment *segment, unsigned char *dst)
{
    if (kernel_bytes_read(elf, path, segment->offset, dst, segment->filesz) != 0)
        return -1;
    memset(dst + segment->filesz, 0, segment->memsz - segment->filesz);
    return 0;
}
