# SPDX-License-Identifier: MIT
#
# Unit tests of the guest's network: ring core and IP stack, on this machine. clang also builds fuzz targets of both.

TEST_GNET_DIR := $(BUILD)/tests/host/guest/net
TEST_GNET_CFLAGS := $(HOST_CFLAGS) -fno-strict-aliasing $(XEN_INCLUDE) \
                    -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__
# Everything but what needs the hypervisor.
TEST_GNET_ROOM := guest/frontends/net_ring.c $(filter-out guest/net/netif.c,$(wildcard guest/net/*.c)) \
                  tests/host/guest/net/fake_guest.c
TEST_GNET_OBJS := $(TEST_GNET_ROOM:%.c=$(TEST_GNET_DIR)/room/%.o)
TEST_GNET_BINS := $(addprefix $(TEST_GNET_DIR)/,test_dhcp test_ring test_stack)

$(TEST_GNET_DIR)/room/%.o: %.c | $(XEN_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(TEST_GNET_CFLAGS) -MMD -MP -c -o $@ $<

$(TEST_GNET_BINS): $(TEST_GNET_DIR)/%: $(TEST_GNET_DIR)/room/tests/host/guest/net/%.o $(TEST_GNET_OBJS) \
                   $(TEST_GNET_DIR)/room/tests/host/guest/net/frames.o
	$(CC) $(TEST_GNET_CFLAGS) -o $@ $^ -lcmocka

# The whole card, in the kernel of the disks' tests.
TEST_CARD_OBJS := $(addprefix $(TEST_GNET_DIR)/card/guest/,store_ring.o xenbus_device.o frontends/dev_suspend.o \
                    $(addprefix frontends/net,.o _connect.o _options.o _queue.o _ring.o _rx.o _tx.o)) \
                  $(addprefix $(TEST_GNET_DIR)/card/tests/host/guest/,blk/kernel.o blk/backend.o blk/machine.o \
                    net/test_card.o)

$(TEST_GNET_DIR)/card/%.o: %.c | $(XEN_HEADERS)
	@mkdir -p $(@D)
	$(CC) -Itests/host/guest/blk/shadow $(TEST_GNET_CFLAGS) -MMD -MP -c -o $@ $<

$(TEST_GNET_DIR)/test_card: $(TEST_CARD_OBJS)
	$(CC) $(TEST_GNET_CFLAGS) -o $@ $^ -lcmocka

TEST_HOST_BINS += $(TEST_GNET_BINS) $(TEST_GNET_DIR)/test_card

FUZZ_GNET_DIR := $(BUILD)/tests/fuzz/gnet
FUZZ_GNET_CFLAGS := $(TEST_GNET_CFLAGS) -O2 -fsanitize=fuzzer-no-link
FUZZ_GNET_OBJS := $(TEST_GNET_ROOM:%.c=$(FUZZ_GNET_DIR)/%.o)
FUZZ_GNET := $(BUILD)/tests/fuzz/fuzz_net_ring $(BUILD)/tests/fuzz/fuzz_net_stack

$(FUZZ_GNET_DIR)/%.o: %.c | $(XEN_HEADERS)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_GNET_CFLAGS) -MMD -MP -c -o $@ $<

$(FUZZ_GNET): $(BUILD)/tests/fuzz/%: $(FUZZ_GNET_DIR)/tests/fuzz/%.o $(FUZZ_GNET_OBJS)
	$(FUZZ_CC) $(FUZZ_GNET_CFLAGS) -fsanitize=fuzzer -o $@ $^

.PHONY: fuzz
fuzz: $(FUZZ_GNET)

-include $(TEST_GNET_OBJS:.o=.d) $(TEST_CARD_OBJS:.o=.d) $(FUZZ_GNET_OBJS:.o=.d) \
         $(wildcard $(TEST_GNET_DIR)/room/tests/host/guest/net/*.d $(FUZZ_GNET_DIR)/tests/fuzz/*.d)
