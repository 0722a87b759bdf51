/* SPDX-License-Identifier: MIT */
/* The instructions behind flush.c. */
#include "mm/flush.h"
#include "cpu/processor.h"

void hw_flush_tlb(void)
{
    write_cr3(read_cr3());
}

void hw_flush_page(u64 va)
{
    invlpg(va);
}

void hw_load_cr3(u64 cr3)
{
    write_cr3(cr3);
}
