/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/image_nbd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dom0/backends/block/nbd.h"
#include "dom0/backends/block/request.h"
#include "dom0/backends/common/daemon.h"

#define RETRY_NS  500000000LL
#define MAX_TRIES 5 /* in a row, without an operation that succeeded */

struct nbd_image {
    struct image image;
    struct image_nbd_config config;
    struct image_info info;
    struct nbd_connection *nbd; /* NULL: none at the moment */
    struct loop_timer *retry;
    unsigned int tries;
    bool dead; /* for good */

    struct writelog *log;
    struct nbd_requests waiting; /* in the order in which they came */
    bool flushing;               /* on the log's behalf */

    bool repeating; /* what the log has; nothing else is sent meanwhile */
    uint64_t repeat_position;
    struct nbd_request repeat;
    struct iovec repeat_iov;
};

/* One operation, or a flush on the log's behalf (io NULL). */
struct command {
    struct nbd_request request;
    struct nbd_image *image;
    struct image_io *io;
    bool logged;
    uint64_t position; /* write: in the log. flush: what it covers */
    void *data;        /* write: in the log */
    unsigned int niov;
    struct iovec iov[]; /* the operation's, for each time that it is sent */
};

static void pump(struct nbd_image *image);

static struct command *command_of(struct nbd_request *request)
{
    return (struct command *)((char *)request - offsetof(struct command, request));
}

/* ---- ends ---- */

static void end(struct command *command, int error)
{
    struct image_io *io = command->io;

    free(command);
    if (io)
        io->done(io, error);
}

/* Whatever has not been sent. */
static void fail_waiting(struct nbd_image *image, int error, bool only_new_writes)
{
    struct nbd_requests failing = TAILQ_HEAD_INITIALIZER(failing);
    struct nbd_request *r, *next;

    for (r = TAILQ_FIRST(&image->waiting); r; r = next) {
        next = TAILQ_NEXT(r, link);
        if (only_new_writes && (r->type != NBD_WRITE || command_of(r)->logged))
            continue;
        TAILQ_REMOVE(&image->waiting, r, link);
        TAILQ_INSERT_TAIL(&failing, r, link);
    }
    while ((r = TAILQ_FIRST(&failing))) {
        TAILQ_REMOVE(&failing, r, link);
        if (command_of(r)->logged)
            writelog_ended(image->log, command_of(r)->position, false);
        end(command_of(r), error);
    }
}

static void on_done(struct nbd_request *request, int error)
{
    struct command *command = command_of(request);
    struct nbd_image *image = command->image;

    if (error == 0)
        image->tries = 0;
    if (command->logged)
        writelog_ended(image->log, command->position, error == 0);
    if (request->type == NBD_FLUSH && image->log && error == 0)
        writelog_release(image->log, command->position);
    if (!command->io) {
        image->flushing = false;
        /* Then there will be no room either. */
        if (error)
            fail_waiting(image, error, true);
    }
    end(command, error);
    pump(image);
}

static void die(struct nbd_image *image, const char *why)
{
    daemon_log("an image is lost, its operations fail from now on: %s", why);
    image->dead = true;
    fail_waiting(image, EIO, false);
}

/* ---- sending ---- */

static struct command *new_command(struct nbd_image *image, struct image_io *io, enum nbd_type type,
                                   unsigned int niov)
{
    struct command *command = calloc(1, sizeof(*command) + niov * sizeof(struct iovec));

    if (!command)
        return NULL;
    command->image = image;
    command->io = io;
    command->niov = niov;
    command->request.type = type;
    command->request.done = on_done;
    return command;
}

/* Into the log, from where it is sent: the guest may change its pages, the log's data stays. False: full. */
static bool log_write(struct command *command)
{
    struct writelog *log = command->image->log;
    const struct image_io *io = command->io;
    char *to = writelog_append(log, io->offset, (uint32_t)io->bytes, &command->position);

    if (!to)
        return false;
    command->data = to;
    for (unsigned int i = 0; i < io->niov; i++) {
        memcpy(to, io->iov[i].iov_base, io->iov[i].iov_len);
        to += io->iov[i].iov_len;
    }
    writelog_filled(log, command->position);
    command->logged = true;
    return true;
}

static void send_command(struct nbd_image *image, struct command *command)
{
    struct nbd_request *r = &command->request;

    r->iov = command->iov;
    r->niov = command->niov;
    if (r->type == NBD_WRITE)
        command->iov[0] = (struct iovec){command->data, r->bytes};
    else if (r->type == NBD_READ)
        memcpy(command->iov, command->io->iov, command->niov * sizeof(struct iovec));
    else if (r->type == NBD_FLUSH && image->log)
        command->position = writelog_mark(image->log);
    nbd_send(image->nbd, r);
}

/* Makes room in the log, if a flush can. */
static void flush_log(struct nbd_image *image)
{
    struct command *command;

    if (image->flushing || !writelog_can_release(image->log))
        return;
    command = new_command(image, NULL, NBD_FLUSH, 0);
    if (!command)
        return;
    image->flushing = true;
    send_command(image, command);
}

static void pump(struct nbd_image *image)
{
    struct nbd_request *r;

    while (image->nbd && !image->repeating && !image->dead && (r = TAILQ_FIRST(&image->waiting))) {
        struct command *command = command_of(r);

        if (r->type == NBD_WRITE && !command->logged && !log_write(command)) {
            flush_log(image);
            return;
        }
        TAILQ_REMOVE(&image->waiting, r, link);
        send_command(image, command);
    }
    if (image->nbd && !image->repeating && image->log && writelog_used(image->log) > WRITELOG_BYTES / 2)
        flush_log(image);
}

static void nbd_submit(struct image *base, struct image_io *io)
{
    static const enum nbd_type types[] = {[IMAGE_READ] = NBD_READ,
                                          [IMAGE_WRITE] = NBD_WRITE,
                                          [IMAGE_FLUSH] = NBD_FLUSH,
                                          [IMAGE_DISCARD] = NBD_TRIM};
    struct nbd_image *image = (struct nbd_image *)base;
    struct command *command;

    if (image->dead || io->bytes > WRITELOG_MAX_WRITE * (io->op == IMAGE_DISCARD ? 512ull : 1)) {
        io->done(io, EIO);
        return;
    }
    if (image->config.readonly && (io->op == IMAGE_WRITE || io->op == IMAGE_DISCARD)) {
        io->done(io, EROFS);
        return;
    }
    command = new_command(image, io, types[io->op], io->op == IMAGE_READ ? io->niov : io->op == IMAGE_WRITE);
    if (!command) {
        io->done(io, ENOMEM);
        return;
    }
    command->request.offset = io->offset;
    command->request.bytes = (uint32_t)io->bytes;
    TAILQ_INSERT_TAIL(&image->waiting, &command->request, link);
    pump(image);
}

/* ---- another process ---- */

/* Whether an operation under way will tell its end itself. */
static bool is_waiting(struct nbd_image *image, uint64_t position)
{
    struct nbd_request *r;

    TAILQ_FOREACH (r, &image->waiting, link)
        if (command_of(r)->logged && command_of(r)->position == position)
            return true;
    return false;
}

static void repeat_next(struct nbd_image *image);

static void on_repeated(struct nbd_request *request, int error)
{
    struct nbd_image *image = (struct nbd_image *)((char *)request - offsetof(struct nbd_image, repeat));

    if (error) {
        image->repeating = false;
        die(image, strerror(error));
        return;
    }
    repeat_next(image);
}

/* One after the other: they may be to the same place. */
static void repeat_next(struct nbd_image *image)
{
    struct writelog_write write;

    if (!image->log || !writelog_next(image->log, &image->repeat_position, &write)) {
        image->repeating = false;
        pump(image);
        return;
    }
    if (!is_waiting(image, write.position))
        writelog_ended(image->log, write.position, true);
    image->repeat_iov = (struct iovec){write.data, write.bytes};
    image->repeat = (struct nbd_request){.type = NBD_WRITE,
                                         .offset = write.offset,
                                         .bytes = write.bytes,
                                         .iov = &image->repeat_iov,
                                         .niov = 1,
                                         .done = on_repeated};
    nbd_send(image->nbd, &image->repeat);
}

static void on_lost(void *arg)
{
    struct nbd_image *image = arg;

    loop_timer_set(image->retry, loop_now_ns());
}

static int connect_nbd(struct nbd_image *image, int fd)
{
    image->nbd = nbd_open(image->config.loop, fd, on_lost, image);
    if (!image->nbd)
        return -1;
    image->repeating = true;
    image->repeat_position = 0;
    repeat_next(image);
    return 0;
}

/* Takes back what the lost connection had, to the front. */
static void take_back(struct nbd_image *image)
{
    struct nbd_requests rest = TAILQ_HEAD_INITIALIZER(rest);
    struct nbd_request *r, *next;

    if (!image->nbd)
        return;
    nbd_close(image->nbd, &rest);
    image->nbd = NULL;
    image->repeating = false;
    for (r = TAILQ_FIRST(&rest); r; r = next) {
        next = TAILQ_NEXT(r, link);
        if (r != &image->repeat && command_of(r)->io)
            continue;
        TAILQ_REMOVE(&rest, r, link);
        if (r == &image->repeat)
            continue;
        image->flushing = false;
        free(command_of(r));
    }
    TAILQ_CONCAT(&rest, &image->waiting, link);
    TAILQ_CONCAT(&image->waiting, &rest, link);
}

static void take_size(struct nbd_image *image, uint64_t bytes)
{
    const struct image_nbd_source *source = &image->config.source;

    bytes -= bytes % BLK_SECTOR_BYTES;
    if (bytes <= image->info.bytes)
        return;
    image->info.bytes = bytes;
    if (source->grown)
        source->grown(source->arg);
}

static void on_retry(void *arg)
{
    struct nbd_image *image = arg;
    uint64_t bytes = 0;
    int fd;

    take_back(image);
    if (image->dead)
        return;
    if (image->tries++ >= MAX_TRIES) {
        die(image, "no process can serve it");
        return;
    }
    fd = image->config.source.reopen(image->config.source.arg, &bytes);
    if (fd < 0 || connect_nbd(image, fd) != 0)
        loop_timer_set(image->retry, loop_now_ns() + RETRY_NS);
    else
        take_size(image, bytes);
}

void image_nbd_renew(struct image *base)
{
    struct nbd_image *image = (struct nbd_image *)base;

    image->tries = 0;
    on_lost(image);
}

/* ---- the rest ---- */

static void nbd_info(const struct image *image, struct image_info *info)
{
    *info = ((const struct nbd_image *)image)->info;
}

/* The process would not see another size before it is started anew. */
static int nbd_refresh(struct image *image)
{
    (void)image;
    return EOPNOTSUPP;
}

static void nbd_image_close(struct image *base)
{
    struct nbd_image *image = (struct nbd_image *)base;

    take_back(image);
    loop_timer_free(image->retry);
    if (image->log)
        munmap(image->log, WRITELOG_BYTES);
    free(image);
}

static const struct image_ops nbd_ops = {nbd_info, nbd_refresh, nbd_submit, nbd_image_close};

struct image *image_nbd_open(const struct image_nbd_config *config)
{
    struct nbd_image *image = calloc(1, sizeof(*image));

    if (image) {
        image->image.ops = &nbd_ops;
        image->config = *config;
        image->log = config->log;
        image->info =
            (struct image_info){.bytes = config->bytes - config->bytes % BLK_SECTOR_BYTES,
                                .sector_bytes = BLK_SECTOR_BYTES,
                                .physical_sector_bytes = BLK_PAGE_BYTES,
                                .discard_granularity = config->readonly ? 0 : config->cluster_bytes};
        TAILQ_INIT(&image->waiting);
        image->retry = loop_timer_new(config->loop, on_retry, image);
    }
    if (image && image->retry && connect_nbd(image, config->fd) == 0)
        return &image->image;
    if (config->log)
        munmap(config->log, WRITELOG_BYTES);
    if (image)
        loop_timer_free(image->retry);
    free(image);
    errno = ENOMEM;
    return NULL;
}
