/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dom0/backends/block/disk.h"
#include "dom0/backends/block/image_nbd.h"

static void remember_path(struct disk *disk, const struct images_reply *answer)
{
    snprintf(disk->image_path, sizeof(disk->image_path), "%.*s", (int)sizeof(answer->path) - 1, answer->path);
}

static void close_from(const struct broker_reply *reply, unsigned int first)
{
    for (unsigned int i = first; i < reply->nfds; i++)
        close(reply->fds[i]);
}

/* Another process for the image, after one has ended. */
static int reopen(void *arg, uint64_t *bytes)
{
    struct disk *disk = arg;
    struct images_request req = {0};
    struct broker_reply reply;
    const struct images_reply *answer = (const struct images_reply *)reply.data;
    int error = disk_ask_broker(disk, IMAGES_OPEN, &req, &reply);

    if (!error && reply.len == sizeof(*answer) && reply.nfds > 0 &&
        answer->bytes / BLK_SECTOR_BYTES >= disk->actual_sectors) {
        backend_log(disk->dev, "its image is served by another process");
        remember_path(disk, answer);
        close_from(&reply, 1);
        *bytes = answer->bytes;
        return reply.fds[0];
    }
    backend_log(disk->dev, "its image is not served any more: %.*s", (int)sizeof(answer->why) - 1,
                reply.len == sizeof(*answer) ? answer->why : "");
    close_from(&reply, 0);
    return -1;
}

static void grown(void *arg)
{
    disk_resized(arg);
}

/* What the log has is of use to the frontend that was connected all the time, and only to that. */
static void *map_log(struct disk *disk, int fd)
{
    uint64_t identity = (uint64_t)disk->dev->domid << 32 | disk->dev->devid;
    void *log = mmap(NULL, WRITELOG_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (log != MAP_FAILED && !(disk->dev->resumed && writelog_is_of(log, identity)))
        writelog_format(log, identity);
    return log;
}

struct image *disk_open_served(struct disk *disk, const struct broker_reply *reply)
{
    const struct images_reply *answer = (const struct images_reply *)reply->data;
    struct image_nbd_config config = {.loop = disk->server->env.loop,
                                      .fd = reply->fds[0],
                                      .bytes = answer->bytes,
                                      .cluster_bytes = answer->cluster_bytes,
                                      .readonly = answer->readonly,
                                      .source = {reopen, grown, disk}};

    remember_path(disk, answer);
    if (!answer->readonly && reply->nfds == 2)
        config.log = map_log(disk, reply->fds[1]);
    close_from(reply, 1);
    if (!answer->readonly && (!config.log || config.log == MAP_FAILED)) {
        close(reply->fds[0]);
        errno = ENOMEM;
        return NULL;
    }
    return image_nbd_open(&config);
}

bool disk_is_served(const struct disk *disk)
{
    return *disk->image_path;
}

/* The process goes on with the image on top by itself; another one also has the locks as they should be now.
 */
void disk_params_changed(struct disk *disk)
{
    char path[sizeof(disk->image_path)];

    if (!disk_is_served(disk) || backend_read_string(disk->dev, "params", path, sizeof(path)) != 0 ||
        strcmp(path, disk->image_path) == 0)
        return;
    image_nbd_renew(disk->image);
}
