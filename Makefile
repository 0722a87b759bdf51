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

.PHONY: all clean help deps run test test-full test-host test-abi-xen check check-format check-lint check-tidy check-headers check-claims

all: $(ALL_TARGETS)

deps:
	@tests/tools/install-deps.sh

# What is missing is installed first; the rules that follow may need it already to be parsed, hence the second make.
run test test-full: deps
	@$(MAKE) --no-print-directory do-$@

.PHONY: do-run do-test do-test-full
do-run: all $(BUILD)/hospes.iso
	@tests/tools/run-demo.py

do-test: all tests-system-files oracle compat-image
	@tests/run.py

do-test-full: all tests-system-files oracle compat-image
	@tests/run.py --full

# A failing program does not hide the ones after it.
test-host: $(TEST_HOST_BINS)
	@failed=0; for t in $(TEST_HOST_BINS); do echo "== $$t"; $$t || failed=1; done; exit $$failed

# --- gates -------------------------------------------------------------------
C_FILES := $(shell git ls-files '*.c' '*.h' 2>/dev/null)
SHELL_FILES := $(shell git grep -nE '^\#!/bin/(ba)?sh' 2>/dev/null | sed -n 's/:1:.*//p')

check: check-format check-headers check-lint check-tidy check-claims
	$(MAKE) --no-print-directory BUILD=build/clang CC=clang all

check-format:
	@clang-format --dry-run -Werror $(C_FILES)

# A header is an interface: it compiles by itself.
check-headers: $(XEN_HEADERS)
	@for h in $(filter hyp/%.h,$(C_FILES)); do \
	    echo "#include \"$${h#hyp/}\"" | $(CC) $(HYP_CFLAGS) $(HYP_CONLY) -x c -fsyntax-only - || exit 1; done
	@for h in $(filter xs/%.h dom0/%.h,$(C_FILES)); do \
	    echo "#include \"$$h\"" | $(CC) $(USER_CFLAGS) -D__XEN_TOOLS__ -x c -fsyntax-only - || exit 1; done
	@for h in $(filter guest/%.h,$(C_FILES)); do \
	    echo "#include \"$$h\"" | $(CC) $(GUEST_CFLAGS) -x c -fsyntax-only - || exit 1; done

# One group for each way of compiling; tests are left to the compilers' warnings and the sanitizers.
TIDY = xargs -r -P2 -n1 sh -c 'clang-tidy --quiet "$$1" -- $(1) 2>build/tidy.err || { cat build/tidy.err; exit 255; }' tidy
check-tidy: $(XEN_HEADERS)
	@printf '%s\n' $(filter hyp/%.c,$(C_FILES)) | $(call TIDY,$(filter-out -fno-tree-loop%,$(HYP_CFLAGS)) $(HYP_CONLY))
	@printf '%s\n' $(filter xs/%.c dom0/%.c,$(C_FILES)) | $(call TIDY,$(USER_CFLAGS) -D__XEN_TOOLS__)
	@printf '%s\n' $(filter guest/%.c,$(C_FILES)) | $(call TIDY,$(GUEST_CFLAGS))

# comparePointers: the two ends of a section that the linker script names look like different objects.
check-lint:
	@shellcheck $(SHELL_FILES)
	@cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -j2 \
	    --suppress=missingIncludeSystem --suppress=unknownMacro --suppress=comparePointers \
	    '-D__attribute__(x)=' -I hyp -I . hyp xs dom0 guest

check-claims:
	@tests/abi/uncovered.py

# Lines of the hypervisor's C and assembly without comments and blank ones.
.PHONY: count
count:
	@cat $$(git ls-files 'hyp/*.[chS]') | $(CC) -w -fpreprocessed -dD -E -P -x c - | grep -c .

clean:
	rm -rf $(BUILD)

help:
	@echo "make            build everything into build/"
	@echo "make run        install what is missing, build, boot the disc in QEMU, show guests"
	@echo "make test       all levels of tests; test-full: their long forms"
	@echo "make test-host  unit tests on this machine, no QEMU"
	@echo "make compat     every hypervisor, store, toolstack, backend and guest with every other: a long run"
	@echo "make check      format, lint and both compilers"
	@echo "make bench      throughput of disks and network cards, ours beside Xen's and Linux's"
	@echo "make bench-hyp  what each service costs in instructions, on Hospes and on real Xen"
