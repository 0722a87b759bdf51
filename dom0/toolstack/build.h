/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_BUILD_H
#define HOSPES_TOOLSTACK_BUILD_H

#include <stdint.h>

#include "dom0/toolstack/build_layout.h"
#include "dom0/toolstack/domain_config.h"
#include "dom0/toolstack/kernel.h"
#include "dom0/toolstack/toolstack.h"

/* What a domain may have beyond its target: libxl's allowance for pages that are not the guest's RAM. */
#define MAX_MEM_SLACK_KIB 1024U

/*
 * The PV domain builder. The stages are apart so that all that can be wrong with an operator's files is found
 * before a domain exists:
 *
 *   build_open    files read, checked, laid out; no hypervisor
 *   build_create  an empty, paused domain with its limits, vCPUs and two event channels
 *   build_fill    memory, kernel, tables, first vCPU: ready to be introduced to the store and unpaused
 *   build_close   gives back what open took; the domain stays
 *
 * All return 0, or -1 after a report "create NAME: what: why". A domain that build_create made is the
 * caller's to destroy when a later step fails.
 */
struct build {
    const struct domain_config *cfg; /* borrowed */

    struct kernel_bytes elf;
    struct kernel_image image;
    struct kernel_bytes ramdisk; /* fd -1: none */
    struct build_layout layout;

    uint32_t domid;
    uint32_t store_port, console_port; /* the guest's ports */
    uint64_t store_mfn, console_mfn;   /* after build_fill */
    uint64_t *mfn_of;                  /* layout.nr_pages frames, after memory was given */
};

int build_open(struct build *b, const struct domain_config *cfg);
int build_create(struct toolstack *ts, struct build *b);
int build_fill(struct toolstack *ts, struct build *b);
void build_close(struct build *b);

/* The parts of build_fill. */
int build_give_memory(struct toolstack *ts, struct build *b);                          /* build_memory.c */
int build_copy_image(struct toolstack *ts, struct build *b, uint64_t shared_info_mfn); /* build_image.c */
int build_start_vcpu(struct toolstack *ts, struct build *b, uint64_t shared_info_mfn); /* build_start.c */

/* Fills a cleared page. */
void build_write_start_info(const struct build *b, uint64_t shared_info_mfn, struct start_info *si);

/* Reports "create NAME: what: errno". Returns -1. */
int build_failed(const struct build *b, const char *what);

#endif
