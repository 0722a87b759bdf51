/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_CONSOLE_SCAN_H
#define HOSPES_CONSOLE_SCAN_H

#include "dom0/backends/console/guest.h"

/* All guests, as the store knows them. */
struct guest_list {
    struct guest_services *services;
    struct guest *first;
    bool rescan;      /* a domain has come or gone */
    bool store_again; /* the store was away: it may have forgotten domains that live */
};

/* Follows the store from now on: opens guests that come or become complete, ends those that go. */
void scan_start(struct guest_list *list);

/* The logs were moved away. */
void scan_reopen_logs(struct guest_list *list);

/* The daemon ends, the guests do not. */
void scan_abandon_all(struct guest_list *list);

#endif
