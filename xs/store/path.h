/* SPDX-License-Identifier: MIT */
/*
 * Paths of the store: "/", or '/' and names joined by '/'. A canonical path is absolute, without
 * doubled or trailing slashes, at most XENSTORE_ABS_PATH_MAX bytes, of letters, digits and "-_@".
 * A special path begins with '@' and names no node.
 */
#ifndef XS_STORE_PATH_H
#define XS_STORE_PATH_H

#include <errno.h> /* before xs_wire.h, which then names the errors */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/io/xs_wire.h>

#define XS_PATH_BUF (XENSTORE_ABS_PATH_MAX + 1)

/*
 * Checks `in` as domain `domid` wrote it and puts the canonical path into `out`. A path without a leading '/'
 * is below /local/domain/<domid>; *rel_off (may be NULL) is then the length of that prefix with its
 * slash, otherwise 0. Special paths pass only with `allow_special`. 0 or -EINVAL.
 */
int xs_path_canon(const char *in, unsigned int domid, bool allow_special, char out[XS_PATH_BUF],
                  size_t *rel_off);

/*
 * Steps through the names of a canonical path: *at begins as the path; returns the next name (not terminated)
 * and its length, or NULL at the end.
 */
const char *xs_path_next(const char **at, size_t *len);

/* Length of the path's parent; 1 for a node below "/". Not for "/" itself. */
size_t xs_path_parent_len(const char *path);

/* True for a path that begins with '@'. */
static inline bool xs_path_is_special(const char *path)
{
    return path[0] == '@';
}

#endif
