/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/kernel_compact.h"

#include <gelf.h>
#include <string.h>

#include "dom0/toolstack/report.h"

/* Notes are read in place, as words. */
#define ALIGN_BYTES 8ULL

static uint64_t trimmed(const unsigned char *data, uint64_t len)
{
    while (len > 0 && data[len - 1] == 0)
        len--;
    return len;
}

static int add(struct kernel_compact *c, const char *path, const GElf_Phdr *phdr, uint64_t *end)
{
    Elf64_Phdr *out = &c->phdrs[c->count];

    if (c->count == KERNEL_MAX_SEGMENTS || phdr->p_offset > c->elf->len ||
        phdr->p_filesz > c->elf->len - phdr->p_offset) {
        report_error("%s: too many segments, or one outside the image", path);
        return -1;
    }
    *out = *phdr;
    if (out->p_type == PT_LOAD)
        out->p_filesz = trimmed(c->elf->data + phdr->p_offset, phdr->p_filesz);
    c->from[c->count++] = phdr->p_offset;
    out->p_offset = (*end + ALIGN_BYTES - 1) & ~(ALIGN_BYTES - 1);
    *end = out->p_offset + out->p_filesz;
    return 0;
}

int kernel_compact_plan(struct kernel_compact *c, const struct kernel_bytes *elf, const char *path)
{
    Elf *handle = elf_memory((char *)(uintptr_t)elf->data, elf->len);
    uint64_t end = sizeof(Elf64_Ehdr) + KERNEL_MAX_SEGMENTS * sizeof(Elf64_Phdr);
    size_t count = 0;
    bool notes = false;
    int rc = 0;

    memset(c, 0, sizeof(*c));
    c->elf = elf;
    if (!handle || !gelf_getehdr(handle, &c->ehdr) || elf_getphdrnum(handle, &count) != 0)
        rc = -1;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        GElf_Phdr phdr;

        if (!gelf_getphdr(handle, (int)i, &phdr) || (phdr.p_type != PT_LOAD && phdr.p_type != PT_NOTE))
            continue;
        notes = notes || phdr.p_type == PT_NOTE;
        rc = add(c, path, &phdr, &end);
    }
    elf_end(handle);
    if (rc != 0 || !notes) {
        /* Notes known by their section only would be lost. */
        report_error("%s: its ELF image cannot be made smaller", path);
        return -1;
    }
    c->ehdr.e_phoff = sizeof(Elf64_Ehdr);
    c->ehdr.e_phnum = (Elf64_Half)c->count;
    c->ehdr.e_phentsize = sizeof(Elf64_Phdr);
    c->ehdr.e_shoff = c->ehdr.e_shnum = c->ehdr.e_shstrndx = 0;
    return 0;
}

int kernel_compact_write(const struct kernel_compact *c, FILE *f)
{
    if (fwrite(&c->ehdr, sizeof(c->ehdr), 1, f) != 1 ||
        fwrite(c->phdrs, sizeof(c->phdrs[0]), c->count, f) != c->count)
        return -1;
    for (unsigned int i = 0; i < c->count; i++) {
        const Elf64_Phdr *phdr = &c->phdrs[i];

        if (fseek(f, (long)phdr->p_offset, SEEK_SET) != 0)
            return -1;
        if (phdr->p_filesz && fwrite(c->elf->data + c->from[i], phdr->p_filesz, 1, f) != 1)
            return -1;
    }
    return 0;
}
