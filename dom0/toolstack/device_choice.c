/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/device_choice.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "dom0/toolstack/report.h"

/* What serves a plain disk or card when nothing is said. What these cannot do goes to ours. */
#define DEFAULT_DISK_BACKEND DISK_BACKEND_LINUX
#define DEFAULT_VIF_BACKEND  VIF_BACKEND_LINUX

int disk_choose_backend(const char *source, unsigned int line, struct disk_config *disk)
{
    bool limited = disk->limit_iops || disk->limit_bytes;
    bool qcow2 = disk->format == DISK_FORMAT_QCOW2;

    if (disk->backend == DISK_BACKEND_DEFAULT)
        disk->backend = limited || qcow2 ? DISK_BACKEND_HOSPES : DEFAULT_DISK_BACKEND;
    if (limited && disk->backend != DISK_BACKEND_HOSPES) {
        report_error_at(source, line, "disk: %s: limit-iops and limit-bytes need backendtype=hospes",
                        disk->vdev);
        return -1;
    }
    if (qcow2 && disk->backend == DISK_BACKEND_LINUX) {
        report_error_at(source, line, "disk: %s: the format qcow2 needs backendtype=hospes or qdisk",
                        disk->vdev);
        return -1;
    }
    return 0;
}

/* The first word of ip= as an address, so that there is one to lead packets to. */
static bool has_ipv4(const struct vif_config *vif)
{
    char word[INET_ADDRSTRLEN];
    struct in_addr address;
    size_t len = vif->ip ? strcspn(vif->ip, " ") : 0;

    if (len == 0 || len >= sizeof(word))
        return false;
    memcpy(word, vif->ip, len);
    word[len] = '\0';
    return inet_pton(AF_INET, word, &address) == 1;
}

int vif_choose_backend(const char *source, unsigned int line, struct vif_config *vif)
{
    const char *beyond = vif->antispoof ? "antispoof"
                         : vif->forward ? "forward"
                         : vif->queues  ? "queues"
                                        : NULL;

    if (vif->backend == VIF_BACKEND_DEFAULT)
        vif->backend = beyond ? VIF_BACKEND_HOSPES : DEFAULT_VIF_BACKEND;
    if (vif->backend == VIF_BACKEND_LINUX && beyond) {
        report_error_at(source, line, "vif: %s needs backendtype=hospes", beyond);
        return -1;
    }
    if (vif->forward && !has_ipv4(vif)) {
        report_error_at(source, line, "vif: forward needs the guest's address (ip=10.0.5.2)");
        return -1;
    }
    return 0;
}
