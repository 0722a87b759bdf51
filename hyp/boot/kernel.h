/* SPDX-License-Identifier: MIT */
/* The dom0 kernel as the loader brought it. */
#ifndef HYP_BOOT_KERNEL_H
#define HYP_BOOT_KERNEL_H

/*
 * If the first module is a bzImage: unpacks it into early memory, lets boot_info.modules[0] describe the ELF
 * image in it, and gives the packed one's frames back. Anything else stays as it is. Stops the machine with a
 * message when the image is damaged or in a format that we cannot unpack. After paging_init(), while
 * boot_alloc_pages() works.
 */
void boot_unpack_kernel(void);

#endif
