/* SPDX-License-Identifier: MIT */
/* A store without a transport: clients that keep their last reply and all their events. */
#ifndef TESTS_HOST_XS_HARNESS_H
#define TESTS_HOST_XS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "xs/store/wire.h"

#define MAX_EVENTS 64

struct tclient {
    struct xs_client c;
    struct xsd_sockmsg hdr;
    char body[XENSTORE_PAYLOAD_MAX + 1];
    unsigned int replies;
    unsigned int nr_events;
    char events[MAX_EVENTS][128]; /* "path token" */
};

void tclient_init(struct tclient *t, struct xs_store *s, unsigned int domid);

/*
 * Sends a request; 0, or the negative errno that the reply names. The reply's payload is in t->body, with
 * a NUL.
 */
int request(struct tclient *t, uint32_t type, uint32_t tx, const void *payload, size_t len);

/* The same for a payload of strings (each sent with its NUL), NULL ends the list. */
int request_strings(struct tclient *t, uint32_t type, uint32_t tx, ...);

int t_write(struct tclient *t, uint32_t tx, const char *path, const char *value);
int t_rm(struct tclient *t, uint32_t tx, const char *path);
int t_mkdir(struct tclient *t, uint32_t tx, const char *path);
int t_read(struct tclient *t, uint32_t tx, const char *path);
int t_chmod(struct tclient *t, const char *path, const char *p0, const char *p1);
int t_watch(struct tclient *t, const char *path, const char *token);
uint32_t t_start(struct tclient *t);
int t_end(struct tclient *t, uint32_t tx, const char *how);

/* The children of a node, joined by spaces, in the order of the reply. */
const char *t_list(struct tclient *t, uint32_t tx, const char *path);

/* How often the event "path token" came since the last clear_events(). */
unsigned int events_of(const struct tclient *t, const char *event);
void clear_events(struct tclient *t);

/* The whole store as text, one line a node, for comparisons; free() it. */
char *dump(struct xs_store *s);

/* Fails the test if the audit finds a flaw. */
void audit(struct xs_store *s);

#define assert_value(t, tx, path, value)          \
    do {                                          \
        assert_int_equal(t_read(t, tx, path), 0); \
        assert_string_equal((t)->body, value);    \
    } while (0)

#endif
