# SPDX-License-Identifier: MIT
#
# The block backend's logic around a fake guest, a fake image and a fake clock; and its images on this kernel.

BLOCK_TEST_OUT   := $(BUILD)/tests/host/block
BLOCK_TEST_ROOM  := $(addprefix dom0/backends/block/,request.c ring.c journal.c rate.c buffers.c grant_copy.c \
                                                     queue.c work.c) dom0/backends/common/persistent.c tests/host/block/fake.c
BLOCK_IMAGE_ROOM := $(addprefix dom0/backends/block/,image_raw.c uring.c lock.c) $(addprefix dom0/backends/common/,loop.c restricted_uring.c)
BLOCK_NBD_ROOM   := $(addprefix dom0/backends/block/,image_nbd.c nbd.c nbd_handshake.c writelog.c) \
                    $(addprefix dom0/backends/common/,loop.c daemon.c)
BLOCK_QCOW2_ROOM := $(addprefix dom0/backends/block/,qcow2.c qcow2_chain.c lock.c nbd_handshake.c) \
                    $(addprefix dom0/backends/common/,broker_spawn.c broker_confine.c daemon.c loop.c)
BLOCK_TEST_BINS  := $(patsubst tests/host/block/%.c,$(BLOCK_TEST_OUT)/%,$(wildcard tests/host/block/test_*.c))
BLOCK_TEST_HDRS  := $(wildcard dom0/backends/block/*.h dom0/backends/common/*.h) tests/host/block/fake.h

TEST_HOST_BINS += $(BLOCK_TEST_BINS)

$(BLOCK_TEST_OUT)/test_queue $(BLOCK_TEST_OUT)/test_crash: $(BLOCK_TEST_ROOM)
$(BLOCK_TEST_OUT)/test_image: $(BLOCK_IMAGE_ROOM)
$(BLOCK_TEST_OUT)/test_nbd: $(BLOCK_NBD_ROOM)
$(BLOCK_TEST_OUT)/test_qcow2: $(BLOCK_QCOW2_ROOM)
$(BLOCK_TEST_OUT)/test_qcow2: HOST_CFLAGS += -DIMAGES_RUN_DIR='"/tmp/hospes-test-qcow2"'
# The crash test is stepped through by instructions: those of the daemon as it is shipped.
$(BLOCK_TEST_OUT)/test_crash: HOST_CFLAGS := $(USER_CFLAGS)

$(BLOCK_TEST_BINS): $(BLOCK_TEST_OUT)/%: tests/host/block/%.c $(BLOCK_TEST_HDRS)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -D__XEN_TOOLS__ -o $@ $(filter %.c,$^) -lcmocka -luring -ljansson -lseccomp

# The block backend against any frontend: build/tests/fuzz/fuzz_block_ring CORPUS-DIR runs it.

fuzz: $(BUILD)/tests/fuzz/fuzz_block_ring

$(BUILD)/tests/fuzz/fuzz_block_ring: tests/fuzz/fuzz_block_ring.c $(BLOCK_TEST_ROOM) $(BLOCK_TEST_HDRS)
	@mkdir -p $(@D)
	clang -std=gnu17 -O1 -g $(WARNINGS) -D_GNU_SOURCE -D__XEN_TOOLS__ -I. -fsanitize=fuzzer,address,undefined \
	    -fno-sanitize-recover=all -o $@ $(filter %.c,$^)
