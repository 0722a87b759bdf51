/* SPDX-License-Identifier: MIT */
/*
 * Event channels: what each operation does and refuses, what delivery writes into shared memory, and that
 * ports, interrupt lines, references and memory are as before when everybody has gone. A long random sequence
 * is checked against the invariants after each step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "../simple/simple.h"
#include "cpu/softirq.h"
#include "event/pirq.h"
#include "event/ports.h"
#include "lib/errno.h"
#include "lines.h"

static const struct domain_unit *const units[] = {&pirq_unit, &evtchn_unit, NULL};
static struct domain *dom[3];

static int start(void **state)
{
    (void)state;
    lines_reset();
    for (unsigned i = 0; i < 3; i++)
        dom[i] = simple_domain((u16)i, i + 1, i == 0, units);
    simple_enter(dom[0]->vcpu[0]);
    simple_kicks = simple_wakes = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    softirq_pending[0] = 0;
    for (unsigned i = 0; i < 3; i++)
        if (dom[i])
            simple_kill(dom[i]);
    assert_int_equal(simple_domains, 0);
    assert_int_equal(simple_allocs, 0);
    assert_int_equal(simple_locks_held(), 0);
    assert_int_equal(lines_messages(), 0);
    return 0;
}

static bool pending(struct domain *d, u32 port)
{
    return evtchn_port_pending(d, port);
}

static u32 status_of(struct domain *d, u32 port)
{
    struct evtchn_status s = {.port = port};

    assert_int_equal(evtchn_status(d, &s), 0);
    return s.status;
}

static void connect(struct domain *a, struct domain *b, u32 *pa, u32 *pb)
{
    assert_int_equal(evtchn_alloc_unbound(a, b->id, pa), 0);
    assert_int_equal(evtchn_bind_interdomain(b, a->id, *pa, pb), 0);
}

static void interdomain(void **state)
{
    u32 a, b, c;

    (void)state;
    assert_int_equal(evtchn_alloc_unbound(dom[1], 2, &a), 0);
    assert_int_equal(status_of(dom[1], a), EVTCHNSTAT_unbound);
    assert_int_equal(evtchn_send(dom[1], a), 0); /* nobody there: no error */
    assert_int_equal(evtchn_bind_interdomain(dom[0], 1, a, &b), -EINVAL);
    assert_int_equal(evtchn_bind_interdomain(dom[2], 7, a, &b), -ESRCH);
    assert_int_equal(evtchn_bind_interdomain(dom[2], 1, a + 1, &b), -EINVAL);
    assert_int_equal(evtchn_bind_interdomain(dom[2], 1, 100000, &b), -EINVAL);
    assert_int_equal(evtchn_bind_interdomain(dom[2], 1, a, &b), 0);
    assert_true(pending(dom[2], b)); /* the initial event */
    assert_false(pending(dom[1], a));
    assert_int_equal(evtchn_bind_interdomain(dom[2], 1, a, &c), -EINVAL);
    assert_int_equal(evtchn_send(dom[2], b), 0);
    assert_true(pending(dom[1], a));
    assert_int_equal(evtchn_close(dom[2], b), 0);
    assert_int_equal(evtchn_close(dom[2], b), -EINVAL);
    assert_int_equal(status_of(dom[1], a), EVTCHNSTAT_unbound);
    assert_int_equal(status_of(dom[2], b), EVTCHNSTAT_closed);
    assert_false(pending(dom[2], b)); /* the next owner of the number starts clean */
    assert_int_equal(evtchn_send(dom[1], a), 0);
    assert_int_equal(evtchn_bind_interdomain(dom[2], 1, a, &b), 0);
    assert_int_equal(evtchn_close(dom[1], a), 0);
    assert_int_equal(status_of(dom[2], b), EVTCHNSTAT_unbound);
}

static void to_oneself(void **state)
{
    u32 a, b;

    (void)state;
    connect(dom[1], dom[1], &a, &b);
    assert_int_not_equal(a, b);
    assert_int_equal(evtchn_send(dom[1], b), 0);
    assert_true(pending(dom[1], a));
    assert_int_equal(evtchn_close(dom[1], a), 0);
    assert_int_equal(status_of(dom[1], b), EVTCHNSTAT_unbound);
    assert_int_equal(dom[1]->evtchn->in_use, 1);
}

static void delivery(void **state)
{
    struct vcpu *v = dom[2]->vcpu[1];
    struct shared_info *s = dom[2]->shared_info;
    u32 port;

    (void)state;
    assert_int_equal(evtchn_bind_ipi(dom[2], 3, &port), -ENOENT);
    assert_int_equal(evtchn_bind_ipi(dom[2], 1, &port), 0);
    assert_int_equal(evtchn_bind_vcpu(dom[2], port, 0), -EINVAL);

    assert_int_equal(evtchn_send(dom[2], port), 0);
    assert_int_equal(s->evtchn_pending[0], 1UL << port);
    assert_int_equal(v->info->evtchn_pending_sel, 1);
    assert_int_equal(v->info->evtchn_upcall_pending, 1);
    assert_int_equal(simple_kicks, 1);
    assert_int_equal(evtchn_send(dom[2], port), 0); /* still pending: nothing new */
    assert_int_equal(simple_kicks, 1);

    /* Masked: the bit is set and nobody is woken; unmask then makes up for it, once. */
    s->evtchn_pending[0] = v->info->evtchn_pending_sel = 0;
    v->info->evtchn_upcall_pending = 0;
    s->evtchn_mask[0] = 1UL << port;
    assert_int_equal(evtchn_send(dom[2], port), 0);
    assert_true(pending(dom[2], port));
    assert_int_equal(v->info->evtchn_pending_sel, 0);
    assert_int_equal(simple_kicks, 1);
    assert_int_equal(evtchn_unmask(dom[2], port), 0);
    assert_int_equal(s->evtchn_mask[0], 0);
    assert_int_equal(v->info->evtchn_pending_sel, 1);
    assert_int_equal(simple_kicks, 2);
    assert_int_equal(evtchn_unmask(dom[2], port), 0);
    assert_int_equal(simple_kicks, 2);
    assert_int_equal(evtchn_unmask(dom[2], 5000), -EINVAL);
    assert_int_equal(evtchn_send(dom[2], 5000), -EINVAL);
}

static void virqs(void **state)
{
    u32 port, other;

    (void)state;
    assert_int_equal(evtchn_bind_virq(dom[2], NR_VIRQS, 0, &port), -EINVAL);
    assert_int_equal(evtchn_bind_virq(dom[2], VIRQ_CONSOLE, 1, &port), -EINVAL);
    assert_int_equal(evtchn_bind_virq(dom[2], VIRQ_TIMER, 3, &port), -ENOENT);
    assert_int_equal(evtchn_bind_virq(dom[2], VIRQ_TIMER, 2, &port), 0);
    assert_int_equal(evtchn_bind_virq(dom[2], VIRQ_TIMER, 2, &other), -EEXIST);
    assert_int_equal(evtchn_bind_vcpu(dom[2], port, 1), -EINVAL);
    assert_int_equal(evtchn_send(dom[2], port), -EINVAL);
    send_guest_vcpu_virq(dom[2]->vcpu[1], VIRQ_TIMER);
    assert_false(pending(dom[2], port));
    send_guest_vcpu_virq(dom[2]->vcpu[2], VIRQ_TIMER);
    assert_true(pending(dom[2], port));
    assert_int_equal(evtchn_close(dom[2], port), 0);
    send_guest_vcpu_virq(dom[2]->vcpu[2], VIRQ_TIMER);
    assert_false(pending(dom[2], port));

    /* A global one may move, and is still found when it is closed. */
    assert_int_equal(evtchn_bind_virq(dom[2], VIRQ_DOM_EXC, 0, &port), 0);
    assert_int_equal(evtchn_bind_vcpu(dom[2], port, 2), 0);
    send_guest_global_virq(dom[2], VIRQ_DOM_EXC);
    assert_int_equal(dom[2]->vcpu[2]->info->evtchn_upcall_pending, 1);
    assert_int_equal(dom[2]->vcpu[0]->info->evtchn_upcall_pending, 0);
    assert_int_equal(evtchn_close(dom[2], port), 0);
    assert_int_equal(evtchn_bind_virq(dom[2], VIRQ_DOM_EXC, 0, &port), 0);
    send_guest_global_virq(NULL, VIRQ_CONSOLE);
    send_dom0_virq(VIRQ_CONSOLE);
}

static void limits(void **state)
{
    u32 port, n = 0;

    (void)state;
    simple_fail_alloc = 1;
    assert_int_equal(evtchn_bind_ipi(dom[1], 0, &port), -ENOMEM);
    while (!evtchn_bind_ipi(dom[1], 0, &port)) {
        n++;
        assert_int_equal(port, n); /* dense, from 1 */
    }
    assert_int_equal(n, 1023);
    assert_int_equal(evtchn_bind_ipi(dom[1], 0, &port), -ENOSPC);
    assert_int_equal(evtchn_alloc_unbound(dom[1], 0, &port), -ENOSPC);
    assert_int_equal(evtchn_close(dom[1], 700), 0);
    assert_int_equal(evtchn_close(dom[1], 500), 0);
    assert_int_equal(evtchn_bind_ipi(dom[1], 0, &port), 0);
    assert_int_equal(port, 500);
    assert_int_equal(evtchn_bind_ipi(dom[1], 0, &port), 0);
    assert_int_equal(port, 700);
    assert_int_equal(evtchn_close(dom[1], 0), -EINVAL);
    assert_int_equal(evtchn_close(dom[1], 1024), -EINVAL);
    assert_int_equal(dom[1]->evtchn->in_use, 1023);
}

static void polling(void **state)
{
    struct vcpu *v = dom[2]->vcpu[2];
    u32 port, other;

    (void)state;
    assert_int_equal(evtchn_bind_ipi(dom[2], 0, &port), 0);
    assert_int_equal(evtchn_bind_ipi(dom[2], 0, &other), 0);
    dom[2]->shared_info->evtchn_mask[0] = ~0UL; /* polled ports are masked as a rule */
    v->pause_flags = VPF_POLLING;
    dom[2]->pollers = 1u << 2;
    v->poll_port = port;
    assert_int_equal(evtchn_send(dom[2], other), 0);
    assert_int_equal(simple_wakes, 0);
    assert_int_equal(evtchn_send(dom[2], port), 0);
    assert_int_equal(simple_wakes, 1);
    assert_int_equal(v->pause_flags, 0);
    dom[2]->shared_info->evtchn_pending[0] = 0;
    v->pause_flags = VPF_POLLING | VPF_PAUSED;
    dom[2]->pollers = 1u << 2;
    v->poll_port = 0; /* several */
    assert_int_equal(evtchn_send(dom[2], other), 0);
    assert_int_equal(simple_wakes, 2);
    assert_int_equal(v->pause_flags, VPF_PAUSED);
    v->pause_flags = 0;
}

static void reset(void **state)
{
    u32 a, b, port;

    (void)state;
    connect(dom[1], dom[2], &a, &b);
    assert_int_equal(evtchn_bind_virq(dom[2], VIRQ_TIMER, 0, &port), 0);
    assert_int_equal(evtchn_reset(dom[2]), -EINVAL); /* neither the caller nor paused */
    dom[2]->controller_pause_count = 1;
    assert_int_equal(evtchn_reset(dom[2]), 0);
    assert_int_equal(dom[2]->evtchn->in_use, 0);
    assert_int_equal(status_of(dom[1], a), EVTCHNSTAT_unbound);
    assert_int_equal(evtchn_bind_virq(dom[2], VIRQ_TIMER, 0, &port), 0);
}

static void dying(void **state)
{
    u32 a, b;

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        connect(dom[1], dom[2], &a, &b);
    softirq_pending[0] = 1; /* the CPU is wanted: the end comes in steps */
    assert_in_range(simple_kill(dom[2]), 2, 10);
    dom[2] = NULL;
    assert_int_equal(dom[1]->evtchn->in_use, 300);
    assert_int_equal(status_of(dom[1], a), EVTCHNSTAT_unbound);
    assert_int_equal(evtchn_bind_interdomain(dom[1], 2, b, &b), -ESRCH);
}

static void no_ports_for_the_dying(void **state)
{
    u32 port;

    (void)state;
    assert_true(domain_ref(dom[2]));
    struct domain *d = dom[2];
    simple_kill(d);
    dom[2] = NULL;
    assert_int_equal(evtchn_alloc_unbound(d, 1, &port), -EINVAL);
    domain_put(d);
}

static void gsi(void **state)
{
    u32 port, other, flags;
    int pirq = 9, again = -1, wrong = 10;

    (void)state;
    assert_int_equal(pirq_map_gsi(dom[1], 9, &pirq), -EPERM);
    assert_int_equal(pirq_map_gsi(dom[0], 24, &pirq), -EINVAL);
    assert_int_equal(pirq_map_gsi(dom[0], 0, &pirq), -EINVAL);
    assert_int_equal(evtchn_bind_pirq(dom[0], 9, &port), -EINVAL); /* not mapped yet */
    assert_int_equal(evtchn_bind_pirq(dom[1], 9, &port), -EPERM);
    assert_int_equal(pirq_map_gsi(dom[0], 9, &pirq), 0);
    assert_int_equal(pirq_map_gsi(dom[0], 9, &again), 0);
    assert_int_equal(again, 9);
    assert_int_equal(pirq_map_gsi(dom[0], 9, &wrong), -EEXIST);
    assert_int_equal(pirq_setup_gsi(9, true, true), 0);
    assert_int_equal(pirq_setup_gsi(9, true, true), -EEXIST);

    assert_int_equal(evtchn_bind_pirq(dom[0], 9, &port), 0);
    assert_int_equal(evtchn_bind_pirq(dom[0], 9, &other), -EEXIST);
    assert_int_equal(dom[0]->evtchn->in_use, 1);
    assert_int_equal(pirq_status(dom[0], 9, &flags), 0);
    assert_int_equal(flags, XENIRQSTAT_needs_eoi);
    line_fire(9);
    assert_true(pending(dom[0], port));
    dom[0]->shared_info->evtchn_pending[0] = 0;
    line_fire(9); /* masked until eoi */
    assert_false(pending(dom[0], port));
    assert_int_equal(pirq_eoi(dom[0], 9), 0);
    line_fire(9);
    assert_true(pending(dom[0], port));
    assert_int_equal(evtchn_close(dom[0], port), 0);
    assert_false(line_bound(9));
    assert_int_equal(pirq_unmap(dom[0], 9), 0);
    assert_int_equal(pirq_unmap(dom[0], 9), -EINVAL);
    assert_int_equal(pirq_eoi(dom[0], 5000), -EINVAL);
    assert_int_equal(pirq_status(dom[1], 9, &flags), -EINVAL);
}

/* A line is bound before its trigger mode is known; a legacy one never gets told. */
static void gsi_before_setup(void **state)
{
    int late = 20, isa = 14;
    u32 port, isa_port, flags;

    (void)state;
    assert_int_equal(pirq_map_gsi(dom[0], 20, &late), 0);
    assert_int_equal(evtchn_bind_pirq(dom[0], 20, &port), 0);
    assert_false(line_bound(20));
    assert_int_equal(pirq_status(dom[0], 20, &flags), 0);
    assert_int_equal(flags, XENIRQSTAT_needs_eoi);
    assert_int_equal(pirq_setup_gsi(20, true, true), 0);
    assert_true(line_bound(20));
    line_fire(20);
    assert_true(pending(dom[0], port));

    assert_int_equal(pirq_map_gsi(dom[0], 14, &isa), 0);
    assert_int_equal(evtchn_bind_pirq(dom[0], 14, &isa_port), 0);
    assert_true(line_bound(14));
    assert_int_equal(pirq_status(dom[0], 14, &flags), 0);
    assert_int_equal(flags, 0);
}

static void messages(void **state)
{
    struct physdev_map_pirq map = {
        .type = MAP_PIRQ_TYPE_MSI_SEG, .index = -1, .bus = 1, .table_base = 0x1000};
    struct physdev_map_pirq multi = {.type = MAP_PIRQ_TYPE_MULTI_MSI, .bus = 1, .entry_nr = 4};
    int a = -1, b = -1, c = -1, reserved;
    u32 port;

    (void)state;
    assert_int_equal(pirq_map_msi(dom[1], &map, &a), -EPERM);
    assert_int_equal(pirq_map_msi(dom[0], &map, &a), 0);
    assert_int_equal(pirq_map_msi(dom[0], &map, &b), 0);
    assert_int_not_equal(a, b);
    assert_int_equal(pirq_map_msi(dom[0], &map, &a), -EEXIST); /* that number is taken */
    assert_int_equal(lines_messages(), 2);
    map.bus = 0xff;
    assert_int_equal(pirq_map_msi(dom[0], &map, &c), -ENODEV);
    map.bus = 1;
    map.index = 30;
    assert_int_equal(pirq_map_msi(dom[0], &map, &c), -EINVAL);
    assert_int_equal(pirq_map_msi(dom[0], &multi, &c), -EOPNOTSUPP);
    multi.entry_nr = 64;
    assert_int_equal(pirq_map_msi(dom[0], &multi, &c), -EDOM);
    multi.entry_nr = 1;
    reserved = pirq_reserve(dom[0], MAP_PIRQ_TYPE_MSI);
    assert_in_range(reserved, LINES_GSIS, NR_IRQS - 1);
    assert_int_equal(pirq_map_msi(dom[0], &multi, &reserved), 0);

    /* Unmapped while bound: the port stays and says nothing, and closing it does not touch the next user of
     * the number. */
    assert_int_equal(evtchn_bind_pirq(dom[0], (u32)a, &port), 0);
    assert_int_equal(pirq_unmap(dom[0], a), 0);
    assert_int_equal(status_of(dom[0], port), EVTCHNSTAT_pirq);
    map.index = -1;
    assert_int_equal(pirq_map_msi(dom[0], &map, &a), 0);
    u32 second;
    assert_int_equal(evtchn_bind_pirq(dom[0], (u32)a, &second), 0);
    assert_int_equal(evtchn_close(dom[0], port), 0);
    assert_int_equal(evtchn_close(dom[0], second), 0);
}

/* --- random operations --- */

static void check_port(struct domain *d, u32 port)
{
    const struct evtchn *chn = evtchn_slot(d->evtchn, port), *peer;

    assert_int_equal(test_bit(d->evtchn->used, port), chn && chn->state != EVTCHNSTAT_closed);
    if (!chn)
        return;
    assert_true(chn->vcpu < d->max_vcpus);
    switch (chn->state) {
    case EVTCHNSTAT_closed:
        assert_false(pending(d, port));
        break;
    case EVTCHNSTAT_interdomain:
        peer = evtchn_slot(chn->peer.dom->evtchn, chn->peer.port);
        assert_int_equal(peer->state, EVTCHNSTAT_interdomain);
        assert_ptr_equal(peer->peer.dom, d);
        assert_int_equal(peer->peer.port, port);
        break;
    case EVTCHNSTAT_virq:
        assert_int_equal(d->vcpu[virq_is_global(chn->virq) ? 0 : chn->vcpu]->virq_to_port[chn->virq], port);
        break;
    default:
        break;
    }
}

static void check_domain(struct domain *d)
{
    u32 used = 0, virqs_bound = 0, virq_ports = 0;

    for (u32 port = 1; port <= d->evtchn->max_port; port++) {
        check_port(d, port);
        used += test_bit(d->evtchn->used, port);
        virq_ports += status_of(d, port) == EVTCHNSTAT_virq;
        assert_true(port >= d->evtchn->first_free || test_bit(d->evtchn->used, port));
    }
    assert_int_equal(used, d->evtchn->in_use);
    for (unsigned v = 0; v < d->max_vcpus; v++)
        for (unsigned i = 0; i < NR_VIRQS; i++)
            virqs_bound += d->vcpu[v]->virq_to_port[i] != 0;
    assert_int_equal(virqs_bound, virq_ports);
    assert_int_equal(d->refs, 1);
}

static void random_step(unsigned *seed)
{
    struct domain *d = dom[(unsigned)rand_r(seed) % 3], *r = dom[(unsigned)rand_r(seed) % 3];
    u32 port = (u32)rand_r(seed) % 40, port2 = (u32)rand_r(seed) % 40, vcpu = (u32)rand_r(seed) % 4, out;
    int n = 1 + rand_r(seed) % 23;

    simple_enter(d->vcpu[0]);
    switch (rand_r(seed) % 14) {
    case 0:
        (void)evtchn_alloc_unbound(d, r->id, &out);
        break;
    case 1:
    case 2:
        (void)evtchn_bind_interdomain(d, r->id, port, &out);
        break;
    case 3:
        (void)evtchn_bind_virq(d, (u32)rand_r(seed) % (NR_VIRQS + 1), vcpu, &out);
        break;
    case 4:
        (void)evtchn_bind_ipi(d, vcpu, &out);
        break;
    case 5:
        (void)evtchn_bind_pirq(d, (u32)n, &out);
        break;
    case 6:
        (void)evtchn_bind_vcpu(d, port, vcpu);
        break;
    case 7:
    case 8:
        (void)evtchn_close(d, port);
        break;
    case 9:
        (void)evtchn_send(d, port);
        break;
    case 10:
        (void)evtchn_unmask(d, port2);
        break;
    case 11:
        (void)pirq_map_gsi(d, n, &(int){n});
        break;
    case 12:
        if (rand_r(seed) % 2)
            (void)pirq_unmap(d, n);
        else
            (void)pirq_setup_gsi(n, n & 1, true);
        break;
    default:
        line_fire((unsigned)n);
        if (rand_r(seed) % 50 == 0)
            (void)evtchn_reset(d);
        break;
    }
}

static void random_operations(void **state)
{
    unsigned seed = 20;

    (void)state;
    for (unsigned i = 0; i < 6000; i++) {
        random_step(&seed);
        assert_int_equal(simple_locks_held(), 0);
        for (unsigned k = 0; k < 3; k++)
            check_domain(dom[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(interdomain, start, end),
        cmocka_unit_test_setup_teardown(to_oneself, start, end),
        cmocka_unit_test_setup_teardown(delivery, start, end),
        cmocka_unit_test_setup_teardown(virqs, start, end),
        cmocka_unit_test_setup_teardown(limits, start, end),
        cmocka_unit_test_setup_teardown(polling, start, end),
        cmocka_unit_test_setup_teardown(reset, start, end),
        cmocka_unit_test_setup_teardown(dying, start, end),
        cmocka_unit_test_setup_teardown(no_ports_for_the_dying, start, end),
        cmocka_unit_test_setup_teardown(gsi, start, end),
        cmocka_unit_test_setup_teardown(gsi_before_setup, start, end),
        cmocka_unit_test_setup_teardown(messages, start, end),
        cmocka_unit_test_setup_teardown(random_operations, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
