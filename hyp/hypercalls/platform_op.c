/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_platform_op: what dom0's kernel tells and asks about the machine. */
#include <xen/platform.h>
#include "boot/boot.h"
#include "boot/efi.h"
#include "cpu/clock.h"
#include "cpu/features.h"
#include "cpu/platform.h"
#include "cpu/smp.h"
#include "hypercalls/control.h"
#include "hypercalls/hypercalls.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "sched/guest_time.h"

#define ACPI_S5 5

/* One field of the union back to the caller. */
#define PUT_FIELD(arg, op, field)                                                                      \
    (copy_to_guest((arg) + offsetof(struct xen_platform_op, field), &(op)->field, sizeof((op)->field)) \
         ? -EFAULT                                                                                     \
         : 0)

static long set_time(u64 sec, u32 nsec, u64 at)
{
    wallclock_set(sec, nsec, at);
    guest_wallclock_update_all();
    return 0;
}

/* Read once; NULL: no UEFI. */
static const struct efi_tables *efi_tables(void)
{
    static struct efi_tables tables;
    static bool tried, found;

    if (!tried) {
        tried = true;
        found = boot_info.efi && boot_info.efi_system_table &&
                efi_read_tables(boot_info.efi_system_table, &tables);
    }
    return found ? &tables : NULL;
}

static long efi_vendor(union xenpf_efi_info *info, const struct efi_tables *t)
{
    u32 n = MIN(info->vendor.bufsz / 2, ARRAY_SIZE(t->vendor));

    info->vendor.revision = t->vendor_revision;
    return copy_to_guest((u64)info->vendor.name.p, t->vendor, n * 2UL) ? -EFAULT : 0;
}

static long efi_info(u32 index, union xenpf_efi_info *info)
{
    const struct efi_tables *t = efi_tables();

    if (!t)
        return -ENOSYS;
    switch (index) {
    case XEN_FW_EFI_VERSION:
        info->version = t->revision;
        return 0;
    case XEN_FW_EFI_CONFIG_TABLE:
        info->cfg.addr = t->config;
        info->cfg.nent = t->config_count;
        return 0;
    case XEN_FW_EFI_VENDOR:
        return efi_vendor(info, t);
    case XEN_FW_EFI_RT_VERSION: /* runtime services are not called here */
        return -EOPNOTSUPP;
    case XEN_FW_EFI_MEM_INFO:
    case XEN_FW_EFI_PCI_ROM:
        return -ESRCH;
    case XEN_FW_EFI_APPLE_PROPERTIES:
        return -ENODATA;
    default:
        return -EINVAL;
    }
}

static long firmware_info(u64 arg, struct xen_platform_op *op)
{
    struct xenpf_firmware_info *f = &op->u.firmware_info;
    long r;

    switch (f->type) {
    case XEN_FW_DISK_INFO:
    case XEN_FW_DISK_MBR_SIGNATURE:
    case XEN_FW_VBEDDC_INFO:
        return -ESRCH; /* the BIOS is not asked: an empty list */
    case XEN_FW_EFI_INFO:
        r = efi_info(f->index, &f->u.efi_info);
        return r ? r : PUT_FIELD(arg, op, u.firmware_info.u.efi_info);
    case XEN_FW_KBD_SHIFT_FLAGS:
        if (f->index)
            return -ESRCH;
        f->u.kbd_shift_flags = 0;
        return PUT_FIELD(arg, op, u.firmware_info.u.kbd_shift_flags);
    default:
        return -EINVAL;
    }
}

static long get_cpuinfo(u64 arg, struct xen_platform_op *op)
{
    struct xenpf_pcpuinfo *c = &op->u.pcpu_info;

    if (c->xen_cpuid < cpu_count) {
        c->flags = XEN_PCPU_FLAGS_ONLINE;
        c->apic_id = cpu_ids[c->xen_cpuid].apic_id;
        c->acpi_id = cpu_ids[c->xen_cpuid].acpi_id;
    } else {
        c->flags = XEN_PCPU_FLAGS_INVALID;
    }
    c->max_present = cpu_count - 1;
    return PUT_FIELD(arg, op, u.pcpu_info);
}

static long get_cpu_version(u64 arg, struct xen_platform_op *op)
{
    struct xenpf_pcpu_version *c = &op->u.pcpu_version;

    if (c->xen_cpuid >= cpu_count) {
        memset(c->vendor_id, 0, sizeof(c->vendor_id));
        c->family = c->model = c->stepping = 0;
    } else {
        memcpy(c->vendor_id, features.vendor, sizeof(c->vendor_id));
        c->family = features.family;
        c->model = features.model;
        c->stepping = features.stepping;
    }
    c->max_present = cpu_count - 1;
    return PUT_FIELD(arg, op, u.pcpu_version);
}

static long enter_sleep(const struct xenpf_enter_acpi_sleep *s)
{
    if (s->sleep_state > ACPI_S5 || (s->flags & ~XENPF_ACPI_SLEEP_EXTENDED))
        return -EINVAL;
    if (s->sleep_state != ACPI_S5 || s->flags)
        return -EOPNOTSUPP;
    printk(LOG_INFO, "dom0 powers the machine off\n");
    smp_stop_others();
    machine_power_off(s->val_a, s->val_b);
}

static long run(u64 arg, struct xen_platform_op *op)
{
    switch (op->cmd) {
    case XENPF_settime32:
        return set_time(op->u.settime32.secs, op->u.settime32.nsecs, op->u.settime32.system_time);
    case XENPF_settime64:
        if (op->u.settime64.mbz)
            return -EINVAL;
        return set_time(op->u.settime64.secs, op->u.settime64.nsecs, op->u.settime64.system_time);
    case XENPF_firmware_info:
        return firmware_info(arg, op);
    case XENPF_enter_acpi_sleep:
        return enter_sleep(&op->u.enter_acpi_sleep);
    case XENPF_get_cpuinfo:
        return get_cpuinfo(arg, op);
    case XENPF_get_cpu_version:
        return get_cpu_version(arg, op);
    default: /* runtime services of UEFI, MTRRs, microcode, power management, hotplug: not offered */
        return hypercall_unknown(__HYPERVISOR_platform_op, op->cmd);
    }
}

long do_platform_op(u64 arg, u64, u64, u64, u64)
{
    struct xen_platform_op op;
    long r;

    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XENPF_INTERFACE_VERSION)
        return -EACCES;
    if (!current->domain->privileged)
        return -EPERM;
    if (!control_lock())
        return hypercall_continue(__HYPERVISOR_platform_op, 1, arg, 0, 0, 0, 0);
    r = run(arg, &op);
    control_unlock();
    return r;
}
