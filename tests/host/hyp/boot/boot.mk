# SPDX-License-Identifier: MIT
#
# Unit tests of the boot room's parsers on this machine.

TEST_HBOOT_DIR := $(BUILD)/tests/host/hyp/boot
TEST_HBOOT_CFLAGS := $(HOST_CFLAGS) -fno-strict-aliasing -DHYP_HOST_TEST -include hyp/lib/types.h -D__XEN_TOOLS__ \
                     -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__ \
                     -Itests/host/hyp/boot/shadow -Itests/host/hyp/boot -Ihyp $(XEN_INCLUDE)
TEST_HBOOT_BINS := $(addprefix $(TEST_HBOOT_DIR)/,test_handover test_cmdline test_acpi test_boot_alloc)
TEST_HBOOT_COMMON := $(TEST_HBOOT_DIR)/machine.o $(TEST_HBOOT_DIR)/hyp/lib/parse.o

$(TEST_HBOOT_DIR)/hyp/%.o: hyp/%.c | $(XEN_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(TEST_HBOOT_CFLAGS) -MMD -MP -c -o $@ $<

$(TEST_HBOOT_DIR)/%.o: tests/host/hyp/boot/%.c | $(XEN_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(TEST_HBOOT_CFLAGS) -MMD -MP -c -o $@ $<

$(TEST_HBOOT_DIR)/test_handover: $(patsubst %,$(TEST_HBOOT_DIR)/hyp/boot/%.o,multiboot2 pvh cpio e820)
$(TEST_HBOOT_DIR)/test_cmdline: $(TEST_HBOOT_DIR)/hyp/boot/cmdline.o
$(TEST_HBOOT_DIR)/test_acpi: $(TEST_HBOOT_DIR)/hyp/boot/acpi_tables.o
$(TEST_HBOOT_DIR)/test_boot_alloc: $(TEST_HBOOT_DIR)/hyp/boot/boot_alloc.o

$(TEST_HBOOT_BINS): %: %.o $(TEST_HBOOT_COMMON)
	$(CC) $(TEST_HBOOT_CFLAGS) -o $@ $^ -lcmocka

TEST_HOST_BINS += $(TEST_HBOOT_BINS)

-include $(wildcard $(TEST_HBOOT_DIR)/*.d $(TEST_HBOOT_DIR)/hyp/*/*.d)
