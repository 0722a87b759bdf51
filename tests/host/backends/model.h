/* SPDX-License-Identifier: MIT */
/*
 * A backend that does nothing but watch over the order in which the library calls it, and the two others who
 * write to the store: the toolstack and the guests.
 */
#ifndef TESTS_HOST_BACKENDS_MODEL_H
#define TESTS_HOST_BACKENDS_MODEL_H

#include "dom0/backends/common/xenbus_backend.h"
#include "tests/host/backends/fake_store.h"

#define MODEL_DEVICES 8

enum model_phase { ABSENT, PROBED, CONNECTED, LEAVING };

/* One device as the backend under test was told of it. */
struct model_dev {
    struct backend_dev *dev; /* NULL: not probed */
    uint32_t domid, devid;
    enum model_phase phase;
    bool resumed;
    unsigned int probes, connects, disconnects, removes, changes;
};

struct model {
    struct backend *backend; /* NULL: the daemon is not running */
    struct backend_env env;
    struct loop *loop;
    struct xsc *toolstack;
    struct model_dev devices[MODEL_DEVICES];
    /* What the backend does next. */
    bool probe_fails, connect_fails, slow_disconnect;
    unsigned int requests; /* that the daemon has waited for, while things settled */
    char changed[32];      /* the last node that `changed` was told of */
};

int model_setup(void **state);
int model_teardown(void **state);

/* Starts the daemon; ends it in order; kills it. */
void model_start(struct model *m);
void model_stop(struct model *m);
void model_kill(struct model *m);

/* Serves until nothing happens any more. */
void model_settle(struct model *m);

/* The toolstack's deeds. */
void toolstack_attach(struct model *m, uint32_t domid, uint32_t devid);
void toolstack_detach(struct model *m, uint32_t domid, uint32_t devid);
void toolstack_remove(struct model *m, uint32_t domid, uint32_t devid);
void toolstack_write(struct model *m, uint32_t domid, uint32_t devid, const char *node, const char *value);

/* The guest's. */
void guest_state(uint32_t domid, uint32_t devid, const char *state);
void guest_remove(uint32_t domid, uint32_t devid);

/* What is in the store: a state's number, 0 if there is none, -1 if it is no number. */
int back_state(struct model *m, uint32_t domid, uint32_t devid);
char *error_of(struct model *m, uint32_t domid, uint32_t devid);

/* NULL: the backend does not know it. */
struct model_dev *model_find(struct model *m, uint32_t domid, uint32_t devid);

#endif
