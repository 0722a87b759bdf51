/* SPDX-License-Identifier: MIT */
/*
 * Callbacks, assists, console and the simple device operations.
 */
#include "tests/abi/lib/abi.h"

extern void trap_entry_event(void), trap_entry_failsafe(void), trap_entry_syscall(void);

static long reg(unsigned type, unsigned long address, unsigned flags)
{
    struct callback_register r = {.type = (uint16_t)type, .flags = (uint16_t)flags, .address = address};

    return hv_callback_op(CALLBACKOP_register, &r);
}

static long unreg(unsigned type)
{
    struct callback_unregister u = {.type = (uint16_t)type};

    return hv_callback_op(CALLBACKOP_unregister, &u);
}

CLAIM(types, "event, failsafe, syscall, sysenter and syscall32 can be registered; other types are ENOSYS")
{
    EXPECT_EQ(reg(CALLBACKTYPE_event, (unsigned long)trap_entry_event, 0), 0);
    EXPECT_EQ(reg(CALLBACKTYPE_failsafe, (unsigned long)trap_entry_failsafe, CALLBACKF_mask_events), 0);
    EXPECT_EQ(reg(CALLBACKTYPE_syscall, (unsigned long)trap_entry_syscall, CALLBACKF_mask_events), 0);
    EXPECT_EQ(reg(CALLBACKTYPE_sysenter, (unsigned long)trap_entry_syscall, 0), 0);
    EXPECT_EQ(reg(CALLBACKTYPE_syscall32, (unsigned long)trap_entry_syscall, 0), 0);
    EXPECT_EQ(reg(3, 0, 0), -XEN_ENOSYS);
    EXPECT_EQ(reg(6, 0, 0), -XEN_ENOSYS);
    EXPECT_EQ(reg(0xffff, 0, 0), -XEN_ENOSYS);
}

CLAIM(errors, "a non-canonical address is EINVAL, a bad pointer EFAULT, an unknown command ENOSYS")
{
    EXPECT_EQ(reg(CALLBACKTYPE_event, 1ul << 60, 0), -XEN_EINVAL);
    EXPECT_EQ(hv_callback_op(CALLBACKOP_register, BAD_PTR), -XEN_EFAULT);
    EXPECT_EQ(hv_callback_op(CALLBACKOP_unregister, BAD_PTR), -XEN_EFAULT);
    EXPECT_EQ(hv_callback_op(77, NULL), -XEN_ENOSYS);
}

CLAIM(unregister, "only the NMI callback can be unregistered; the others are EINVAL, unknown ones ENOSYS")
{
    EXPECT_EQ(unreg(CALLBACKTYPE_event), -XEN_EINVAL);
    EXPECT_EQ(unreg(CALLBACKTYPE_failsafe), -XEN_EINVAL);
    EXPECT_EQ(unreg(CALLBACKTYPE_syscall), -XEN_EINVAL);
    EXPECT_EQ(unreg(CALLBACKTYPE_nmi), 0);
    EXPECT_EQ(unreg(99), -XEN_ENOSYS);
    EXPECT_EQ(hv_set_trap_table(guest_trap_table), 0);
}

CLAIM(set_callbacks, "the old form registers the three and is always 0")
{
    EXPECT_EQ(hv_set_callbacks((unsigned long)trap_entry_event, (unsigned long)trap_entry_failsafe,
                               (unsigned long)trap_entry_syscall),
              0);
    EXPECT_EQ(hv_set_callbacks(1ul << 60, 1ul << 60, 1ul << 60), 0);
    EXPECT_EQ(hv_set_callbacks((unsigned long)trap_entry_event, (unsigned long)trap_entry_failsafe,
                               (unsigned long)trap_entry_syscall),
              0);
}

CLAIM(vm_assist,
      "the assists of 64-bit guests can be enabled and disabled; others are EINVAL, commands ENOSYS")
{
    static const unsigned types[] = {VMASST_TYPE_4gb_segments,         VMASST_TYPE_writable_pagetables,
                                     VMASST_TYPE_pae_extended_cr3,     VMASST_TYPE_architectural_iopl,
                                     VMASST_TYPE_runstate_update_flag, VMASST_TYPE_m2p_strict};

    for (unsigned i = 1; i < ARRAY_SIZE(types); i++) {
        EXPECT_EQ(hv_vm_assist(VMASST_CMD_enable, types[i]), 0);
        EXPECT_EQ(hv_vm_assist(VMASST_CMD_disable, types[i]), 0);
    }
    EXPECT_EQ(hv_vm_assist(VMASST_CMD_enable, 20), -XEN_EINVAL);
    EXPECT_EQ(hv_vm_assist(VMASST_CMD_enable, ~0u), -XEN_EINVAL);
    EXPECT_EQ(hv_vm_assist(77, VMASST_TYPE_writable_pagetables), -XEN_ENOSYS);
}

CLAIM(console_write,
      "the first domain's console_io writes; a bad buffer is EFAULT, an unknown command ENOSYS")
{
    char text[] = "  text by console_io\n";

    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(hv_console_io(CONSOLEIO_write, sizeof(text) - 1, text), 0);
    EXPECT_EQ(hv_console_io(CONSOLEIO_write, 0, NULL), 0);
    EXPECT_EQ(hv_console_io(CONSOLEIO_write, 10, BAD_PTR), -XEN_EFAULT);
    EXPECT_EQ(hv_console_io(77, 1, text), -XEN_ENOSYS);
}

CLAIM(console_read, "reading the console without input returns 0")
{
    char buf[16];

    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(hv_console_io(CONSOLEIO_read, sizeof(buf), buf), 0);
}

CLAIM(console_long, "a write of two pages is one call")
{
    char *text = page_alloc(1);

    FIRST_DOMAIN_ONLY();
    REQUIRE(text);
    memset(text, ' ', 2 * PAGE_SIZE);
    for (unsigned i = 63; i < 2 * PAGE_SIZE; i += 64)
        text[i] = '\n';
    EXPECT_EQ(hv_console_io(CONSOLEIO_write, 2 * PAGE_SIZE, text), 0);
    page_free(text, 1);
}

CLAIM(set_iopl, "set_iopl takes 0 to 3, more is EINVAL")
{
    struct physdev_set_iopl op = {.iopl = 4};

    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iopl, &op), -XEN_EINVAL);
    for (op.iopl = 3; op.iopl > 0; op.iopl--)
        EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iopl, &op), 0);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iopl, &op), 0);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iopl, BAD_PTR), -XEN_EFAULT);
}

CLAIM(set_iobitmap, "set_iobitmap takes up to 65536 ports, more is EINVAL, none removes it")
{
    struct physdev_set_iobitmap op = {.nr_ports = 65537};
    static uint8_t map[128];

    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iobitmap, &op), -XEN_EINVAL);
    set_xen_guest_handle(op.bitmap, map);
    op.nr_ports = 1024;
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iobitmap, &op), 0);
    op.nr_ports = 0;
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iobitmap, &op), 0);
}

static char user_stack[PAGE_SIZE] __attribute__((aligned(16)));
/* Changed by handlers that the compiler cannot see being called: hence external linkage. */
struct trap_frame user_frame;

static bool leave(struct trap_frame *f)
{
    user_frame = *f;
    user_exit(f->vector);
}

static unsigned long u_in80(unsigned long arg)
{
    uint8_t v;

    (void)arg;
    asm volatile("inb $0x80, %0" : "=a"(v));
    return 0x100 + v * 0;
}

CLAIM(iopl_user, "user mode may use ports with IOPL 3 or a clear bit of the bitmap, and only then")
{
    static uint8_t map[8192];
    struct physdev_set_iopl iopl = {.iopl = 3};
    struct physdev_set_iobitmap bitmap = {.nr_ports = 65536};
    char *top = user_stack + sizeof(user_stack);

    abi_user_mode();
    trap_set_hook(VEC_GP, leave);
    EXPECT_EQ(user_call(u_in80, 0, top), VEC_GP);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
    EXPECT_EQ(user_call(u_in80, 0, top), 0x100);
    iopl.iopl = 1;
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
    EXPECT_EQ(user_call(u_in80, 0, top), VEC_GP);
    memset(map, 0xff, sizeof(map));
    map[0x10] = 0xfe;
    set_xen_guest_handle(bitmap.bitmap, map);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iobitmap, &bitmap), 0);
    EXPECT_EQ(user_call(u_in80, 0, top), 0x100);
    map[0x10] = 0xff;
    EXPECT_EQ(user_call(u_in80, 0, top), VEC_GP);
    bitmap.nr_ports = 0;
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iobitmap, &bitmap), 0);
}

CLAIM(physdev_errors, "unknown device operations are ENOSYS, bad pointers EFAULT")
{
    EXPECT_EQ(hv_physdev_op(99, NULL), -XEN_ENOSYS);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_eoi, BAD_PTR), -XEN_EFAULT);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_irq_status_query, BAD_PTR), -XEN_EFAULT);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_map_pirq, BAD_PTR), -XEN_EFAULT);
}

CLAIM(eoi_errors, "eoi and irq_status_query of interrupts beyond the domain's are EINVAL")
{
    struct physdev_eoi eoi = {.irq = 100000};
    struct physdev_irq_status_query query = {.irq = 100000};

    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_eoi, &eoi), -XEN_EINVAL);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_irq_status_query, &query), -XEN_EINVAL);
}

CLAIM(map_pirq_gsi, "map_pirq of a GSI gives the number asked for; a bad domain or type is refused")
{
    struct physdev_map_pirq op = {.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 9, .pirq = 9};

    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_map_pirq, &op), 0);
    EXPECT_EQ(op.pirq, 9);
    op.index = 100000;
    EXPECT(hv_physdev_op(PHYSDEVOP_map_pirq, &op) < 0);
    op = (struct physdev_map_pirq){.domid = DOMID_SELF, .type = 77, .index = 9, .pirq = 9};
    EXPECT(hv_physdev_op(PHYSDEVOP_map_pirq, &op) < 0);
    op = (struct physdev_map_pirq){.domid = 0x7000, .type = MAP_PIRQ_TYPE_GSI, .index = 9, .pirq = 9};
    EXPECT(hv_physdev_op(PHYSDEVOP_map_pirq, &op) < 0);
}
