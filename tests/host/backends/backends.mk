# SPDX-License-Identifier: MIT
# What dom0's daemons share.

BACKEND_TEST_OUT := $(BUILD)/tests/host/backends
TEST_HOST_BINS += $(BACKEND_TEST_OUT)/test_broker

$(BACKEND_TEST_OUT)/test_broker: tests/host/backends/test_broker.c $(BACKEND_LIBS)
	@mkdir -p $(@D)
	$(CC) $(USER_CFLAGS) -o $@ $^ $(BACKEND_LDLIBS) -lcmocka
