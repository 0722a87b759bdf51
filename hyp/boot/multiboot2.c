/* SPDX-License-Identifier: MIT */
/* The Multiboot2 information structure: a length, then tags of type and size, each beginning on 8 bytes. */
#include "boot/protocol.h"
#include "lib/printk.h"
#include "lib/string.h"

enum {
    TAG_END = 0,
    TAG_CMDLINE = 1,
    TAG_MODULE = 3,
    TAG_MMAP = 6,
    TAG_FRAMEBUFFER = 8,
    TAG_EFI64 = 12,
    TAG_RSDP_OLD = 14,
    TAG_RSDP_NEW = 15,
};

struct tag {
    u32 type, size; /* size with this header, without the padding behind */
    u8 data[];
};

struct mmap_data {
    u32 entry_size, entry_version;
};
struct mmap_entry {
    u64 addr, size;
    u32 type, zero;
};
struct module_data {
    u32 start, end;
    char cmdline[];
};
struct framebuffer_data {
    u64 addr;
    u32 pitch, width, height;
    u8 bpp, type;
} __packed;
#define FRAMEBUFFER_TEXT 2

#define INFO_MAX         (16UL << 20) /* larger than any real one */

/* The text at offset `at` of the tag's data, which need not be terminated. */
static void copy_text(char *dst, size_t dst_size, const struct tag *tag, u32 at, const char *what)
{
    size_t room = tag->size - sizeof(*tag) - at;
    size_t n = strnlen((const char *)tag->data + at, room);

    if (n >= dst_size) {
        printk(LOG_WARNING, "boot: %s is longer than %zu characters; the rest is cut off\n", what,
               dst_size - 1);
        n = dst_size - 1;
    }
    memcpy(dst, tag->data + at, n);
    dst[n] = '\0';
}

static const char *parse_mmap(struct boot_info *bi, const struct tag *tag, size_t len)
{
    struct mmap_data head;

    if (len < sizeof(head))
        return "the loader's memory map is cut short";
    memcpy(&head, tag->data, sizeof(head));
    if (head.entry_size < sizeof(struct mmap_entry))
        return "the loader's memory map has entries of unknown form";
    for (size_t at = sizeof(head); len - at >= head.entry_size; at += head.entry_size) {
        struct mmap_entry e;

        memcpy(&e, tag->data + at, sizeof(e));
        if (!e820_add(bi, e.addr, e.size, e.type)) {
            printk(LOG_WARNING, "boot: memory map has more than %u entries; the rest is ignored\n", E820_MAX);
            break;
        }
    }
    return NULL;
}

static const char *parse_module(struct boot_info *bi, const struct tag *tag, size_t len)
{
    struct module_data head;

    if (len < sizeof(head))
        return "the loader's description of a module is cut short";
    memcpy(&head, tag->data, sizeof(head));
    if (head.end < head.start)
        return "the loader's description of a module has an end before its start";
    if (bi->module_count == ARRAY_SIZE(bi->modules)) {
        printk(LOG_WARNING, "boot: more than %zu modules; the rest is ignored\n", ARRAY_SIZE(bi->modules));
        return NULL;
    }
    struct boot_module *m = &bi->modules[bi->module_count++];

    m->start = head.start;
    m->size = head.end - head.start;
    copy_text(m->cmdline, sizeof(m->cmdline), tag, sizeof(head), "a module's command line");
    return NULL;
}

static void parse_rsdp(struct boot_info *bi, const struct tag *tag, size_t len)
{
    if (len < 20 || bi->rsdp_copy_size > len)
        return;
    bi->rsdp_copy_size = (unsigned)MIN(len, sizeof(bi->rsdp_copy));
    memcpy(bi->rsdp_copy, tag->data, bi->rsdp_copy_size);
}

static const char *parse_tag(struct boot_info *bi, const struct tag *tag)
{
    size_t len = tag->size - sizeof(*tag);

    switch (tag->type) {
    case TAG_CMDLINE:
        copy_text(bi->cmdline, sizeof(bi->cmdline), tag, 0, "the command line");
        return NULL;
    case TAG_MODULE:
        return parse_module(bi, tag, len);
    case TAG_MMAP:
        return parse_mmap(bi, tag, len);
    case TAG_FRAMEBUFFER:
        bi->vga_text = len >= sizeof(struct framebuffer_data) &&
                       ((const struct framebuffer_data *)tag->data)->type == FRAMEBUFFER_TEXT;
        return NULL;
    case TAG_EFI64:
        if (len >= sizeof(u64)) {
            memcpy(&bi->efi_system_table, tag->data, sizeof(u64));
            bi->efi = true;
        }
        return NULL;
    case TAG_RSDP_OLD:
    case TAG_RSDP_NEW:
        parse_rsdp(bi, tag, len);
        return NULL;
    default:
        return NULL;
    }
}

const char *multiboot2_parse(struct boot_info *bi, paddr_t info)
{
    const u32 *head = boot_phys(info, 8);
    u32 total = head ? head[0] : 0;
    const u8 *base = boot_phys(info, total);

    if ((info & 7) || total < 8 || total > INFO_MAX || !base)
        return "the loader's information structure is damaged";
    for (u32 at = 8; total - at >= sizeof(struct tag);) {
        const struct tag *tag = (const struct tag *)(base + at);
        const char *wrong;

        if (tag->type == TAG_END)
            return NULL;
        if (tag->size < sizeof(*tag) || tag->size > total - at)
            return "a tag of the loader's information structure has a wrong size";
        wrong = parse_tag(bi, tag);
        if (wrong)
            return wrong;
        if (total - at < ROUND_UP(tag->size, 8U))
            return NULL;
        at += ROUND_UP(tag->size, 8U);
    }
    return NULL;
}
