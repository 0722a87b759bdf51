# SPDX-License-Identifier: MIT
#
# make bench: throughput of the split drivers, ours beside Xen's and Linux's, all in one run.
# make bench-hyp: what each service of the hypervisor costs in instructions.

BENCH_LOADS := $(addprefix $(BUILD)/bench/,blkload netload)

# Static: they run in guests that have no libraries.
$(BUILD)/bench/%: tests/bench/load/%.c
	@mkdir -p $(@D)
	$(CC) $(USER_CFLAGS) -static -o $@ $< -luring

.PHONY: bench bench-hyp
bench: all oracle tests-system-files $(BENCH_LOADS)
	tests/bench/drivers.py $(BENCH_ARGS)

# Release builds of both: Debian's Xen is one.
bench-hyp: $(BUILD)/guest/apps/bench.elf
	$(MAKE) --no-print-directory BUILD=$(BUILD)/release HYP_RELEASE=1 $(BUILD)/release/hospes.elf
	python3 tests/bench/hyp.py --hospes $(BUILD)/release/hospes.elf
