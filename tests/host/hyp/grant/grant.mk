# SPDX-License-Identifier: MIT
#
# Unit tests of the grant room; flags and the simple machine are those of ../event/event.mk.

TEST_GRANT_COMMON := hyp/grant/table.c hyp/grant/pin.c hyp/grant/maptrack.c hyp/grant/map.c hyp/grant/copy.c \
                     hyp/lib/bitops.c tests/host/hyp/simple/machine.c tests/host/hyp/simple/domains.c \
                     tests/host/hyp/grant/frames.c tests/host/hyp/grant/case.c
TEST_GRANT_OBJS := $(patsubst %.c,$(BUILD)/tests/host/hyp/rooms/%.o,$(TEST_GRANT_COMMON))
TEST_GRANT_BINS := $(addprefix $(BUILD)/tests/host/hyp/grant/,test_grant test_grant_copy test_grant_random \
                     test_grant_threads)

$(TEST_GRANT_BINS): $(BUILD)/tests/host/hyp/%: $(BUILD)/tests/host/hyp/rooms/tests/host/hyp/%.o $(TEST_GRANT_OBJS)
	@mkdir -p $(@D)
	$(CC) $(HYP_ROOM_CFLAGS) -o $@ $^ -lcmocka -lpthread

TEST_HOST_BINS += $(TEST_GRANT_BINS)

-include $(TEST_GRANT_OBJS:.o=.d) $(wildcard $(BUILD)/tests/host/hyp/rooms/tests/host/hyp/grant/*.d)

# The grant room over the memory room itself, with the memory room's fake machine.
include tests/host/hyp/mm/mm.mk

TEST_GRANT_MM := $(BUILD)/tests/host/hyp/grant/test_grant_mm
TEST_GRANT_MM_OBJS := $(patsubst %.c,$(TEST_MM_DIR)/obj/%.o,hyp/grant/table.c hyp/grant/pin.c hyp/grant/maptrack.c \
                        hyp/grant/map.c hyp/grant/copy.c tests/host/hyp/grant/test_grant_mm.c)

$(TEST_GRANT_MM): $(TEST_GRANT_MM_OBJS) $(TEST_MM_OBJS)
	@mkdir -p $(@D)
	$(CC) $(TEST_MM_CFLAGS) -o $@ $^ -lcmocka

TEST_HOST_BINS += $(TEST_GRANT_MM)

-include $(TEST_GRANT_MM_OBJS:.o=.d)
