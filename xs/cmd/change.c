/* SPDX-License-Identifier: MIT */
/* Commands that change the store: write, mkdir, rm, chmod; and control. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xs/cmd/cmd.h"

/*
 * One command is one transaction: either all of its changes happen or none. `bad` is the argument that the
 * failure is about, or NULL if it is the transaction itself.
 */
struct change {
    const struct cmd_args *a;
    const char *bad;
    struct xsc_perm *perms;
    size_t nr_perms;
};

static int run_change(struct xsc *xs, const char *what, xsc_tx_body *body, struct change *c)
{
    if (xsc_transact(xs, body, c) == 0)
        return 0;
    return cmd_fail(what, c->bad ? c->bad : "(transaction)");
}

static int write_body(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    struct change *c = arg;

    for (int i = 0; i < c->a->argc; i += 2) {
        c->bad = c->a->argv[i];
        if (xsc_write(xs, tx, c->bad, c->a->argv[i + 1], strlen(c->a->argv[i + 1])))
            return -1;
    }
    c->bad = NULL;
    return 0;
}

int cmd_write(struct xsc *xs, const struct cmd_args *a)
{
    struct change c = {.a = a};

    if (a->argc % 2) {
        fprintf(stderr, "xs: write: no value for %s\n", a->argv[a->argc - 1]);
        return 2;
    }
    return run_change(xs, "write", write_body, &c);
}

static int mkdir_body(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    struct change *c = arg;

    for (int i = 0; i < c->a->argc; i++) {
        c->bad = c->a->argv[i];
        if (xsc_mkdir(xs, tx, c->bad))
            return -1;
    }
    c->bad = NULL;
    return 0;
}

int cmd_mkdir(struct xsc *xs, const struct cmd_args *a)
{
    struct change c = {.a = a};

    return run_change(xs, "mkdir", mkdir_body, &c);
}

/* Removes the ancestors that have neither value nor children. */
static int remove_empty_parents(struct xsc *xs, xsc_tx_t tx, const char *path)
{
    char *parent = strdup(path), *slash;
    int rc = parent ? 0 : -1;

    while (rc == 0 && (slash = strrchr(parent, '/')) && slash != parent) {
        size_t len, count;
        char *value, **names;
        bool empty;

        *slash = '\0';
        value = xsc_read(xs, tx, parent, &len);
        names = value ? xsc_directory(xs, tx, parent, &count) : NULL;
        empty = names && len == 0 && count == 0;
        rc = names ? 0 : -1;
        free(value);
        free(names);
        if (!empty)
            break;
        rc = xsc_rm(xs, tx, parent);
    }
    free(parent);
    return rc;
}

static int rm_body(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    struct change *c = arg;

    for (int i = 0; i < c->a->argc; i++) {
        c->bad = c->a->argv[i];
        if (xsc_rm(xs, tx, c->bad) || (c->a->tidy && remove_empty_parents(xs, tx, c->bad)))
            return -1;
    }
    c->bad = NULL;
    return 0;
}

int cmd_rm(struct xsc *xs, const struct cmd_args *a)
{
    struct change c = {.a = a};

    return run_change(xs, "rm", rm_body, &c);
}

/* ---- chmod ---- */

static int chmod_below(struct xsc *xs, xsc_tx_t tx, struct change *c, const char *path)
{
    char **names = xsc_directory(xs, tx, path, NULL);
    int rc = names ? 0 : -1;

    for (char **n = names; rc == 0 && *n; n++) {
        char *child = cmd_child(path, *n);

        rc = child ? xsc_set_perms(xs, tx, child, c->perms, c->nr_perms) : -1;
        if (rc == 0)
            rc = chmod_below(xs, tx, c, child);
        free(child);
    }
    free(names);
    return rc;
}

static int chmod_parents(struct xsc *xs, xsc_tx_t tx, struct change *c, const char *path)
{
    char *parent = strdup(path), *slash;
    int rc = parent ? 0 : -1;

    while (rc == 0 && (slash = strrchr(parent, '/')) && slash != parent) {
        *slash = '\0';
        rc = xsc_set_perms(xs, tx, parent, c->perms, c->nr_perms);
    }
    free(parent);
    return rc;
}

static int chmod_body(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    struct change *c = arg;
    const char *path = c->a->argv[0];
    int rc;

    c->bad = path;
    rc = xsc_set_perms(xs, tx, path, c->perms, c->nr_perms);
    if (rc == 0 && c->a->recurse)
        rc = chmod_below(xs, tx, c, path);
    if (rc == 0 && c->a->upto)
        rc = chmod_parents(xs, tx, c, path);
    if (rc == 0)
        c->bad = NULL;
    return rc;
}

static int parse_perm(const char *text, struct xsc_perm *p)
{
    char *end;
    unsigned long domid;

    if (text[0] == '\0' || !strchr("nrwb", text[0]) || text[1] < '0' || text[1] > '9')
        return -1;
    domid = strtoul(text + 1, &end, 10);
    if (*end || domid > UINT16_MAX)
        return -1;
    *p = (struct xsc_perm){.domid = (unsigned int)domid, .access = text[0]};
    return 0;
}

int cmd_chmod(struct xsc *xs, const struct cmd_args *a)
{
    struct change c = {.a = a, .nr_perms = (size_t)a->argc - 1};
    int rc = 0;

    c.perms = calloc(c.nr_perms, sizeof(*c.perms));
    if (!c.perms)
        return cmd_fail("chmod", a->argv[0]);
    for (size_t i = 0; i < c.nr_perms && rc == 0; i++) {
        if (parse_perm(a->argv[i + 1], &c.perms[i])) {
            fprintf(stderr, "xs: chmod: \"%s\" is none of nN rN wN bN with a domain number N\n",
                    a->argv[i + 1]);
            rc = 2;
        }
    }
    if (rc == 0)
        rc = run_change(xs, "chmod", chmod_body, &c);
    free(c.perms);
    return rc;
}

/* ---- control ---- */

int cmd_control(struct xsc *xs, const struct cmd_args *a)
{
    char *words = NULL, *answer;
    size_t len = 0;
    FILE *f = open_memstream(&words, &len);

    if (!f)
        return cmd_fail("control", a->argv[0]);
    for (int i = 0; i < a->argc; i++)
        fwrite(a->argv[i], 1, strlen(a->argv[i]) + 1, f);
    if (fclose(f)) {
        free(words);
        return cmd_fail("control", a->argv[0]);
    }
    answer = xsc_control(xs, words, len);
    free(words);
    if (!answer)
        return cmd_fail("control", a->argv[0]);
    len = strlen(answer);
    printf("%s%s", answer, len && answer[len - 1] == '\n' ? "" : "\n");
    free(answer);
    return 0;
}
