/* SPDX-License-Identifier: MIT */
/*
 * ELF images and Xen notes: what a good one says, and that every way to lie in one is told in one line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <xen/elfnote.h>

#include "dom0/toolstack/kernel.h"
#include "dom0/toolstack/report.h"
#include "tests/host/toolstack/capture.h"
#include "tests/host/toolstack/elf_maker.h"

/* The parser gets a copy of exactly len bytes, so that the sanitizer sees a step beyond. */
static int parse(const struct em_image *image, size_t len, struct kernel_image *out)
{
    unsigned char *exact = malloc(len);
    struct kernel_bytes bytes = {.data = exact, .len = len, .fd = -1};
    int rc;

    assert_non_null(exact);
    memcpy(exact, image->bytes, len);
    capture_start();
    rc = kernel_parse(&bytes, "k", out);
    free(exact);
    return rc;
}

static void test_good(void **state)
{
    static struct em_image image;
    struct kernel_image out;

    (void)state;
    em_good(&image);
    if (parse(&image, image.len, &out) != 0)
        fail_msg("%s", capture_text());
    assert_int_equal(out.segment_count, 1);
    assert_int_equal(out.start, EM_PADDR);
    assert_int_equal(out.end, EM_PADDR + EM_TEXT + 4096);
    assert_int_equal(out.virt_base, EM_VIRT_BASE);
    assert_int_equal(out.entry, EM_VIRT_BASE + EM_PADDR + 16);
    assert_true(out.has_p2m_base);
    assert_int_equal(out.p2m_base, 0x8000000000);
    assert_true(out.mod_start_pfn);
    assert_false(out.has_hypercall_page);
    assert_string_equal(out.guest_os, "test");
}

/* Few notes: base 0, entry from the ELF header, initrd mapped. */
static void test_plain(void **state)
{
    static struct em_image image;
    struct kernel_image out;

    (void)state;
    em_start(&image);
    em_note_string(&image, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
    em_note_number(&image, XEN_ELFNOTE_HYPERCALL_PAGE, EM_PADDR + 4096);
    em_ehdr(&image)->e_entry = EM_PADDR + 4;
    if (parse(&image, image.len, &out) != 0)
        fail_msg("%s", capture_text());
    assert_int_equal(out.virt_base, 0);
    assert_int_equal(out.entry, EM_PADDR + 4);
    assert_true(out.has_hypercall_page);
    assert_false(out.has_p2m_base);
    assert_false(out.mod_start_pfn);
}

/* Notes found by their section when no segment has them. */
static void test_notes_in_section(void **state)
{
    static struct em_image image;
    struct kernel_image out;
    Elf64_Shdr shdr[2];

    (void)state;
    em_good(&image);
    memset(shdr, 0, sizeof(shdr));
    shdr[1] = (Elf64_Shdr){.sh_type = SHT_NOTE, .sh_offset = image.notes, .sh_size = image.len - image.notes};
    em_phdr(&image, 1)->p_type = PT_NULL;
    em_ehdr(&image)->e_shoff = (image.len + 7) & ~7UL;
    em_ehdr(&image)->e_shnum = 2;
    memcpy(image.bytes + em_ehdr(&image)->e_shoff, shdr, sizeof(shdr));
    image.len = em_ehdr(&image)->e_shoff + sizeof(shdr);
    if (parse(&image, image.len, &out) != 0)
        fail_msg("%s", capture_text());
    assert_int_equal(out.virt_base, EM_VIRT_BASE);
}

/* --- one lie each --- */

static void spoil_machine(struct em_image *i)
{
    em_ehdr(i)->e_machine = EM_AARCH64;
}
static void spoil_class(struct em_image *i)
{
    em_ehdr(i)->e_ident[EI_CLASS] = ELFCLASS32;
}
static void spoil_magic(struct em_image *i)
{
    i->bytes[0] = 0;
}
static void spoil_type(struct em_image *i)
{
    em_ehdr(i)->e_type = ET_REL;
}
static void spoil_offset(struct em_image *i)
{
    em_phdr(i, 0)->p_offset = ~0ULL - 4095;
}
static void spoil_filesz(struct em_image *i)
{
    em_phdr(i, 0)->p_filesz = ~0ULL;
}
static void spoil_memsz(struct em_image *i)
{
    em_phdr(i, 0)->p_memsz = 1ULL << 40;
}
static void spoil_memsz_small(struct em_image *i)
{
    em_phdr(i, 0)->p_memsz = EM_TEXT - 1;
}
static void spoil_paddr(struct em_image *i)
{
    em_phdr(i, 0)->p_paddr = ~0ULL - 4095;
}
static void spoil_no_load(struct em_image *i)
{
    em_phdr(i, 0)->p_type = PT_NULL;
}
static void spoil_overlap(struct em_image *i)
{
    *em_phdr(i, 1) = *em_phdr(i, 0);
    em_phdr(i, 1)->p_paddr += 4096;
}
static void spoil_note_range(struct em_image *i)
{
    em_phdr(i, 1)->p_filesz = 1ULL << 40;
}
static void spoil_no_notes(struct em_image *i)
{
    em_phdr(i, 1)->p_type = PT_NULL;
}
static void spoil_entry(struct em_image *i)
{
    em_note_number(i, XEN_ELFNOTE_ENTRY, EM_VIRT_BASE);
}
static void spoil_entry_size(struct em_image *i)
{
    em_note(i, XEN_ELFNOTE_ENTRY, "abc", 3);
}
static void spoil_hypercall_page(struct em_image *i)
{
    em_note_number(i, XEN_ELFNOTE_HYPERCALL_PAGE, EM_VIRT_BASE + EM_PADDR + 8192 + 4096);
}
static void spoil_virt_base(struct em_image *i)
{
    em_note_number(i, XEN_ELFNOTE_VIRT_BASE, 0xffff800000000000);
}
static void spoil_virt_base_top(struct em_image *i)
{
    em_note_number(i, XEN_ELFNOTE_VIRT_BASE, 0 - (1ULL << 20));
}
static void spoil_p2m(struct em_image *i)
{
    em_note_number(i, XEN_ELFNOTE_INIT_P2M, 0xffff808000000000);
}
static void spoil_version(struct em_image *i)
{
    em_note_string(i, XEN_ELFNOTE_XEN_VERSION, "xen-2.0");
}
static void spoil_loader(struct em_image *i)
{
    em_note_string(i, XEN_ELFNOTE_LOADER, "special");
}
static void spoil_feature_dom0(struct em_image *i)
{
    em_note_string(i, XEN_ELFNOTE_FEATURES, "highmem_assist|!dom0");
}
static void spoil_feature_unknown(struct em_image *i)
{
    em_note_string(i, XEN_ELFNOTE_FEATURES, "!teleport|dom0");
}

static void test_lies(void **state)
{
    static const struct {
        void (*spoil)(struct em_image *image);
        const char *message;
    } cases[] = {
        {spoil_machine, "hospes: k: not a 64-bit x86 kernel (only those run as guests)\n"},
        {spoil_class, "hospes: k: not a 64-bit x86 kernel (only those run as guests)\n"},
        {spoil_magic, "hospes: k: damaged ELF header\n"},
        {spoil_type, "hospes: k: not an executable ELF image\n"},
        {spoil_offset,
         "hospes: k: truncated: a segment of 8192 bytes at 18446744073709547520 in an image of 12536 "
         "bytes\n"},
        {spoil_filesz,
         "hospes: k: truncated: a segment of 18446744073709551615 bytes at 4096 in an image of 12536 "
         "bytes\n"},
        {spoil_memsz, "hospes: k: a segment wants 1099511627776 bytes of memory\n"},
        {spoil_memsz_small, "hospes: k: a segment wants 8191 bytes of memory\n"},
        {spoil_paddr, "hospes: k: a segment at physical address 0xfffffffffffff000 ends beyond 512 MiB\n"},
        {spoil_no_load, "hospes: k: no segment to load\n"},
        {spoil_overlap, "hospes: k: no Xen notes: not a kernel that can run as a PV guest\n"},
        {spoil_note_range, "hospes: k: truncated: notes lie outside the image\n"},
        {spoil_no_notes, "hospes: k: no Xen notes: not a kernel that can run as a PV guest\n"},
        {spoil_entry, "hospes: k: entry point 0xffffffff80000000 lies outside the kernel\n"},
        {spoil_entry_size, "hospes: k: Xen note 1 of 3 bytes is no number\n"},
        {spoil_hypercall_page, "hospes: k: hypercall page 0xffffffff80103000 lies outside the kernel\n"},
        {spoil_virt_base, "hospes: k: its virtual base 0xffff800000000000 leaves no room for a guest\n"},
        {spoil_virt_base_top, "hospes: k: its virtual base 0xfffffffffff00000 leaves no room for a guest\n"},
        {spoil_p2m, "hospes: k: no room for the p2m list at 0xffff808000000000\n"},
        {spoil_version, "hospes: k: made for \"xen-2.0\", not for the PV interface xen-3.0\n"},
        {spoil_loader, "hospes: k: wants the loader \"special\"; only \"generic\" exists\n"},
        {spoil_feature_dom0, "hospes: k: the kernel requires dom0, which a PV guest cannot have\n"},
        {spoil_feature_unknown, "hospes: k: the kernel requires the unknown feature teleport\n"},
    };
    static struct em_image image;
    struct kernel_image out;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        em_good(&image);
        cases[i].spoil(&image);
        assert_int_equal(parse(&image, image.len, &out), -1);
        assert_string_equal(capture_text(), cases[i].message);
    }
}

/* The builder's messages about a kernel begin with the setting that named it. */
static void test_place(void **state)
{
    static struct em_image image;
    struct kernel_image out;

    (void)state;
    em_good(&image);
    spoil_magic(&image);
    report_within("g.cfg:3");
    assert_int_equal(parse(&image, image.len, &out), -1);
    report_within(NULL);
    assert_string_equal(capture_text(), "hospes: g.cfg:3: k: damaged ELF header\n");
}

static void test_overlap(void **state)
{
    static struct em_image image;
    struct kernel_image out;
    Elf64_Phdr note;

    (void)state;
    em_good(&image);
    note = *em_phdr(&image, 1);
    em_ehdr(&image)->e_phnum = 3;
    *em_phdr(&image, 1) = *em_phdr(&image, 0);
    em_phdr(&image, 1)->p_paddr -= 4096;
    *em_phdr(&image, 2) = note;
    assert_int_equal(parse(&image, image.len, &out), -1);
    assert_string_equal(capture_text(), "hospes: k: segments overlap at physical address 0x100000\n");
}

/* No prefix is accepted, and none makes the parser step outside. */
static void test_every_prefix(void **state)
{
    static struct em_image image;
    struct kernel_image out;

    (void)state;
    em_good(&image);
    for (size_t len = 1; len < image.len; len += len < 400 ? 1 : 97) {
        assert_int_equal(parse(&image, len, &out), -1);
        assert_string_not_equal(capture_text(), "");
    }
}

/* Single bytes of headers and notes set to hostile values: accepted or refused, never worse. */
static void test_every_byte(void **state)
{
    static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    static struct em_image image;
    struct kernel_image out;

    (void)state;
    for (size_t at = 0; at < EM_MAX_BYTES; at++) {
        em_good(&image);
        if (at == sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr))
            at = image.notes;
        if (at >= image.len)
            break;
        for (size_t v = 0; v < sizeof(values); v++) {
            image.bytes[at] = values[v];
            parse(&image, image.len, &out);
        }
    }
}

static void test_read_segment(void **state)
{
    static struct em_image image;
    struct kernel_image out;
    struct kernel_bytes bytes;
    unsigned char *dst = malloc(EM_TEXT + 4096);
    const char *path;

    (void)state;
    assert_non_null(dst);
    em_good(&image);
    path = em_file(image.bytes, image.len);
    assert_int_equal(kernel_load(&bytes, path), 0);
    assert_int_equal(kernel_parse(&bytes, path, &out), 0);
    memset(dst, 0xee, EM_TEXT + 4096);
    assert_int_equal(kernel_read_segment(&bytes, path, &out.segments[0], dst), 0);
    assert_memory_equal(dst, image.bytes + 4096, EM_TEXT);
    for (size_t i = EM_TEXT; i < EM_TEXT + 4096; i++)
        assert_int_equal(dst[i], 0);
    /* Another process cuts the file. */
    assert_int_equal(truncate(path, 4096 + 100), 0);
    capture_start();
    assert_int_equal(kernel_read_segment(&bytes, path, &out.segments[0], dst), -1);
    assert_non_null(strstr(capture_text(), "became shorter while it was read"));
    kernel_bytes_close(&bytes);
    unlink(path);
    free(dst);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_notes_in_section),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_read_segment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
