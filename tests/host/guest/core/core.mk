# SPDX-License-Identifier: MIT
#
# What of the guest library needs no hypervisor, on this machine: the heap, and the store's ring and messages. clang also
# builds a fuzz target of the latter: build/tests/fuzz/fuzz_store_ring CORPUS-DIR.

TEST_GCORE_DIR := $(BUILD)/tests/host/guest/core
TEST_GCORE_CFLAGS := $(HOST_CFLAGS) -fno-strict-aliasing $(XEN_INCLUDE) \
                     -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__
TEST_GCORE_BINS := $(TEST_GCORE_DIR)/test_heap $(TEST_GCORE_DIR)/test_store_ring

TEST_HOST_BINS += $(TEST_GCORE_BINS)

$(TEST_GCORE_DIR)/%.o: %.c | $(XEN_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(TEST_GCORE_CFLAGS) -MMD -MP -c -o $@ $<

$(TEST_GCORE_DIR)/test_heap: $(TEST_GCORE_DIR)/tests/host/guest/core/test_heap.o $(TEST_GCORE_DIR)/guest/heap.o
	$(CC) $(TEST_GCORE_CFLAGS) -o $@ $^ -lcmocka

$(TEST_GCORE_DIR)/test_store_ring: $(TEST_GCORE_DIR)/tests/host/guest/core/test_store_ring.o \
                                   $(TEST_GCORE_DIR)/guest/store_ring.o
	$(CC) $(TEST_GCORE_CFLAGS) -o $@ $^ -lcmocka

.PHONY: fuzz
fuzz: $(BUILD)/tests/fuzz/fuzz_store_ring

$(BUILD)/tests/fuzz/fuzz_store_ring: tests/fuzz/fuzz_store_ring.c guest/store_ring.c guest/store_ring.h | $(XEN_HEADERS)
	@mkdir -p $(@D)
	clang $(filter-out -O1,$(TEST_GCORE_CFLAGS)) -O2 -fsanitize=fuzzer -o $@ $(filter %.c,$^)

-include $(wildcard $(TEST_GCORE_DIR)/guest/*.d $(TEST_GCORE_DIR)/tests/host/guest/core/*.d)
