/* SPDX-License-Identifier: MIT */
/* Commands that show the store: ls, list, read, exists, watch. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "xs/cmd/cmd.h"

int cmd_fail(const char *what, const char *path)
{
    fprintf(stderr, "xs: %s %s: %s\n", what, path, strerror(errno));
    return 1;
}

char *cmd_child(const char *path, const char *name)
{
    char *child;

    return asprintf(&child, "%s/%s", strcmp(path, "/") == 0 ? "" : path, name) < 0 ? NULL : child;
}

void cmd_put_value(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)value[i];

        if (c == '\\')
            fputs("\\\\", stdout);
        else if (c >= 0x20 && c < 0x7f)
            putchar(c);
        else if (c == '\n')
            fputs("\\n", stdout);
        else if (c == '\t')
            fputs("\\t", stdout);
        else
            printf("\\%03o", c);
    }
}

static void put_perms(struct xsc *xs, const char *path)
{
    size_t n = 0;
    struct xsc_perm *p = xsc_get_perms(xs, XSC_NO_TX, path, &n);

    if (!p)
        return;
    printf("  (");
    for (size_t i = 0; i < n; i++)
        printf("%s%c%u", i ? "," : "", p[i].access, p[i].domid);
    putchar(')');
    free(p);
}

/* Prints one node; a node that vanished since its parent was listed is left out. */
static void put_node(struct xsc *xs, const struct cmd_args *a, const char *path, const char *name, int depth)
{
    size_t len;
    char *value = xsc_read(xs, XSC_NO_TX, path, &len);

    if (!value && errno == ENOENT)
        return;
    if (a->full)
        printf("%s", path);
    else
        printf("%*s%s", depth, "", name);
    if (value) {
        printf(" = \"");
        cmd_put_value(value, len);
        putchar('"');
    } else {
        printf(": %s", strerror(errno));
    }
    if (a->perms)
        put_perms(xs, path);
    putchar('\n');
    free(value);
}

static int put_tree(struct xsc *xs, const struct cmd_args *a, const char *path, int depth)
{
    char **names = xsc_directory(xs, XSC_NO_TX, path, NULL);
    int rc = 0;

    if (!names && depth && (errno == ENOENT || errno == EACCES))
        return 0;
    if (!names)
        return cmd_fail("ls", path);
    for (char **n = names; *n && rc == 0; n++) {
        char *child = cmd_child(path, *n);

        if (!child) {
            rc = cmd_fail("ls", path);
            break;
        }
        put_node(xs, a, child, *n, depth);
        rc = put_tree(xs, a, child, depth + 1);
        free(child);
    }
    free(names);
    return rc;
}

int cmd_ls(struct xsc *xs, const struct cmd_args *a)
{
    int rc = 0;

    if (a->argc == 0)
        return put_tree(xs, a, "/", 0);
    for (int i = 0; i < a->argc && rc == 0; i++)
        rc = put_tree(xs, a, a->argv[i], 0);
    return rc;
}

static int list_one(struct xsc *xs, const struct cmd_args *a, const char *path)
{
    char **names = xsc_directory(xs, XSC_NO_TX, path, NULL);

    if (!names)
        return cmd_fail("list", path);
    for (char **n = names; *n; n++) {
        char *child = a->perms ? cmd_child(path, *n) : NULL;

        printf("%s", *n);
        if (child)
            put_perms(xs, child);
        putchar('\n');
        free(child);
    }
    free(names);
    return 0;
}

int cmd_list(struct xsc *xs, const struct cmd_args *a)
{
    int rc = 0;

    if (a->argc == 0)
        return list_one(xs, a, "/");
    for (int i = 0; i < a->argc && rc == 0; i++)
        rc = list_one(xs, a, a->argv[i]);
    return rc;
}

int cmd_read(struct xsc *xs, const struct cmd_args *a)
{
    for (int i = 0; i < a->argc; i++) {
        size_t len;
        char *value = xsc_read(xs, XSC_NO_TX, a->argv[i], &len);

        if (!value)
            return cmd_fail("read", a->argv[i]);
        if (a->perms)
            printf("%s: ", a->argv[i]);
        if (a->raw) {
            fwrite(value, 1, len, stdout);
        } else {
            cmd_put_value(value, len);
            putchar('\n');
        }
        free(value);
    }
    return 0;
}

int cmd_exists(struct xsc *xs, const struct cmd_args *a)
{
    for (int i = 0; i < a->argc; i++) {
        int yes = xsc_exists(xs, XSC_NO_TX, a->argv[i]);

        if (yes < 0)
            return cmd_fail("exists", a->argv[i]);
        if (!yes)
            return 1;
    }
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int cmd_watch(struct xsc *xs, const struct cmd_args *a)
{
    int64_t end = a->seconds < 0 ? -1 : now_ms() + a->seconds * 1000;

    for (int i = 0; i < a->argc; i++)
        if (xsc_watch(xs, a->argv[i], a->argv[i]))
            return cmd_fail("watch", a->argv[i]);
    for (long seen = 0; a->count < 0 || seen < a->count; seen++) {
        int64_t left = end < 0 ? -1 : end - now_ms();
        struct xsc_event *ev;

        if (end >= 0 && left < 0)
            left = 0;
        ev = xsc_wait_watch(xs, left > INT32_MAX ? INT32_MAX : (int)left);
        if (!ev && errno == ETIMEDOUT)
            return 1;
        if (!ev)
            return cmd_fail("watch", a->argv[0]);
        printf("%s\n", ev->path);
        fflush(stdout);
        free(ev);
    }
    return 0;
}
