/* SPDX-License-Identifier: MIT */
#ifndef TESTS_ABI_LIB_CONTROL_H
#define TESTS_ABI_LIB_CONTROL_H

/* For claims about the control interfaces, which only the first domain may use. */
#define __XEN_TOOLS__ 1
#include "tests/abi/lib/abi.h"
#include <xen/domctl.h>
#include <xen/sysctl.h>

/* The arguments of the next call, and its results. */
extern struct xen_domctl domctl;
extern struct xen_sysctl sysctl;

/* All arguments zero. */
void control_clear(void);
long do_domctl(uint32_t cmd, domid_t dom);
long do_sysctl(uint32_t cmd);

/* A paused domain of `vcpus` vCPUs that have no context, with room for 16 pages; DOMID_INVALID if there is
 * none. */
domid_t control_new_domain(unsigned vcpus);
void control_destroy(domid_t dom);
/* Gives dom one page; its frame, 0 if that failed. */
xen_pfn_t control_give_page(domid_t dom, xen_pfn_t pfn);

#endif
