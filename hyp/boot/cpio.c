/* SPDX-License-Identifier: MIT */
/*
 * "newc": 6 characters of magic, 13 fields of 8 hexadecimal digits, the name with its zero, padding to 4, the
 * data, padding to 4.
 */
#include "boot/cpio.h"
#include "lib/string.h"

#define HEADER_SIZE   110
#define FIELD_AT(n)   (6 + 8 * (n))
#define FIELD_SIZE    6
#define FIELD_NAMELEN 11

static bool hex_field(const u8 *p, u64 *value)
{
    *value = 0;
    for (int i = 0; i < 8; i++) {
        u8 c = p[i];
        unsigned digit;

        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (c | 0x20) - 'a' + 10U;
        else
            return false;
        *value = *value << 4 | digit;
    }
    return true;
}

bool cpio_is_archive(const u8 *archive, u64 size)
{
    return size >= HEADER_SIZE && (!memcmp(archive, "070701", 6) || !memcmp(archive, "070702", 6));
}

bool cpio_find(const u8 *archive, u64 size, const char *name, struct cpio_entry *entry)
{
    u64 at = 0, name_len, data_len, data_at;

    while (at <= size && cpio_is_archive(archive + at, size - at)) {
        const u8 *header = archive + at, *entry_name = header + HEADER_SIZE;

        if (!hex_field(header + FIELD_AT(FIELD_SIZE), &data_len) ||
            !hex_field(header + FIELD_AT(FIELD_NAMELEN), &name_len))
            return false;
        data_at = ROUND_UP(at + HEADER_SIZE + name_len, 4UL);
        if (!name_len || data_at > size || data_len > size - data_at)
            return false;
        /* A name may be padded with zeros so that its data begin where the packer wants them. */
        size_t n = strnlen((const char *)entry_name, name_len);
        if (n < name_len && n == strlen(name) && !memcmp(entry_name, name, n)) {
            *entry = (struct cpio_entry){.data = archive + data_at, .size = data_len};
            return true;
        }
        at = ROUND_UP(data_at + data_len, 4UL);
    }
    return false;
}
