/* SPDX-License-Identifier: MIT */
/*
 * HYPERVISOR_xen_version. Guests also use it as the cheapest way to have pending events delivered, so
 * XENVER_version comes first.
 */
#include <xen/features.h>
#include <xen/version.h>
#include "boot/boot.h"
#include "hypercalls/hypercalls.h"
#include "lib/string.h"

#define ABI_MAJOR    4
#define ABI_MINOR    17
#define EXTRAVERSION ".0-hospes"
#define CAPABILITIES "xen-3.0-x86_64 "
#define DENIED       "<denied>"

/* Linker script: the GNU build-id note, empty if the linker wrote none. */
extern const u8 __build_id_start[], __build_id_end[];
#define NOTE_DATA_OFFSET 16 /* header, "GNU" */

static size_t build_id(const u8 **id)
{
    size_t n = (size_t)(__build_id_end - __build_id_start);

    *id = __build_id_start + NOTE_DATA_OFFSET;
    return n > NOTE_DATA_OFFSET ? n - NOTE_DATA_OFFSET : 0;
}

/* A fixed-size text field of the interface, with zeros behind the text. */
static long put_text(u64 dst, const char *s, size_t size)
{
    char buf[128] = "";

    hyp_strlcpy(buf, s, MIN(size, sizeof(buf)));
    if (copy_to_guest(dst, buf, MIN(size, sizeof(buf))))
        return -EFAULT;
    if (size > sizeof(buf) && clear_guest(dst + sizeof(buf), size - sizeof(buf)))
        return -EFAULT;
    return 0;
}

static long put_compile_info(u64 dst)
{
    /* Same sources, same image: who built it, and when, is not in it. */
    struct xen_compile_info info = {.compiler = "", .compile_by = "hospes"};

    hyp_strlcpy(info.compiler, __VERSION__, sizeof(info.compiler));
    return copy_to_guest(dst, &info, sizeof(info)) ? -EFAULT : 0;
}

/* The changeset is as much of the build id as fits, in hexadecimal. */
static long put_changeset(u64 dst)
{
    static const char digits[] = "0123456789abcdef";
    char text[sizeof(xen_changeset_info_t)] = "build:";
    const u8 *id;
    size_t n = build_id(&id), at = strlen(text);

    for (size_t i = 0; i < n && at + 3 <= sizeof(text); i++) {
        text[at++] = digits[id[i] >> 4];
        text[at++] = digits[id[i] & 15];
    }
    return put_text(dst, n ? text : "unavailable", sizeof(text));
}

static long put_features(const struct domain *d, u64 arg)
{
    struct xen_feature_info f;

    if (copy_from_guest(&f, arg, sizeof(f)))
        return -EFAULT;
    if (f.submap_idx != 0)
        return -EINVAL;
    f.submap = 1u << XENFEAT_mmu_pt_update_preserve_ad | 1u << XENFEAT_highmem_assist |
               1u << XENFEAT_gnttab_map_avail_bits | 1u << XENFEAT_memory_op_vnode_supported |
               1u << XENFEAT_direct_mapped;
    if (d->vm_assist & (1UL << VMASST_TYPE_pae_extended_cr3))
        f.submap |= 1u << XENFEAT_pae_pgdir_above_4gb;
    if (d->privileged)
        f.submap |= 1u << XENFEAT_dom0;
    return copy_to_guest(arg, &f, sizeof(f)) ? -EFAULT : 0;
}

static long put_build_id(const struct domain *d, u64 arg)
{
    const u8 *id;
    size_t n = build_id(&id);
    u32 len = 0;

    if (!d->privileged)
        return -EPERM;
    if (arg) {
        if (copy_from_guest(&len, arg, sizeof(len)))
            return -EFAULT;
        if (!len)
            return -EINVAL;
    }
    if (!n)
        return -ENODATA;
    if (!arg)
        return (long)n;
    if (n > len)
        return -ENOBUFS;
    return copy_to_guest(arg + offsetof(struct xen_build_id, buf), id, n) ? -EFAULT : (long)n;
}

static long put_cmdline(const struct domain *d, u64 arg)
{
    if (!d->privileged)
        return copy_to_guest(arg, DENIED, sizeof(DENIED)) ? -EFAULT : 0;
    /* Zeros up to the end of the field, since boot_info was. */
    char last = 0;
    _Static_assert(sizeof(boot_info.cmdline) >= sizeof(xen_commandline_t), "the field is filled from ours");
    if (copy_to_guest(arg, boot_info.cmdline, sizeof(xen_commandline_t) - 1) ||
        copy_to_guest(arg + sizeof(xen_commandline_t) - 1, &last, 1))
        return -EFAULT;
    return 0;
}

long do_xen_version(u64 cmd, u64 arg, u64, u64, u64)
{
    struct domain *d = current->domain;
    const struct xen_platform_parameters params = {.virt_start = HYP_VIRT_START};

    switch ((u32)cmd) {
    case XENVER_version:
        return ABI_MAJOR << 16 | ABI_MINOR;
    case XENVER_extraversion:
        return put_text(arg, EXTRAVERSION, sizeof(xen_extraversion_t));
    case XENVER_compile_info:
        return put_compile_info(arg);
    case XENVER_capabilities:
        return put_text(arg, CAPABILITIES, sizeof(xen_capabilities_info_t));
    case XENVER_changeset:
        return put_changeset(arg);
    case XENVER_platform_parameters:
        return copy_to_guest(arg, &params, sizeof(params)) ? -EFAULT : 0;
    case XENVER_get_features:
        return put_features(d, arg);
    case XENVER_pagesize:
        return arg ? -EINVAL : (long)PAGE_SIZE;
    case XENVER_guest_handle:
        return copy_to_guest(arg, d->handle, sizeof(d->handle)) ? -EFAULT : 0;
    case XENVER_commandline:
        return put_cmdline(d, arg);
    case XENVER_build_id:
        return put_build_id(d, arg);
    default:
        return hypercall_unknown(__HYPERVISOR_xen_version, (u32)cmd);
    }
}
