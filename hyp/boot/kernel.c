/* SPDX-License-Identifier: MIT */
/* Unpacking of the dom0 kernel, before the frame allocator exists: the result lies in one piece of exactly
 * its size. */
#include "boot/boot.h"
#include "boot/boot_alloc.h"
#include "cpu/paging.h"
#include "lib/bzimage.h"
#include "lib/printk.h"

#define UNPACKED_MAX (1UL << 30)

void boot_unpack_kernel(void)
{
    struct boot_module *m = &boot_info.modules[0];
    const u8 *image = paddr_to_virt(m->start);
    struct bzimage bz;
    const char *wrong;
    paddr_t packed_end = m->start + m->size;
    u8 *unpacked;

    if (!bzimage_is(image, m->size))
        return;
    wrong = bzimage_parse(image, m->size, &bz);
    if (!wrong && bz.unpacked_size > UNPACKED_MAX)
        wrong = "the bzImage claims to hold more than 1 GiB";
    if (wrong)
        boot_stop(wrong);
    unpacked = boot_try_alloc(PFN_UP(bz.unpacked_size));
    if (!unpacked)
        boot_stop("no memory to unpack the dom0 kernel");
    wrong = bzimage_unpack(&bz, unpacked);
    if (wrong) {
        printk(LOG_ERROR, "dom0 kernel: a bzImage with a payload in %s format\n", bz.format);
        boot_stop(wrong);
    }
    printk(LOG_INFO, "dom0 kernel: bzImage, %zu KiB of %s make %zu KiB\n", bz.payload_size >> 10, bz.format,
           bz.unpacked_size >> 10);
    paddr_t packed_start = m->start;
    m->start = virt_to_paddr(unpacked);
    m->size = bz.unpacked_size;
    boot_free_early(packed_start, packed_end);
}
