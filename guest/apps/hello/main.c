/* SPDX-License-Identifier: MIT */
/* The smallest guest: says where it runs and leaves. */
#include "guest/guest.h"

int guest_main(const char *cmdline)
{
    long v = hv_xen_version(XENVER_version, NULL);

    printf("hello from a %s of %lu pages on Xen ABI %ld.%ld, arguments: \"%s\"\n",
           guest_is_dom0() ? "first domain" : "guest", start_info->nr_pages, v >> 16, v & 0xffff, cmdline);
    return 0;
}
