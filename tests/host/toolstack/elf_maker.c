/* SPDX-License-Identifier: MIT */
#include "tests/host/toolstack/elf_maker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/elfnote.h>

#define TEXT_OFFSET 4096U

Elf64_Ehdr *em_ehdr(struct em_image *image)
{
    return (Elf64_Ehdr *)image->bytes;
}

Elf64_Phdr *em_phdr(struct em_image *image, unsigned int i)
{
    return (Elf64_Phdr *)(image->bytes + sizeof(Elf64_Ehdr)) + i;
}

void em_start(struct em_image *image)
{
    memset(image, 0, sizeof(*image));
    *em_ehdr(image) = (Elf64_Ehdr){
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_entry = EM_VIRT_BASE + EM_PADDR,
        .e_phoff = sizeof(Elf64_Ehdr),
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 2,
        .e_shentsize = sizeof(Elf64_Shdr),
    };
    *em_phdr(image, 0) = (Elf64_Phdr){
        .p_type = PT_LOAD,
        .p_flags = PF_R | PF_W | PF_X,
        .p_offset = TEXT_OFFSET,
        .p_vaddr = EM_VIRT_BASE + EM_PADDR,
        .p_paddr = EM_PADDR,
        .p_filesz = EM_TEXT,
        .p_memsz = EM_TEXT + 4096,
        .p_align = 4096,
    };
    for (size_t i = 0; i < EM_TEXT; i++)
        image->bytes[TEXT_OFFSET + i] = (unsigned char)(i * 7 + 1);
    image->notes = image->len = TEXT_OFFSET + EM_TEXT;
    *em_phdr(image, 1) = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = image->notes, .p_align = 4};
}

void em_note(struct em_image *image, uint32_t type, const void *desc, uint32_t len)
{
    const uint32_t head[3] = {4, len, type};
    unsigned char *at = image->bytes + image->len;

    memcpy(at, head, sizeof(head));
    memcpy(at + sizeof(head), "Xen", 4);
    memcpy(at + sizeof(head) + 4, desc, len);
    image->len += sizeof(head) + 4 + ((len + 3) & ~3U);
    em_phdr(image, 1)->p_filesz = em_phdr(image, 1)->p_memsz = image->len - image->notes;
}

void em_note_number(struct em_image *image, uint32_t type, uint64_t value)
{
    em_note(image, type, &value, sizeof(value));
}

void em_note_string(struct em_image *image, uint32_t type, const char *text)
{
    em_note(image, type, text, (uint32_t)strlen(text) + 1);
}

void em_good(struct em_image *image)
{
    const uint32_t one = 1;

    em_start(image);
    em_note_string(image, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
    em_note_string(image, XEN_ELFNOTE_GUEST_OS, "test");
    em_note_string(image, XEN_ELFNOTE_LOADER, "generic");
    em_note_number(image, XEN_ELFNOTE_VIRT_BASE, EM_VIRT_BASE);
    em_note_number(image, XEN_ELFNOTE_PADDR_OFFSET, 0);
    em_note_number(image, XEN_ELFNOTE_ENTRY, EM_VIRT_BASE + EM_PADDR + 16);
    em_note_number(image, XEN_ELFNOTE_INIT_P2M, 0x8000000000);
    em_note(image, XEN_ELFNOTE_MOD_START_PFN, &one, sizeof(one));
    em_note_string(image, XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb");
}

size_t em_bzimage(unsigned char *out, const unsigned char *payload, size_t len, int tail, uint32_t claim)
{
    const size_t start = 5 * 512;
    uint32_t offset = 16, length = (uint32_t)(len + (tail ? 4 : 0));

    memset(out, 0, start + offset);
    out[0x1f1] = 4;
    memcpy(out + 0x202, "HdrS", 4);
    out[0x206] = 0x0f;
    out[0x207] = 0x02;
    memcpy(out + 0x248, &offset, 4);
    memcpy(out + 0x24c, &length, 4);
    memcpy(out + start + offset, payload, len);
    if (tail)
        memcpy(out + start + offset + len, &claim, 4);
    return start + offset + length;
}

static char path[64];

static void remove_file(void)
{
    unlink(path);
}

const char *em_file(const unsigned char *bytes, size_t len)
{
    int fd;

    if (path[0])
        remove_file();
    else
        atexit(remove_file);
    snprintf(path, sizeof(path), "/tmp/hospes-test-kernel-XXXXXX");
    fd = mkstemp(path);
    if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
        abort();
    close(fd);
    return path;
}
