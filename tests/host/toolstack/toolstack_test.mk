# SPDX-License-Identifier: MIT
#
# The toolstack's parsers, kernel loader and layout: everything of it that needs no hypervisor.

TS_TEST_OUT   := $(BUILD)/tests/host/toolstack
TS_TEST_NAMES := $(patsubst tests/host/toolstack/%.c,%,$(wildcard tests/host/toolstack/test_*.c))
TS_TEST_BINS  := $(TS_TEST_NAMES:%=$(TS_TEST_OUT)/%)
TS_TEST_ROOM  := $(wildcard dom0/toolstack/xlcfg*.c dom0/toolstack/kernel_[befnu]*.c dom0/toolstack/kernel_ca*.c dom0/toolstack/kernel_compact.c) \
                 dom0/toolstack/domain_config.c dom0/toolstack/device_choice.c dom0/toolstack/cpuset.c dom0/toolstack/number.c dom0/toolstack/size.c dom0/toolstack/report.c \
                 dom0/toolstack/build_layout.c dom0/toolstack/build_tables.c
TS_TEST_OBJS  := $(TS_TEST_ROOM:%.c=$(TS_TEST_OUT)/%.o) $(TS_TEST_OUT)/capture.o $(TS_TEST_OUT)/elf_maker.o

TEST_HOST_BINS += $(TS_TEST_BINS)

$(TS_TEST_OUT)/dom0/%.o: dom0/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -D__XEN_TOOLS__ -MMD -MP -c $< -o $@

$(TS_TEST_OUT)/%.o: tests/host/toolstack/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -D__XEN_TOOLS__ -MMD -MP -c $< -o $@

$(TS_TEST_BINS): $(TS_TEST_OUT)/%: $(TS_TEST_OUT)/%.o $(TS_TEST_OBJS)
	$(CC) $(HOST_CFLAGS) -o $@ $^ -lcmocka -lelf -lz -llzma -lzstd -llz4

-include $(TS_TEST_OBJS:.o=.d) $(wildcard $(TS_TEST_OUT)/*.d)
