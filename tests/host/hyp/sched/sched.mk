# SPDX-License-Identifier: MIT
#
# Unit tests of the scheduler's room on this machine: timers, run queues and the policy on fake CPUs.

TEST_SCHED_DIR := $(BUILD)/tests/host/hyp/sched
TEST_SCHED_CFLAGS := $(HOST_CFLAGS) -fno-strict-aliasing -include hyp/lib/types.h -DHYP_HOST_TEST -D__XEN_TOOLS__ \
                     -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__ -Dsched_yield=hyp_sched_yield \
                     -Itests/host/hyp/sched -Ihyp
TEST_SCHED_COMMON := hyp/sched/sched.c hyp/sched/run_queues.c hyp/sched/vcpus.c hyp/sched/round_robin.c hyp/sched/cap.c hyp/sched/timer.c hyp/lib/bitops.c \
                     tests/host/hyp/sched/cpus.c tests/host/hyp/sched/threads.c
TEST_SCHED_OBJS := $(patsubst %.c,$(TEST_SCHED_DIR)/%.o,$(TEST_SCHED_COMMON))
TEST_SCHED_BINS := $(TEST_SCHED_DIR)/test_timer $(TEST_SCHED_DIR)/test_sched $(TEST_SCHED_DIR)/test_sched_threads

$(TEST_SCHED_DIR)/%.o: %.c | $(XEN_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(TEST_SCHED_CFLAGS) -MMD -MP -c -o $@ $<

# The thread library's header brings the C library's sched_yield().
$(TEST_SCHED_DIR)/tests/host/hyp/sched/threads.o: TEST_SCHED_CFLAGS += -Usched_yield

$(TEST_SCHED_BINS): $(TEST_SCHED_DIR)/%: $(TEST_SCHED_DIR)/tests/host/hyp/sched/%.o $(TEST_SCHED_OBJS)
	@mkdir -p $(@D)
	$(CC) $(TEST_SCHED_CFLAGS) -o $@ $^ -lcmocka -lpthread

TEST_HOST_BINS += $(TEST_SCHED_BINS)

-include $(TEST_SCHED_OBJS:.o=.d) $(patsubst $(TEST_SCHED_DIR)/%,$(TEST_SCHED_DIR)/tests/host/hyp/sched/%.d,$(TEST_SCHED_BINS))
