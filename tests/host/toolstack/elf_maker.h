/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HOST_TOOLSTACK_ELF_MAKER_H
#define TESTS_HOST_TOOLSTACK_ELF_MAKER_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A small Xen kernel image, made in memory by parts that a test can spoil before or after: ELF header, one
 * PT_LOAD of EM_TEXT bytes, one PT_NOTE.
 */
#define EM_TEXT      8192U
#define EM_MAX_BYTES 65536U
#define EM_PADDR     0x100000ULL
#define EM_VIRT_BASE 0xffffffff80000000ULL

struct em_image {
    unsigned char bytes[EM_MAX_BYTES];
    size_t len;
    size_t notes; /* offset of the notes, which go on to the end */
};

/* Header, headers and text, and no note yet. */
void em_start(struct em_image *image);
void em_note(struct em_image *image, uint32_t type, const void *desc, uint32_t len);
void em_note_number(struct em_image *image, uint32_t type, uint64_t value);
void em_note_string(struct em_image *image, uint32_t type, const char *text);

/* The notes of a kernel that is fine. */
void em_good(struct em_image *image);

Elf64_Ehdr *em_ehdr(struct em_image *image);
Elf64_Phdr *em_phdr(struct em_image *image, unsigned int i);

/*
 * Puts payload into a bzImage of boot protocol 2.15, with `claim` as the length behind it when tail is not 0.
 * Returns the file's length; out has room for payload and 4096 bytes.
 */
size_t em_bzimage(unsigned char *out, const unsigned char *payload, size_t len, int tail, uint32_t claim);

/* Writes a file below /tmp and gives its name, good until the next call. */
const char *em_file(const unsigned char *bytes, size_t len);

#endif
