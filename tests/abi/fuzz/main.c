/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls with random arguments.
 *
 * The interface's last promise: whatever a guest asks, it harms only itself. The first claims keep to
 * arguments that cannot harm the caller either, and check that it is unharmed; the storms ask for
 * anything and may end in the crash of the domain, never in that of the hypervisor.
 *
 * The sequence depends only on "seed=N" of the command line, so a finding can be repeated. Left out is what
 * the first domain is entitled to destroy: control operations, power, the machine's hardware.
 */
#include "tests/abi/lib/abi.h"
#include "guest/grant.h"
#include "guest/smp.h"
#include "guest/time.h"

#define SCRATCH 16u

static uint64_t state;
static char *scratch[SCRATCH];
static unsigned long alien;
static uint8_t guard[256];

static uint64_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static unsigned below(unsigned n)
{
    return (unsigned)(rnd() % n);
}

static void start(unsigned salt)
{
    char text[24] = "1";

    cmdline_value("seed=", text, sizeof(text));
    state = (strtoul(text, NULL, 0) + 1) * 0x9e3779b97f4a7c15ul + salt;
    if (!scratch[0]) {
        for (unsigned i = 0; i < SCRATCH; i++)
            scratch[i] = abi_page();
        alien = abi_alien_mfn();
        memset(guard, 0xa5, sizeof(guard));
    }
}

static void check_unharmed(void)
{
    unsigned bad = 0;

    for (unsigned i = 0; i < sizeof(guard); i++)
        bad += guard[i] != 0xa5;
    EXPECT_EQ(bad, 0);
    EXPECT_EQ(hv_xen_version(XENVER_pagesize, NULL), 4096);
}

static void *any_scratch(void)
{
    return scratch[below(SCRATCH)] + (below(4) ? below(64) * 64 : below(4096));
}

static unsigned long odd_number(void)
{
    static const unsigned long interesting[] = {0,
                                                1,
                                                2,
                                                7,
                                                8,
                                                63,
                                                64,
                                                127,
                                                128,
                                                255,
                                                256,
                                                511,
                                                512,
                                                1023,
                                                1024,
                                                4095,
                                                4096,
                                                4097,
                                                8191,
                                                8192,
                                                65535,
                                                65536,
                                                0x7fffffff,
                                                0x80000000,
                                                0xffffffff,
                                                0x100000000,
                                                0x7fffffffffff,
                                                0x800000000000,
                                                0xffff7fffffffffff,
                                                0xffff800000000000,
                                                0xffff820000000000,
                                                0xffff82d040000000,
                                                0xffff880000000000,
                                                0x7fffffffffffffff,
                                                0x8000000000000000,
                                                ~0ul,
                                                ~1ul,
                                                ~7ul,
                                                DOMID_SELF,
                                                DOMID_IO,
                                                DOMID_XEN,
                                                DOMID_INVALID,
                                                DOMID_COW};

    switch (below(4)) {
    case 0:
        return interesting[below(ARRAY_SIZE(interesting))];
    case 1:
        return below(64);
    case 2:
        return rnd();
    default:
        return rnd() >> below(64);
    }
}

/* Something that a field of an argument may hold, and that is harmless to name. */
static unsigned long odd_word(void)
{
    switch (below(7)) {
    case 0:
        return (unsigned long)any_scratch();
    case 1:
        return virt_to_mfn(scratch[below(SCRATCH)]);
    case 2:
        return virt_to_maddr(scratch[below(SCRATCH)]) + below(512) * 8 + below(4);
    case 3:
        return make_pte(virt_to_mfn(scratch[below(SCRATCH)]), rnd() & 0x80000000000001fful);
    case 4:
        return alien;
    case 5:
        return make_pte(alien, PTE_RO | (rnd() & PTE_W));
    default:
        return odd_number();
    }
}

static void *odd_argument(void)
{
    uint64_t *p = any_scratch();

    switch (below(8)) {
    case 0:
        return (void *)odd_number();
    case 1:
        return BAD_PTR;
    case 2:
        return HV_PTR;
    default:
        p = (uint64_t *)((unsigned long)p & ~7ul);
        for (unsigned i = 0; i < 8 && ((unsigned long)(p + i) & 0xfff) < 0xff8; i++)
            if (probe_write64(p + i, odd_word()))
                continue;
        return p;
    }
}

CLAIM(version, "xen_version")
{
    start(1);
    for (unsigned i = 0; i < 3000; i++)
        hv_xen_version((int)odd_number(), odd_argument());
    check_unharmed();
}

CLAIM(numbers, "hypercalls that do not exist")
{
    start(2);
    for (unsigned i = 0; i < 3000; i++) {
        unsigned long nr = odd_number();

        if (nr < 64)
            nr += 64;
        EXPECT_EQ(hypercall5(nr, odd_word(), odd_word(), odd_word(), odd_word(), odd_word()), -XEN_ENOSYS);
    }
    check_unharmed();
}

/* Commands of a group that may be fired with any argument. */
static void fire(unsigned nr, const unsigned *cmds, unsigned n, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        unsigned long cmd = below(8) ? cmds[below(n)] : 64 + odd_number();

        hypercall3(nr, cmd, (unsigned long)odd_argument(), below(4) ? below(4) : odd_number());
    }
}

CLAIM(grants, "grant_table_op with any argument")
{
    static const unsigned cmds[] = {
        GNTTABOP_map_grant_ref, GNTTABOP_unmap_grant_ref,   GNTTABOP_setup_table, GNTTABOP_copy,
        GNTTABOP_query_size,    GNTTABOP_unmap_and_replace, GNTTABOP_set_version, GNTTABOP_get_status_frames,
        GNTTABOP_get_version,   GNTTABOP_swap_grant_ref,    GNTTABOP_cache_flush, GNTTABOP_transfer};
    struct gnttab_set_version one = {.version = 1};

    start(3);
    fire(__HYPERVISOR_grant_table_op, cmds, ARRAY_SIZE(cmds), 6000);
    hv_grant_table_op(GNTTABOP_set_version, &one, 1);
    check_unharmed();
}

CLAIM(events, "event_channel_op with any argument but reset")
{
    start(4);
    for (unsigned i = 0; i < 6000; i++) {
        int cmd = (int)below(14);

        if (cmd == EVTCHNOP_reset || cmd == EVTCHNOP_init_control || cmd == EVTCHNOP_expand_array)
            continue;
        hv_event_channel_op(cmd, odd_argument());
    }
    check_unharmed();
}

CLAIM(memory, "memory_op with any argument on scratch pages")
{
    static const unsigned cmds[] = {
        XENMEM_increase_reservation, XENMEM_populate_physmap,    XENMEM_maximum_ram_page,
        XENMEM_current_reservation,  XENMEM_maximum_reservation, XENMEM_machphys_mfn_list,
        XENMEM_add_to_physmap,       XENMEM_memory_map,          XENMEM_machine_memory_map,
        XENMEM_machphys_mapping,     XENMEM_maximum_gpfn,        XENMEM_exchange};

    start(5);
    fire(__HYPERVISOR_memory_op, cmds, ARRAY_SIZE(cmds), 6000);
    check_unharmed();
}

CLAIM(tables, "mmu_update and mmuext_op on scratch pages, aliens and nonsense")
{
    struct mmu_update req[4];
    struct mmuext_op op;
    char *slot = abi_slot();
    unsigned done;

    start(6);
    for (unsigned i = 0; i < 6000; i++) {
        for (unsigned j = 0; j < 4; j++) {
            req[j].ptr = below(2) ? virt_to_maddr(scratch[below(SCRATCH)]) + below(4096)
                                  : mm_entry_maddr((unsigned long)slot, 1) | below(8);
            req[j].val = odd_word();
            /* M2P entries of own pages are ours to damage, but this library reads them. */
            if ((req[j].ptr & 7) == MMU_MACHPHYS_UPDATE)
                req[j].ptr ^= 1;
        }
        hv_mmu_update(req, below(5), below(2) ? &done : NULL,
                      (domid_t)(below(4) ? DOMID_SELF : odd_number()));
        memset(&op, 0, sizeof(op));
        op.cmd = below(22);
        if (op.cmd == MMUEXT_NEW_BASEPTR || op.cmd == MMUEXT_FLUSH_CACHE ||
            op.cmd == MMUEXT_FLUSH_CACHE_GLOBAL)
            continue;
        op.arg1.mfn = below(3) ? virt_to_mfn(scratch[below(SCRATCH)]) : odd_number();
        op.arg2.src_mfn = odd_word();
        hv_mmuext_op(&op, 1, NULL, DOMID_SELF);
    }
    abi_mmuext(MMUEXT_NEW_USER_BASEPTR, 0);
    check_unharmed();
}

CLAIM(addresses, "update_va_mapping with addresses that are not the kernel's")
{
    start(7);
    for (unsigned i = 0; i < 4000; i++) {
        unsigned long va = odd_number();

        if (va >= GUEST_VIRT_BASE)
            va &= 0xffffbffffffffffful;
        hv_update_va_mapping(va, odd_word(), odd_number());
        hv_update_va_mapping((unsigned long)scratch[below(SCRATCH)], odd_word(), below(8));
        hv_update_va_mapping_otherdomain(va, odd_word(), below(8), (domid_t)odd_number());
    }
    for (unsigned i = 0; i < SCRATCH; i++)
        mm_writable(scratch[i]);
    check_unharmed();
}

CLAIM(registers, "debug registers, descriptors and segment bases")
{
    start(8);
    for (unsigned i = 0; i < 4000; i++) {
        hv_set_debugreg(below(6), odd_number());
        hv_get_debugreg((unsigned)odd_number());
        hv_update_descriptor(below(2) ? virt_to_maddr(scratch[below(SCRATCH)]) + below(4096)
                                      : (uint64_t)alien << 12 | below(4096),
                             rnd());
        hv_set_segment_base((unsigned)odd_number(), odd_number());
        hv_set_gdt(odd_argument(), (unsigned)odd_number());
    }
    hv_set_gdt(NULL, 0);
    check_unharmed();
}

CLAIM(multicalls, "multicalls of harmless calls with any argument")
{
    static const unsigned calls[] = {__HYPERVISOR_xen_version,
                                     __HYPERVISOR_get_debugreg,
                                     __HYPERVISOR_multicall,
                                     __HYPERVISOR_grant_table_op,
                                     63,
                                     1000};
    static struct multicall_entry list[32];

    start(9);
    for (unsigned i = 0; i < 500; i++) {
        for (unsigned j = 0; j < 32; j++) {
            list[j].op = calls[below(ARRAY_SIZE(calls))];
            list[j].args[0] = below(2) ? below(16) : odd_number();
            list[j].args[1] = (unsigned long)odd_argument();
            list[j].args[2] = below(4);
        }
        hv_multicall(list, below(33));
    }
    check_unharmed();
}

/* What a storm must not do: it would end the machine by right, or only wait. */
static bool excluded(unsigned nr, unsigned long cmd, bool deadly)
{
    /* These end most domains at once; one storm in four has them, so that the others go deeper. */
    if (!deadly &&
        (nr == __HYPERVISOR_iret || nr == __HYPERVISOR_set_trap_table || nr == __HYPERVISOR_callback_op ||
         nr == __HYPERVISOR_set_callbacks || nr == __HYPERVISOR_stack_switch))
        return true;
    switch (nr) {
    case __HYPERVISOR_domctl:
    case __HYPERVISOR_sysctl:
    case __HYPERVISOR_platform_op:
    case __HYPERVISOR_kexec_op:
    case __HYPERVISOR_physdev_op:
    case __HYPERVISOR_hypfs_op:
    case __HYPERVISOR_xenoprof_op:
    case __HYPERVISOR_xenpmu_op:
    case __HYPERVISOR_console_io:
        return true;
    case __HYPERVISOR_sched_op:
    case __HYPERVISOR_sched_op_compat:
        return cmd != SCHEDOP_yield;
    case __HYPERVISOR_vcpu_op:
        return cmd == VCPUOP_down;
    default:
        return false;
    }
}

/* Puts back what the caller needs to go on. */
static void repair(unsigned round)
{
    hv_set_trap_table(guest_trap_table);
    traps_init_vcpu();
    hv_stack_switch(FLAT_KERNEL_SS, stack_base() + GUEST_STACK_SIZE);
    if (round % 64 == 0)
        mm_writable(scratch[below(SCRATCH)]);
}

static void rage(unsigned rounds, bool own_kernel, bool deadly)
{
    for (unsigned i = 0; i < rounds; i++) {
        unsigned nr = below(42);
        unsigned long a[5];

        for (unsigned j = 0; j < 5; j++)
            a[j] = below(2) ? (unsigned long)odd_argument() : odd_word();
        if (below(3))
            a[0] = below(32);
        if (own_kernel && !below(4))
            a[below(5)] = below(2) ? (unsigned long)&state & ~0xffful : virt_to_mfn(mm_root());
        if (excluded(nr, a[0], deadly))
            continue;
        hypercall5(nr, a[0], a[1], a[2], a[3], a[4]);
        if (!deadly)
            repair(i);
        if (i % 1024 == 0)
            printf("  %u\n", i);
    }
}

static void storm(unsigned salt, unsigned rounds, bool own_kernel)
{
    start(salt);
    rage(rounds, own_kernel, below(4) == 0);
}

STORM_CLAIM(storm, "any hypercall with any argument harms only the caller")
{
    storm(10, 20000, false);
}

STORM_CLAIM(storm_own, "the same with the kernel's own pages and root among the arguments")
{
    storm(11, 20000, true);
}

static void rage_beside(void *arg)
{
    (void)arg;
    rage(20000, false, false);
}

/* The vCPUs share the generator's state without a lock: one more source of disorder. */
STORM_CLAIM(storm_smp, "any hypercalls of all vCPUs at once harm only their domain")
{
    start(13);
    for (unsigned i = 1; i < smp_vcpus(); i++)
        if (smp_start(i, rage_beside, NULL))
            BROKEN("vCPU %u does not start", i);
    rage(20000, below(2), false);
}

/* Where a random instruction sequence came from; a trap in it goes back there. */
#define GUSTS 20000u

uint64_t gust_rsp;
unsigned gusts_trapped;

static bool blow_back(struct trap_frame *f)
{
    extern char gust_landing[];

    /* The storm may have hit what brings it back: better gone than going in circles. */
    if (++gusts_trapped > 2 * GUSTS)
        shutdown(SHUTDOWN_crash);
    f->rip = (uint64_t)gust_landing;
    f->cs = FLAT_KERNEL_CS & ~3u;
    f->ss = FLAT_KERNEL_SS;
    f->rsp = gust_rsp;
    f->rflags = 0x202;
    return true;
}

static __attribute__((noinline)) void gust(const void *code)
{
    const void *data = scratch[1] + 2048;

    asm volatile("push %%rbp; push %%rbx; mov %%rsp, gust_rsp(%%rip)\n\t"
                 "xor %%ecx, %%ecx; mov %%rdx, %%rbx; mov %%rdx, %%rsi; mov %%rdx, %%rdi\n\t"
                 "mov %%rdx, %%r8; mov %%rdx, %%r9; mov %%rdx, %%r12; xor %%ebp, %%ebp\n\t"
                 "call *%%rax\n\t"
                 ".globl gust_landing\n"
                 "gust_landing:\n\t"
                 "cld; mov gust_rsp(%%rip), %%rsp; pop %%rbx; pop %%rbp"
                 : "+a"(code), "+d"(data)
                 :
                 : "rcx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
}

static void out_of_time(unsigned port, void *data)
{
    (void)port;
    (void)data;
}

static bool event_blows_back(struct trap_frame *f)
{
    extern char gust_landing[];
    bool inside = f->rip >= WINDOW_BASE;

    events_upcall();
    time_set_timer(time_now() + 2000000);
    if (inside) {
        f->rip = (uint64_t)gust_landing;
        f->rsp = gust_rsp;
    }
    return true;
}

STORM_CLAIM(storm_instructions,
            "random privileged and prefixed instructions in kernel mode harm only the caller")
{
    static const uint8_t heads[][3] = {{0x0f, 0x01, 0},    {0x0f, 0x20, 0}, {0x0f, 0x22, 0}, {0x0f, 0x30, 0},
                                       {0x0f, 0x32, 0},    {0x0f, 0xa2, 0}, {0xe4, 0, 0},    {0xee, 0, 0},
                                       {0xf0, 0x0f, 0xb1}, {0x0f, 0xc7, 0}, {0xcd, 0, 0},    {0xcf, 0, 0},
                                       {0x8e, 0, 0},       {0x0f, 0x00, 0}, {0x0f, 0xae, 0}, {0x6c, 0, 0},
                                       {0x0f, 0x23, 0},    {0x0f, 0x06, 0}, {0x9d, 0, 0},    {0xf3, 0x6e, 0}};
    char *slot = abi_slot();
    int port = event_bind_virq(VIRQ_TIMER, 0);

    start(12);
    REQUIRE(port > 0);
    mm_set_pte((unsigned long)slot, make_pte(virt_to_mfn(scratch[0]), PTE_RO));
    for (unsigned v = 0; v < 32; v++)
        trap_set_hook(v, blow_back);
    trap_set_hook(0x80, blow_back);
    trap_set_hook(0x81, blow_back);
    trap_set_hook(TRAP_FAILSAFE, blow_back);
    event_handle((unsigned)port, out_of_time, NULL);
    trap_set_hook(TRAP_EVENT, event_blows_back);
    time_set_timer(time_now() + 2000000);
    for (unsigned i = 0; i < GUSTS; i++) {
        unsigned at = 0, head = below(ARRAY_SIZE(heads));

        for (unsigned j = 0; j < 16; j++)
            scratch[0][j] = (char)rnd();
        if (below(3) == 0)
            scratch[0][at++] = (char)(0x40 + below(16));
        for (unsigned j = 0; below(6) && j < 3 && heads[head][j]; j++)
            scratch[0][at++] = (char)heads[head][j];
        memset(scratch[0] + 16, 0xc3, 32);
        gust(slot);
    }
    trap_set_hook(TRAP_EVENT, NULL);
    printf("  %u of %u trapped\n", gusts_trapped, GUSTS);
}
