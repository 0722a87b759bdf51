# SPDX-License-Identifier: MIT
#
# The block frontend's ring and queue on this machine, against an honest backend and hostile ones.

TEST_BLK_DIR    := $(BUILD)/tests/host/guest/blk
TEST_BLK_SHADOW := -Itests/host/guest/blk/shadow
TEST_BLK_CFLAGS := $(TEST_BLK_SHADOW) $(HOST_CFLAGS) -fno-strict-aliasing $(XEN_INCLUDE) \
                   -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__
TEST_BLK_ROOM   := $(addprefix guest/frontends/blk_,ring.c queue.c grants.c)
TEST_BLK_OBJS   := $(TEST_BLK_ROOM:%.c=$(TEST_BLK_DIR)/%.o) $(addprefix $(TEST_BLK_DIR)/,machine.o disk.o bench.o)
TEST_BLK_BINS   := $(addprefix $(TEST_BLK_DIR)/,test_ring test_queue test_replay)
# The whole frontend, in a kernel that is made up.
TEST_BLK_DEVICE := $(addprefix $(TEST_BLK_DIR)/guest/,store_ring.o xenbus_device.o \
                     $(addprefix frontends/blk_,channel.o connect.o device.o io.o options.o) \
                     frontends/dev_suspend.o) \
                   $(TEST_BLK_DIR)/kernel.o $(TEST_BLK_DIR)/backend.o

TEST_HOST_BINS += $(TEST_BLK_BINS) $(TEST_BLK_DIR)/test_device

$(TEST_BLK_DIR)/guest/%.o: guest/%.c | $(XEN_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(TEST_BLK_CFLAGS) -MMD -MP -c -o $@ $<

$(TEST_BLK_DIR)/%.o: tests/host/guest/blk/%.c | $(XEN_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(TEST_BLK_CFLAGS) -MMD -MP -c -o $@ $<

$(TEST_BLK_BINS): %: %.o $(TEST_BLK_OBJS)
	$(CC) $(TEST_BLK_CFLAGS) -o $@ $^ -lcmocka

$(TEST_BLK_DIR)/test_device: %: %.o $(TEST_BLK_OBJS) $(TEST_BLK_DEVICE)
	$(CC) $(TEST_BLK_CFLAGS) -o $@ $^ -lcmocka

-include $(wildcard $(TEST_BLK_DIR)/*.d $(TEST_BLK_DIR)/guest/*.d $(TEST_BLK_DIR)/guest/frontends/*.d)
