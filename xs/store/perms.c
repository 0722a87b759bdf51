/* SPDX-License-Identifier: MIT */
/* Permission lists: reference counts, inheritance, checks, text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xs/store/perms.h"

/* Indexed by the read and write bits. */
static const char access_letters[] = "nrwb";

struct xs_perms *xs_perms_new(unsigned int nr)
{
    struct xs_perms *p = calloc(1, sizeof(*p) + nr * sizeof(p->p[0]));

    if (!p)
        return NULL;
    p->refs = 1;
    p->nr = nr;
    return p;
}

struct xs_perms *xs_perms_ref(struct xs_perms *p)
{
    p->refs++;
    return p;
}

void xs_perms_unref(struct xs_perms *p)
{
    if (p && --p->refs == 0)
        free(p);
}

struct xs_perms *xs_perms_inherit(struct xs_perms *parent, const struct xs_who *who)
{
    struct xs_perms *p;

    if (who->privileged || xs_perms_owner(parent) == who->domid)
        return xs_perms_ref(parent);
    p = xs_perms_new(parent->nr);
    if (!p)
        return NULL;
    memcpy(p->p, parent->p, parent->nr * sizeof(p->p[0]));
    p->p[0].domid = (uint16_t)who->domid;
    return p;
}

struct xs_perms *xs_perms_without(struct xs_perms *p, unsigned int domid)
{
    struct xs_perms *left;
    unsigned int hits = 0;

    for (unsigned int i = 1; i < p->nr; i++)
        hits += p->p[i].domid == domid;
    if (!hits)
        return xs_perms_ref(p);
    left = xs_perms_new(p->nr - hits);
    if (!left)
        return NULL;
    left->p[0] = p->p[0];
    for (unsigned int i = 1, n = 1; i < p->nr; i++)
        if (p->p[i].domid != domid)
            left->p[n++] = p->p[i];
    return left;
}

static int is_caller(unsigned int domid, const struct xs_who *who)
{
    return domid == who->domid || (who->target >= 0 && domid == (unsigned int)who->target);
}

unsigned int xs_perms_access(const struct xs_perms *p, const struct xs_who *who)
{
    if (who->privileged || is_caller(xs_perms_owner(p), who))
        return XS_PERM_ALL;
    for (unsigned int i = 1; i < p->nr; i++)
        if (is_caller(p->p[i].domid, who))
            return p->p[i].access;
    return p->p[0].access;
}

int xs_perm_parse(const char *text, struct xs_perm *perm)
{
    const char *letter = text[0] ? strchr(access_letters, text[0]) : NULL;
    unsigned int domid = 0;

    if (!letter || text[1] == '\0')
        return -EINVAL;
    for (const char *c = text + 1; *c; c++) {
        if (*c < '0' || *c > '9')
            return -EINVAL;
        domid = domid * 10 + (unsigned int)(*c - '0');
        if (domid > UINT16_MAX)
            return -EINVAL;
    }
    perm->domid = (uint16_t)domid;
    perm->access = (uint8_t)(letter - access_letters);
    return 0;
}

size_t xs_perm_format(const struct xs_perm *perm, char buf[XS_PERM_TEXT])
{
    return (size_t)snprintf(buf, XS_PERM_TEXT, "%c%u",
                            access_letters[perm->access & (XS_PERM_READ | XS_PERM_WRITE)], perm->domid);
}
