/* SPDX-License-Identifier: MIT */
/*
 * Inside of a grant table: private to grant/.
 *
 * The granter's side is the table: frames shared with the guest, and beside each entry a pin that says who
 * uses it and how often. While an entry has a user, the pin holds one general reference on the frame, and
 * what the pin says counts: the guest may write anything into the entry meanwhile. GTF_reading / GTF_writing
 * stand in the entry as long as there are users of that kind.
 *
 * The mapper's side is the maptrack: a handle for each mapping. A handle holds a reference to the granter and
 * one pin use for each of its parts (host, device). Page-table entries hold their own references
 * (mm/pagetable.h), so a guest that overwrites one only keeps its handle for nothing.
 */
#ifndef HYP_GRANT_TABLE_H
#define HYP_GRANT_TABLE_H

#include "grant/grant.h"
#include "mm/page.h"

#define GRANTS_PER_FRAME     (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define MAPTRACK_PER_FRAME   (PAGE_SIZE / sizeof(struct grant_mapping))
#define GRANT_FRAMES_DEFAULT 64
#define MAPTRACK_DEFAULT     1024
#define NO_HANDLE            0xffffffffu

struct grant_pin {
    u32 frame;
    u16 domid; /* the user */
    u32 readers, writers;
};

struct grant_mapping {
    struct domain *granter;
    u32 ref;   /* of a free handle: the next free one */
    u16 flags; /* GNTMAP_*; a part's bit goes as soon as somebody takes it away. 0: no such handle */
    u8 parts;  /* not yet finished; the handle is free at 0 */
};

struct grant_table {
    struct spinlock lock; /* LOCK_GRANT_TABLE: what follows */
    u32 nr_frames, max_frames;
    u32 nr_pinned;
    bool dying;
    u64 **shared;            /* [max_frames]: entries as single words, in memory that the guest writes */
    struct grant_pin **pins; /* [max_frames] */

    struct spinlock map_lock; /* LOCK_GRANT_MAP: what follows */
    u32 nr_map_frames, max_map_frames;
    u32 free_handle; /* NO_HANDLE: none */
    u32 nr_maps;
    u32 released;                    /* by domain_kill: handles below are done */
    struct grant_mapping **mappings; /* [max_map_frames], made with the first mapping */
};

/* --- pin.c --- */
/*
 * `uses` more uses of entry `ref` of `granter` by domain `user`. GNTST_okay: *page is the frame; it stays
 * referenced until the matching grant_unpin(). Otherwise nothing was changed.
 */
int grant_pin(struct domain *granter, u32 ref, u16 user, bool write, unsigned uses, struct page_info **page);
void grant_unpin(struct domain *granter, u32 ref, bool write, unsigned uses);
/* Of an entry of which the caller has a pin. */
mfn_t grant_pinned_frame(const struct domain *granter, u32 ref);

/* --- maptrack.c --- */
/* A handle that nobody can use before its flags are set, or NO_HANDLE. */
u32 maptrack_take(struct grant_table *gt);
void maptrack_give(struct grant_table *gt, u32 handle);
/* So many parts of a mapping are finished. True when they were the last: the handle is free. */
bool maptrack_part_done(struct grant_table *gt, u32 handle, unsigned parts);
/* NULL: there never was such a handle. */
struct grant_mapping *maptrack_slot(const struct grant_table *gt, u32 handle);

/* A domain by the number in an operation, through the batch. NULL: no such domain. */
struct domain *grant_peer(struct grant_buffer *b, u16 domid);
/* What is left of a mapping whose page-table entries are gone or will go with their owner. */
void grant_mapping_release(struct grant_table *gt, struct grant_unmap_state *st);

#endif
