# SPDX-License-Identifier: MIT
#
# The network backend's pure parts, on this machine.

NET_PURE_SRCS := $(addprefix dom0/backends/net/,ring.c tx_ring.c rx_ring.c headers.c offload.c antispoof.c rate.c)
NET_TESTS := $(addprefix $(BUILD)/tests/host/net/,test_rings test_packets)
TEST_HOST_BINS += $(NET_TESTS)

$(NET_TESTS): $(BUILD)/tests/host/net/%: tests/host/net/%.c $(NET_PURE_SRCS) dom0/backends/net/forward_spec.c \
              $(wildcard dom0/backends/net/*.h tests/host/net/*.h)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

NET_PATH_TEST := $(BUILD)/tests/host/net/test_path
TEST_HOST_BINS += $(NET_PATH_TEST)

$(NET_PATH_TEST): tests/host/net/test_path.c $(NET_PURE_SRCS) $(addprefix dom0/backends/net/,transmit.c receive.c buffers.c tap_io.c) \
                  dom0/backends/common/restricted_uring.c dom0/backends/common/persistent.c \
                  $(wildcard dom0/backends/net/*.h tests/host/net/*.h)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka -luring
