/* SPDX-License-Identifier: MIT */
/*
 * The virtual address map and the compile-time limits of the hypervisor.
 *
 * The public ABI promises guests everything but L4 slots 256..271. Slot 256 is the read-only
 * machine-to-physical table, the rest is private. Every L4 that a CPU ever runs on carries the
 * same sixteen hypervisor entries, so the hypervisor's mappings are the same on every CPU.
 */
#ifndef HYP_CONFIG_H
#define HYP_CONFIG_H

#define NR_CPUS    64

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1UL << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))

/* Every CPU's stack block, naturally aligned: IST stacks below, main stack and struct cpu_info on top. */
#define STACK_ORDER      3
#define STACK_SIZE       (PAGE_SIZE << STACK_ORDER)

#define HYP_L4_FIRST     256 /* first L4 slot that belongs to the hypervisor */
#define HYP_L4_LAST      271 /* last one */

#define LOWER_HALF_END   0x0000800000000000UL /* from here to HYP_VIRT_START no address is canonical */
#define HYP_VIRT_START   0xffff800000000000UL
#define M2P_RO_BASE      0xffff800000000000UL /* slot 256: guests may read it */
#define M2P_RO_END       0xffff804000000000UL
#define M2P_RW_BASE      0xffff808000000000UL /* slot 257: the same frames, writable, supervisor only */
#define FRAME_TABLE_BASE 0xffff810000000000UL /* slot 258: struct page_info[] */
#define VMAP_BASE        0xffff818000000000UL /* slot 259: device registers and other explicit mappings */
#define DESC_BASE        0xffff820000000000UL /* slot 260: one window of descriptor tables for each vCPU */
#define HYP_IMAGE_BASE   0xffff828000000000UL /* slot 261: text, data, bss; physical 0 + 1 GiB */
#define DIRECTMAP_BASE   0xffff830000000000UL /* slots 262..271: all of RAM, supervisor only */
#define HYP_VIRT_END     0xffff880000000000UL

/* Descriptor window of one vCPU: 16 GDT pages, then 16 LDT pages, in one L1 table's reach. */
#define DESC_WINDOW_SIZE (32 * PAGE_SIZE)

/* Selectors in the two hypervisor-owned GDT pages (entries 7168..8191 of every GDT). */
#define FIRST_RESERVED_GDT_PAGE  14
#define FIRST_RESERVED_GDT_ENTRY (FIRST_RESERVED_GDT_PAGE * 512)
#define FIRST_RESERVED_GDT_BYTE  (FIRST_RESERVED_GDT_ENTRY * 8)
#define HYP_CS64                 0xe008
#define HYP_DS                   0xe010
#define GUEST_CS32               0xe023
#define GUEST_DS                 0xe02b
#define GUEST_CS64               0xe033
#define HYP_TSS                  0xe040 /* 16 bytes */
#define HYP_LDT                  0xe050 /* 16 bytes */

#define MAX_VCPUS_PER_DOMAIN     64

#ifndef NDEBUG
#define HYP_DEBUG 1
#else
#define HYP_DEBUG 0
#endif

#endif
