/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/build.h"
#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/device.h"
#include "dom0/toolstack/domain_life.h"
#include "dom0/toolstack/domain_store.h"
#include "dom0/toolstack/report.h"

int domain_make(struct toolstack *ts, const struct domain_config *cfg, uint32_t *domid)
{
    struct build b;

    if (build_open(&b, cfg) != 0)
        return -1;
    if (build_create(ts, &b) != 0) {
        build_close(&b);
        return -1;
    }
    *domid = b.domid;
    if (domain_store_create(ts, &b) != 0 || build_fill(ts, &b) != 0 || domain_store_introduce(ts, &b) != 0 ||
        devices_attach_all(ts, b.domid, cfg) != 0) {
        domain_end(ts, b.domid);
        build_close(&b);
        return -1;
    }
    build_close(&b);
    return 0;
}

struct create_options {
    bool console, paused, quiet;
};

/*
 * xl's order: options anywhere, the first plain word is the file, further ones are settings. '+' is not used,
 * since a setting may stand before an option.
 */
static int parse_options(int argc, char **argv, struct create_options *o)
{
    int c;

    while ((c = getopt(argc, argv, "cpq")) != -1) {
        switch (c) {
        case 'c':
            o->console = true;
            break;
        case 'p':
            o->paused = true;
            break;
        case 'q':
            o->quiet = true;
            break;
        default:
            return -1;
        }
    }
    return optind < argc ? 0 : -1;
}

/*
 * The console is opened before the guest runs, so that all is shown of one that ends at once; *console is -1
 * if it was not asked for, or cannot be opened, which is reported and keeps no guest from running.
 */
static int start(struct toolstack *ts, uint32_t domid, const struct domain_config *cfg,
                 const struct create_options *o, int *console)
{
    if (monitor_start(ts, domid, cfg) != 0)
        return -1;
    *console = o->console ? console_open(ts, domid) : -1;
    if (!o->paused && hv_domain_unpause(&ts->hv, domid) != 0) {
        report_error("create %s: unpause: %s", cfg->name, strerror(errno));
        return -1;
    }
    return 0;
}

/*
 * An operator's ^C must not leave half a domain: the signals wait while one is made, and if one came, the
 * domain is ended again before it is obeyed.
 */
static int make_undisturbed(struct toolstack *ts, const struct domain_config *cfg, uint32_t *domid)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    sigset_t held, before, pending;
    bool interrupted = false;
    int rc;

    sigemptyset(&held);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaddset(&held, signals[i]);
    sigprocmask(SIG_BLOCK, &held, &before);
    rc = domain_make(ts, cfg, domid);
    sigpending(&pending);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        interrupted = interrupted || sigismember(&pending, signals[i]) == 1;
    if (rc == 0 && interrupted) {
        report_error("create %s: interrupted", cfg->name);
        domain_end(ts, *domid);
        rc = -1;
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int cmd_create(struct toolstack *ts, int argc, char **argv)
{
    struct create_options o = {false, false, false};
    struct domain_config cfg;
    uint32_t domid;
    int rc, console = -1;

    if (parse_options(argc, argv, &o) != 0)
        return cmd_usage(argv);
    report_quiet(o.quiet);
    if (domain_config_load(&cfg, argv[optind], argv + optind + 1, (size_t)(argc - optind - 1)) != 0)
        return EXIT_FAILURE;
    rc = toolstack_need_all(ts);
    if (rc == 0)
        rc = make_undisturbed(ts, &cfg, &domid);
    if (rc == 0 && start(ts, domid, &cfg, &o, &console) != 0) {
        domain_end(ts, domid);
        rc = -1;
    }
    domain_config_free(&cfg);
    if (rc == 0 && console >= 0)
        console_join(console);
    else if (o.console)
        rc = -1;
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
