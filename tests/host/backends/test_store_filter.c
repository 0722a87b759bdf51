/* SPDX-License-Identifier: MIT */
/* What a worker may do in the store, and that nothing of the conversation is lost or mixed up on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "dom0/backends/common/daemon.h"
#include "dom0/backends/common/store_filter.h"
#include "dom0/backends/common/xenbus_backend.h"
#include "xs/client/xs.h"

#define BACK    "/local/domain/0/backend/hospes-vbd/3/51712/"
#define ROUNDS  3000
#define AT_ONCE 5

static const char *const writable[] = {BACKEND_WRITES("hospes-vbd"), BACKEND_NODE("hospes-vbd", "feature-*"),
                                       NULL};

static bool may(uint32_t type, const char *path)
{
    char payload[256];
    size_t len = strlen(path) + 1;

    memcpy(payload, path, len);
    payload[len] = 'v'; /* of a write */
    return store_filter_allows(writable, type, payload, len + 1);
}

static void test_rule(void **state)
{
    (void)state;
    assert_true(may(XS_READ, "/anything"));
    assert_true(may(XS_WATCH, "/anything"));
    assert_true(may(XS_WRITE, BACK "state"));
    assert_true(may(XS_WRITE, BACK "feature-flush-cache"));
    assert_true(may(XS_WRITE, "/local/domain/0/error/backend/hospes-vbd/3/51712/error"));
    assert_true(may(XS_RM, "/local/domain/0/error/backend/hospes-vbd/3/51712"));
    assert_false(may(XS_WRITE, BACK "params"));
    assert_false(may(XS_WRITE, BACK "frontend"));
    assert_false(may(XS_WRITE, BACK "online"));
    assert_false(may(XS_WRITE, BACK "x/state"));
    assert_false(may(XS_WRITE, "/local/domain/0/backend/hospes-vif/3/0/state"));
    assert_false(may(XS_WRITE, "/local/domain/3/device/vbd/51712/state"));
    assert_false(may(XS_WRITE, BACK "feature-/../params"));
    assert_false(may(XS_RM, BACK));
    assert_false(may(XS_RM, "/local/domain/0/backend/hospes-vbd/3/51712"));
    assert_false(may(XS_MKDIR, "backend/hospes-vbd/3/51712/state"));
    assert_false(may(XS_MKDIR, ""));
    for (uint32_t type = 0; type < 64; type++)
        if (type == XS_SET_PERMS || type == XS_INTRODUCE || type == XS_RELEASE || type == XS_CONTROL ||
            type == XS_SET_TARGET || type == XS_RESUME || type > XS_DIRECTORY_PART)
            assert_false(may(type, BACK "state"));
    /* A path without an end. */
    assert_false(store_filter_allows(writable, XS_WRITE, BACK "state", strlen(BACK "state")));
    assert_false(store_filter_allows(writable, XS_WRITE, NULL, 0));
    assert_false(store_filter_allows(NULL, XS_WRITE, BACK "state", sizeof(BACK "state")));
}

/* ---- a conversation ---- */

/* A store that says how long each request was, and in between tells of things that nobody asked for. */
struct server {
    struct loop *loop;
    int fd;
    size_t have;
    unsigned int requests;
    char bytes[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
};

static void say(int fd, uint32_t type, const struct xsd_sockmsg *request, const char *body, size_t len)
{
    char bytes[256];
    struct xsd_sockmsg header = {.type = type, .len = (uint32_t)len};

    if (request)
        header.req_id = request->req_id;
    memcpy(bytes, &header, sizeof(header));
    memcpy(bytes + sizeof(header), body, len);
    /* In pieces, so that the filter meets all borders. */
    for (size_t at = 0; at < sizeof(header) + len;) {
        size_t piece = 1 + (size_t)rand() % 40;

        if (piece > sizeof(header) + len - at)
            piece = sizeof(header) + len - at;
        assert_int_equal(write(fd, bytes + at, piece), piece);
        at += piece;
    }
}

static void answer(struct server *s, const struct xsd_sockmsg *header)
{
    char text[16];

    s->requests++;
    say(s->fd, XS_WATCH_EVENT, NULL, "/some/where\0token", sizeof("/some/where\0token"));
    snprintf(text, sizeof(text), "%u", header->len);
    say(s->fd, header->type, header, text, strlen(text));
    for (int i = rand() % 3; i > 0; i--)
        say(s->fd, XS_WATCH_EVENT, NULL, "/some/where\0token", sizeof("/some/where\0token"));
}

static void on_request(void *arg, uint32_t events)
{
    struct server *s = arg;
    ssize_t got = read(s->fd, s->bytes + s->have, sizeof(s->bytes) - s->have);
    struct xsd_sockmsg header;

    (void)events;
    if (got <= 0) {
        loop_stop(s->loop);
        return;
    }
    s->have += (size_t)got;
    while (s->have >= sizeof(header)) {
        size_t whole;

        memcpy(&header, s->bytes, sizeof(header));
        whole = sizeof(header) + header.len;
        if (s->have < whole)
            return;
        s->have -= whole;
        memmove(s->bytes, s->bytes + whole, s->have);
        answer(s, &header);
    }
}

/* Requests that do not wait for each other are answered in their order, also those that are refused. */
static bool converse_at_once(struct xsc *xs)
{
    struct xsc_answer first, last;
    struct xsc_batch batch;
    bool good;

    xsc_batch_begin(&batch, xs, XSC_NO_TX);
    xsc_batch_read(&batch, "/a/path", &first);
    for (int i = 0; i < AT_ONCE; i++)
        xsc_batch_write(&batch, BACK "state", "4", 1);
    xsc_batch_write(&batch, BACK "params", "x", 1);
    xsc_batch_write(&batch, BACK "state", "4", 1);
    xsc_batch_read(&batch, "/a/b", &last);
    good = xsc_batch_end(&batch) == -1 && errno == EACCES && first.value && strcmp(first.value, "8") == 0 &&
           last.value && strcmp(last.value, "5") == 0;
    free(first.value);
    free(last.value);
    return good;
}

/* The worker, as a process of its own: its requests block. Its exit status is its verdict. */
static int converse(int fd)
{
    struct xsc *xs = xsc_adopt(fd);
    unsigned int events = 0;
    struct xsc_event *event;

    for (unsigned int i = 0; i < ROUNDS; i++) {
        char value[64], *text;
        size_t len = (size_t)rand() % sizeof(value);

        memset(value, 'x', sizeof(value));
        text = xsc_read(xs, XSC_NO_TX, "/a/path", NULL);
        if (!text || strcmp(text, "8") != 0)
            return 1;
        free(text);
        if (xsc_write(xs, XSC_NO_TX, BACK "state", value, len) != 0)
            return 2;
        if (xsc_write(xs, XSC_NO_TX, BACK "params", value, len) == 0 || errno != EACCES)
            return 3;
        if (xsc_introduce(xs, 1, 2, 3) == 0 || errno != EACCES)
            return 4;
        if (!converse_at_once(xs))
            return 7;
        while ((event = xsc_check_watch(xs))) {
            if (strcmp(event->path, "/some/where") != 0 || strcmp(event->token, "token") != 0)
                return 5;
            free(event);
            events++;
        }
    }
    xsc_close(xs);
    return events >= 2 * ROUNDS - 2 ? 0 : 6;
}

static void test_conversation(void **state)
{
    struct server server = {.loop = loop_new()};
    struct loop_handle *handle;
    struct store_filter *filter;
    int pair[2], worker, status;
    pid_t child;

    (void)state;
    srand(5);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    filter = store_filter_new(server.loop, pair[0], writable, &worker);
    assert_non_null(filter);
    server.fd = pair[1];
    handle = loop_add(server.loop, server.fd, EPOLLIN, on_request, &server);
    assert_non_null(handle);
    child = fork();
    if (child == 0)
        _exit(converse(worker));
    close(worker);
    /* The worker's end ends the connection to the store, too. */
    assert_int_equal(loop_run(server.loop), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(server.requests, (2 + AT_ONCE + 3) * ROUNDS);
    store_filter_free(filter);
    loop_remove(handle);
    loop_free(server.loop);
    close(server.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule),
        cmocka_unit_test(test_conversation),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
