/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_HV_H
#define HOSPES_TOOLSTACK_HV_H

/*
 * The hypervisor as the toolstack sees it: typed calls over libxencall, libxenforeignmemory and libxenevtchn.
 * Nothing here reports: a failure is -1 with errno as the hypervisor (or the kernel) gave it, and the caller
 * knows what it was trying to do. Compile with -D__XEN_TOOLS__.
 *
 * A struct hv belongs to one process and one thread: its scratch buffer is used by every call.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>
#include <xen/memory.h>
#include <xen/version.h>

#include <xencall.h>
#include <xenforeignmemory.h>

struct hv {
    xencall_handle *call; /* NULL: not open */
    xenforeignmemory_handle *fmem;
    void *op;      /* hypercall-safe page for the operation's own structure */
    void *scratch; /* hypercall-safe memory for what the operation points to */
    size_t scratch_bytes;
};

/* Opens call and foreign memory access; -1 with errno ENOENT or ENODEV where there is no hypervisor. */
int hv_open(struct hv *hv);
void hv_close(struct hv *hv);

/* After fork(), in the child: closes what a child may close and zeroes the structure. */
void hv_forget(struct hv *hv);

/*
 * Memory of at least `bytes` that the hypervisor can reach, good until the next call of hv_scratch or of any
 * typed function below. NULL with errno ENOMEM.
 */
void *hv_scratch(struct hv *hv, size_t bytes);

/* Raw operations: the interface version is filled in, *op is copied in and out. */
int hv_domctl(struct hv *hv, struct xen_domctl *op);
int hv_sysctl(struct hv *hv, struct xen_sysctl *op);
/* The result is the hypercall's (a count for some commands); arg of `bytes` is copied in and out. */
long hv_memory_op(struct hv *hv, unsigned int cmd, void *arg, size_t bytes);

/* --- domains: hv_domctl.c --- */

/* Creates a PV domain; *domid is the choice of the hypervisor. Fields of *create other than flags are used.
 */
int hv_domain_create(struct hv *hv, const struct xen_domctl_createdomain *create, uint32_t *domid);
/* Runs to the end (the hypervisor may ask to be called again). ESRCH when it is gone already. */
int hv_domain_destroy(struct hv *hv, uint32_t domid);
int hv_domain_pause(struct hv *hv, uint32_t domid);
int hv_domain_unpause(struct hv *hv, uint32_t domid);
/* Exactly this domain: ESRCH when there is none (the raw operation would give the next one). */
int hv_domain_info(struct hv *hv, uint32_t domid, struct xen_domctl_getdomaininfo *info);
int hv_domain_max_vcpus(struct hv *hv, uint32_t domid, uint32_t max);
int hv_domain_max_mem(struct hv *hv, uint32_t domid, uint64_t kib);
int hv_domain_set_tsc(struct hv *hv, uint32_t domid, uint32_t tsc_mode);
int hv_domain_set_width(struct hv *hv, uint32_t domid, uint32_t bits);
int hv_domain_set_handle(struct hv *hv, uint32_t domid, const uint8_t uuid[16]);
/* Initial context of vcpu. */
int hv_vcpu_set_context(struct hv *hv, uint32_t domid, uint32_t vcpu, const vcpu_guest_context_t *ctx);
int hv_vcpu_info(struct hv *hv, uint32_t domid, uint32_t vcpu, struct xen_domctl_getvcpuinfo *info);
/* Hard affinity as a bitmap of 64-bit words; set: CPUs that do not exist are ignored. */
int hv_vcpu_set_affinity(struct hv *hv, uint32_t domid, uint32_t vcpu, const uint64_t *map, size_t words);
int hv_vcpu_get_affinity(struct hv *hv, uint32_t domid, uint32_t vcpu, uint64_t *map, size_t words);
/* Fills the hypercall page at guest frame gmfn (for kernels with a HYPERCALL_PAGE note). */
int hv_hypercall_page(struct hv *hv, uint32_t domid, uint64_t gmfn);
/* Weight and cap of the credit2 scheduler; weight 0 keeps the present one. ENOSYS/EOPNOTSUPP: another
 * scheduler. */
int hv_domain_get_sched(struct hv *hv, uint32_t domid, uint32_t *weight, uint32_t *cap);
int hv_domain_set_sched(struct hv *hv, uint32_t domid, uint32_t weight, bool set_cap, uint32_t cap);

/* A non-maskable interrupt; ENOSYS where there is no such thing for PV guests. */
int hv_vcpu_nmi(struct hv *hv, uint32_t domid, uint32_t vcpu);

/* --- the machine: hv_sysctl.c --- */

/* As if these keys were pressed at the hypervisor's console. */
int hv_debug_keys(struct hv *hv, const char *keys);

int hv_physinfo(struct hv *hv, struct xen_sysctl_physinfo *info);
/* Up to max domains with domid >= first into info; returns how many, -1 on failure. */
int hv_domain_list(struct hv *hv, uint32_t first, uint32_t max, struct xen_domctl_getdomaininfo *info);
/*
 * The hypervisor's console ring from *index on (0: the oldest): bytes put into buf, -1 on failure. *index is
 * moved on for the next call; clear empties the ring.
 */
long hv_read_console(struct hv *hv, char *buf, size_t len, uint32_t *index, bool clear);
int hv_sched_id(struct hv *hv, uint32_t *id);

/* XENVER_version as (major << 16 | minor), -1 on failure. */
long hv_version(struct hv *hv);
/* XENVER_extraversion, _changeset, _capabilities, _commandline: a terminated string in buf. */
int hv_version_string(struct hv *hv, unsigned int cmd, char *buf, size_t len);
int hv_compile_info(struct hv *hv, struct xen_compile_info *info);

/* --- a guest's memory: hv_memory.c --- */

/*
 * Gives the guest count extents of 2^order pages; mfns[i] holds the PFN of the extent on entry and its MFN on
 * return. Returns how many extents were done (fewer: out of memory, or above max_mem), -1 on an error.
 */
long hv_populate(struct hv *hv, uint32_t domid, unsigned int order, xen_pfn_t *mfns, size_t count);
/* One RAM entry from 0 to bytes. */
int hv_set_memory_map(struct hv *hv, uint32_t domid, uint64_t bytes);

/*
 * Maps count frames of the guest; NULL with errno. Costs one ioctl and one hypercall for each 16 pages or so:
 * map wide and once.
 */
void *hv_map(struct hv *hv, uint32_t domid, int prot, const xen_pfn_t *mfns, size_t count);
void hv_unmap(struct hv *hv, void *va, size_t count);

/* PIN_L4 for the guest's top table: every mapping of a page table must have been unmapped. */
int hv_pin_l4(struct hv *hv, uint32_t domid, uint64_t mfn);

/*
 * Writes two entries into the guest's (version 1) grant table: refs 0 and 1 grant console_mfn and store_mfn
 * to domain 0, so that the daemons need no foreign mapping.
 */
int hv_seed_grants(struct hv *hv, uint32_t domid, uint64_t console_mfn, uint64_t store_mfn);

/* --- event channels --- */

/* A port of domid that remote may bind to; -1 or the port. */
int hv_evtchn_alloc_unbound(struct hv *hv, uint32_t domid, uint32_t remote);

#endif
