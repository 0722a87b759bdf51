# SPDX-License-Identifier: MIT
#
# Hospes: one non-recursive build. Each room keeps its own rules in ROOM/ROOM.mk and
# writes only below build/. `make help` lists what a user can ask for.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

BUILD := build
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
            -Wimplicit-fallthrough -Werror

# What user-space programs of the project are compiled with.
USER_CFLAGS := -std=gnu17 -O2 -g $(WARNINGS) -D_GNU_SOURCE -I.
# What tests on the host are compiled with.
HOST_CFLAGS := -std=gnu17 -O1 -g $(WARNINGS) -D_GNU_SOURCE -I. \
               -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

ALL_TARGETS :=
TEST_HOST_BINS :=

-include hyp/hyp.mk xs/xs.mk guest/guest.mk dom0/dom0.mk tests/tests.mk

.PHONY: all clean help test-host
all: $(ALL_TARGETS)

test-host: $(TEST_HOST_BINS)
	@set -e; for t in $(TEST_HOST_BINS); do echo "== $$t"; $$t; done

clean:
	rm -rf $(BUILD)

help:
	@echo "make            build everything into build/"
	@echo "make run        install what is missing, build, boot the disc in QEMU, show guests"
	@echo "make test       all levels of tests"
	@echo "make test-host  unit tests on this machine, no QEMU"
	@echo "make check      format, lint and both compilers"
