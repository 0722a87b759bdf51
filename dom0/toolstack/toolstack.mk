# SPDX-License-Identifier: MIT
#
# The `hospes` command. Every .c here but the unit tests' is part of it; other rooms link nothing of it.

TOOLSTACK_SRCS := $(sort $(wildcard dom0/toolstack/*.c))
TOOLSTACK_OBJS := $(TOOLSTACK_SRCS:%.c=$(BUILD)/%.o)
TOOLSTACK_CFLAGS := $(USER_CFLAGS) -D__XEN_TOOLS__
TOOLSTACK_LIBS := -lxencall -lxenforeignmemory -lxenevtchn -lxengnttab -lxentoollog \
                  -lelf -lz -llzma -lzstd -llz4

HOSPES := $(BUILD)/dom0/hospes
ALL_TARGETS += $(HOSPES)

$(HOSPES): $(TOOLSTACK_OBJS) $(XS_CLIENT_LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(TOOLSTACK_LIBS)

$(BUILD)/dom0/toolstack/%.o: dom0/toolstack/%.c
	@mkdir -p $(@D)
	$(CC) $(TOOLSTACK_CFLAGS) -MMD -MP -c -o $@ $<

-include $(TOOLSTACK_OBJS:.o=.d)
