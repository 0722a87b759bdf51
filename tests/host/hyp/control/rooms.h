/* SPDX-License-Identifier: MIT */
/*
 * The rooms below the control hypercalls, as far as those call them: a few domains that remember what was
 * done to them, an arena that is all of guest memory, and a caller who may be privileged.
 */
#ifndef ROOMS_H
#define ROOMS_H

#include "domain/domain.h"

#define ARENA_SIZE (1u << 20)
extern u8 arena[ARENA_SIZE];
/* An object at that offset of the arena, and its guest address. */
#define AT(type, offset) ((type *)(arena + (offset)))
#define GUEST(p)         ((u64)(p))
#define BAD_POINTER      0x1000UL

/* dom0 with 2 vCPUs, of which vCPU 0 calls; domain 5 with 3 vCPUs. */
void rooms_reset(void);
/* Calls come from domain 5 (unprivileged) or from dom0. */
void rooms_call_from_guest(bool guest);
extern struct domain *rooms_guest;

extern unsigned rooms_continued;     /* continuations asked for */
extern unsigned rooms_kill_restarts; /* how often domain_kill() says -ERESTART first */
extern unsigned rooms_pauses, rooms_unpauses, rooms_refs_given, rooms_refs_put;
extern bool rooms_locked; /* what rooms_guest's context functions saw: the control lock was held */
extern long rooms_allocs;
extern struct xen_domctl_createdomain rooms_created;
extern u16 rooms_created_domid;

#endif
