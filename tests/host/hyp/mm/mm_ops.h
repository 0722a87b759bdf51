/* SPDX-License-Identifier: MIT */
/*
 * Two domains that do arbitrary things to their page tables, driven by a string of bytes: random in the unit
 * test, chosen by libFuzzer in the fuzzer.
 */
#ifndef MM_OPS_H
#define MM_OPS_H

#include "lib/types.h"

/* Runs operations until the bytes are used up, then ends both domains. Returns the number of violations
 * found: differences of the auditor, stale TLB entries, frames that did not come back. `audit_every`:
 * operations between two audits. */
unsigned mm_ops_run(const u8 *bytes, size_t n, unsigned audit_every);
/* Operations that succeeded, by kind, over all runs: shows that the random ones are not all refused. */
extern u64 mm_ops_done[32];

#endif
