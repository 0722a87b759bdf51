/* SPDX-License-Identifier: MIT */
#ifndef GUEST_MM_INTERNAL_H
#define GUEST_MM_INTERNAL_H

#include <stdbool.h>

/*
 * Makes the page at table (of the linear map, content ready) read-only and names it in the
 * level's entry for va. On failure the page is as before.
 */
bool mm_install_table(unsigned long va, unsigned level, void *table);

#endif
