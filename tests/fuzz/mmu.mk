# SPDX-License-Identifier: MIT
#
# libFuzzer on the page-table room: make fuzz, then build/tests/fuzz/fuzz_mmu -max_len=4000 -max_total_time=600 CORPUS. Needs clang.

include tests/host/hyp/mm/mm.mk

FUZZ_CC ?= clang
FUZZ_MMU_DIR := $(BUILD)/tests/fuzz/mmu
FUZZ_MMU_CFLAGS := $(TEST_MM_CFLAGS) -O2 -Wno-c2x-extensions -fsanitize=fuzzer-no-link
FUZZ_MMU_OBJS := $(patsubst %.c,$(FUZZ_MMU_DIR)/%.o,$(TEST_MM_ROOM) tests/host/hyp/mm/mm_ops.c tests/fuzz/fuzz_mmu.c)

$(FUZZ_MMU_DIR)/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_MMU_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/fuzz/fuzz_mmu: $(FUZZ_MMU_OBJS)
	$(FUZZ_CC) $(FUZZ_MMU_CFLAGS) -fsanitize=fuzzer -o $@ $^

.PHONY: fuzz
fuzz: $(BUILD)/tests/fuzz/fuzz_mmu

-include $(FUZZ_MMU_OBJS:.o=.d)
