/* SPDX-License-Identifier: MIT */
/* block-snapshot: what a qcow2 disk holds stays as it is, the guest goes on in a new image on top. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "dom0/backends/block/qcow2.h"
#include "dom0/toolstack/block.h"
#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/device_kinds.h"
#include "dom0/toolstack/device_record.h"
#include "dom0/toolstack/report.h"

#define ANSWER_SECONDS 60 /* it flushes the disk first */

struct snapshot {
    const struct hotplug *h;
    const struct disk_config *disk;
    const char *file;
};

static int fail(const struct snapshot *s, const char *why)
{
    report_error("block-snapshot: %s: %s", s->disk->vdev, why);
    return -1;
}

/* --- the disk's storage daemon --- */

/* For reading; its descriptor is for writing. */
static FILE *connect_monitor(const struct snapshot *s)
{
    const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FILE *monitor = NULL;

    snprintf(addr.sun_path, sizeof(addr.sun_path), QCOW2_MONITOR_FORMAT, s->h->domid, s->disk->devid);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0)
        monitor = fdopen(fd, "r");
    if (!monitor) {
        report_error("block-snapshot: %s: %s: %s", s->disk->vdev, addr.sun_path, strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    return monitor;
}

/* The answer to a command (stolen): what it returned, or NULL after a report. Events are passed over. */
static json_t *ask(const struct snapshot *s, FILE *monitor, json_t *command)
{
    json_t *message = NULL, *result = NULL;
    const char *why = "its storage daemon does not answer";
    bool sent = command && json_dumpfd(command, fileno(monitor), JSON_COMPACT) == 0;

    json_decref(command);
    while (sent && !result && (message = json_loadf(monitor, JSON_DISABLE_EOF_CHECK, NULL))) {
        json_t *error = json_object_get(message, "error");

        result = json_incref(json_object_get(message, "return"));
        if (error) {
            why = json_string_value(json_object_get(error, "desc"));
            fail(s, why ? why : "refused");
            json_decref(message);
            return NULL;
        }
        json_decref(message);
    }
    if (!result)
        fail(s, why);
    return result;
}

static int simple(const struct snapshot *s, FILE *monitor, json_t *command)
{
    json_t *result = ask(s, monitor, command);

    json_decref(result);
    return result ? 0 : -1;
}

/* What the disk's image is called in there: it is another one after each snapshot. */
static int find_node(const struct snapshot *s, FILE *monitor, char name[32])
{
    json_t *exports = ask(s, monitor, json_pack("{s:s}", "execute", "query-block-exports"));
    const char *node = json_string_value(json_object_get(json_array_get(exports, 0), "node-name"));

    if (exports && node)
        snprintf(name, 32, "%s", node);
    json_decref(exports);
    if (!exports)
        return -1;
    return node ? 0 : fail(s, "its storage daemon serves nothing");
}

static int take(const struct snapshot *s, FILE *monitor)
{
    char node[32], next[32];

    if (simple(s, monitor, json_pack("{s:s}", "execute", "qmp_capabilities")) != 0 ||
        find_node(s, monitor, node) != 0)
        return -1;
    snprintf(next, sizeof(next), "image-%llx", (unsigned long long)time(NULL));
    return simple(s, monitor,
                  json_pack("{s:s, s:{s:s, s:s, s:s, s:s}}", "execute", "blockdev-snapshot-sync", "arguments",
                            "node-name", node, "snapshot-file", s->file, "snapshot-node-name", next, "format",
                            "qcow2"));
}

/* --- the store --- */

/* From now on that is the disk's image: for the backend should it have to open it again, and for a reboot. */
static int params_body(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    const struct snapshot *s = arg;
    char back[DEVICE_PATH_ROOM], record[DEVICE_PATH_ROOM];
    struct device dev;

    if (device_record_find(xs, s->h->domid, DEVICE_VBD, s->disk->devid, &dev) != 0)
        return -1;
    device_backend_path(&dev, back);
    device_record_path(&dev, record);
    return xsc_writef(xs, tx, s->file, "%s/params", back) == 0 &&
                   xsc_writef(xs, tx, s->file, "%s/params", record) == 0
               ? 0
               : -1;
}

static int check(const struct snapshot *s)
{
    if (s->disk->backend != DISK_BACKEND_HOSPES || s->disk->format != DISK_FORMAT_QCOW2)
        return fail(s, "only disks with format=qcow2 and backendtype=hospes have snapshots");
    if (s->disk->readonly)
        return fail(s, "is read only: it does not change anyway");
    if (s->file[0] != '/')
        return fail(s, "the new image needs an absolute path");
    if (access(s->file, F_OK) == 0)
        return fail(s, "the new image exists already");
    return 0;
}

static int snapshot(struct toolstack *ts, struct snapshot *s)
{
    FILE *monitor;
    int rc;

    if (check(s) != 0)
        return -1;
    monitor = connect_monitor(s);
    if (!monitor)
        return -1;
    rc = take(s, monitor);
    fclose(monitor);
    if (rc != 0)
        return rc;
    if (xsc_transact(ts->xs, params_body, s) == 0)
        return 0;
    report_error("block-snapshot: %s: the guest writes to %s now, but the store does not take that down: %s",
                 s->disk->vdev, s->file, strerror(errno));
    return -1;
}

int cmd_block_snapshot(struct toolstack *ts, int argc, char **argv)
{
    struct snapshot s = {0};
    struct hotplug h;
    int rc = -1;

    if (argc != 4)
        return cmd_usage(argv);
    if (hotplug_open(ts, &h, argv[0], argv[1]) != 0)
        return EXIT_FAILURE;
    s = (struct snapshot){&h, block_find(&h, argv[2]), argv[3]};
    if (s.disk)
        rc = snapshot(ts, &s);
    hotplug_close(&h);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
