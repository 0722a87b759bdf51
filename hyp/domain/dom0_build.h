/* SPDX-License-Identifier: MIT */
/* The first domain, from the boot modules. */
#ifndef HYP_DOMAIN_DOM0_BUILD_H
#define HYP_DOMAIN_DOM0_BUILD_H

#include "lib/types.h"

/* Creates dom0 from boot_info.modules[0] (kernel) and [1] (initial ramdisk, optional) and leaves it paused,
 * vCPU 0 up. On failure prints one line and stops the machine. `max_vcpus`: as many as CPUs run.
 * `fill_hypercall_page` writes the page of hypercall stubs, for a kernel whose notes name one. */
void dom0_build(unsigned max_vcpus, void (*fill_hypercall_page)(u8 *page));

#endif
