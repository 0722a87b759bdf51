/* SPDX-License-Identifier: MIT */
#include "guest/control.h"
#include "guest/guest.h"
#include "guest/suspend.h"
#include "guest/thread.h"
#include "guest/xenbus.h"

static const struct {
    const char *word;
    enum control_request request;
    bool feature; /* announced in the store, as toolstacks know it from Linux */
} requests[] = {
    {"poweroff", CONTROL_POWEROFF, true},
    {"halt", CONTROL_HALT, false},
    {"reboot", CONTROL_REBOOT, true},
    {"suspend", CONTROL_SUSPEND, true},
};

static control_hook_t request_hook;
static void *request_arg;
static struct waitq wait;
static bool looked_for; /* a request may be there */

static void obey(enum control_request request)
{
    int rc;

    if (request_hook && request_hook(request, request_arg))
        return;
    switch (request) {
    case CONTROL_REBOOT:
        shutdown(SHUTDOWN_reboot);
    case CONTROL_SUSPEND:
        rc = guest_suspend();
        if (rc < 0)
            printf("control: cannot suspend: %d\n", rc);
        break;
    default:
        shutdown(SHUTDOWN_poweroff);
    }
}

/* The index of the word, or -1: none of ours, or nothing is asked. */
static int find_request(const char *word)
{
    for (unsigned i = 0; i < ARRAY_SIZE(requests); i++)
        if (strcmp(word, requests[i].word) == 0)
            return (int)i;
    return -1;
}

/* Reads the request and empties the node, which acknowledges it, so that each is obeyed once. */
static int take_request(void)
{
    char word[32];
    xenbus_tx_t tx;
    int rc, found;

    do {
        rc = xenbus_tx_start(&tx);
        if (rc)
            return -1;
        found = xenbus_read(tx, word, sizeof(word), "control/shutdown") > 0 ? find_request(word) : -1;
        if (found >= 0)
            xenbus_write(tx, "", "control/shutdown");
        rc = xenbus_tx_end(tx, found >= 0);
    } while (rc == -XEN_EAGAIN);
    return rc ? -1 : found;
}

static void shutdown_changed(struct xenbus_watch *w, const char *path)
{
    (void)w;
    (void)path;
    __atomic_store_n(&looked_for, true, __ATOMIC_RELEASE);
    waitq_wake(&wait);
}

static bool is_looked_for(void *arg)
{
    (void)arg;
    return __atomic_exchange_n(&looked_for, false, __ATOMIC_ACQ_REL);
}

/* Not the watches' thread: devices that are closed for a suspend wait for states of their backends. */
static void control_main(void *arg)
{
    (void)arg;
    for (;;) {
        int found;

        waitq_wait(&wait, is_looked_for, NULL, 0);
        found = take_request();
        if (found >= 0)
            obey(requests[found].request);
    }
}

/* Toolstacks that do not make these nodes for the guest do not look at them either. */
static void announce(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(requests); i++)
        if (requests[i].feature)
            xenbus_write(XENBUS_NO_TX, "1", "control/feature-%s", requests[i].word);
}

/* A new domain has new nodes. */
static void announce_again(void *arg, bool cancelled)
{
    (void)arg;
    if (!cancelled)
        announce();
}

int control_start(control_hook_t hook, void *arg)
{
    static struct xenbus_watch watch = {.fn = shutdown_changed};
    static struct suspend_hook resume = {.after = announce_again};
    int rc = xenbus_init();

    if (rc)
        return rc;
    request_hook = hook;
    request_arg = arg;
    if (!thread_start("control", 0, control_main, NULL))
        return -XEN_ENOMEM;
    announce();
    suspend_hook_add(&resume);
    return xenbus_watch(&watch, "control/shutdown");
}
