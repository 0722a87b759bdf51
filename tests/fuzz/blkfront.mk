# SPDX-License-Identifier: MIT
#
# A hostile backend for the block frontend: build/tests/fuzz/fuzz_blkfront CORPUS-DIR. Needs clang.

FUZZ_BLK_CFLAGS := -Itests/host/guest/blk/shadow -std=gnu17 -O1 -g $(WARNINGS) -D_GNU_SOURCE -I. $(XEN_INCLUDE) \
                   -fno-strict-aliasing -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__ \
                   -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

.PHONY: fuzz
fuzz: $(BUILD)/tests/fuzz/fuzz_blkfront

$(BUILD)/tests/fuzz/fuzz_blkfront: tests/fuzz/fuzz_blkfront.c \
                                   $(addprefix guest/frontends/blk_,ring.c queue.c grants.c) \
                                   $(addprefix tests/host/guest/blk/,machine.c disk.c bench.c) \
                                   $(wildcard guest/frontends/blk*.h tests/host/guest/blk/*.h)
	@mkdir -p $(@D)
	clang $(FUZZ_BLK_CFLAGS) -o $@ $(filter %.c,$^)
