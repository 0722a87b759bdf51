/* SPDX-License-Identifier: MIT */
/* The ABI's error numbers under their usual names (EPERM, EINVAL...), from the public header. Functions
 * return -Exxx. */
#ifndef HYP_LIB_ERRNO_H
#define HYP_LIB_ERRNO_H
#ifdef HYP_HOST_TEST
#include <errno.h>
#ifndef ERESTART
#define ERESTART 85
#endif
#else
#define XEN_ERRNO(name, value) name = (value),
enum {
#include <xen/errno.h>
    ERESTART = 85, /* internal: call again; never reaches a guest */
};
#endif
#endif
