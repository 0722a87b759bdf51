# SPDX-License-Identifier: MIT
#
# Daemons of dom0 that serve guests.

# What all of them share.
BACKEND_LIB := $(BUILD)/dom0/libbackend.a
BACKEND_LIB_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard dom0/backends/common/*.c))
BACKEND_HV_OBJS := $(addprefix $(BUILD)/dom0/toolstack/,hv.o hv_domctl.o)
BACKEND_LIBS := $(BACKEND_LIB) $(XS_OUT)/libxs.a
BACKEND_LDLIBS := -Wl,--as-needed -lxenevtchn -lxengnttab -lxentoollog -lxencall -lxenforeignmemory -lseccomp

ALL_TARGETS += $(BACKEND_LIB)

$(BACKEND_LIB): $(BACKEND_LIB_OBJS) $(BACKEND_HV_OBJS)
	@mkdir -p $(@D)
	rm -f $@
	ar rcs $@ $^

# Daemons for dom0's image; each room adds its own.
BACKEND_DAEMONS := $(BUILD)/dom0/hospes-consoled

CONSOLED := $(BUILD)/dom0/hospes-consoled
CONSOLED_SRCS := $(wildcard dom0/backends/console/*.c)
CONSOLED_OBJS := $(CONSOLED_SRCS:%.c=$(BUILD)/%.o)

ALL_TARGETS += $(CONSOLED)

$(CONSOLED): $(CONSOLED_OBJS) $(BACKEND_LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(BACKEND_LDLIBS)

$(BUILD)/dom0/backends/%.o: dom0/backends/%.c
	@mkdir -p $(@D)
	$(CC) $(USER_CFLAGS) -D__XEN_TOOLS__ -MMD -MP -c -o $@ $<

-include $(CONSOLED_OBJS:.o=.d) $(BACKEND_LIB_OBJS:.o=.d)

# The daemon's pure parts, on this machine.
CONSOLE_TEST := $(BUILD)/tests/host/console/test_ring
TEST_HOST_BINS += $(CONSOLE_TEST)

$(CONSOLE_TEST): tests/host/console/test_ring.c $(addprefix dom0/backends/console/,ring.c backlog.c logfile.c logfile_path.c) $(wildcard dom0/backends/console/*.h)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

# Daemons with rules of their own: dom0/backends/NAME/NAME.mk
include $(wildcard dom0/backends/*/*.mk)
