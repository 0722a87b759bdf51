/* SPDX-License-Identifier: MIT */
/* hospes-consoled: serves the consoles of all guests. docs: console_paths.h, guest.h, requests.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/backends/console/requests.h"
#include "dom0/backends/console/scan.h"

static struct guest_services services;
static struct guest_list list = {.services = &services};

static int open_services(struct broker *broker, void *arg)
{
    (void)arg;
    services.broker = broker;
    services.loop = broker_loop(broker);
    services.access = guest_access_open();
    services.store = services.access ? store_open(broker) : NULL;
    return services.store ? 0 : -1;
}

static int serve(struct broker *broker, void *arg)
{
    int rc;

    (void)arg;
    if (guest_access_start(services.access, services.loop) != 0) {
        daemon_log("event channels: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    scan_start(&list);
    broker_ready(broker);
    rc = loop_run(services.loop);
    if (rc != 0)
        daemon_log("event loop: %s", strerror(errno));
    scan_abandon_all(&list);
    store_close(services.store);
    guest_access_close(services.access);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void reopen_logs(void *arg)
{
    (void)arg;
    scan_reopen_logs(&list);
}

int main(int argc, char **argv)
{
    static const char *const syscalls[] = {"accept4", "pread64", NULL};
    static const char *const writes[] = {"/local/domain/*/console/tty", NULL};
    static const struct broker_spec spec = {.name = "hospes-consoled",
                                            .user = "hospes-console",
                                            .syscalls = syscalls,
                                            .store_writes = writes,
                                            .prepare = console_prepare,
                                            .handle = console_handle,
                                            .open = open_services,
                                            .run = serve,
                                            .on_hangup = reopen_logs};

    return broker_main(&spec, argc, argv);
}
