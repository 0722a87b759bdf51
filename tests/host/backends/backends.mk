# SPDX-License-Identifier: MIT
# What dom0's daemons share.

BACKEND_TEST_OUT := $(BUILD)/tests/host/backends
TEST_HOST_BINS += $(BACKEND_TEST_OUT)/test_broker $(BACKEND_TEST_OUT)/test_backend $(BACKEND_TEST_OUT)/test_store_filter \
    $(BACKEND_TEST_OUT)/test_loop

$(BACKEND_TEST_OUT)/test_broker: tests/host/backends/test_broker.c $(BACKEND_LIBS)
	@mkdir -p $(@D)
	$(CC) $(USER_CFLAGS) -o $@ $^ $(BACKEND_LDLIBS) -lcmocka

# The real store and the real client, without the bytes between them.
BACKEND_TEST_SRCS := $(addprefix tests/host/backends/,test_backend.c model.c fake_store.c) \
    $(addprefix dom0/backends/common/,xenbus_backend.c xenbus_state.c xenbus_nodes.c domain.c store.c loop.c daemon.c) \
    $(addprefix xs/client/,nodes.c misc.c batch.c) $(XS_STORE_SRC)

$(BACKEND_TEST_OUT)/test_backend: $(BACKEND_TEST_SRCS) $(wildcard tests/host/backends/*.h dom0/backends/common/*.h xs/*/*.h)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

$(BACKEND_TEST_OUT)/test_store_filter: tests/host/backends/test_store_filter.c $(BACKEND_LIBS)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -o $@ $(filter %.c,$^) $(addprefix dom0/backends/common/,store_filter.c loop.c) $(XS_CLIENT_SRC) -lcmocka

$(BACKEND_TEST_OUT)/test_loop: tests/host/backends/test_loop.c $(addprefix dom0/backends/common/,loop.c daemon.c loop.h daemon.h)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka
