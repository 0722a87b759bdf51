/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_CONSOLE_SCAN_H
#define HOSPES_CONSOLE_SCAN_H

#include "dom0/backends/console/guest.h"

/* All guests, as the store knows them. */
struct guest_list {
    struct guest_services *services;
    struct guest *first;
};

/* Asks the store to tell of domains that come and go. 0, or -1 with errno. */
int scan_watch(struct guest_list *list);

/*
 * Takes the store's events; opens guests that came or became complete, frees those that went. 0, or -1 when
 * the connection to the store is lost.
 */
int scan_store_events(struct guest_list *list);

/* NULL: none with that local port. */
struct guest *scan_find_port(struct guest_list *list, evtchn_port_t port);

void scan_free_all(struct guest_list *list);

#endif
