# SPDX-License-Identifier: MIT
#
# Daemons of dom0 that serve guests.

CONSOLED := $(BUILD)/dom0/hospes-consoled
CONSOLED_SRCS := $(wildcard dom0/backends/console/*.c)
CONSOLED_OBJS := $(CONSOLED_SRCS:%.c=$(BUILD)/%.o)

ALL_TARGETS += $(CONSOLED)

$(CONSOLED): $(CONSOLED_OBJS) $(XS_OUT)/libxs.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -Wl,--as-needed -lxenevtchn -lxengnttab -lxenforeignmemory

$(BUILD)/dom0/backends/%.o: dom0/backends/%.c
	@mkdir -p $(@D)
	$(CC) $(USER_CFLAGS) -MMD -MP -c -o $@ $<

-include $(CONSOLED_OBJS:.o=.d)

# The daemon's pure parts, on this machine.
CONSOLE_TEST := $(BUILD)/tests/host/console/test_ring
TEST_HOST_BINS += $(CONSOLE_TEST)

$(CONSOLE_TEST): tests/host/console/test_ring.c $(addprefix dom0/backends/console/,ring.c backlog.c logfile.c) $(wildcard dom0/backends/console/*.h)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

