# SPDX-License-Identifier: MIT
#
# make bench: throughput of the split drivers, ours beside Xen's and Linux's, all in one run.
# make bench-hyp: what each service of the hypervisor costs in instructions.

BENCH_LOADS := $(addprefix $(BUILD)/bench/,blkload netload)

# Release builds of both hypervisors: Debian's Xen is one. make itself knows whether ours is up to date.
BENCH_HYP := $(BUILD)/release/hospes.elf
.PHONY: $(BENCH_HYP)
$(BENCH_HYP):
	$(MAKE) --no-print-directory BUILD=$(BUILD)/release HYP_RELEASE=1 $(BENCH_HYP)

# Static: they run in guests that have no libraries.
$(BUILD)/bench/%: tests/bench/load/%.c
	@mkdir -p $(@D)
	$(CC) $(USER_CFLAGS) -static -o $@ $< -luring

.PHONY: bench bench-hyp
bench: all oracle tests-system-files $(BENCH_LOADS) $(BENCH_HYP)
	tests/bench/drivers.py --hospes $(BENCH_HYP) $(BENCH_ARGS)

bench-hyp: $(BUILD)/guest/apps/bench.elf $(BENCH_HYP)
	python3 tests/bench/hyp.py --hospes $(BENCH_HYP)
