/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/images.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dom0/backends/block/lock.h"
#include "dom0/backends/block/qcow2.h"
#include "dom0/backends/block/request.h"
#include "dom0/backends/common/daemon.h"
#include "xs/client/xs.h"

#define MAX_SECTORS (UINT64_C(1) << 50)
#define OLD_IO_MS   8000 /* how long the I/O of a killed worker may take to end */

static int refuse(struct images_reply *reply, int error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(struct images_reply *reply, int error, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(reply->why, sizeof(reply->why), fmt, ap);
    va_end(ap);
    return error;
}

/* ---- the device's nodes ---- */

/* A node as a string without NULs: 0 or an errno value. */
static int take_string(const struct xsc_answer *answer, char *text, size_t size)
{
    if (!answer->value)
        return answer->error;
    if (answer->len >= size || strlen(answer->value) != answer->len)
        return EINVAL;
    memcpy(text, answer->value, answer->len + 1);
    return 0;
}

/* The broker's own connection, made anew when it breaks. Workers do not inherit it: images_worker_gone(). */
static struct xsc *store;

static void close_store(void)
{
    xsc_close(store);
    store = NULL;
}

enum what { PARAMS, MODE, FORMAT, RESIZE, WHATS };

static int fetch(const struct images_request *req, struct xsc_answer answers[WHATS])
{
    static const char *const names[WHATS] = {"params", "mode", "format", "resize"};
    struct xsc_batch batch;
    char path[128];

    xsc_batch_begin(&batch, store, XSC_NO_TX);
    for (int i = 0; i < WHATS; i++) {
        snprintf(path, sizeof(path), "/local/domain/0/backend/hospes-vbd/%" PRIu32 "/%" PRIu32 "/%s",
                 req->domid, req->devid, names[i]);
        xsc_batch_read(&batch, path, &answers[i]);
    }
    return xsc_batch_end(&batch);
}

/* False: there is no store. */
static bool ask_store(const struct images_request *req, struct xsc_answer answers[WHATS])
{
    for (int attempt = 0; attempt < 2; attempt++) {
        if (!store && !(store = xsc_open(NULL)))
            return false;
        if (fetch(req, answers) == 0)
            return true;
        for (int i = 0; i < WHATS; i++)
            free(answers[i].value);
        close_store();
    }
    return false;
}

/* What the operator wants it to hold at least; 0: nothing is said, or nothing that makes sense. */
static uint64_t wanted_bytes(const struct xsc_answer *answer)
{
    char text[24] = "", *end;
    uint64_t sectors;

    if (take_string(answer, text, sizeof(text)) != 0 || text[0] < '0' || text[0] > '9')
        return 0;
    sectors = strtoull(text, &end, 10);
    return *end || sectors > MAX_SECTORS ? 0 : sectors * BLK_SECTOR_BYTES;
}

struct wish {
    bool qcow2;
    uint64_t at_least; /* bytes of a qcow2 image */
};

static int read_nodes(const struct images_request *req, struct images_reply *reply, struct wish *wish)
{
    char mode[8] = "", format[16] = "raw";
    struct xsc_answer answers[WHATS];
    int no_params, no_mode, no_format;

    if (!ask_store(req, answers))
        return refuse(reply, EIO, "no connection to the store");
    no_params = take_string(&answers[PARAMS], reply->path, sizeof(reply->path));
    no_mode = take_string(&answers[MODE], mode, sizeof(mode));
    no_format = take_string(&answers[FORMAT], format, sizeof(format));
    wish->at_least = wanted_bytes(&answers[RESIZE]);
    for (int i = 0; i < WHATS; i++)
        free(answers[i].value);
    if (no_params || no_mode)
        return refuse(reply, ENOENT, "the device's nodes params and mode are missing");
    /* An image that is not raw must not be taken for one. */
    if (no_format && no_format != ENOENT)
        return refuse(reply, no_format, "the device's node format cannot be read");
    if (strcmp(mode, "r") != 0 && strcmp(mode, "w") != 0)
        return refuse(reply, EINVAL, "mode is neither r nor w");
    wish->qcow2 = strcmp(format, "qcow2") == 0;
    if (!wish->qcow2 && strcmp(format, "raw") != 0)
        return refuse(reply, EOPNOTSUPP, "format %s is not supported", format);
    if (reply->path[0] != '/')
        return refuse(reply, EINVAL, "params is no absolute path");
    reply->readonly = mode[0] == 'r';
    return 0;
}

/* ---- the image ---- */

/* The loop device of this backing_file cannot be written. */
static bool loop_is_readonly(const char *backing_file)
{
    int length = (int)(strlen(backing_file) - strlen("loop/backing_file"));
    char path[256], value = '0';
    FILE *file;

    snprintf(path, sizeof(path), "%.*sro", length, backing_file);
    file = fopen(path, "re");
    if (!file)
        return false;
    value = (char)fgetc(file);
    fclose(file);
    return value == '1';
}

/* Linux's loop devices do not look at our locks. One that only reads, as we do, is no harm. */
static bool used_by_loop(const struct stat *image, bool readonly)
{
    glob_t found;
    bool used = false;

    if (glob("/sys/block/loop*/loop/backing_file", 0, NULL, &found) != 0)
        return false;
    for (size_t i = 0; i < found.gl_pathc && !used; i++) {
        FILE *file = fopen(found.gl_pathv[i], "re");
        char path[4096];
        struct stat st;

        if (!file)
            continue;
        if (fgets(path, sizeof(path), file) && !(readonly && loop_is_readonly(found.gl_pathv[i]))) {
            path[strcspn(path, "\n")] = '\0';
            used = stat(path, &st) == 0 && st.st_dev == image->st_dev && st.st_ino == image->st_ino;
        }
        fclose(file);
    }
    globfree(&found);
    return used;
}

static int check_file(int fd, const struct images_request *req, struct images_reply *reply)
{
    struct stat st;
    int error;

    if (fstat(fd, &st) != 0)
        return refuse(reply, errno, "%s: %s", reply->path, strerror(errno));
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return refuse(reply, EINVAL, "%s: neither a file nor a block device", reply->path);
    if (S_ISREG(st.st_mode) && st.st_size < 512)
        return refuse(reply, EINVAL, "%s: shorter than one sector", reply->path);
    error = lock_image(fd, reply->readonly, req->domid, req->devid, OLD_IO_MS);
    if (error == ETIMEDOUT)
        return refuse(reply, error, "%s: I/O of the last daemon does not end", reply->path);
    if (error == EBUSY)
        return refuse(reply, error, "%s: in use by another device, and one of the two would write",
                      reply->path);
    if (error)
        return refuse(reply, error, "%s: cannot be locked: %s", reply->path, strerror(error));
    if (S_ISREG(st.st_mode) && used_by_loop(&st, reply->readonly))
        return refuse(reply, EBUSY, "%s: in use by a loop device, and one of the two would write",
                      reply->path);
    return 0;
}

/* A block device that is to be written is claimed, like a mount does. The claim too ends with the last I/O.
 */
static int open_claimed(const char *path, bool readonly)
{
    const struct timespec step = {0, 5000000};
    int flags = (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK;
    struct stat st;
    int fd;

    if (!readonly && stat(path, &st) == 0 && S_ISBLK(st.st_mode))
        flags |= O_EXCL;
    fd = open(path, flags);
    for (int waited = 0; fd < 0 && errno == EBUSY && waited < 200; waited++) {
        nanosleep(&step, NULL);
        fd = open(path, flags);
    }
    /* A guest that reads is no reason to write the inode; a server of files may refuse this. */
    if (fd >= 0)
        fcntl(fd, F_SETFL, flags | O_NOATIME);
    return fd;
}

/* The file of the image, locked: a descriptor or -errno. */
static int open_file(const struct images_request *req, struct images_reply *reply)
{
    int fd = open_claimed(reply->path, reply->readonly), error;

    if (fd < 0 && errno == EBUSY)
        return -refuse(reply, EBUSY, "%s: in use by somebody else in dom0", reply->path);
    if (fd < 0)
        return -refuse(reply, errno, "%s: %s", reply->path, strerror(errno));
    error = check_file(fd, req, reply);
    if (error == 0)
        return fd;
    close(fd);
    return -error;
}

static int open_image(const struct images_request *req, struct images_reply *answer,
                      struct broker_reply *reply)
{
    struct wish wish = {0};
    int error = read_nodes(req, answer, &wish), fd;

    qcow2_end(req);
    if (error)
        return error;
    fd = open_file(req, answer);
    if (fd < 0)
        return -fd;
    if (!wish.qcow2) {
        reply->fds[reply->nfds++] = fd;
        return 0;
    }
    error = qcow2_open(req, answer, fd, wish.at_least, reply->fds, &reply->nfds);
    close(fd);
    return error;
}

/* ---- the journal ---- */

static void journal_path(char *path, size_t size, const struct images_request *req)
{
    snprintf(path, size, IMAGES_RUN_DIR "/%" PRIu32 "-%" PRIu32, req->domid, req->devid);
}

/* A descriptor or -errno. */
static int open_journal(const struct images_request *req)
{
    char path[64];
    struct stat st;
    int fd, error = 0;

    if (req->bytes == 0 || req->bytes > IMAGES_JOURNAL_BYTES)
        return -EINVAL;
    journal_path(path, sizeof(path), req);
    fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (req->keep ? 0 : O_CREAT | O_TRUNC), 0600);
    if (fd < 0)
        return -errno;
    if (!req->keep && ftruncate(fd, (off_t)req->bytes) != 0)
        error = errno;
    else if (fstat(fd, &st) != 0)
        error = errno;
    else if (st.st_size != (off_t)req->bytes)
        error = ESTALE;
    if (error == 0)
        return fd;
    close(fd);
    return -error;
}

/* ---- requests ---- */

int images_prepare(void *arg)
{
    (void)arg;
    if (mkdir(IMAGES_RUN_DIR, 0700) == 0 || errno == EEXIST)
        return 0;
    daemon_log("%s: %s", IMAGES_RUN_DIR, strerror(errno));
    return -1;
}

void images_worker_gone(void *arg)
{
    (void)arg;
    close_store();
    qcow2_end_all();
}

static int give(struct broker_reply *reply, int fd)
{
    if (fd < 0)
        return -fd;
    reply->fds[0] = fd;
    reply->nfds = 1;
    return 0;
}

int images_handle(void *arg, uint32_t op, const void *data, size_t len, struct broker_reply *reply)
{
    const struct images_request *req = data;
    struct images_reply *answer = (struct images_reply *)reply->data;
    char path[64];

    (void)arg;
    if (len != sizeof(*req))
        return EINVAL;
    switch (op) {
    case IMAGES_OPEN:
        memset(answer, 0, sizeof(*answer));
        reply->len = sizeof(*answer);
        return open_image(req, answer, reply);
    case IMAGES_JOURNAL:
        return give(reply, open_journal(req));
    case IMAGES_FORGET:
        qcow2_close(req);
        journal_path(path, sizeof(path), req);
        return unlink(path) == 0 || errno == ENOENT ? 0 : errno;
    default:
        return ENOSYS;
    }
}
