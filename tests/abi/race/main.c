/* SPDX-License-Identifier: MIT */
/*
 * vCPUs of one domain that work against each other.
 *
 * Each claim lets all vCPUs do conflicting things to the same frames, entries, grants or ports for a
 * while. What each call answers is a matter of luck; that afterwards every page can be made writable again,
 * every count is as before and the hypervisor lives is not. The runner gives this image two CPUs.
 */
#include "tests/abi/lib/abi.h"
#include "guest/events.h"
#include "guest/grant.h"
#include "guest/smp.h"
#include "guest/time.h"

#define MAX_RUNNERS 4u
#define DURATION_NS 400000000ul

typedef void (*work_t)(unsigned me, uint64_t *seed);

static work_t volatile work; /* what the runners do now; NULL: wait */
static volatile unsigned running, started;
static unsigned runners;
static uint64_t volatile calls[MAX_RUNNERS];

static uint64_t next(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

static void runner(void *arg)
{
    unsigned me = (unsigned)(unsigned long)arg;
    uint64_t seed = 0x9e3779b97f4a7c15ul * (me + 1);

    __atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        work_t job = work;

        if (!job) {
            hv_sched_op(SCHEDOP_yield, NULL);
            continue;
        }
        __atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
        while (work == job) {
            job(me, &seed);
            calls[me]++;
        }
        __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    }
}

static bool ready(void)
{
    if (runners)
        return true;
    runners = smp_vcpus() < MAX_RUNNERS ? smp_vcpus() : MAX_RUNNERS;
    for (unsigned i = 1; i < runners; i++)
        if (smp_start(i, runner, (void *)(unsigned long)i))
            BROKEN("vCPU %u does not start", i);
    while (started + 1 < runners)
        hv_sched_op(SCHEDOP_yield, NULL);
    return true;
}

/* All vCPUs, this one too, do the job for a while. */
static void compete(work_t job)
{
    uint64_t end = time_now() + DURATION_NS, seed = 1;

    work = job;
    while (time_now() < end)
        job(0, &seed);
    work = NULL;
    while (running)
        hv_sched_op(SCHEDOP_yield, NULL);
}

#define TABLES 4u

static uint64_t *tables[TABLES];
static char *pages[TABLES];
static uint64_t l2_entries; /* machine address of TABLES unused entries of an L2 table */

#define FREE_2M (WINDOW_BASE + (unsigned long)WINDOW_PAGES * PAGE_SIZE + (64ul << 20))

static void make_tables(void)
{
    char *slot;

    if (tables[0])
        return;
    slot = abi_slot();
    abi_slot_free(slot);
    l2_entries = mm_entry_maddr(FREE_2M, 2);
    for (unsigned i = 0; i < TABLES; i++) {
        tables[i] = abi_table();
        pages[i] = abi_page();
    }
}

static long mmuext(unsigned cmd, unsigned long mfn)
{
    struct mmuext_op op = {.cmd = cmd, .arg1.mfn = mfn};

    return hv_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

static void pin_job(unsigned me, uint64_t *s)
{
    unsigned long mfn = virt_to_mfn(tables[next(s) % TABLES]);

    (void)me;
    switch (next(s) % 4) {
    case 0:
        mmuext(MMUEXT_PIN_L1_TABLE + (unsigned)(next(s) % 4), mfn);
        break;
    case 1:
        mmuext(MMUEXT_PIN_L1_TABLE, mfn);
        break;
    default:
        mmuext(MMUEXT_UNPIN_TABLE, mfn);
        break;
    }
}

static void settle_tables(void)
{
    for (unsigned i = 0; i < TABLES; i++) {
        mm_update_entry(l2_entries + i * 8, 0);
        mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(tables[i]));
    }
    for (unsigned i = 0; i < TABLES; i++) {
        EXPECT_EQ(mm_writable(tables[i]), 0);
        memset(tables[i], 0, PAGE_SIZE);
        EXPECT_EQ(mm_readonly(tables[i]), 0);
        EXPECT_EQ(mm_writable(pages[i]), 0);
    }
}

CLAIM(pin, "pinning and unpinning the same tables at different levels from all vCPUs")
{
    if (!ready())
        return;
    make_tables();
    compete(pin_job);
    settle_tables();
}

static void type_job(unsigned me, uint64_t *s)
{
    unsigned i = (unsigned)(next(s) % TABLES);
    unsigned long mfn = virt_to_mfn(tables[i]);

    (void)me;
    switch (next(s) % 6) {
    case 0:
        mmuext(MMUEXT_PIN_L1_TABLE, mfn);
        break;
    case 1:
        mmuext(MMUEXT_UNPIN_TABLE, mfn);
        break;
    case 2:
        hv_update_va_mapping((unsigned long)tables[i], make_pte(mfn, PTE_RW), UVMF_INVLPG | UVMF_ALL);
        break;
    case 3:
        hv_update_va_mapping((unsigned long)tables[i], make_pte(mfn, PTE_RO), UVMF_INVLPG | UVMF_ALL);
        break;
    case 4:
        mm_update_entry(l2_entries + next(s) % TABLES * 8, make_pte(mfn, PTE_TABLE));
        break;
    default:
        mm_update_entry(l2_entries + next(s) % TABLES * 8, 0);
        break;
    }
}

CLAIM(types, "a frame that is made table, writable and table again by all vCPUs at once")
{
    if (!ready())
        return;
    make_tables();
    compete(type_job);
    settle_tables();
}

static void entry_job(unsigned me, uint64_t *s)
{
    unsigned i = (unsigned)(next(s) % TABLES), e = (unsigned)(next(s) % 4);
    unsigned long page = virt_to_mfn(pages[next(s) % TABLES]);

    (void)me;
    switch (next(s) % 5) {
    case 0:
        mm_update_entry(virt_to_maddr(&tables[i][e]), make_pte(page, PTE_RW));
        break;
    case 1:
        mm_update_entry(virt_to_maddr(&tables[i][e]) | MMU_PT_UPDATE_PRESERVE_AD, make_pte(page, PTE_RO));
        break;
    case 2:
        mm_update_entry(virt_to_maddr(&tables[i][e]), next(s) & ~1ul);
        break;
    case 3:
        mm_update_entry(l2_entries + i * 8, next(s) & 1 ? make_pte(virt_to_mfn(tables[i]), PTE_TABLE) : 0);
        break;
    default:
        probe_write64(&tables[i][e], next(s) & 1 ? make_pte(page, PTE_RW) : 0);
        break;
    }
}

CLAIM(entries, "the same entries written by update, by store and by removal of their table from all vCPUs")
{
    if (!ready())
        return;
    make_tables();
    EXPECT_EQ(hv_vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables), 0);
    compete(entry_job);
    settle_tables();
    for (unsigned i = 0; i < TABLES; i++) {
        /* No reference is left: each page can become a table. */
        EXPECT_EQ(mm_readonly(pages[i]), 0);
        EXPECT_EQ(mm_writable(pages[i]), 0);
        memset(pages[i], 0, PAGE_SIZE);
        EXPECT_EQ(mm_readonly(pages[i]), 0);
        EXPECT_EQ(mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(pages[i])), 0);
        EXPECT_EQ(mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(pages[i])), 0);
        EXPECT_EQ(mm_writable(pages[i]), 0);
    }
}

static grant_ref_t refs[TABLES];
static char *grant_slots;
static domid_t own_domid;

static grant_handle_t volatile handles[MAX_RUNNERS];
static bool volatile mapped[MAX_RUNNERS];

static int unmap_at(unsigned where, grant_handle_t handle)
{
    struct gnttab_unmap_grant_ref u = {.host_addr = (unsigned long)grant_slots + where * PAGE_SIZE,
                                       .handle = handle};

    hv_grant_table_op(GNTTABOP_unmap_grant_ref, &u, 1);
    return u.status;
}

static void map_or_unmap(unsigned me, uint64_t *s)
{
    struct gnttab_map_grant_ref m = {
        .host_addr = (unsigned long)grant_slots + me * PAGE_SIZE,
        .flags = GNTMAP_host_map | (next(s) & 1 ? GNTMAP_readonly : 0),
        .ref = refs[next(s) % TABLES],
        .dom = own_domid,
    };

    if (mapped[me]) {
        if (unmap_at(me, handles[me]))
            FAIL("vCPU %u cannot unmap its own mapping", me);
        mapped[me] = false;
        return;
    }
    hv_grant_table_op(GNTTABOP_map_grant_ref, &m, 1);
    handles[me] = m.handle;
    mapped[me] = m.status == GNTST_okay;
}

static void copy_to_grant(uint64_t *s)
{
    struct gnttab_copy c = {.len = 64, .flags = GNTCOPY_dest_gref};

    c.source.domid = c.dest.domid = DOMID_SELF;
    c.source.u.gmfn = virt_to_mfn(pages[0]);
    c.dest.u.ref = refs[next(s) % TABLES];
    hv_grant_table_op(GNTTABOP_copy, &c, 1);
}

/* A vCPU maps and unmaps at its own place. */
static void grant_job(unsigned me, uint64_t *s)
{
    if (next(s) % 4 == 0)
        copy_to_grant(s);
    else
        map_or_unmap(me, s);
}

/* It also tries the others' handles there, which must fail and take nothing from them. */
static void wrong_place_job(unsigned me, uint64_t *s)
{
    unsigned other = (unsigned)(next(s) % runners);

    if (next(s) % 4)
        grant_job(me, s);
    else if (other != me && !mapped[me] && unmap_at(me, handles[other]) == GNTST_okay)
        FAIL("vCPU %u unmapped the handle of vCPU %u at the wrong place", me, other);
}

static void compete_for_grants(work_t job)
{
    if (!ready())
        return;
    make_tables();
    if (!grant_slots) {
        own_domid = abi_domid();
        grant_slots = window_alloc(MAX_RUNNERS);
        if (!grant_init(1) || !grant_slots) {
            BROKEN("no grant table");
            return;
        }
    }
    for (unsigned i = 0; i < TABLES; i++) {
        refs[i] = (grant_ref_t)grant_alloc();
        grant_access(refs[i], own_domid, virt_to_mfn(pages[i]), 0);
    }
    compete(job);
    for (unsigned i = 0; i < runners; i++) {
        if (mapped[i])
            EXPECT_EQ(unmap_at(i, handles[i]), GNTST_okay);
        mapped[i] = false;
    }
    for (unsigned i = 0; i < TABLES; i++) {
        EXPECT_EQ(grant_entry(refs[i])->flags & (GTF_reading | GTF_writing), 0);
        EXPECT(grant_end(refs[i]));
    }
}

CLAIM(grants, "the same grants mapped, unmapped and copied to from all vCPUs are free in the end")
{
    compete_for_grants(grant_job);
}

static void event_job(unsigned me, uint64_t *s)
{
    int port;

    (void)me;
    switch (next(s) % 4) {
    case 0:
        event_bind_ipi((unsigned)(next(s) % runners));
        break;
    case 1:
        port = event_alloc_unbound(DOMID_SELF);
        if (port > 0)
            event_bind_interdomain(DOMID_SELF, (unsigned)port);
        break;
    case 2:
        event_send((unsigned)(next(s) % 64));
        break;
    default:
        for (unsigned i = 0; i < 4; i++) {
            struct evtchn_close op = {.port = (evtchn_port_t)(1 + next(s) % 64)};

            hv_event_channel_op(EVTCHNOP_close, &op);
        }
        break;
    }
}

CLAIM(ports, "ports bound, signalled and closed by all vCPUs at once; all can be closed in the end")
{
    if (!ready())
        return;
    compete(event_job);
    for (unsigned port = 1; port < EVENTS_MAX_PORTS; port++) {
        struct evtchn_status st = {.dom = DOMID_SELF, .port = port};
        struct evtchn_close op = {.port = port};

        if (hv_event_channel_op(EVTCHNOP_status, &st) || st.status == EVTCHNSTAT_closed)
            continue;
        EXPECT_EQ(hv_event_channel_op(EVTCHNOP_close, &op), 0);
    }
    for (unsigned i = 0; i < EVENTS_MAX_PORTS; i += 7)
        event_mask(i);
    EXPECT_EQ(event_alloc_unbound(DOMID_SELF), 1);
}

static char *balloon[MAX_RUNNERS];

static void balloon_job(unsigned me, uint64_t *s)
{
    char *page = balloon[me];
    xen_pfn_t frame = virt_to_mfn(page);
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = DOMID_SELF};

    (void)s;
    if (frame == INVALID_MFN)
        return;
    set_xen_guest_handle(r.extent_start, &frame);
    hv_update_va_mapping((unsigned long)page, 0, UVMF_INVLPG | UVMF_ALL);
    if (hv_memory_op(XENMEM_decrease_reservation, &r) != 1)
        return;
    mm_set_p2m(virt_to_pfn(page), INVALID_MFN);
    frame = virt_to_pfn(page);
    if (hv_memory_op(XENMEM_populate_physmap, &r) != 1)
        return;
    mm_set_p2m(virt_to_pfn(page), frame);
    hv_update_va_mapping((unsigned long)page, make_pte(frame, PTE_RW), UVMF_NONE);
    *(volatile uint64_t *)page = next(s);
}

CLAIM(balloon, "every vCPU gives pages back and takes others: the count is the same in the end")
{
    domid_t self = DOMID_SELF;
    long before = hv_memory_op(XENMEM_current_reservation, &self);

    if (!ready())
        return;
    for (unsigned i = 0; i < MAX_RUNNERS; i++)
        balloon[i] = abi_page();
    compete(balloon_job);
    EXPECT_EQ(hv_memory_op(XENMEM_current_reservation, &self), before);
    for (unsigned i = 0; i < MAX_RUNNERS; i++) {
        EXPECT_NE(virt_to_mfn(balloon[i]), INVALID_MFN);
        EXPECT(probe_write64(balloon[i], 1));
    }
}

static void flush_job(unsigned me, uint64_t *s)
{
    static const unsigned cmds[] = {MMUEXT_TLB_FLUSH_ALL, MMUEXT_INVLPG_ALL, MMUEXT_TLB_FLUSH_LOCAL,
                                    MMUEXT_NEW_BASEPTR};
    unsigned cmd = cmds[next(s) % ARRAY_SIZE(cmds)];

    (void)me;
    mmuext(cmd, cmd == MMUEXT_NEW_BASEPTR ? virt_to_mfn(mm_root()) : WINDOW_BASE);
}

CLAIM(flushes, "flushes of all by all do not wait for each other for ever")
{
    if (!ready())
        return;
    compete(flush_job);
}

/* Last: after a failure here frames stay granted. */
CLAIM(grants_wrong_place, "an unmap at the wrong place takes nothing from the vCPU whose mapping it names")
{
    compete_for_grants(wrong_place_job);
}

static uint64_t *odd_root;

/* A page that becomes a root again and again and is none in the end: each time TLBs are flushed, under locks.
 */
static void refuse_context(unsigned me, uint64_t *seed)
{
    static struct vcpu_guest_context ctx;

    (void)me;
    (void)seed;
    ctx.flags = VGCF_IN_KERNEL;
    ctx.user_regs.cs = FLAT_KERNEL_CS;
    ctx.ctrlreg[3] = xen_pfn_to_cr3(virt_to_mfn(odd_root));
    hv_update_va_mapping((unsigned long)odd_root, make_pte(virt_to_mfn(odd_root), PTE_RW), UVMF_INVLPG);
    odd_root[511] = 1; /* no frame of the domain's */
    hv_update_va_mapping((unsigned long)odd_root, make_pte(virt_to_mfn(odd_root), PTE_RO), UVMF_INVLPG);
    hv_vcpu_op(VCPUOP_initialise, smp_vcpus() - 1, &ctx);
}

CRASH_CLAIM(crash_at_upcall,
            "a crash at an upcall, while another vCPU is refused a context, is no more than that")
{
    if (smp_vcpus() < 3)
        SKIP("the domain has fewer than three vCPUs");
    REQUIRE_OK(smp_start(1, runner, (void *)1ul));
    odd_root = abi_page();
    work = refuse_context;
    while (running < 1)
        hv_sched_op(SCHEDOP_yield, NULL);
    for (uint64_t end = time_now() + DURATION_NS / 4; time_now() < end;)
        ;
    struct evtchn_send send = {.port = (unsigned)event_bind_ipi(0)};
    event_unmask(send.port);
    upcall_mask_set(0);
    asm volatile("mov %0, %%rsp; syscall"
                 :
                 : "r"(BAD_PTR), "a"(__HYPERVISOR_event_channel_op), "D"(EVTCHNOP_send), "S"(&send)
                 : "rcx", "r11", "memory");
}
