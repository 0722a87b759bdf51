/* SPDX-License-Identifier: MIT */
/*
 * vcpu_op: starting and stopping vCPUs, and the records that they share with the hypervisor.
 *
 * The claims that start vCPUs need a domain with at least two; each of them uses one that
 * no claim before it started, since a vCPU can be initialised only once.
 */
#include "tests/abi/lib/abi.h"
#include "guest/smp.h"
#include "guest/time.h"

static volatile unsigned ran;
static volatile uint64_t seen_time;

CLAIM(is_up, "is_up: 1 for vCPU 0, 0 for one not started, ENOENT beyond the domain's")
{
    unsigned n = smp_vcpus();

    EXPECT_EQ(hv_vcpu_op(VCPUOP_is_up, 0, NULL), 1);
    for (unsigned i = 1; i < n; i++)
        EXPECT_EQ(hv_vcpu_op(VCPUOP_is_up, i, NULL), 0);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_is_up, n, NULL), -XEN_ENOENT);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_is_up, 8191, NULL), -XEN_ENOENT);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_is_up, ~0u, NULL), -XEN_ENOENT);
}

CLAIM(up_uninitialised, "up of a vCPU that was never initialised is EINVAL; of the running one 0")
{
    if (smp_vcpus() < 2)
        SKIP("the domain has one vCPU");
    EXPECT_EQ(hv_vcpu_op(VCPUOP_up, 1, NULL), -XEN_EINVAL);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_up, 0, NULL), 0);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_up, 1000, NULL), -XEN_ENOENT);
}

CLAIM(initialise_errors, "initialise: bad pointer EFAULT, running vCPU EEXIST, bad root EINVAL")
{
    static struct vcpu_guest_context ctx;

    if (smp_vcpus() < 2)
        SKIP("the domain has one vCPU");
    EXPECT_EQ(hv_vcpu_op(VCPUOP_initialise, 1, BAD_PTR), -XEN_EFAULT);
    memset(&ctx, 0, sizeof(ctx));
    ctx.flags = VGCF_IN_KERNEL;
    ctx.ctrlreg[3] = xen_pfn_to_cr3(virt_to_mfn(mm_root()));
    ctx.user_regs.cs = FLAT_KERNEL_CS;
    EXPECT_EQ(hv_vcpu_op(VCPUOP_initialise, 0, &ctx), -XEN_EEXIST);
    ctx.ctrlreg[3] = xen_pfn_to_cr3(abi_alien_mfn());
    EXPECT(hv_vcpu_op(VCPUOP_initialise, 1, &ctx) < 0);
    ctx.ctrlreg[3] = xen_pfn_to_cr3(virt_to_mfn(&ctx));
    EXPECT(hv_vcpu_op(VCPUOP_initialise, 1, &ctx) < 0);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_initialise, 1000, &ctx), -XEN_ENOENT);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_is_up, 1, NULL), 0);
}

static void note_running(void *arg)
{
    seen_time = time_now();
    ran = (unsigned)(unsigned long)arg;
}

static bool wait_for(volatile unsigned *what, unsigned value)
{
    for (unsigned i = 0; i < 5000 && *what != value; i++)
        time_sleep(1000000);
    return *what == value;
}

static bool wait_down(unsigned vcpu)
{
    for (unsigned i = 0; i < 5000 && smp_is_up(vcpu) == 1; i++)
        time_sleep(1000000);
    return smp_is_up(vcpu) == 0;
}

CLAIM(start, "a second vCPU starts where its context says, runs, stops itself, and its time agrees")
{
    uint64_t before = time_now();

    if (smp_vcpus() < 2)
        SKIP("the domain has one vCPU");
    ran = 0;
    EXPECT_EQ(smp_start(1, note_running, (void *)1ul), 0);
    EXPECT(wait_for(&ran, 1));
    EXPECT(wait_down(1));
    EXPECT(seen_time > before);
    EXPECT(seen_time <= time_now() + 1000000);
    EXPECT_EQ(smp_start(1, note_running, (void *)1ul), -XEN_EEXIST);
}

static volatile unsigned ipi_seen, ipi_vcpu;

static void on_ipi(unsigned port, void *data)
{
    (void)port;
    (void)data;
    ipi_vcpu = this_vcpu()->id;
    ipi_seen++;
}

static volatile unsigned stop;

static void serve_ipis(void *arg)
{
    ran = (unsigned)(unsigned long)arg;
    while (!stop)
        events_wait();
}

CLAIM(ipi, "an IPI port bound to another vCPU is delivered there and wakes it")
{
    int port;

    if (smp_vcpus() < 3)
        SKIP("the domain has less than three vCPUs");
    port = event_bind_ipi(2);
    REQUIRE(port > 0);
    event_handle((unsigned)port, on_ipi, NULL);
    stop = ran = ipi_seen = 0;
    EXPECT_EQ(smp_start(2, serve_ipis, (void *)2ul), 0);
    EXPECT(wait_for(&ran, 2));
    for (unsigned i = 1; i <= 5; i++) {
        EXPECT_EQ(event_send((unsigned)port), 0);
        EXPECT(wait_for(&ipi_seen, i));
        EXPECT_EQ(ipi_vcpu, 2);
    }
    stop = 1;
    event_send((unsigned)port);
    EXPECT(wait_down(2));
    event_close((unsigned)port);
}

static volatile unsigned faults;

static void shoot_page(void *arg)
{
    volatile uint64_t *p = arg;

    ran = 3;
    while (!stop) {
        if (!probe_write64(p, 1))
            faults++;
        if (faults)
            break;
    }
    ran = 4;
}

CLAIM(flush_remote, "a flush of all vCPUs takes a page's write right away from a running one")
{
    char *page = abi_page();

    if (smp_vcpus() < 4)
        SKIP("the domain has less than four vCPUs");
    stop = ran = faults = 0;
    EXPECT_EQ(smp_start(3, shoot_page, page), 0);
    EXPECT(wait_for(&ran, 3));
    time_sleep(2000000);
    EXPECT_EQ(faults, 0);
    EXPECT_EQ(hv_update_va_mapping((unsigned long)page, make_pte(virt_to_mfn(page), PTE_RO),
                                   UVMF_INVLPG | UVMF_ALL),
              0);
    EXPECT(wait_for(&faults, 1));
    stop = 1;
    EXPECT(wait_for(&ran, 4));
    EXPECT(wait_down(3));
    EXPECT_EQ(mm_writable(page), 0);
    page_free(page, 0);
}

CLAIM(vcpu_info_errors, "register_vcpu_info: an offset across the page end, alien frames and other pages")
{
    struct vcpu_register_vcpu_info r = {.mfn = virt_to_mfn(abi_page()), .offset = PAGE_SIZE - 32};

    EXPECT_EQ(hv_vcpu_op(VCPUOP_register_vcpu_info, 0, &r), -XEN_ENXIO);
    r.offset = ~0u;
    EXPECT_EQ(hv_vcpu_op(VCPUOP_register_vcpu_info, 0, &r), -XEN_ENXIO);
    r.offset = 0;
    r.mfn = abi_alien_mfn();
    EXPECT_EQ(hv_vcpu_op(VCPUOP_register_vcpu_info, 0, &r), -XEN_EINVAL);
    r.mfn = virt_to_mfn(mm_root());
    EXPECT(hv_vcpu_op(VCPUOP_register_vcpu_info, 0, &r) < 0);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_register_vcpu_info, 0, BAD_PTR), -XEN_EFAULT);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_register_vcpu_info, 1000, &r), -XEN_ENOENT);
}

static volatile unsigned events;

static void on_event(unsigned port, void *data)
{
    (void)port;
    (void)data;
    events++;
}

CLAIM(vcpu_info, "register_vcpu_info moves the record to a guest page, once; time and events go on there")
{
    struct vcpu_info *info = abi_page();
    struct vcpu_register_vcpu_info r = {.mfn = virt_to_mfn(info), .offset = 64};
    int port = event_bind_ipi(0);
    char *slot = abi_slot();
    uint64_t v;

    REQUIRE(port > 0);
    events = 0;
    event_handle((unsigned)port, on_event, NULL);
    upcall_mask_set(1);
    REQUIRE_OK(hv_vcpu_op(VCPUOP_register_vcpu_info, 0, &r));
    this_vcpu()->info = (struct vcpu_info *)((char *)info + 64);
    info = this_vcpu()->info;
    /* All words are marked, so that no event that was pending before is lost. */
    EXPECT_EQ(info->evtchn_upcall_mask, 1);
    EXPECT(info->evtchn_upcall_pending);
    EXPECT_EQ(info->evtchn_pending_sel, ~0ul);
    EXPECT(info->time.version != 0 && info->time.tsc_to_system_mul != 0);
    upcall_mask_set(0);
    hv_deliver_events();
    EXPECT_EQ(event_send((unsigned)port), 0);
    EXPECT_EQ(events, 1);
    EXPECT(!probe_read64(slot, &v));
    EXPECT_EQ(info->arch.cr2, slot);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_register_vcpu_info, 0, &r), -XEN_EINVAL);
    /* The page carries the hypervisor's reference: it cannot become a page table. */
    EXPECT_EQ(mm_readonly(info), 0);
    EXPECT(abi_mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(info)) < 0);
    EXPECT_EQ(mm_writable(info), 0);
    event_close((unsigned)port);
    abi_slot_free(slot);
}

CLAIM(vcpu_info_kept, "a vCPU whose initialise is refused keeps the record that was registered for it")
{
    unsigned last = smp_vcpus() - 1;
    struct vcpu_register_vcpu_info r = {.mfn = virt_to_mfn(abi_page())};
    static struct vcpu_guest_context ctx;

    if (last < 4)
        SKIP("the others are started by other claims");
    REQUIRE_OK(hv_vcpu_op(VCPUOP_register_vcpu_info, last, &r));
    ctx.flags = VGCF_IN_KERNEL;
    ctx.user_regs.cs = FLAT_KERNEL_CS;
    ctx.ctrlreg[3] = xen_pfn_to_cr3(abi_alien_mfn());
    EXPECT(hv_vcpu_op(VCPUOP_initialise, last, &ctx) < 0);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_register_vcpu_info, last, &r), -XEN_EINVAL);
}

CLAIM(runstate, "the runstate area is filled at once and at each schedule: running, times add up")
{
    static struct vcpu_runstate_info area;
    struct vcpu_register_runstate_memory_area reg = {.addr.p = 0};
    uint64_t blocked;

    reg.addr.v = &area;
    area.state = 99;
    EXPECT_EQ(hv_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &reg), 0);
    EXPECT_EQ(area.state, RUNSTATE_running);
    EXPECT(area.time[RUNSTATE_running] != 0);
    blocked = area.time[RUNSTATE_blocked];
    /* The machine below may be busy: sleep until it shows. */
    for (unsigned i = 0; i < 200 && area.time[RUNSTATE_blocked] - blocked < 1000000; i++)
        time_sleep(5000000);
    EXPECT_EQ(area.state, RUNSTATE_running);
    EXPECT_GE(area.time[RUNSTATE_blocked] - blocked, 1000000);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_register_runstate_memory_area, 0, BAD_PTR), -XEN_EFAULT);
    reg.addr.v = NULL;
    hv_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &reg);
}

CLAIM(runstate_info, "get_runstate_info copies the same record out")
{
    struct vcpu_runstate_info info = {.state = 99};

    EXPECT_EQ(hv_vcpu_op(VCPUOP_get_runstate_info, 0, &info), 0);
    EXPECT_EQ(info.state, RUNSTATE_running);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_get_runstate_info, 0, BAD_PTR), -XEN_EFAULT);
}

CLAIM(runstate_unmapped, "a runstate area that is not mapped is no error and no crash later")
{
    struct vcpu_register_runstate_memory_area reg = {.addr.p = 0};

    reg.addr.v = BAD_PTR;
    hv_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &reg);
    time_sleep(3000000);
    reg.addr.v = NULL;
    hv_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &reg);
    time_sleep(1000000);
}

CLAIM(timers, "periodic and one-shot timers: stop is 0, another vCPU's is EINVAL, unknown flags too")
{
    struct vcpu_set_singleshot_timer t = {.timeout_abs_ns = 0};

    EXPECT_EQ(hv_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL), 0);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_set_singleshot_timer, 0, BAD_PTR), -XEN_EFAULT);
    if (smp_vcpus() > 1) {
        EXPECT_EQ(hv_vcpu_op(VCPUOP_set_singleshot_timer, 1, &t), -XEN_EINVAL);
        EXPECT_EQ(hv_vcpu_op(VCPUOP_stop_singleshot_timer, 1, NULL), -XEN_EINVAL);
    }
    hv_vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL);
}

CLAIM(periodic, "a periodic timer fires repeatedly; a period below 1 ms is EINVAL")
{
    struct vcpu_set_periodic_timer p = {.period_ns = 500000};
    int port = event_bind_virq(VIRQ_TIMER, 0);

    REQUIRE(port > 0);
    events = 0;
    event_handle((unsigned)port, on_event, NULL);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_set_periodic_timer, 0, &p), -XEN_EINVAL);
    p.period_ns = 2000000;
    EXPECT_EQ(hv_vcpu_op(VCPUOP_set_periodic_timer, 0, &p), 0);
    /* It ticks while the vCPU runs. */
    for (uint64_t end = time_now() + 3000000000; time_now() < end && events < 3;)
        hv_deliver_events();
    EXPECT_GE(events, 3);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0);
    event_close((unsigned)port);
}

static volatile unsigned nmis;

static bool on_nmi(struct trap_frame *f)
{
    (void)f;
    nmis++;
    return true;
}

CLAIM(nmi, "send_nmi to oneself runs the handler of vector 2")
{
    nmis = 0;
    trap_set_hook(VEC_NMI, on_nmi);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_send_nmi, 0, NULL), 0);
    hv_deliver_events();
    EXPECT_EQ(nmis, 1);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_send_nmi, 0, NULL), 0);
    hv_deliver_events();
    EXPECT_EQ(nmis, 2);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_send_nmi, 1000, NULL), -XEN_ENOENT);
}

CLAIM(unknown, "an unknown command is ENOSYS, for any vCPU that exists")
{
    EXPECT_EQ(hv_vcpu_op(99, 0, NULL), -XEN_ENOSYS);
    EXPECT_EQ(hv_vcpu_op(-1, 0, NULL), -XEN_ENOSYS);
}

CLAIM(down_self, "down of a vCPU that is not running is 0 and leaves it down")
{
    if (smp_vcpus() < 2)
        SKIP("the domain has one vCPU");
    EXPECT_EQ(hv_vcpu_op(VCPUOP_down, 1, NULL), 0);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_is_up, 1, NULL), 0);
}
