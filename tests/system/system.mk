# SPDX-License-Identifier: MIT
#
# What guests of the system tests run. Static: they have no libraries.
SYSTEM_LOADS := $(BUILD)/tests/system/blkpasses

$(SYSTEM_LOADS): $(BUILD)/tests/system/%: tests/system/load/%.c
	@mkdir -p $(@D)
	$(CC) $(USER_CFLAGS) -static -o $@ $< -luring

tests-system-files: $(SYSTEM_LOADS)
