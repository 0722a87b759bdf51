# SPDX-License-Identifier: MIT
#
# The store: library, daemon, client library, command, and their tests on the host.

XS_OUT := $(BUILD)/xs

XS_STORE_SRC  := $(wildcard xs/store/*.c)
XS_DAEMON_SRC := $(wildcard xs/daemon/*.c)
XS_CLIENT_SRC := $(wildcard xs/client/*.c)
XS_CMD_SRC    := $(wildcard xs/cmd/*.c)

XS_STORE_OBJ  := $(XS_STORE_SRC:%.c=$(BUILD)/%.o)
XS_DAEMON_OBJ := $(XS_DAEMON_SRC:%.c=$(BUILD)/%.o)
XS_CLIENT_OBJ := $(XS_CLIENT_SRC:%.c=$(BUILD)/%.o)
XS_CMD_OBJ    := $(XS_CMD_SRC:%.c=$(BUILD)/%.o)

XS_DAEMON_LIBS := -lxencall -lxenevtchn -lxengnttab -lxenforeignmemory

ALL_TARGETS += $(XS_OUT)/xenstored $(XS_OUT)/xs $(XS_OUT)/libxs.a

$(BUILD)/xs/%.o: xs/%.c
	@mkdir -p $(@D)
	$(CC) $(USER_CFLAGS) -MMD -MP -c $< -o $@

$(XS_OUT)/xenstored: $(XS_DAEMON_OBJ) $(XS_STORE_OBJ)
	$(CC) $(USER_CFLAGS) -o $@ $^ -Wl,--as-needed $(XS_DAEMON_LIBS)

$(XS_OUT)/libxs.a: $(XS_CLIENT_OBJ)
	rm -f $@
	ar rcs $@ $^

$(XS_OUT)/xs: $(XS_CMD_OBJ) $(XS_OUT)/libxs.a
	$(CC) $(USER_CFLAGS) -o $@ $^

-include $(XS_STORE_OBJ:.o=.d) $(XS_DAEMON_OBJ:.o=.d) $(XS_CLIENT_OBJ:.o=.d) $(XS_CMD_OBJ:.o=.d)

# ---- tests on the host ----
#
# The library and the daemon are compiled once more with the sanitizers. The daemon's tests replace
# its access to the hypervisor (hv.c) by a fake, and its main() by their own.

XS_TEST_OUT   := $(BUILD)/tests/host/xs
XS_TEST_STORE := $(XS_STORE_SRC:%.c=$(XS_TEST_OUT)/%.o)
XS_TEST_LOOP  := $(patsubst %.c,$(XS_TEST_OUT)/%.o,$(filter-out xs/daemon/hv.c xs/daemon/main.c,$(XS_DAEMON_SRC)))
XS_TEST_CLIENT := $(XS_CLIENT_SRC:%.c=$(XS_TEST_OUT)/%.o)
XS_TEST_NAMES := $(patsubst tests/host/xs/%.c,%,$(wildcard tests/host/xs/test_*.c))
XS_TEST_BINS  := $(XS_TEST_NAMES:%=$(XS_TEST_OUT)/%)

TEST_HOST_BINS += $(XS_TEST_BINS) $(XS_TEST_OUT)/test_stock_clients

# Debian's clients against the daemon as it is shipped.
$(XS_TEST_OUT)/test_stock_clients: tests/host/xs/test_stock_clients.sh $(XS_OUT)/xenstored $(XS_OUT)/xs
	@mkdir -p $(@D)
	install -m 755 $< $@

$(XS_TEST_OUT)/xs/%.o: xs/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -MMD -MP -c $< -o $@

$(XS_TEST_OUT)/%.o: tests/host/xs/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -MMD -MP -c $< -o $@

# What each test needs beside the library.
$(XS_TEST_OUT)/test_store $(XS_TEST_OUT)/test_tx $(XS_TEST_OUT)/test_watch: $(XS_TEST_OUT)/harness.o
$(XS_TEST_OUT)/test_domain: $(XS_TEST_OUT)/fake_hv.o $(XS_TEST_LOOP)
$(XS_TEST_OUT)/test_client: $(XS_TEST_OUT)/fake_hv.o $(XS_TEST_LOOP) $(XS_TEST_CLIENT)

$(XS_TEST_BINS): $(XS_TEST_OUT)/%: $(XS_TEST_OUT)/%.o $(XS_TEST_STORE)
	$(CC) $(HOST_CFLAGS) -o $@ $^ -lcmocka

-include $(XS_TEST_STORE:.o=.d) $(XS_TEST_LOOP:.o=.d) $(XS_TEST_CLIENT:.o=.d) $(wildcard $(XS_TEST_OUT)/*.d)

# ---- fuzzing: needs clang, run by hand: build/tests/fuzz/fuzz_xs_wire [CORPUS] [-max_total_time=N] ----

XS_FUZZ := $(BUILD)/tests/fuzz/fuzz_xs_wire

.PHONY: fuzz
fuzz: $(XS_FUZZ)

$(XS_FUZZ): tests/fuzz/fuzz_xs_wire.c $(XS_STORE_SRC) $(wildcard xs/store/*.h)
	@mkdir -p $(@D)
	clang $(HOST_CFLAGS) -fsanitize=fuzzer -o $@ $(filter %.c,$^)
