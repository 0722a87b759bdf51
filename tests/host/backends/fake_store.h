/* SPDX-License-Identifier: MIT */
/*
 * The real store and the real client's requests in one process: only the bytes between them are left out. The
 * store can go down, and come back with or without its contents.
 */
#ifndef TESTS_HOST_BACKENDS_FAKE_STORE_H
#define TESTS_HOST_BACKENDS_FAKE_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xs/client/xs.h"

/* An empty store, up. */
void fake_store_begin(void);
void fake_store_end(void);

/* Connections break; new ones are refused until it is up. */
void fake_store_down(void);
void fake_store_up(bool keep_contents);

/* A connection of a domain; xsc_close() ends it. */
struct xsc *fake_store_connect(unsigned int domid);

/* Whether broker_domain_lives() says so. */
extern bool fake_domain_lives;

/* The domain has gone: its nodes go, and whoever wants to know is told. */
void fake_release_domain(unsigned int domid);

/* Requests that were made by connections of the daemon under test since the last call. */
unsigned int fake_store_requests(void);

/* Watches of all connections. */
unsigned int fake_store_watches(void);

#endif
