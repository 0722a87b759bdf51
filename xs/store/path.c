/* SPDX-License-Identifier: MIT */
/* Checking and taking apart of paths. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "xs/store/path.h"

static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz"
                              "0123456789-/_@";

int xs_path_canon(const char *in, unsigned int domid, bool allow_special, char out[XS_PATH_BUF],
                  size_t *rel_off)
{
    size_t len = strnlen(in, XS_PATH_BUF), prefix = 0;

    if (len == 0 || len > XENSTORE_ABS_PATH_MAX || strspn(in, allowed) != len)
        return -EINVAL;
    if (in[0] == '@') {
        if (!allow_special)
            return -EINVAL;
    } else if (in[0] != '/') {
        if (len > XENSTORE_REL_PATH_MAX)
            return -EINVAL;
        prefix = (size_t)snprintf(out, XS_PATH_BUF, "/local/domain/%u/", domid);
    }
    memcpy(out + prefix, in, len + 1);
    len += prefix;
    if ((len > 1 && out[len - 1] == '/') || strstr(out, "//"))
        return -EINVAL;
    if (rel_off)
        *rel_off = prefix;
    return 0;
}

const char *xs_path_next(const char **at, size_t *len)
{
    const char *name = *at;

    while (*name == '/')
        name++;
    if (*name == '\0')
        return NULL;
    *len = strcspn(name, "/");
    *at = name + *len;
    return name;
}

size_t xs_path_parent_len(const char *path)
{
    size_t len = (size_t)(strrchr(path, '/') - path);

    return len ? len : 1;
}
