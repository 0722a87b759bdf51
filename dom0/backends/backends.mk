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
