# SPDX-License-Identifier: MIT
.PHONY: bench-hyp
bench-hyp: $(BUILD)/hospes.elf $(BUILD)/guest/apps/bench.elf
	python3 tests/bench/hyp.py
