# SPDX-License-Identifier: MIT
#
# Unit tests of the control hypercalls on this machine: decoding, checks, order of errors, copies.

TEST_CONTROL_DIR := $(BUILD)/tests/host/hyp/control
TEST_CONTROL_CFLAGS := $(HOST_CFLAGS) -fno-strict-aliasing -include hyp/lib/types.h -DHYP_HOST_TEST -D__XEN_TOOLS__ \
                       -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__ -Dsched_yield=hyp_sched_yield \
                       -Itests/host/hyp/control -Ihyp $(XEN_INCLUDE)
TEST_CONTROL_OBJS := $(patsubst %.c,$(TEST_CONTROL_DIR)/%.o,hyp/hypercalls/control.c hyp/hypercalls/domctl.c \
                       hyp/hypercalls/domctl_life.c hyp/hypercalls/domctl_vcpu.c hyp/hypercalls/domctl_state.c \
                       hyp/hypercalls/domctl_policy.c hyp/hypercalls/domctl_memory.c hyp/hypercalls/policy.c \
                       hyp/hypercalls/sysctl.c hyp/hypercalls/sysctl_info.c hyp/hypercalls/sysctl_sched.c hyp/hypercalls/unknown.c hyp/hypercalls/platform_op.c \
                       hyp/hypercalls/mca.c hyp/hypercalls/vcpu_op.c hyp/hypercalls/sched_op.c hyp/lib/bitops.c \
                       tests/host/hyp/control/rooms.c tests/host/hyp/control/test_control.c)
TEST_CONTROL_BIN := $(TEST_CONTROL_DIR)/test_control

$(TEST_CONTROL_DIR)/%.o: %.c | $(XEN_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(TEST_CONTROL_CFLAGS) -MMD -MP -c -o $@ $<

$(TEST_CONTROL_BIN): $(TEST_CONTROL_OBJS)
	$(CC) $(TEST_CONTROL_CFLAGS) -o $@ $^ -lcmocka

TEST_HOST_BINS += $(TEST_CONTROL_BIN)

-include $(TEST_CONTROL_OBJS:.o=.d)
