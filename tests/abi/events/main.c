/* SPDX-License-Identifier: MIT */
/*
 * Event channels: ports, their states, and how an event reaches a handler.
 *
 * An event sets a bit, then - unless the port is masked - a selector bit and the pending byte of the
 * vCPU that the port is bound to; the upcall follows as soon as that vCPU's mask is 0. No step may lose
 * an event, and no error may bind or free a port.
 */
#include "tests/abi/lib/abi.h"
#include "guest/time.h"

static volatile unsigned count, last_port;

static void on_event(unsigned port, void *data)
{
    (void)data;
    count++;
    last_port = port;
}

static int status_of(unsigned port, struct evtchn_status *s)
{
    *s = (struct evtchn_status){.dom = DOMID_SELF, .port = port};
    return (int)hv_event_channel_op(EVTCHNOP_status, s);
}

CLAIM(ipi, "an IPI port of this vCPU delivers what is sent to it, once")
{
    int port = event_bind_ipi(0);

    REQUIRE(port > 0);
    count = 0;
    event_handle((unsigned)port, on_event, NULL);
    EXPECT_EQ(event_send((unsigned)port), 0);
    EXPECT_EQ(count, 1);
    EXPECT_EQ(last_port, port);
    hv_deliver_events();
    EXPECT_EQ(count, 1);
    EXPECT_EQ(event_close((unsigned)port), 0);
}

CLAIM(masked_port, "a masked port only sets its pending bit; unmask delivers")
{
    int port = event_bind_ipi(0);

    REQUIRE(port > 0);
    count = 0;
    event_handle((unsigned)port, on_event, NULL);
    event_mask((unsigned)port);
    EXPECT_EQ(event_send((unsigned)port), 0);
    EXPECT_EQ(count, 0);
    EXPECT(event_pending((unsigned)port));
    event_unmask((unsigned)port);
    EXPECT_EQ(count, 1);
    EXPECT(!event_pending((unsigned)port));
    event_close((unsigned)port);
}

CLAIM(masked_upcall, "with upcalls masked the pending byte is set and the upcall waits for the mask to fall")
{
    int port = event_bind_ipi(0);

    REQUIRE(port > 0);
    count = 0;
    event_handle((unsigned)port, on_event, NULL);
    upcall_mask_set(1);
    EXPECT_EQ(event_send((unsigned)port), 0);
    EXPECT_EQ(count, 0);
    EXPECT(this_vcpu()->info->evtchn_upcall_pending);
    EXPECT(this_vcpu()->info->evtchn_pending_sel & 1ul << port / 64);
    upcall_mask_set(0);
    hv_deliver_events();
    EXPECT_EQ(count, 1);
    event_close((unsigned)port);
}

CLAIM(iret_delivers, "an event that waits is delivered by the iret that unmasks")
{
    int port = event_bind_ipi(0);

    REQUIRE(port > 0);
    count = 0;
    event_handle((unsigned)port, on_event, NULL);
    /* Interrupted with upcalls masked, returned to with IF set in the frame. */
    upcall_mask_set(1);
    EXPECT_EQ(event_send((unsigned)port), 0);
    EXPECT_EQ(count, 0);
    asm volatile(
        "mov %%rsp, %%rbx; push %0; push %%rbx; push %1; push %2; lea 1f(%%rip), %%rax; push %%rax\n\t"
        "push $0; push $0; push $0; push $0; mov %3, %%eax; syscall; 1:"
        :
        : "r"((uint64_t)FLAT_KERNEL_SS), "r"(0x202ul), "r"((uint64_t)FLAT_KERNEL_CS & ~3ul),
          "i"(__HYPERVISOR_iret)
        : "rax", "rbx", "rcx", "r11", "memory");
    EXPECT_EQ(count, 1);
    event_close((unsigned)port);
}

CLAIM(send_errors, "send: port 0, a port that is free, and one beyond the limit are EINVAL")
{
    EXPECT_EQ(event_send(0), -XEN_EINVAL);
    EXPECT_EQ(event_send(1000), -XEN_EINVAL);
    EXPECT_EQ(event_send(4095), -XEN_EINVAL);
    EXPECT_EQ(event_send(4096), -XEN_EINVAL);
    EXPECT_EQ(event_send(~0u), -XEN_EINVAL);
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_send, BAD_PTR), -XEN_EFAULT);
}

CLAIM(close_errors, "close: a free port and one beyond the limit are EINVAL, a second close too")
{
    int port = event_bind_ipi(0);
    struct evtchn_close op = {.port = (evtchn_port_t)port};

    REQUIRE(port > 0);
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_close, &op), 0);
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_close, &op), -XEN_EINVAL);
    op.port = 0;
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_close, &op), -XEN_EINVAL);
    op.port = 1u << 20;
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_close, &op), -XEN_EINVAL);
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_close, BAD_PTR), -XEN_EFAULT);
}

CLAIM(unbound,
      "alloc_unbound gives a port whose status names the remote; sending on it is 0 and does nothing")
{
    int port = event_alloc_unbound(DOMID_SELF);
    struct evtchn_status s;

    REQUIRE(port > 0);
    EXPECT_EQ(status_of((unsigned)port, &s), 0);
    EXPECT_EQ(s.status, EVTCHNSTAT_unbound);
    EXPECT_EQ(s.u.unbound.dom, abi_domid());
    EXPECT_EQ(event_send((unsigned)port), 0);
    EXPECT(!event_pending((unsigned)port));
    EXPECT_EQ(event_close((unsigned)port), 0);
    EXPECT_EQ(status_of((unsigned)port, &s), 0);
    EXPECT_EQ(s.status, EVTCHNSTAT_closed);
}

CLAIM(unbound_errors, "alloc_unbound: an unknown domain is ESRCH, a bad pointer EFAULT")
{
    struct evtchn_alloc_unbound op = {.dom = 0x7000, .remote_dom = DOMID_SELF};

    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_alloc_unbound, &op), -XEN_ESRCH);
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_alloc_unbound, BAD_PTR), -XEN_EFAULT);
}

CLAIM(loopback, "a domain binds to its own unbound port; each end signals the other")
{
    int a = event_alloc_unbound(DOMID_SELF), b;
    struct evtchn_status s;

    REQUIRE(a > 0);
    b = event_bind_interdomain(DOMID_SELF, (unsigned)a);
    REQUIRE(b > 0);
    EXPECT_EQ(status_of((unsigned)b, &s), 0);
    EXPECT_EQ(s.status, EVTCHNSTAT_interdomain);
    EXPECT_EQ(s.u.interdomain.dom, abi_domid());
    EXPECT_EQ(s.u.interdomain.port, a);
    /* Binding itself raises the new local port once. */
    EXPECT(event_clear((unsigned)b));
    count = 0;
    event_handle((unsigned)a, on_event, NULL);
    event_handle((unsigned)b, on_event, NULL);
    EXPECT_EQ(event_send((unsigned)b), 0);
    EXPECT_EQ(count, 1);
    EXPECT_EQ(last_port, a);
    EXPECT_EQ(event_send((unsigned)a), 0);
    EXPECT_EQ(count, 2);
    EXPECT_EQ(last_port, b);
    EXPECT_EQ(event_close((unsigned)b), 0);
    EXPECT_EQ(status_of((unsigned)a, &s), 0);
    EXPECT_EQ(s.status, EVTCHNSTAT_unbound);
    EXPECT_EQ(event_send((unsigned)a), 0);
    EXPECT_EQ(event_close((unsigned)a), 0);
}

CLAIM(interdomain_errors, "bind_interdomain: ports that are not unbound for us are EINVAL, domains ESRCH")
{
    int ipi = event_bind_ipi(0), other = event_alloc_unbound(0x7000);

    REQUIRE(ipi > 0);
    EXPECT_EQ(event_bind_interdomain(DOMID_SELF, (unsigned)ipi), -XEN_EINVAL);
    EXPECT_EQ(event_bind_interdomain(DOMID_SELF, 0), -XEN_EINVAL);
    EXPECT_EQ(event_bind_interdomain(DOMID_SELF, 5000), -XEN_EINVAL);
    EXPECT_EQ(event_bind_interdomain(DOMID_SELF, ~0u), -XEN_EINVAL);
    EXPECT_EQ(event_bind_interdomain(0x7000, 1), -XEN_ESRCH);
    if (other > 0) {
        EXPECT_EQ(event_bind_interdomain(DOMID_SELF, (unsigned)other), -XEN_EINVAL);
        event_close((unsigned)other);
    }
    event_close((unsigned)ipi);
}

CLAIM(virq_errors,
      "bind_virq: unknown VIRQs and vCPUs refused, a second binding EEXIST, global ones only vCPU 0")
{
    int port = event_bind_virq(VIRQ_TIMER, 0), global;

    REQUIRE(port > 0);
    EXPECT_EQ(event_bind_virq(VIRQ_TIMER, 0), -XEN_EEXIST);
    EXPECT_EQ(event_bind_virq(NR_VIRQS, 0), -XEN_EINVAL);
    EXPECT_EQ(event_bind_virq(~0u, 0), -XEN_EINVAL);
    EXPECT_EQ(event_bind_virq(VIRQ_TIMER, 1000), -XEN_ENOENT);
    EXPECT_EQ(event_bind_virq(VIRQ_DOM_EXC, 1), -XEN_EINVAL);
    global = event_bind_virq(VIRQ_DOM_EXC, 0);
    EXPECT(global > 0);
    EXPECT_EQ(event_close((unsigned)global), 0);
    EXPECT_EQ(event_close((unsigned)port), 0);
    port = event_bind_virq(VIRQ_TIMER, 0);
    EXPECT(port > 0);
    event_close((unsigned)port);
}

CLAIM(virq_status, "the status of a VIRQ port names the VIRQ, of an IPI port the vCPU")
{
    int virq = event_bind_virq(VIRQ_DEBUG, 0), ipi = event_bind_ipi(0);
    struct evtchn_status s;

    REQUIRE(virq > 0 && ipi > 0);
    EXPECT_EQ(status_of((unsigned)virq, &s), 0);
    EXPECT_EQ(s.status, EVTCHNSTAT_virq);
    EXPECT_EQ(s.u.virq, VIRQ_DEBUG);
    EXPECT_EQ(s.vcpu, 0);
    EXPECT_EQ(status_of((unsigned)ipi, &s), 0);
    EXPECT_EQ(s.status, EVTCHNSTAT_ipi);
    EXPECT_EQ(event_send((unsigned)virq), -XEN_EINVAL);
    event_close((unsigned)virq);
    event_close((unsigned)ipi);
}

CLAIM(ipi_errors, "bind_ipi: a vCPU that does not exist is ENOENT, a bad pointer EFAULT")
{
    EXPECT_EQ(event_bind_ipi(1000), -XEN_ENOENT);
    EXPECT_EQ(event_bind_ipi(~0u), -XEN_ENOENT);
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_bind_ipi, BAD_PTR), -XEN_EFAULT);
}

CLAIM(status_errors, "status: beyond the limit EINVAL, unknown domain ESRCH, a free port is closed")
{
    struct evtchn_status s = {.dom = 0x7000, .port = 1};

    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_status, &s), -XEN_ESRCH);
    EXPECT_EQ(status_of(1u << 20, &s), -XEN_EINVAL);
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_status, BAD_PTR), -XEN_EFAULT);
}

CLAIM(bind_vcpu, "bind_vcpu moves an interdomain port, refuses IPIs and vCPUs that do not exist")
{
    int a = event_alloc_unbound(DOMID_SELF), ipi = event_bind_ipi(0);
    struct evtchn_bind_vcpu op = {.port = (evtchn_port_t)a, .vcpu = 0};

    REQUIRE(a > 0 && ipi > 0);
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_bind_vcpu, &op), 0);
    op.vcpu = 1000;
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_bind_vcpu, &op), -XEN_ENOENT);
    op = (struct evtchn_bind_vcpu){.port = (evtchn_port_t)ipi, .vcpu = 0};
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_bind_vcpu, &op), -XEN_EINVAL);
    op.port = 2000;
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_bind_vcpu, &op), -XEN_EINVAL);
    event_close((unsigned)a);
    event_close((unsigned)ipi);
}

CLAIM(unmask_errors, "unmask: a port beyond the limit is EINVAL, one with nothing pending is 0")
{
    int port = event_bind_ipi(0);
    struct evtchn_unmask op = {.port = 1u << 20};

    REQUIRE(port > 0);
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_unmask, &op), -XEN_EINVAL);
    op.port = (evtchn_port_t)port;
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_unmask, &op), 0);
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_unmask, BAD_PTR), -XEN_EFAULT);
    event_close((unsigned)port);
}

CLAIM(close_clears, "a port that is bound again starts without a pending bit")
{
    int port = event_bind_ipi(0), again;

    REQUIRE(port > 0);
    event_mask((unsigned)port);
    EXPECT_EQ(event_send((unsigned)port), 0);
    EXPECT(event_pending((unsigned)port));
    EXPECT_EQ(event_close((unsigned)port), 0);
    again = event_bind_ipi(0);
    EXPECT_EQ(again, port);
    EXPECT(!event_pending((unsigned)again));
    event_close((unsigned)again);
}

CLAIM(lowest_port, "ports are given out from the lowest free number")
{
    int a = event_bind_ipi(0), b = event_bind_ipi(0), c;

    REQUIRE(a > 0 && b > 0);
    EXPECT_EQ(b, a + 1);
    event_close((unsigned)a);
    c = event_bind_ipi(0);
    EXPECT_EQ(c, a);
    event_close((unsigned)b);
    event_close((unsigned)c);
}

CLAIM(many_ports, "300 ports can be bound, each signals its own bit, all can be closed")
{
    static int ports[300];
    unsigned bad = 0;

    count = 0;
    for (unsigned i = 0; i < 300; i++) {
        ports[i] = event_bind_ipi(0);
        if (ports[i] <= 0) {
            FAIL("bind %u is %d", i, ports[i]);
            return;
        }
        event_handle((unsigned)ports[i], on_event, NULL);
    }
    for (unsigned i = 0; i < 300; i++) {
        event_send((unsigned)ports[i]);
        bad += last_port != (unsigned)ports[i];
    }
    EXPECT_EQ(bad, 0);
    EXPECT_EQ(count, 300);
    for (unsigned i = 0; i < 300; i++)
        EXPECT_EQ(event_close((unsigned)ports[i]), 0);
}

CLAIM(batch, "events of several ports that wait for the mask are all delivered by one upcall")
{
    int ports[8];

    count = 0;
    for (unsigned i = 0; i < 8; i++) {
        ports[i] = event_bind_ipi(0);
        REQUIRE(ports[i] > 0);
        event_handle((unsigned)ports[i], on_event, NULL);
    }
    upcall_mask_set(1);
    for (unsigned i = 0; i < 8; i++)
        event_send((unsigned)ports[i]);
    EXPECT_EQ(count, 0);
    upcall_mask_set(0);
    hv_deliver_events();
    EXPECT_EQ(count, 8);
    for (unsigned i = 0; i < 8; i++)
        event_close((unsigned)ports[i]);
}

CLAIM(unknown, "an unknown command is ENOSYS")
{
    EXPECT_EQ(hv_event_channel_op(99, NULL), -XEN_ENOSYS);
    EXPECT_EQ(hv_event_channel_op(-1, NULL), -XEN_ENOSYS);
}

CLAIM(bind_pirq_errors, "bind_pirq: numbers beyond the domain's interrupts are EINVAL")
{
    struct evtchn_bind_pirq op = {.pirq = 100000};

    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_bind_pirq, &op), -XEN_EINVAL);
    op.pirq = ~0u;
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_bind_pirq, &op), -XEN_EINVAL);
}
