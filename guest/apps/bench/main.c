/* SPDX-License-Identifier: MIT */
/*
 * What the hypervisor's services cost.
 *
 * Each case runs ROUNDS times between two readings of the TSC. Under QEMU's instruction counting
 * ("-icount shift=0,sleep=off") the TSC advances by one for each instruction, so the figures are instruction
 * counts, guest's and hypervisor's together, and the same on every run.
 *
 * Output: "bench NAME N instructions", and "bench done" as the last line.
 */
#include "guest/events.h"
#include "guest/grant.h"
#include "guest/guest.h"
#include "guest/mm.h"
#include "guest/smp.h"
#include "guest/time.h"
#include "guest/traps.h"

#define ROUNDS 1000u

struct bench {
    const char *name;
    bool (*prepare)(void); /* may be NULL; false: the case cannot run here */
    void (*round)(void);
};

static char *slot;
static uint64_t *slot_entry;
static uint64_t slot_maddr, pte_on;
static char *page, *other;
static int port;
static grant_ref_t ref;
static char user_stack[2 * PAGE_SIZE] __attribute__((aligned(4096)));

static void nothing(void)
{
}

static void null_hypercall(void)
{
    hv_xen_version(XENVER_version, NULL);
}

static void bad_hypercall(void)
{
    hypercall1(63, 0);
}

static void on_event(unsigned p, void *data)
{
    (void)p;
    (void)data;
}

static bool prepare_event(void)
{
    if (!port) {
        port = event_bind_ipi(0);
        event_handle((unsigned)port, on_event, NULL);
    }
    return port > 0;
}

static void event_to_self(void)
{
    event_send((unsigned)port);
}

static bool prepare_masked(void)
{
    event_mask((unsigned)port);
    return true;
}

static bool prepare_slot(void)
{
    if (!slot) {
        slot = window_alloc(1);
        page = page_alloc(0);
        other = page_alloc(0);
        slot_entry = mm_entry((unsigned long)slot, 1);
        slot_maddr = mm_entry_maddr((unsigned long)slot, 1);
        pte_on = make_pte(virt_to_mfn(page), PTE_RW);
    }
    return slot && page && other;
}

/* Each of these maps and unmaps once: two updates a round. */
static void pte_mmu_update(void)
{
    mm_update_entry(slot_maddr, pte_on);
    mm_update_entry(slot_maddr, 0);
}

static void pte_mmu_update_batch(void)
{
    struct mmu_update req[16];

    for (unsigned i = 0; i < 16; i++)
        req[i] = (struct mmu_update){.ptr = slot_maddr, .val = i & 1 ? 0 : pte_on};
    hv_mmu_update(req, 16, NULL, DOMID_SELF);
}

static void pte_update_va(void)
{
    hv_update_va_mapping((unsigned long)slot, pte_on, UVMF_NONE);
    hv_update_va_mapping((unsigned long)slot, 0, UVMF_INVLPG | UVMF_LOCAL);
}

static bool prepare_ptwrite(void)
{
    return prepare_slot() && hv_vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables) == 0;
}

static void pte_write_mov(void)
{
    *(volatile uint64_t *)slot_entry = pte_on;
    *(volatile uint64_t *)slot_entry = 0;
}

static void pte_write_xchg(void)
{
    uint64_t v = pte_on;

    asm volatile("xchgq %0, (%1)" : "+r"(v) : "r"(slot_entry) : "memory");
    v = 0;
    asm volatile("xchgq %0, (%1)" : "+r"(v) : "r"(slot_entry) : "memory");
}

static void pte_write_cmpxchg(void)
{
    uint64_t old = 0;

    asm volatile("lock cmpxchgq %1, (%2)" : "+a"(old) : "r"(pte_on), "r"(slot_entry) : "memory", "cc");
    old = *slot_entry;
    asm volatile("lock cmpxchgq %1, (%2)" : "+a"(old) : "r"(0ul), "r"(slot_entry) : "memory", "cc");
}

static void pin_unpin_l1(void)
{
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = virt_to_mfn(other)};

    hv_mmuext_op(&op, 1, NULL, DOMID_SELF);
    op.cmd = MMUEXT_UNPIN_TABLE;
    hv_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

static bool prepare_pin(void)
{
    return prepare_slot() && mm_readonly(other) == 0;
}

static bool skip_fault(struct trap_frame *f)
{
    f->rip += 2;
    return true;
}

static bool prepare_fault(void)
{
    trap_set_hook(VEC_PF, skip_fault);
    trap_set_hook(VEC_UD, skip_fault);
    return prepare_slot();
}

static void fault_bounce(void)
{
    asm volatile("movb (%0), %%al" : : "b"(slot) : "rax"); /* two bytes long */
}

static void ud2_bounce(void)
{
    asm volatile("ud2");
}

static void iret_only(void)
{
    asm volatile("mov %%rsp, %%rbx; mov %%ss, %%eax; push %%rax; push %%rbx; pushq $0x202; pushq %0\n\t"
                 "lea 1f(%%rip), %%rax; push %%rax; pushq $0; pushq $0; pushq $0; pushq $0\n\t"
                 "mov %1, %%eax; syscall; 1:"
                 :
                 : "i"(FLAT_KERNEL_CS & ~3), "i"(__HYPERVISOR_iret)
                 : "rax", "rbx", "rcx", "r11", "memory");
}

static bool prepare_user(void)
{
    struct mmuext_op op = {.cmd = MMUEXT_NEW_USER_BASEPTR, .arg1.mfn = virt_to_mfn(mm_root())};

    return hv_mmuext_op(&op, 1, NULL, DOMID_SELF) == 0;
}

static bool user_syscall_hook(struct trap_frame *f)
{
    return f->rax != USER_SYSCALL_EXIT;
}

static unsigned long user_syscalls(unsigned long n)
{
    uint64_t start = rdtsc();

    for (unsigned long i = 0; i < n; i++) {
        unsigned long nr = 39;

        asm volatile("syscall" : "+a"(nr) : : "rcx", "r11", "memory");
    }
    return rdtsc() - start;
}

static unsigned long user_faults(unsigned long n)
{
    uint64_t start = rdtsc();

    for (unsigned long i = 0; i < n; i++)
        asm volatile("ud2");
    return rdtsc() - start;
}

static bool prepare_grant(void)
{
    static bool done;
    int r;

    if (done)
        return true;
    if (!prepare_slot() || !grant_init(1))
        return false;
    r = grant_alloc();
    ref = (grant_ref_t)r;
    mm_writable(other);
    grant_access(ref, 0, virt_to_mfn(other), 0);
    return done = r >= 0;
}

static void grant_copy(unsigned len)
{
    struct gnttab_copy op = {.len = (uint16_t)len, .flags = GNTCOPY_dest_gref};

    op.source.u.gmfn = virt_to_mfn(page);
    op.source.domid = DOMID_SELF;
    op.dest.u.ref = ref;
    op.dest.domid = DOMID_SELF;
    hv_grant_table_op(GNTTABOP_copy, &op, 1);
}

static void grant_copy_64(void)
{
    grant_copy(64);
}

static void grant_copy_4096(void)
{
    grant_copy(4096);
}

static void grant_map_unmap(void)
{
    struct gnttab_map_grant_ref m = {
        .host_addr = (unsigned long)slot, .flags = GNTMAP_host_map, .ref = ref, .dom = 0};
    struct gnttab_unmap_grant_ref u = {.host_addr = (unsigned long)slot};

    hv_grant_table_op(GNTTABOP_map_grant_ref, &m, 1);
    u.handle = m.handle;
    hv_grant_table_op(GNTTABOP_unmap_grant_ref, &u, 1);
}

static void segment_base(void)
{
    hv_set_segment_base(SEGBASE_FS, 0x1000);
}

static void multicall_8(void)
{
    struct multicall_entry m[8];

    for (unsigned i = 0; i < 8; i++)
        m[i] = (struct multicall_entry){.op = __HYPERVISOR_xen_version, .args = {XENVER_version}};
    hv_multicall(m, 8);
}

static void stack_switch(void)
{
    hv_stack_switch(FLAT_KERNEL_SS, (unsigned long)user_stack);
}

static void new_baseptr(void)
{
    struct mmuext_op op = {.cmd = MMUEXT_NEW_BASEPTR, .arg1.mfn = virt_to_mfn(mm_root())};

    hv_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

static void flush_local(void)
{
    struct mmuext_op op = {.cmd = MMUEXT_TLB_FLUSH_LOCAL};

    hv_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

static void cpuid_forced(void)
{
    asm volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2" : : "a"(1), "c"(0) : "rbx", "rdx");
}

static void rdmsr_gs(void)
{
    asm volatile("rdmsr" : : "c"(0xc0000102) : "rax", "rdx");
}

static void cli_trap(void)
{
    asm volatile("cli");
}

static bool prepare_iopl(void)
{
    struct physdev_set_iopl op = {.iopl = 1};

    trap_set_hook(VEC_PF, NULL);
    return hv_physdev_op(PHYSDEVOP_set_iopl, &op) == 0;
}

static void read_cr0(void)
{
    asm volatile("mov %%cr0, %%rax" : : : "rax");
}

static void yield(void)
{
    hv_sched_op(SCHEDOP_yield, NULL);
}

static void set_timer(void)
{
    time_set_timer(time_now() + 1000000000ul);
}

static bool prepare_timer(void)
{
    return event_bind_virq(VIRQ_TIMER, 0) > 0;
}

static const struct bench benches[] = {
    {"null_hypercall", NULL, null_hypercall},
    {"bad_hypercall", NULL, bad_hypercall},
    {"event_to_self", prepare_event, event_to_self},
    {"event_masked", prepare_masked, event_to_self},
    {"pte_mmu_update_x2", prepare_slot, pte_mmu_update},
    {"pte_mmu_update_batch_16", prepare_slot, pte_mmu_update_batch},
    {"pte_update_va_x2", prepare_slot, pte_update_va},
    {"pte_write_mov_x2", prepare_ptwrite, pte_write_mov},
    {"pte_write_xchg_x2", prepare_ptwrite, pte_write_xchg},
    {"pte_write_cmpxchg_x2", prepare_ptwrite, pte_write_cmpxchg},
    {"pin_unpin_l1", prepare_pin, pin_unpin_l1},
    {"fault_bounce", prepare_fault, fault_bounce},
    {"ud2_bounce", prepare_fault, ud2_bounce},
    {"iret", NULL, iret_only},
    {"grant_copy_64", prepare_grant, grant_copy_64},
    {"grant_copy_4096", prepare_grant, grant_copy_4096},
    {"grant_map_unmap", prepare_grant, grant_map_unmap},
    {"set_segment_base", NULL, segment_base},
    {"stack_switch", NULL, stack_switch},
    {"multicall_8", NULL, multicall_8},
    {"new_baseptr", NULL, new_baseptr},
    {"tlb_flush_local", NULL, flush_local},
    {"cpuid", NULL, cpuid_forced},
    {"rdmsr_kernel_gs", NULL, rdmsr_gs},
    {"cli", prepare_iopl, cli_trap},
    {"read_cr0", NULL, read_cr0},
    {"yield", NULL, yield},
    {"set_timer", prepare_timer, set_timer},
};

static uint64_t measure(void (*round)(void))
{
    uint64_t start;

    for (unsigned i = 0; i < 16; i++)
        round();
    start = rdtsc();
    for (unsigned i = 0; i < ROUNDS; i++)
        round();
    return rdtsc() - start;
}

static void report(const char *name, uint64_t total, uint64_t empty)
{
    printf("bench %s %lu instructions\n", name, (total - empty + ROUNDS / 2) / ROUNDS);
}

int guest_main(const char *cmdline)
{
    uint64_t empty = measure(nothing);

    (void)cmdline;
    for (unsigned i = 0; i < ARRAY_SIZE(benches); i++) {
        if (benches[i].prepare && !benches[i].prepare())
            printf("bench %s cannot be run here\n", benches[i].name);
        else
            report(benches[i].name, measure(benches[i].round), empty);
    }
    if (prepare_user()) {
        char *top = user_stack + sizeof(user_stack);

        trap_set_hook(TRAP_SYSCALL, user_syscall_hook);
        report("user_syscall", user_call(user_syscalls, ROUNDS, top), empty);
        trap_set_hook(VEC_UD, skip_fault);
        report("user_fault", user_call(user_faults, ROUNDS, top), empty);
    }
    printf("bench done\n");
    shutdown(guest_is_dom0() ? SHUTDOWN_reboot : SHUTDOWN_poweroff);
}
