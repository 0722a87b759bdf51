# SPDX-License-Identifier: MIT
#
# The network backend against guests' rings and packets: build/tests/fuzz/fuzz_net CORPUS-DIR.

NET_FUZZ := $(BUILD)/tests/fuzz/fuzz_net

fuzz: $(NET_FUZZ)

$(NET_FUZZ): tests/fuzz/fuzz_net.c $(addprefix dom0/backends/net/,ring.c tx_ring.c rx_ring.c headers.c offload.c antispoof.c)
	@mkdir -p $(@D)
	clang -std=gnu17 -O1 -g $(WARNINGS) -D_GNU_SOURCE -I. -fsanitize=fuzzer,address,undefined \
	    -fno-sanitize-recover=all -o $@ $^
