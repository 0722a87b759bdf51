/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "tests/host/xs/harness.h"

static void take_event(void *ctx, const char *path, const char *token, struct xs_client *cause)
{
    struct tclient *t = ctx;

    (void)cause;
    if (t->nr_events < MAX_EVENTS)
        snprintf(t->events[t->nr_events], sizeof(t->events[0]), "%.80s %.40s", path, token);
    t->nr_events++;
}

static void take_reply(void *ctx, const struct xsd_sockmsg *hdr, const void *body)
{
    struct tclient *t = ctx;

    assert_true(hdr->len <= XENSTORE_PAYLOAD_MAX);
    t->hdr = *hdr;
    memcpy(t->body, body, hdr->len);
    t->body[hdr->len] = '\0';
    t->replies++;
}

void tclient_init(struct tclient *t, struct xs_store *s, unsigned int domid)
{
    memset(t, 0, sizeof(*t));
    xs_client_init(&t->c, s, domid, take_event, t);
}

int request(struct tclient *t, uint32_t type, uint32_t tx, const void *payload, size_t len)
{
    static uint32_t id;
    struct xsd_sockmsg hdr = {.type = type, .req_id = ++id, .tx_id = tx, .len = (uint32_t)len};
    char *copy = malloc(len ? len : 1); /* of exact size, so that ASan sees a read beyond it */
    unsigned int before = t->replies;

    if (len)
        memcpy(copy, payload, len);
    xs_wire_request(&t->c, NULL, &hdr, copy, take_reply);
    free(copy);
    assert_int_equal(t->replies, before + 1);
    assert_int_equal(t->hdr.req_id, id);
    assert_int_equal(t->hdr.tx_id, tx);
    if (t->hdr.type != XS_ERROR) {
        assert_int_equal(t->hdr.type, type);
        return 0;
    }
    for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
        if (strcmp(xsd_errors[i].errstring, t->body) == 0)
            return -xsd_errors[i].errnum;
    fail_msg("error \"%s\" is not in the protocol", t->body);
    return -1;
}

int request_strings(struct tclient *t, uint32_t type, uint32_t tx, ...)
{
    char buf[XENSTORE_PAYLOAD_MAX];
    size_t len = 0;
    const char *s;
    va_list args;

    va_start(args, tx);
    while ((s = va_arg(args, const char *))) {
        size_t n = strlen(s) + 1;

        assert_true(len + n <= sizeof(buf));
        memcpy(buf + len, s, n);
        len += n;
    }
    va_end(args);
    return request(t, type, tx, buf, len);
}

int t_write(struct tclient *t, uint32_t tx, const char *path, const char *value)
{
    char buf[XENSTORE_PAYLOAD_MAX];
    size_t path_len = strlen(path) + 1, value_len = strlen(value);

    assert_true(path_len + value_len <= sizeof(buf));
    memcpy(buf, path, path_len);
    memcpy(buf + path_len, value, value_len);
    return request(t, XS_WRITE, tx, buf, path_len + value_len);
}

int t_rm(struct tclient *t, uint32_t tx, const char *path)
{
    return request_strings(t, XS_RM, tx, path, NULL);
}

int t_mkdir(struct tclient *t, uint32_t tx, const char *path)
{
    return request_strings(t, XS_MKDIR, tx, path, NULL);
}

int t_read(struct tclient *t, uint32_t tx, const char *path)
{
    return request_strings(t, XS_READ, tx, path, NULL);
}

int t_chmod(struct tclient *t, const char *path, const char *p0, const char *p1)
{
    return request_strings(t, XS_SET_PERMS, 0, path, p0, p1, NULL);
}

int t_watch(struct tclient *t, const char *path, const char *token)
{
    return request_strings(t, XS_WATCH, 0, path, token, NULL);
}

uint32_t t_start(struct tclient *t)
{
    assert_int_equal(request_strings(t, XS_TRANSACTION_START, 0, "", NULL), 0);
    return (uint32_t)strtoul(t->body, NULL, 10);
}

int t_end(struct tclient *t, uint32_t tx, const char *how)
{
    return request_strings(t, XS_TRANSACTION_END, tx, how, NULL);
}

const char *t_list(struct tclient *t, uint32_t tx, const char *path)
{
    int rc = request_strings(t, XS_DIRECTORY, tx, path, NULL);

    if (rc)
        return "ERROR";
    for (uint32_t i = 0; i + 1 < t->hdr.len; i++)
        if (t->body[i] == '\0')
            t->body[i] = ' ';
    return t->body;
}

unsigned int events_of(const struct tclient *t, const char *event)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < t->nr_events && i < MAX_EVENTS; i++)
        n += strcmp(t->events[i], event) == 0;
    return n;
}

void clear_events(struct tclient *t)
{
    t->nr_events = 0;
}

static void dump_node(FILE *f, const struct xs_node *n, int depth)
{
    fprintf(f, "%*s%s = %.*s (", depth, "", n->name, (int)n->value->len, (const char *)n->value->data);
    for (unsigned int i = 0; i < n->perms->nr; i++)
        fprintf(f, " %u:%u", n->perms->p[i].access, n->perms->p[i].domid);
    fprintf(f, " )\n");
    for (unsigned int i = 0; i < n->nr_children; i++)
        dump_node(f, n->children[i], depth + 1);
}

char *dump(struct xs_store *s)
{
    char *text;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    assert_non_null(f);
    dump_node(f, s->main.root, 0);
    fclose(f);
    return text;
}

void audit(struct xs_store *s)
{
    assert_int_equal(xs_store_check(s, stderr), 0);
}
