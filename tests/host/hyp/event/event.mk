# SPDX-License-Identifier: MIT
#
# Unit tests of the event and grant rooms on this machine: the rooms' own files, a simple machine around them.

HYP_ROOM_CFLAGS := $(HOST_CFLAGS) -fno-strict-aliasing -include hyp/lib/types.h -DHYP_HOST_TEST -D__XEN_TOOLS__ \
                   -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__ -Itests/host/hyp/simple -Ihyp

TEST_EVENT_DIR := $(BUILD)/tests/host/hyp
TEST_EVENT_COMMON := hyp/event/ports.c hyp/event/two_level.c hyp/event/virq.c hyp/event/evtchn.c hyp/event/close.c \
                     hyp/event/pirq.c hyp/lib/bitops.c tests/host/hyp/simple/machine.c \
                     tests/host/hyp/simple/domains.c tests/host/hyp/event/lines.c
TEST_EVENT_OBJS := $(patsubst %.c,$(TEST_EVENT_DIR)/rooms/%.o,$(TEST_EVENT_COMMON))
TEST_EVENT_BINS := $(TEST_EVENT_DIR)/event/test_event $(TEST_EVENT_DIR)/event/test_event_threads

$(TEST_EVENT_DIR)/rooms/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(HYP_ROOM_CFLAGS) -MMD -MP -c -o $@ $<

$(TEST_EVENT_BINS): $(TEST_EVENT_DIR)/%: $(TEST_EVENT_DIR)/rooms/tests/host/hyp/%.o $(TEST_EVENT_OBJS)
	@mkdir -p $(@D)
	$(CC) $(HYP_ROOM_CFLAGS) -o $@ $^ -lcmocka -lpthread

TEST_HOST_BINS += $(TEST_EVENT_BINS)

-include $(TEST_EVENT_OBJS:.o=.d) $(wildcard $(TEST_EVENT_DIR)/rooms/tests/host/hyp/event/*.d)
