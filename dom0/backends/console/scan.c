/* SPDX-License-Identifier: MIT */
#include "dom0/backends/console/scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_DOMAINS "domains"
#define TOKEN_CONSOLE "console"

static struct guest *find(struct guest_list *list, uint32_t domid)
{
    struct guest *guest = list->first;

    while (guest && guest->domid != domid)
        guest = guest->next;
    return guest;
}

static void console_path(const struct guest *guest, char path[64])
{
    snprintf(path, 64, "/local/domain/%u/console", guest->domid);
}

/* The watch for a console that is not complete yet. */
static void set_watch(struct guest *guest, bool wanted)
{
    struct xsc *xs = store_xs(guest->services->store);
    char path[64];

    if (guest->watched == wanted || !xs)
        return;
    console_path(guest, path);
    if (wanted)
        guest->watched = xsc_watch(xs, path, TOKEN_CONSOLE) == 0;
    else {
        xsc_unwatch(xs, path, TOKEN_CONSOLE);
        guest->watched = false;
    }
}

static void try_open(struct guest *guest)
{
    if (guest->open)
        return;
    /* A failure was logged; the guest may write other values, so go on watching. */
    set_watch(guest, guest_open(guest) != 0);
}

static void remove_guest(struct guest_list *list, struct guest *guest)
{
    struct guest **link = &list->first;

    while (*link != guest)
        link = &(*link)->next;
    *link = guest->next;
    set_watch(guest, false);
    guest_end(guest);
}

static void see_domain(struct guest_list *list, struct xsc *xs, const char *name)
{
    struct guest *guest;
    unsigned long domid;
    char *end;

    domid = strtoul(name, &end, 10);
    if (*end != '\0' || domid == 0 || domid > UINT16_MAX || xsc_is_introduced(xs, (unsigned int)domid) != 1)
        return;
    guest = find(list, (uint32_t)domid);
    if (!guest) {
        guest = guest_new(list->services, (uint32_t)domid);
        if (!guest) {
            daemon_log("domain %lu: out of memory", domid);
            return;
        }
        guest->next = list->first;
        list->first = guest;
    }
    guest->seen = true;
    try_open(guest);
}

/* A store that was started anew knows nobody; then only the hypervisor knows who has gone. */
static bool has_gone(const struct guest_list *list, const struct guest *guest)
{
    if (guest->seen)
        return false;
    return !(list->store_again && guest->open && broker_domain_lives(list->services->broker, guest->domid));
}

static void scan_domains(struct guest_list *list)
{
    struct xsc *xs = store_xs(list->services->store);
    struct guest *guest, *next;
    size_t count = 0;
    char **names;

    names = xs ? xsc_directory(xs, XSC_NO_TX, "/local/domain", &count) : NULL;
    if (!xs || (!names && errno != ENOENT))
        return;
    for (guest = list->first; guest; guest = guest->next)
        guest->seen = false;
    for (size_t i = 0; names && i < count; i++)
        see_domain(list, xs, names[i]);
    free(names);
    /* A connection that broke meanwhile has answered nothing. */
    if (xsc_exists(xs, XSC_NO_TX, "/") < 0)
        return;
    for (guest = list->first; guest; guest = next) {
        next = guest->next;
        if (has_gone(list, guest))
            remove_guest(list, guest);
    }
}

static void scan_console(struct guest_list *list, const char *event_path)
{
    unsigned int domid;
    struct guest *guest;

    if (sscanf(event_path, "/local/domain/%u/console", &domid) != 1)
        return;
    guest = find(list, domid);
    if (guest)
        try_open(guest);
}

static void on_connected(void *arg, struct xsc *xs)
{
    struct guest_list *list = arg;

    list->store_again |= list->first != NULL;
    for (struct guest *guest = list->first; guest; guest = guest->next)
        guest->watched = false;
    if (xsc_watch(xs, "@introduceDomain", TOKEN_DOMAINS) != 0 ||
        xsc_watch(xs, "@releaseDomain", TOKEN_DOMAINS) != 0)
        daemon_log("the store refuses watches: %s", strerror(errno));
}

static void on_event(void *arg, const char *path, const char *token)
{
    struct guest_list *list = arg;

    if (strcmp(token, TOKEN_DOMAINS) == 0)
        list->rescan = true;
    else
        scan_console(list, path);
}

static void on_settled(void *arg)
{
    struct guest_list *list = arg;

    if (list->rescan)
        scan_domains(list);
    list->rescan = false;
}

void scan_start(struct guest_list *list)
{
    const struct store_user user = {on_connected, on_event, on_settled, list};

    store_start(list->services->store, &user);
}

void scan_reopen_logs(struct guest_list *list)
{
    for (struct guest *guest = list->first; guest; guest = guest->next)
        if (guest->open)
            logfile_reopen(&guest->log);
}

void scan_abandon_all(struct guest_list *list)
{
    while (list->first) {
        struct guest *guest = list->first;

        list->first = guest->next;
        guest_abandon(guest);
    }
}
