/* SPDX-License-Identifier: MIT */
/*
 * Permission lists of nodes. The first entry names the owner, who may do everything, and says what domains
 * without an entry of their own may do; each further entry is for one domain.
 */
#ifndef XS_STORE_PERMS_H
#define XS_STORE_PERMS_H

#include <stddef.h>
#include <stdint.h>

#define XS_PERM_NONE  0u
#define XS_PERM_READ  1u
#define XS_PERM_WRITE 2u
#define XS_PERM_OWNER 4u /* may change the permissions; never in a list, only in an answer */
#define XS_PERM_ALL   (XS_PERM_READ | XS_PERM_WRITE | XS_PERM_OWNER)

struct xs_perm {
    uint16_t domid;
    uint8_t access;
};

/* Shared by all nodes that inherited it; never changed once it is in a tree. */
struct xs_perms {
    unsigned int refs;
    unsigned int nr; /* at least 1 */
    struct xs_perm p[];
};

/* Who asks. A privileged caller passes every check; `target` is a domain it may act as, or -1. */
struct xs_who {
    unsigned int domid;
    int target;
    int privileged;
};

/* A list of `nr` entries, all {0, none}; NULL when memory is short. */
struct xs_perms *xs_perms_new(unsigned int nr);
struct xs_perms *xs_perms_ref(struct xs_perms *p);
void xs_perms_unref(struct xs_perms *p);

/* What a new node gets: its parent's list, with `who` as the owner unless it is privileged. */
struct xs_perms *xs_perms_inherit(struct xs_perms *parent, const struct xs_who *who);

/*
 * The list without the entries of `domid` beyond the first, as a new reference (to the same list if it has
 * none); NULL when memory is short.
 */
struct xs_perms *xs_perms_without(struct xs_perms *p, unsigned int domid);

/* XS_PERM_* bits that `who` has. */
unsigned int xs_perms_access(const struct xs_perms *p, const struct xs_who *who);

static inline unsigned int xs_perms_owner(const struct xs_perms *p)
{
    return p->p[0].domid;
}

/* Reads one entry, as "r12": 0 or -EINVAL. */
int xs_perm_parse(const char *text, struct xs_perm *perm);

/* Writes one entry with its NUL; returns the length without it. `buf` holds XS_PERM_TEXT bytes. */
#define XS_PERM_TEXT 8
size_t xs_perm_format(const struct xs_perm *perm, char buf[XS_PERM_TEXT]);

#endif
