/* SPDX-License-Identifier: MIT */
/*
 * Domains and vCPUs.
 *
 * A domain is created in steps, found by domid under a reference, dies in steps, and is freed with its last
 * reference. Rooms that keep state for each domain (events, grants, scheduler...) register a struct
 * domain_unit; this room knows them only through it.
 */
#ifndef HYP_DOMAIN_DOMAIN_H
#define HYP_DOMAIN_DOMAIN_H

#include <xen/xen.h>
#include <xen/vcpu.h>
#include <xen/domctl.h>
#include "cpu/percpu.h"
#include "lib/list.h"
#include "lib/spinlock.h"
#include "mm/owner.h"

#define NR_GUEST_TRAPS 256
#define NR_WATCHDOGS   2

struct evtchn_domain;
struct grant_table;
struct xen_cpuid_leaf_list;

/* Reasons for which a vCPU does not run. It is runnable when none is set. */
#define VPF_BLOCKED    (1u << 0) /* sched_op block: until an event is deliverable */
#define VPF_POLLING    (1u << 1) /* sched_op poll: until a polled port is pending or time is up */
#define VPF_DOWN       (1u << 2) /* not up (VCPUOP_up) */
#define VPF_PAUSED     (1u << 3) /* vcpu->pause_count > 0 */
#define VPF_DOM_PAUSED (1u << 4) /* domain->pause_count > 0 */
#define VPF_CAPPED     (1u << 5) /* the domain has used its share up (sched/cap.h) */

struct trap_entry {
    u64 address; /* 0: none */
    u16 cs;
    u8 flags; /* DPL in bits 0-1, bit 2 masks events */
};

struct callback {
    u64 address; /* 0: none */
    bool mask_events;
};

/* State of the scheduler for one vCPU; owned by sched/. Guarded by the run-queue lock of v->cpu. */
struct sched_vcpu {
    struct list queue; /* on the run queue of v->cpu, while `queued` */
    bool queued;
    bool running; /* the context is loaded on v->cpu (or is being saved there): v->cpu cannot change */
    bool migrate; /* v->cpu is forbidden: move as soon as the context has been saved */
    bool moving;  /* on its way to the queue of another CPU: no one else touches it */
    bool boosted; /* of the policy: goes before those that use whole slices */
    s64 credit;   /* of the policy: nanoseconds left of the slice */
    ns_t held;    /* of the policy: a boosted one has to wait so long for the CPU; 0: none does */
    u64 affinity_hard[BITS_TO_WORDS(NR_CPUS)];
    u64 affinity_soft[BITS_TO_WORDS(NR_CPUS)];
};

/* Owned by sched/timer.c; set up by timer_setup(). */
struct timer {
    struct timer *child, *next, *prev; /* pairing heap of the CPU's queue */
    ns_t expires;
    unsigned cpu;
    unsigned calls; /* calls of fn under way */
    bool active;
    void (*fn)(void *);
    void *data;
};

struct vcpu {
    unsigned id;
    struct domain *domain;
    unsigned cpu;     /* where it runs, or ran last */
    bool initialised; /* has a context (VCPUOP_initialise, setvcpucontext) */
    u32 pause_flags;  /* VPF_*: changed with atomic operations; vcpu_is_runnable() */
    u32 pause_count;
    struct sched_vcpu sched;

    /* --- guest machine state --- */
    struct cpu_user_regs regs; /* while not loaded on a CPU; guest_regs() otherwise */
    bool kernel_mode;          /* the mode bit: both modes are ring 3 */
    bool ts;                   /* virtual CR0.TS */
    bool nmi_pending, nmi_masked;
    u64 fs_base, gs_base_kernel,
        gs_base_user; /* while not loaded; kernel/user by meaning, not by swapgs state */
    u64 kernel_sp;    /* stack_switch */
    u16 kernel_ss;
    u8 iopl; /* virtual IOPL */
    struct trap_entry traps[NR_GUEST_TRAPS];
    struct callback event_cb, failsafe_cb, syscall_cb, sysenter_cb, syscall32_cb, nmi_cb;
    mfn_t guest_l4;      /* kernel root: one pt_get_root reference; MFN_NONE before the context is set */
    mfn_t guest_l4_user; /* user root, MFN_NONE if none; one reference */
    u64 cr4;             /* guest's view */
    u64 debugreg[8];     /* dr0-3, 6, 7 */
    u64 io_bitmap_va;    /* physdev set_iobitmap: guest va and number of ports */
    u32 io_bitmap_ports;
    void *xsave;       /* features.xsave_size, 64-byte aligned */
    void *xsave_alloc; /* as allocated */
    u64 xcr0;
    bool segments_bad; /* a selector could not be loaded: failsafe callback is due */
    u64 msr_tsc_aux;

    /* --- descriptor tables (domain/desc_window.c) --- */
    u64 desc_base;        /* linear address of the window: GDT; LDT at + 16 pages */
    u64 *desc_l1;         /* the window's 32 entries in an L1 table */
    mfn_t gdt_frames[14]; /* guest's, typed PGT_seg_desc */
    u32 gdt_entries;
    u64 ldt_base; /* guest linear address, 0 entries: none */
    u32 ldt_entries;

    /* --- shared with the guest --- */
    struct vcpu_info *info; /* hypervisor's mapping: shared_info, a registered page, or dummy_vcpu_info */
    mfn_t info_mfn;         /* frame if registered (holds a writable type reference), else MFN_NONE */
    u64 runstate_guest;     /* va of the registered area, 0 none */
    struct vcpu_runstate_info runstate;
    u64 time_info_guest; /* registered secondary time area */

    /* --- time --- */
    struct timer singleshot, poll_timer, periodic;
    ns_t periodic_period, periodic_last;

    /* --- events --- */
    u16 virq_to_port[24]; /* NR_VIRQS; 0 none. Guarded by the event lock of the domain */
    u32 poll_port;        /* > 0: the one port polled; 0 none or several */

    /* continuation of a hypercall under way: see hypercalls/hypercalls.h */
    bool in_multicall;
    bool hypercall_preempted;
    struct {
        u64 nr, args[5];
        unsigned n_args;
    } continuation; /* of an entry of a multicall */
};

enum domain_dying { DOM_ALIVE, DOM_DYING, DOM_DEAD };

struct domain {
    u16 id;
    u32 refs;        /* atomic; see domain_get() */
    bool privileged; /* dom0 */
    bool is_idle;
    struct list link;     /* all domains, by domid; LOCK_DOMAIN_LIST */
    struct spinlock lock; /* LOCK_DOMAIN: what has no other lock */
    struct mm_owner mm;
    u8 handle[16];

    unsigned max_vcpus;
    struct vcpu **vcpu; /* [max_vcpus]; all exist from creation, not initialised */
    u32 pause_count;    /* toolstack, hypervisor and shutdown pauses together */
    u32 controller_pause_count;
    bool is_shut_down;
    u32 shutdown_code; /* SHUTDOWN_*; ~0 none */
    enum domain_dying dying;
    unsigned destroy_stage;
    bool reaped;            /* the list's reference has been dropped */
    bool creation_finished; /* first unpause by the toolstack */

    struct shared_info *shared_info; /* alloc_shared_page */
    u64 vm_assist;                   /* 1 << VMASST_TYPE_* */

    struct evtchn_domain *evtchn; /* event/ */
    struct grant_table *grant;    /* grant/ */
    void *irq;                    /* event/pirq.c */
    u64 pollers;                  /* bit a vCPU that may be in sched_op poll; see event/two_level.c */
    u32 max_grant_frames;

    struct e820entry_pv {
        u64 addr, size;
        u32 type;
    } __packed *e820; /* set_memory_map */
    unsigned e820_count;

    struct xen_cpuid_leaf_list
        *cpuid_custom; /* set_cpu_policy: hyp_zalloc'ed, NULL: the default PV policy (domain/cpuid.h) */
    u32 pci_cf8;       /* last dword written to port 0xcf8; LOCK_DOMAIN */
    u32 tsc_mode;
    s64 time_offset_seconds;
    u32 sched_weight, sched_cap; /* cap: percent of a CPU, 0 none; sched/cap.c */
    s64 cap_left;                /* ns of this period, less than 0: debt */
    struct timer cap_timer;
    struct timer watchdog[NR_WATCHDOGS];
    u8 watchdogs_taken; /* bit each; `lock` */
};

struct domain_unit {
    int (*domain_create)(struct domain *d, const struct xen_domctl_createdomain *cfg);
    int (*vcpu_create)(struct vcpu *v);
    /* Steps of destruction; may return -ERESTART to be called again. Every vCPU is off the CPUs for good by
     * then. */
    int (*domain_kill)(struct domain *d);
    /* Last reference is gone. */
    void (*domain_free)(struct domain *d);
};
/* NULL-terminated, in main.c; killed and freed in reverse order. */
extern const struct domain_unit *const domain_units[];

extern struct domain *dom0;
extern struct domain idle_domain;
extern struct vcpu *idle_vcpu[NR_CPUS];

static inline bool is_idle_vcpu(const struct vcpu *v)
{
    return v->domain->is_idle;
}
static inline struct mm_owner *mm_of(struct domain *d)
{
    return &d->mm;
}
#define for_each_vcpu(d, v) \
    for (unsigned vcpu_i_ = 0; vcpu_i_ < (d)->max_vcpus && (((v) = (d)->vcpu[vcpu_i_]), true); vcpu_i_++)

/* --- life cycle (domain.c) --- */
void domain_init(void);             /* idle domain, tables */
int idle_vcpu_create(unsigned cpu); /* -ENOMEM */
/* A new paused domain with all its vCPUs (down, no context). domid 0..DOMID_FIRST_RESERVED-1,
 * DOMID_INVALID-like 0xffff: choose. One reference is the caller's. */
int domain_create(u16 domid, const struct xen_domctl_createdomain *cfg, bool privileged, struct domain **out);
/* By domid with a reference (domain_put), also dying ones; NULL: none. DOMID_SELF is the caller's business:
 * domain_get_any(). */
struct domain *domain_get(u16 domid);
/* As a hypercall names one: DOMID_SELF is current->domain. */
struct domain *domain_get_any(u16 domid);
/* First domain with id >= domid, with a reference. */
struct domain *domain_get_next(unsigned domid);
bool domain_ref(struct domain *d);
void domain_put(struct domain *d);
/* Each has a reference while it is looked at. */
static inline struct domain *domain_next(struct domain *d)
{
    unsigned next = d->id + 1u;

    domain_put(d);
    return domain_get_next(next);
}
#define for_each_domain(d) for ((d) = domain_get_next(0); (d); (d) = domain_next(d))
/* Kill; -ERESTART until done (the domain then is DOM_DEAD and off the list when the last page reference is
 * gone). -EINVAL for the caller itself. */
int domain_kill(struct domain *d);
/* Shutdown: */
void domain_shutdown(struct domain *d, u32 reason); /* from the domain itself or on its behalf: pauses it,
                                                       raises VIRQ_DOM_EXC; dom0: the machine */
void domain_resume(struct domain *d);
/* The guest broke a rule that has no errno. Logs (rate-limited) and shuts down with SHUTDOWN_crash. When it
 * is current, the caller must return to the exit path. */
void domain_crash(struct domain *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Counted pauses. domain_pause() returns when no vCPU is on a CPU any more (never call it for the current
 * domain); the _nosync form only asks. */
void domain_pause(struct domain *d);
void domain_pause_nosync(struct domain *d);
void domain_unpause(struct domain *d);
int domain_pause_by_toolstack(struct domain *d);
int domain_unpause_by_toolstack(struct domain *d);
void vcpu_pause(struct vcpu *v);
void vcpu_unpause(struct vcpu *v);
/* Waits until v is on no CPU. It must be kept from running by a pause flag. */
void vcpu_sync(struct vcpu *v);

/* --- vCPU context (vcpu.c) --- */
int vcpu_set_context(struct vcpu *v,
                     const struct vcpu_guest_context *c); /* -EINVAL, -EPERM...: nothing changed; -ERESTART */
void vcpu_get_context(struct vcpu *v, struct vcpu_guest_context *c); /* v is paused */
void vcpu_reset(struct vcpu *v); /* drops roots and descriptor tables, back to the state of a new one */
/* VCPUOP_register_vcpu_info: -EINVAL, -EPERM. */
int vcpu_register_info(struct vcpu *v, mfn_t mfn, unsigned offset);
extern struct vcpu_info dummy_vcpu_info;

/* Roots: hypercall NEW_BASEPTR, NEW_USER_BASEPTR on current. 0 or -errno, -ERESTART. */
int vcpu_set_kernel_root(struct vcpu *v, mfn_t l4);
int vcpu_set_user_root(struct vcpu *v, mfn_t l4);

/* CR3 = the root of v's mode; v is loaded here. */
void vcpu_load_root(struct vcpu *v);
void vcpu_load_cr4(struct vcpu *v);
/* What the guest has in CR4 if it asks for `wanted`: its own choice of its own bits, some of ours to look at.
 */
u64 vcpu_guest_cr4(u64 wanted);

/* --- switching (switch.c) --- */
/* Called by the scheduler on this CPU, interrupts on: makes `next` the loaded vCPU. Does not return to the
 * caller: resumes at the exit path. */
void context_switch(struct vcpu *prev, struct vcpu *next);
/* Kernel mode <-> user mode of current: the active GS base, the root, the mode bit. */
void toggle_guest_mode(struct vcpu *v);

/* --- descriptor windows (desc_window.c; memory person) --- */
#define DESC_GDT_PAGES 16
#define DESC_LDT_PAGES 16
int desc_window_create(struct vcpu *v);
void desc_window_free(struct vcpu *v);
int vcpu_set_gdt(struct vcpu *v, const u64 *mfns, unsigned entries); /* -EINVAL: old one stays */
void vcpu_destroy_gdt(struct vcpu *v);
void vcpu_set_ldt(struct vcpu *v, u64 base, unsigned entries);
/* All LDT pages out of the window; returns true if any was there (the TLB then wants a flush). */
bool vcpu_invalidate_ldt(struct vcpu *v);
/* #PF at this offset of the LDT window: maps the guest's page if it can be a descriptor page. */
bool desc_map_ldt_page(struct vcpu *v, u64 offset);

/* Reports vCPUs' references to the auditor of the memory room. Once, at boot. (ref_audit.c) */
void ref_audit_init(void);

/* --- events as seen from here --- */
static inline bool vcpu_event_pending(const struct vcpu *v)
{
    return READ_ONCE(v->info->evtchn_upcall_pending) && !READ_ONCE(v->info->evtchn_upcall_mask);
}

#endif
