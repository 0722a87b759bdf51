# SPDX-License-Identifier: MIT
#
# The `hospes` command. Every .c here is part of it; tests on the host take single objects.

TOOLSTACK_SRCS := $(sort $(wildcard dom0/toolstack/*.c))
TOOLSTACK_OBJS := $(TOOLSTACK_SRCS:%.c=$(BUILD)/%.o)
TOOLSTACK_CFLAGS := $(USER_CFLAGS) -D__XEN_TOOLS__
TOOLSTACK_LIBS := -lxencall -lxenforeignmemory -lxenevtchn -lxengnttab -lxentoollog \
                  -lmnl -lelf -lz -llzma -lzstd -llz4 -ljansson

HOSPES := $(BUILD)/dom0/hospes
ALL_TARGETS += $(HOSPES)

$(HOSPES): $(TOOLSTACK_OBJS) $(BUILD)/xs/libxs.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(TOOLSTACK_LIBS)

$(BUILD)/dom0/toolstack/%.o: dom0/toolstack/%.c
	@mkdir -p $(@D)
	$(CC) $(TOOLSTACK_CFLAGS) -MMD -MP -c -o $@ $<

-include $(TOOLSTACK_OBJS:.o=.d)
