# SPDX-License-Identifier: MIT
#
# hospes-blockd: disks of guests.

BLOCKD := $(BUILD)/dom0/hospes-blockd
BLOCKD_SRCS := $(wildcard dom0/backends/block/*.c)
BLOCKD_OBJS := $(BLOCKD_SRCS:%.c=$(BUILD)/%.o)

ALL_TARGETS += $(BLOCKD)
BACKEND_DAEMONS += $(BLOCKD)

$(BLOCKD): $(BLOCKD_OBJS) $(BACKEND_LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(BACKEND_LDLIBS) -luring -ljansson

-include $(BLOCKD_OBJS:.o=.d)
