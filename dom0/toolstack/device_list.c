/* SPDX-License-Identifier: MIT */
/* block-list and network-list: devices of guests as the store shows them. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/device_nodes.h"
#include "dom0/toolstack/output.h"
#include "dom0/toolstack/report.h"

/* A column: where its value is, under which key it is shown in JSON. */
struct column {
    const char *title, *key, *node; /* node NULL: the backend's directory, which says who serves the device */
    int width;
    bool front; /* the frontend's node, else the backend's */
};

static const struct column block_columns[] = {
    {"Vdev", "devid", "virtual-device", -6, true},  {"Name", "name", "dev", -6, false},
    {"BE", "backend_domid", "backend-id", 3, true}, {"State", "state", "state", 6, false},
    {"Evt-ch", "evtchn", "event-channel", 7, true}, {"Ring-ref", "ring_ref", "ring-ref", 9, true},
    {"Backend", "backend", NULL, -10, false},       {"Mode", "mode", "mode", 5, false},
    {"Target", "target", "params", 0, false},
};

static const struct column network_columns[] = {
    {"Idx", "devid", "handle", -4, true},
    {"BE", "backend_domid", "backend-id", 3, true},
    {"Mac-Addr.", "mac", "mac", -18, true},
    {"State", "state", "state", 6, false},
    {"Evt-tx", "evtchn_tx", "event-channel-tx", 7, true},
    {"Evt-rx", "evtchn_rx", "event-channel-rx", 7, true},
    {"Tx-ref", "tx_ring_ref", "tx-ring-ref", 7, true},
    {"Rx-ref", "rx_ring_ref", "rx-ring-ref", 7, true},
    {"Backend", "backend", NULL, -10, false},
    {"Bridge", "bridge", "bridge", 0, false},
};

/* Guests write some of the nodes; nothing of theirs may drive the operator's terminal. */
static void make_printable(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f)
            *s = '?';
}

static char *read_node(struct xsc *xs, const char *dir, const char *node)
{
    char *value = xsc_readf(xs, XSC_NO_TX, "%s/%s", dir, node);

    if (value)
        make_printable(value);
    return value;
}

/*
 * A guest with several queues has its rings one level down; the first queue stands for all. Returns NULL
 * where there is nothing.
 */
static char *column_value(struct xsc *xs, const struct device *dev, const struct column *column)
{
    char front[DEVICE_PATH_ROOM], back[DEVICE_PATH_ROOM], node[48];
    char *value;

    if (!column->node)
        return strdup(device_backends[dev->backend].dir);
    device_frontend_path(dev, front);
    device_backend_path(dev, back);
    value = read_node(xs, column->front ? front : back, column->node);
    if (!value && column->front) {
        snprintf(node, sizeof(node), "queue-0/%s", column->node);
        value = read_node(xs, front, node);
    }
    return value;
}

static json_t *device_json(struct xsc *xs, const struct device *dev, const struct column *columns,
                           size_t count)
{
    json_t *object = json_pack("{s:i}", "domid", (int)dev->domid);

    for (size_t i = 0; i < count && object; i++) {
        char *value = column_value(xs, dev, &columns[i]), *end = value;
        long number = value ? strtol(value, &end, 10) : 0;
        json_t *member = !value || !*value ? json_null()
                         : *end == '\0'    ? json_integer(number)
                                           : json_string(value);

        json_object_set_new(object, columns[i].key, member);
        free(value);
    }
    return object;
}

static void device_row(struct xsc *xs, const struct device *dev, const struct column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *value = column_value(xs, dev, &columns[i]);

        printf("%*s%s", columns[i].width, value && *value ? value : "-", i + 1 < count ? " " : "\n");
        free(value);
    }
}

struct listing {
    enum device_kind kind;
    const struct column *columns;
    size_t column_count;
    json_t *array; /* NULL: a table */
};

static int show_backend(struct toolstack *ts, uint32_t domid, enum device_backend backend,
                        const struct listing *listing)
{
    char dir[DEVICE_PATH_ROOM];
    size_t count = 0;
    char **ids;

    snprintf(dir, sizeof(dir), "/local/domain/0/backend/%s/%u", device_backends[backend].dir, domid);
    ids = xsc_directory(ts->xs, XSC_NO_TX, dir, &count);
    if (!ids && errno != ENOENT) {
        report_error("%s: %s", dir, strerror(errno));
        return -1;
    }
    for (size_t i = 0; ids && i < count; i++) {
        struct device dev = {backend, domid, (uint32_t)strtoul(ids[i], NULL, 10)};

        if (listing->array)
            json_array_append_new(listing->array,
                                  device_json(ts->xs, &dev, listing->columns, listing->column_count));
        else
            device_row(ts->xs, &dev, listing->columns, listing->column_count);
    }
    free(ids);
    return 0;
}

static int show_domain(struct toolstack *ts, uint32_t domid, const struct listing *listing)
{
    int rc = 0;

    for (enum device_backend backend = 0; backend < DEVICE_BACKENDS && rc == 0; backend++)
        if (device_backends[backend].kind == listing->kind)
            rc = show_backend(ts, domid, backend, listing);
    return rc;
}

static int run(struct toolstack *ts, int argc, char **argv, struct listing *listing)
{
    bool json;
    int rc = 0;

    if (!output_options(argc, argv, &json) || optind >= argc)
        return cmd_usage(argv);
    if (json)
        listing->array = json_array();
    else
        for (size_t i = 0; i < listing->column_count; i++)
            printf("%*s%s", listing->columns[i].width, listing->columns[i].title,
                   i + 1 < listing->column_count ? " " : "\n");
    for (int i = optind; i < argc && rc == 0; i++) {
        uint32_t domid;

        rc = toolstack_find_domain(ts, argv[i], &domid);
        if (rc == 0)
            rc = show_domain(ts, domid, listing);
    }
    if (rc == 0 && json)
        return output_json(listing->array);
    json_decref(listing->array);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int cmd_block_list(struct toolstack *ts, int argc, char **argv)
{
    struct listing listing = {DEVICE_VBD, block_columns, sizeof(block_columns) / sizeof(block_columns[0]),
                              NULL};

    return run(ts, argc, argv, &listing);
}

int cmd_network_list(struct toolstack *ts, int argc, char **argv)
{
    struct listing listing = {DEVICE_VIF, network_columns,
                              sizeof(network_columns) / sizeof(network_columns[0]), NULL};

    return run(ts, argc, argv, &listing);
}
