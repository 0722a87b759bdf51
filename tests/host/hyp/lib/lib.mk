# SPDX-License-Identifier: MIT
#
# Unit tests of the hypervisor's library on this machine.

TEST_HLIB_DIR := $(BUILD)/tests/host/hyp/lib
# The library's own formatter stands beside the C library's, which is what it is compared with.
TEST_HLIB_CFLAGS := $(HOST_CFLAGS) -fno-strict-aliasing -DHYP_HOST_TEST -Ihyp
TEST_HLIB_RENAME := -Dvsnprintf=hyp_vsnprintf -Dsnprintf=hyp_snprintf -include hyp/lib/types.h
TEST_HLIB_BINS := $(addprefix $(TEST_HLIB_DIR)/,test_printf test_parse test_bitops test_xz)

$(TEST_HLIB_DIR)/hyp/%.o: hyp/%.c
	@mkdir -p $(@D)
	$(CC) $(TEST_HLIB_CFLAGS) $(TEST_HLIB_RENAME) -MMD -MP -c -o $@ $<

$(TEST_HLIB_DIR)/%.o: tests/host/hyp/lib/%.c
	@mkdir -p $(@D)
	$(CC) $(TEST_HLIB_CFLAGS) -MMD -MP -c -o $@ $<

TEST_HLIB_HYP = $(patsubst %,$(TEST_HLIB_DIR)/hyp/lib/%.o,$(1))

$(TEST_HLIB_DIR)/test_printf: $(call TEST_HLIB_HYP,printf)
$(TEST_HLIB_DIR)/test_parse: $(call TEST_HLIB_HYP,parse)
$(TEST_HLIB_DIR)/test_bitops: $(call TEST_HLIB_HYP,bitops)
$(TEST_HLIB_DIR)/test_xz: $(call TEST_HLIB_HYP,xz lzma lzma2 bcj crc32 bzimage)

$(TEST_HLIB_BINS): %: %.o
	$(CC) $(TEST_HLIB_CFLAGS) -o $@ $^ -lcmocka -llzma

TEST_HOST_BINS += $(TEST_HLIB_BINS)

-include $(wildcard $(TEST_HLIB_DIR)/*.d $(TEST_HLIB_DIR)/hyp/lib/*.d)
