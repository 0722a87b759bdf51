# SPDX-License-Identifier: MIT
#
# Unit tests of the memory room: its own files with the fake machine of tests/host/hyp/fake.

ifndef TEST_MM_MK
TEST_MM_MK := 1

TEST_MM_CFLAGS := $(HOST_CFLAGS) -fno-strict-aliasing -include hyp/lib/types.h -DHYP_HOST_TEST -D__XEN_TOOLS__ \
                  -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__ \
                  -Itests/host/hyp/fake -Itests/host/hyp/mm -Ihyp

TEST_MM_DIR := $(BUILD)/tests/host/hyp/mm
# What touches hardware or the boot room is replaced by the fake machine.
TEST_MM_ROOM := $(filter-out %/frame_init.c %/guest_access.c %/preempt.c,$(wildcard hyp/mm/*.c)) \
                hyp/lib/spinlock.c hyp/lib/bitops.c $(wildcard tests/host/hyp/fake/*.c)
TEST_MM_OBJS := $(TEST_MM_ROOM:%.c=$(TEST_MM_DIR)/obj/%.o)
TEST_MM_OPS := $(patsubst %.c,$(TEST_MM_DIR)/obj/%.o,tests/host/hyp/mm/mm_ops.c tests/host/hyp/mm/two_domains.c)
TEST_MM_NAMES := $(patsubst tests/host/hyp/mm/%.c,%,$(wildcard tests/host/hyp/mm/test_*.c))
TEST_MM_BINS := $(TEST_MM_NAMES:%=$(TEST_MM_DIR)/%)

$(TEST_MM_DIR)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(TEST_MM_CFLAGS) -MMD -MP -c -o $@ $<

$(TEST_MM_BINS): $(TEST_MM_DIR)/%: $(TEST_MM_DIR)/obj/tests/host/hyp/mm/%.o $(TEST_MM_OPS) $(TEST_MM_OBJS)
	$(CC) $(TEST_MM_CFLAGS) $(TEST_MM_LDFLAGS) -o $@ $^ -lcmocka -lpthread

# It looks at a frame at the moment of its stamp.
$(TEST_MM_DIR)/test_frames: TEST_MM_LDFLAGS := -Wl,--wrap=flush_stamp

# The memory hypercalls on top of the same machine.
TEST_CALLS_SRCS := hyp/hypercalls/mmu.c hyp/hypercalls/unknown.c hyp/hypercalls/mmuext.c hyp/hypercalls/pg_owner.c $(wildcard hyp/hypercalls/memory_op*.c) \
                   $(wildcard tests/host/hyp/mm/calls/*.c)
TEST_CALLS_OBJS := $(TEST_CALLS_SRCS:%.c=$(TEST_MM_DIR)/obj/%.o)

$(TEST_MM_DIR)/test_calls: $(TEST_CALLS_OBJS) $(TEST_MM_OPS) $(TEST_MM_OBJS)
	$(CC) $(TEST_MM_CFLAGS) -o $@ $^ -lcmocka -lpthread

TEST_MM_BINS += $(TEST_MM_DIR)/test_calls
TEST_HOST_BINS += $(TEST_MM_BINS)

-include $(TEST_MM_OBJS:.o=.d) $(TEST_MM_OPS:.o=.d) $(TEST_CALLS_OBJS:.o=.d) $(wildcard $(TEST_MM_DIR)/obj/tests/host/hyp/mm/*.d)

endif
