# SPDX-License-Identifier: MIT
#
# hospes-netd: network interfaces of guests.

NETD := $(BUILD)/dom0/hospes-netd
NETD_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard dom0/backends/net/*.c))
# Interfaces by netlink are the toolstack's piece.
NETD_LINK_OBJ := $(BUILD)/dom0/toolstack/net_link.o

ALL_TARGETS += $(NETD)
BACKEND_DAEMONS += $(NETD)

$(NETD): $(NETD_OBJS) $(NETD_LINK_OBJ) $(BACKEND_LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(BACKEND_LDLIBS) -lmnl -lnftables -luring

-include $(NETD_OBJS:.o=.d)
