/* SPDX-License-Identifier: MIT */
/*
 * sched_op and time: giving the CPU away, sleeping, polling, and the one-shot timer that wakes.
 */
#include "tests/abi/lib/abi.h"
#include "guest/time.h"

#define MS 1000000ul

static volatile unsigned count;

static void on_event(unsigned port, void *data)
{
    (void)port;
    (void)data;
    count++;
}

static int timer_port(void)
{
    int port = event_bind_virq(VIRQ_TIMER, 0);

    if (port <= 0)
        BROKEN("no port for the timer: %d", port);
    count = 0;
    return port;
}

CLAIM(yield, "yield returns 0")
{
    for (unsigned i = 0; i < 10; i++)
        EXPECT_EQ(hv_sched_op(SCHEDOP_yield, NULL), 0);
}

CLAIM(block, "block unmasks upcalls and sleeps until the timer's event was delivered")
{
    int port = timer_port();
    uint64_t start = time_now();

    event_handle((unsigned)port, on_event, NULL);
    upcall_mask_set(1);
    EXPECT_EQ(time_set_timer(start + 5 * MS), 0);
    while (!count)
        EXPECT_EQ(hv_sched_op(SCHEDOP_block, NULL), 0);
    EXPECT_EQ(this_vcpu()->info->evtchn_upcall_mask, 0);
    EXPECT_GE(time_now() - start, 5 * MS);
    EXPECT_LE(time_now() - start, 2000 * MS);
    event_close((unsigned)port);
}

CLAIM(block_pending, "block with an event pending returns at once")
{
    int port = event_bind_ipi(0);

    REQUIRE(port > 0);
    count = 0;
    event_handle((unsigned)port, on_event, NULL);
    upcall_mask_set(1);
    event_send((unsigned)port);
    EXPECT_EQ(hv_sched_op(SCHEDOP_block, NULL), 0);
    EXPECT_EQ(count, 1);
    event_close((unsigned)port);
}

static long poll(evtchn_port_t *ports, unsigned n, uint64_t timeout)
{
    struct sched_poll p = {.nr_ports = n, .timeout = timeout};

    set_xen_guest_handle(p.ports, ports);
    return hv_sched_op(SCHEDOP_poll, &p);
}

CLAIM(poll_pending, "poll returns 0 at once when one of its ports is pending, even though masked")
{
    evtchn_port_t port = (evtchn_port_t)event_bind_ipi(0);

    event_mask(port);
    upcall_mask_set(1);
    event_send(port);
    EXPECT_EQ(poll(&port, 1, time_now() + 10000 * MS), 0);
    EXPECT(event_pending(port));
    upcall_mask_set(0);
    event_close(port);
}

CLAIM(poll_timeout, "poll returns 0 after its timeout")
{
    evtchn_port_t port = (evtchn_port_t)event_bind_ipi(0);
    uint64_t start = time_now();

    event_mask(port);
    upcall_mask_set(1);
    EXPECT_EQ(poll(&port, 1, start + 5 * MS), 0);
    EXPECT_GE(time_now() - start, 5 * MS);
    EXPECT_LE(time_now() - start, 2000 * MS);
    upcall_mask_set(0);
    event_close(port);
}

CLAIM(poll_timer, "poll is woken by the timer's event on a masked port")
{
    evtchn_port_t port = (evtchn_port_t)timer_port();
    uint64_t start = time_now();

    event_mask(port);
    upcall_mask_set(1);
    EXPECT_EQ(time_set_timer(start + 5 * MS), 0);
    EXPECT_EQ(poll(&port, 1, start + 20000 * MS), 0);
    EXPECT(event_pending(port));
    EXPECT_LE(time_now() - start, 2000 * MS);
    upcall_mask_set(0);
    event_close(port);
}

CLAIM(poll_errors, "poll: more than 128 ports and ports beyond the limit are EINVAL, bad lists EFAULT")
{
    evtchn_port_t port = 1u << 20;

    EXPECT_EQ(poll(&port, 129, time_now()), -XEN_EINVAL);
    EXPECT_EQ(poll(&port, 1, time_now()), -XEN_EINVAL);
    EXPECT_EQ(poll(BAD_PTR, 1, time_now()), -XEN_EFAULT);
    EXPECT_EQ(hv_sched_op(SCHEDOP_poll, BAD_PTR), -XEN_EFAULT);
}

CLAIM(timer_past, "a timer in the past fires at once")
{
    int port = timer_port();

    event_handle((unsigned)port, on_event, NULL);
    EXPECT_EQ(time_set_timer(1), 0);
    for (unsigned i = 0; i < 100 && !count; i++)
        time_sleep(MS / 10);
    EXPECT_EQ(count, 1);
    event_close((unsigned)port);
}

CLAIM(timer_once, "a one-shot timer fires once and can be stopped")
{
    int port = timer_port();

    event_handle((unsigned)port, on_event, NULL);
    EXPECT_EQ(time_set_timer(time_now() + 2 * MS), 0);
    time_sleep(20 * MS);
    EXPECT_EQ(count, 1);
    EXPECT_EQ(time_set_timer(time_now() + 20 * MS), 0);
    time_stop_timer();
    time_sleep(40 * MS);
    EXPECT_EQ(count, 1);
    event_close((unsigned)port);
}

CLAIM(set_timer_op, "set_timer_op fires the same event; 0 stops it")
{
    int port = timer_port();

    event_handle((unsigned)port, on_event, NULL);
    EXPECT_EQ(hv_set_timer_op(time_now() + 2 * MS), 0);
    time_sleep(20 * MS);
    EXPECT_EQ(count, 1);
    EXPECT_EQ(hv_set_timer_op(time_now() + 20 * MS), 0);
    EXPECT_EQ(hv_set_timer_op(0), 0);
    time_sleep(40 * MS);
    EXPECT_EQ(count, 1);
    event_close((unsigned)port);
}

CLAIM(time_monotonic, "system time never goes back over 20000 readings and hypercalls between")
{
    uint64_t last = time_now();

    for (unsigned i = 0; i < 20000; i++) {
        uint64_t now = time_now();

        if (now < last) {
            FAIL("%lu after %lu", now, last);
            break;
        }
        last = now;
        if (i % 64 == 0)
            hv_sched_op(SCHEDOP_yield, NULL);
    }
}

CLAIM(unknown, "an unknown command is ENOSYS; remote_shutdown of nobody is ESRCH")
{
    struct sched_remote_shutdown r = {.domain_id = 0x7000, .reason = SHUTDOWN_crash};

    EXPECT_EQ(hv_sched_op(99, NULL), -XEN_ENOSYS);
    EXPECT_EQ(hv_sched_op(-1, NULL), -XEN_ENOSYS);
    EXPECT_EQ(hv_sched_op(SCHEDOP_remote_shutdown, &r), -XEN_ESRCH);
    EXPECT_EQ(hv_sched_op(SCHEDOP_remote_shutdown, BAD_PTR), -XEN_EFAULT);
}

CLAIM(shutdown_pointer, "shutdown with a bad pointer is EFAULT and the domain lives")
{
    EXPECT_EQ(hv_sched_op(SCHEDOP_shutdown, BAD_PTR), -XEN_EFAULT);
}

CRASH_CLAIM(shutdown_crash, "SHUTDOWN_crash ends the domain as crashed")
{
    struct sched_shutdown arg = {.reason = SHUTDOWN_crash};

    hv_sched_op(SCHEDOP_shutdown, &arg);
}

CLAIM(shutdown_code, "shutdown_code tells a reason without shutting down; a bad pointer is EFAULT")
{
    struct sched_shutdown s = {.reason = SHUTDOWN_poweroff};

    EXPECT_EQ(hv_sched_op(SCHEDOP_shutdown_code, BAD_PTR), -XEN_EFAULT);
    EXPECT_EQ(hv_sched_op(SCHEDOP_shutdown_code, &s), 0);
}

static long watchdog(uint32_t id, uint32_t seconds)
{
    struct sched_watchdog w = {.id = id, .timeout = seconds};

    return hv_sched_op(SCHEDOP_watchdog, &w);
}

CLAIM(watchdog,
      "watchdog: two timers, ENOSPC behind them; armed again, let go; EINVAL for one that is not taken")
{
    EXPECT_EQ(watchdog(1, 10), -XEN_EINVAL);
    EXPECT_EQ(watchdog(3, 10), -XEN_EINVAL);
    EXPECT_EQ(watchdog(0, 1000), 1);
    EXPECT_EQ(watchdog(0, 1000), 2);
    EXPECT_EQ((int)watchdog(0, 1000), -XEN_ENOSPC); /* Xen's has 32 bits */
    EXPECT_EQ(watchdog(1, 2000), 0);
    EXPECT_EQ(watchdog(1, 0), 0);
    EXPECT_EQ(watchdog(1, 0), -XEN_EINVAL);
    EXPECT_EQ(watchdog(0, 1000), 1);
    EXPECT_EQ(watchdog(1, 0), 0);
    EXPECT_EQ(watchdog(2, 0), 0);
    EXPECT_EQ(hv_sched_op(SCHEDOP_watchdog, BAD_PTR), -XEN_EFAULT);
}

CRASH_CLAIM(watchdog_runs_out, "a watchdog that is not armed again ends the domain")
{
    uint64_t end = time_now() + 20000000000ul;

    EXPECT_EQ(watchdog(0, 1), 1);
    while (time_now() < end)
        ;
    FAIL("still there");
}
