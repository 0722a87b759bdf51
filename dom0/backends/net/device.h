/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_NET_DEVICE_H
#define HOSPES_NET_DEVICE_H

#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

/* In the broker: what the store says of a device, judged. */
struct net_device {
    uint32_t domid, devid;
    char name[IFNAMSIZ];   /* of the interface */
    char bridge[IFNAMSIZ]; /* "" for none */
    uint32_t mtu;          /* 0: as it comes */
    unsigned int queues;
    char *mac, *ip, *forward; /* NULL if there is none */
};

/* 0, or -1 and a line in why[]. To be ended with net_device_free() in both cases. */
int net_device_read(struct net_device *device, uint32_t domid, uint32_t devid, char *why, size_t why_size);
void net_device_free(struct net_device *device);

#endif
