/* SPDX-License-Identifier: MIT */
#include "guest/events.h"
#include "guest/guest.h"
#include "guest/vcpu.h"

#define WORD_BITS 64u

static struct {
    event_handler_t fn;
    void *data;
    unsigned vcpu; /* whose handler it is */
} handlers[EVENTS_MAX_PORTS];

static uint64_t *pending_word(unsigned port)
{
    return &shared_info->evtchn_pending[port / WORD_BITS];
}

static uint64_t *mask_word(unsigned port)
{
    return &shared_info->evtchn_mask[port / WORD_BITS];
}

static uint64_t port_bit(unsigned port)
{
    return 1ul << (port % WORD_BITS);
}

static int new_port(long rc, unsigned port, unsigned vcpu)
{
    if (rc)
        return (int)rc;
    handlers[port].vcpu = vcpu;
    return (int)port;
}

void events_init(void)
{
    memset(handlers, 0, sizeof(handlers));
    for (unsigned i = 0; i < EVENTS_MAX_PORTS / WORD_BITS; i++)
        __atomic_store_n(&shared_info->evtchn_mask[i], ~0ul, __ATOMIC_SEQ_CST);
}

int event_alloc_unbound(domid_t remote)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = remote};
    long rc = hv_event_channel_op(EVTCHNOP_alloc_unbound, &op);

    return new_port(rc, op.port, 0);
}

int event_bind_interdomain(domid_t remote, unsigned remote_port)
{
    struct evtchn_bind_interdomain op = {.remote_dom = remote, .remote_port = remote_port};
    long rc = hv_event_channel_op(EVTCHNOP_bind_interdomain, &op);

    return new_port(rc, op.local_port, 0);
}

int event_bind_virq(unsigned virq, unsigned vcpu)
{
    struct evtchn_bind_virq op = {.virq = virq, .vcpu = vcpu};
    long rc = hv_event_channel_op(EVTCHNOP_bind_virq, &op);

    return new_port(rc, op.port, vcpu);
}

int event_bind_ipi(unsigned vcpu)
{
    struct evtchn_bind_ipi op = {.vcpu = vcpu};
    long rc = hv_event_channel_op(EVTCHNOP_bind_ipi, &op);

    return new_port(rc, op.port, vcpu);
}

int event_bind_vcpu(unsigned port, unsigned vcpu)
{
    struct evtchn_bind_vcpu op = {.port = port, .vcpu = vcpu};
    long rc = hv_event_channel_op(EVTCHNOP_bind_vcpu, &op);

    if (!rc)
        handlers[port].vcpu = vcpu;
    return (int)rc;
}

void event_handle(unsigned port, event_handler_t handler, void *data)
{
    event_mask(port);
    handlers[port].data = data;
    __atomic_store_n(&handlers[port].fn, handler, __ATOMIC_RELEASE);
    if (handler)
        event_unmask(port);
}

void event_mask(unsigned port)
{
    __atomic_or_fetch(mask_word(port), port_bit(port), __ATOMIC_SEQ_CST);
}

void event_unmask(unsigned port)
{
    struct evtchn_unmask op = {.port = port};

    hv_event_channel_op(EVTCHNOP_unmask, &op);
}

int event_send(unsigned port)
{
    struct evtchn_send op = {.port = port};

    return (int)hv_event_channel_op(EVTCHNOP_send, &op);
}

int event_close(unsigned port)
{
    struct evtchn_close op = {.port = port};

    event_handle(port, NULL, NULL);
    return (int)hv_event_channel_op(EVTCHNOP_close, &op);
}

bool event_pending(unsigned port)
{
    return __atomic_load_n(pending_word(port), __ATOMIC_ACQUIRE) & port_bit(port);
}

bool event_clear(unsigned port)
{
    return __atomic_fetch_and(pending_word(port), ~port_bit(port), __ATOMIC_SEQ_CST) & port_bit(port);
}

void upcall_mask_restore(uint8_t mask)
{
    upcall_mask_set(mask);
    if (!mask && this_vcpu()->info->evtchn_upcall_pending)
        hv_deliver_events();
}

void events_wait(void)
{
    upcall_mask_set(1);
    if (!this_vcpu()->info->evtchn_upcall_pending)
        hv_sched_op(SCHEDOP_block, NULL);
    upcall_mask_restore(0);
}

/* Of a port that is another vCPU's only that vCPU takes the event: it has been told too. */
static void run_word(unsigned word)
{
    uint64_t ready = __atomic_load_n(&shared_info->evtchn_pending[word], __ATOMIC_ACQUIRE) &
                     ~__atomic_load_n(&shared_info->evtchn_mask[word], __ATOMIC_ACQUIRE);

    for (; ready; ready &= ready - 1) {
        unsigned port = word * WORD_BITS + (unsigned)__builtin_ctzl(ready);
        event_handler_t fn = __atomic_load_n(&handlers[port].fn, __ATOMIC_ACQUIRE);

        if (fn && handlers[port].vcpu != this_vcpu()->id)
            continue;
        event_clear(port);
        if (fn)
            fn(port, handlers[port].data);
        else
            event_mask(port);
    }
}

/*
 * The pending byte is cleared before the selector is taken, and the selector before the words are
 * read: an event that comes in between sets both again and is seen on the next turn.
 */
void events_upcall(void)
{
    struct vcpu_info *info = this_vcpu()->info;

    while (__atomic_exchange_n(&info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST)) {
        uint64_t sel = __atomic_exchange_n(&info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);

        for (; sel; sel &= sel - 1)
            run_word((unsigned)__builtin_ctzl(sel));
    }
}
