# SPDX-License-Identifier: MIT
#
# What the tests with Debian's userland need beside it.

STOCK_INTERFACE := $(BUILD)/tests/stock/interface

$(STOCK_INTERFACE): tests/stock/interface.c
	@mkdir -p $(@D)
	$(CC) $(USER_CFLAGS) -D__XEN_TOOLS__ $(LDFLAGS) -o $@ $< -lxencall
