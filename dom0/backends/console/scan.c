/* SPDX-License-Identifier: MIT */
#include "dom0/backends/console/scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_DOMAINS "domains"
#define TOKEN_CONSOLE "console"

int scan_watch(struct guest_list *list)
{
    struct xsc *xs = list->services->xs;

    return xsc_watch(xs, "@introduceDomain", TOKEN_DOMAINS) == 0 &&
                   xsc_watch(xs, "@releaseDomain", TOKEN_DOMAINS) == 0
               ? 0
               : -1;
}

static struct guest *find(struct guest_list *list, uint32_t domid)
{
    struct guest *guest = list->first;

    while (guest && guest->domid != domid)
        guest = guest->next;
    return guest;
}

struct guest *scan_find_port(struct guest_list *list, evtchn_port_t port)
{
    struct guest *guest = list->first;

    while (guest && !(guest->open && guest->port == port))
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
    char path[64];

    if (guest->watched == wanted)
        return;
    console_path(guest, path);
    if (wanted)
        guest->watched = xsc_watch(guest->services->xs, path, TOKEN_CONSOLE) == 0;
    else {
        xsc_unwatch(guest->services->xs, path, TOKEN_CONSOLE);
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
    guest_free(guest);
}

static void see_domain(struct guest_list *list, const char *name)
{
    struct guest *guest;
    unsigned long domid;
    char *end;

    domid = strtoul(name, &end, 10);
    if (*end != '\0' || domid == 0 || domid > UINT16_MAX ||
        xsc_is_introduced(list->services->xs, (unsigned int)domid) != 1)
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

static int scan_domains(struct guest_list *list)
{
    size_t count = 0;
    char **names = xsc_directory(list->services->xs, XSC_NO_TX, "/local/domain", &count);
    struct guest *guest, *next;

    if (!names && errno != ENOENT)
        return -1;
    for (guest = list->first; guest; guest = guest->next)
        guest->seen = false;
    for (size_t i = 0; names && i < count; i++)
        see_domain(list, names[i]);
    free(names);
    for (guest = list->first; guest; guest = next) {
        next = guest->next;
        if (!guest->seen)
            remove_guest(list, guest);
    }
    return 0;
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

int scan_store_events(struct guest_list *list)
{
    struct xsc_event *event;
    bool domains = false;

    errno = 0;
    while ((event = xsc_check_watch(list->services->xs))) {
        if (strcmp(event->token, TOKEN_DOMAINS) == 0)
            domains = true;
        else
            scan_console(list, event->path);
        free(event);
        errno = 0;
    }
    if (errno != EAGAIN && errno != 0)
        return -1;
    return domains ? scan_domains(list) : 0;
}

void scan_free_all(struct guest_list *list)
{
    while (list->first)
        remove_guest(list, list->first);
}
