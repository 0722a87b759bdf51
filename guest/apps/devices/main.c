/* SPDX-License-Identifier: MIT */
/*
 * Takes devices that come, and lets go of those that are taken away, while it runs. Of each disk it prints
 * size and checksum (CRC-32), then copies the first half onto the second, unless it is read-only. Each card
 * gets an address (ip=, ip1=, ... or DHCP: guest/net/netif.h) and answers ping. Ends when it is asked to shut
 * down.
 */
#include "devices.h"
#include "guest/control.h"
#include "guest/guest.h"
#include "guest/net/netif.h"
#include "guest/result.h"
#include "guest/xenbus.h"

#define DISKS 16u
#define CARDS 4u

static struct disk disks[DISKS];
static struct netif *cards[CARDS];
static bool card_listed[CARDS];

static struct waitq wake;
static unsigned news, asked;

static void tell(unsigned *what)
{
    __atomic_store_n(what, 1, __ATOMIC_RELEASE);
    waitq_wake(&wake);
}

void devices_look(void)
{
    tell(&news);
}

static void listing_changed(struct xenbus_watch *w, const char *path)
{
    (void)w;
    (void)path;
    devices_look();
}

static bool on_request(enum control_request request, void *arg)
{
    (void)arg;
    if (request == CONTROL_SUSPEND)
        return false;
    tell(&asked);
    return true;
}

/* --- disks --- */

static struct disk *find_disk(unsigned id)
{
    for (unsigned i = 0; i < DISKS; i++)
        if (disks[i].thread && disks[i].id == id)
            return &disks[i];
    return NULL;
}

static void take_disk(unsigned id)
{
    for (unsigned i = 0; i < DISKS; i++) {
        struct disk *d = &disks[i];

        if (d->thread)
            continue;
        *d = (struct disk){.id = id};
        printf("disk %u: comes\n", id);
        d->thread = thread_start("disk", 0, disk_main, d);
        if (!d->thread)
            printf("disk %u: no memory for its thread\n", id);
        return;
    }
    printf("disk %u: more than %u disks\n", id, DISKS);
}

static void drop_disk(struct disk *d)
{
    printf("disk %u: gone\n", d->id);
    thread_join(d->thread);
    d->thread = NULL;
}

static bool has_ended(const struct disk *d)
{
    return __atomic_load_n(&d->ended, __ATOMIC_ACQUIRE);
}

/* Whether the nodes are not those of the one that was taken away, which are still there for a while. */
static bool is_another(const struct disk *d)
{
    uint64_t online;
    char back[96];

    return d->unplugged &&
           xenbus_read(XENBUS_NO_TX, back, sizeof(back), "device/vbd/%u/backend", d->id) > 0 &&
           !xenbus_read_uint(XENBUS_NO_TX, &online, "%s/online", back) && online;
}

static void look_at_disks(void)
{
    unsigned ids[DISKS];
    int n = xenbus_device_ids("vbd", ids, DISKS);

    for (unsigned i = 0; i < DISKS; i++) {
        bool listed = false;

        for (int j = 0; j < n; j++)
            listed = listed || ids[j] == disks[i].id;
        if (disks[i].thread && has_ended(&disks[i]) && n >= 0 && (!listed || is_another(&disks[i])))
            drop_disk(&disks[i]);
    }
    for (int j = 0; j < n; j++)
        if (!find_disk(ids[j]))
            take_disk(ids[j]);
}

static void close_disks(void)
{
    for (unsigned i = 0; i < DISKS; i++)
        if (disks[i].thread)
            __atomic_store_n(&disks[i].stop, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < DISKS; i++)
        if (disks[i].thread)
            thread_join(disks[i].thread);
}

/* --- cards: one that comes back under the same number is taken by the card that is open --- */

static void look_at_cards(void)
{
    unsigned ids[CARDS];
    bool listed[CARDS] = {false};
    int n = xenbus_device_ids("vif", ids, CARDS);

    for (int j = 0; j < n; j++)
        if (ids[j] < CARDS)
            listed[ids[j]] = true;
    for (unsigned i = 0; i < CARDS && n >= 0; i++) {
        if (listed[i] != card_listed[i])
            printf("card %u: %s\n", i, listed[i] ? "comes" : "gone");
        card_listed[i] = listed[i];
        if (listed[i] && !cards[i])
            netif_open(&cards[i], i);
    }
}

static void close_cards(void)
{
    for (unsigned i = 0; i < CARDS; i++)
        if (cards[i])
            netif_close(cards[i]);
}

/* --- */

static bool has_news(void *arg)
{
    (void)arg;
    return __atomic_load_n(&news, __ATOMIC_ACQUIRE) || __atomic_load_n(&asked, __ATOMIC_ACQUIRE);
}

static const char *run(void)
{
    static struct xenbus_watch watches[] = {{.fn = listing_changed}, {.fn = listing_changed}};

    if (control_start(on_request, NULL) || xenbus_watch(&watches[0], "device/vbd") ||
        xenbus_watch(&watches[1], "device/vif"))
        return "no store";
    printf("devices: ready\n");
    while (!asked) {
        __atomic_store_n(&news, 0, __ATOMIC_RELEASE);
        look_at_disks();
        look_at_cards();
        waitq_wait(&wake, has_news, NULL, 0);
    }
    close_disks();
    close_cards();
    return NULL;
}

int guest_main(const char *cmdline)
{
    (void)cmdline;
    return guest_result(run());
}
