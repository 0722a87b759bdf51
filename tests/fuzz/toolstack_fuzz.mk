# SPDX-License-Identifier: MIT
#
# Fuzz targets of the toolstack's parsers (libFuzzer, so clang only). `make fuzz` builds them;
# build/tests/fuzz/fuzz_xlcfg CORPUS-DIR runs one.

FUZZ_OUT    := $(BUILD)/tests/fuzz
FUZZ_CFLAGS := -std=gnu17 -O1 -g $(WARNINGS) -D_GNU_SOURCE -D__XEN_TOOLS__ -I. \
               -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
TS_FUZZ_ROOM := $(wildcard dom0/toolstack/xlcfg*.c dom0/toolstack/kernel_[befnu]*.c dom0/toolstack/kernel_ca*.c dom0/toolstack/kernel_compact.c) \
                dom0/toolstack/domain_config.c dom0/toolstack/device_choice.c dom0/toolstack/cpuset.c dom0/toolstack/number.c dom0/toolstack/report.c \
                dom0/toolstack/build_layout.c dom0/toolstack/build_tables.c
TS_FUZZ     := $(FUZZ_OUT)/fuzz_xlcfg $(FUZZ_OUT)/fuzz_kernel

.PHONY: fuzz
fuzz: $(TS_FUZZ)

$(TS_FUZZ): $(FUZZ_OUT)/%: tests/fuzz/%.c $(TS_FUZZ_ROOM)
	@mkdir -p $(@D)
	clang $(FUZZ_CFLAGS) -o $@ $^ -lelf -lz -llzma -lzstd -llz4
