# SPDX-License-Identifier: MIT
#
# The hypervisor image build/hospes.elf. Every .c and .S file of the rooms is part of it; adding a file needs no change here.
# HYP_RELEASE=1 leaves out assertions and lock checks.
include mk/xen-headers.mk

HYP_ROOMS := lib cpu boot mm domain sched event grant hypercalls

HYP_CFLAGS := -std=gnu17 -O2 -g $(WARNINGS) -ffreestanding -fno-stack-protector -fPIE \
              -fvisibility=hidden -fno-common -fno-strict-aliasing -fno-delete-null-pointer-checks \
              -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -fcf-protection=none \
              -mno-red-zone -mgeneral-regs-only -Wno-c2x-extensions -D__XEN_TOOLS__ \
              -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__ -I hyp $(XEN_INCLUDE)
# What a function of a table has no use for is a parameter without a name: clang 14 wants an option for that.
# Before every file, as Xen's headers expect the integer types to be there.
HYP_CONLY := -include hyp/lib/types.h
# gcc would turn the loops of memcpy() and its like into calls of themselves; clang would go through a GOT for extern data.
HYP_CFLAGS += $(if $(findstring clang,$(CC)),-fdirect-access-external-data,-fno-tree-loop-distribute-patterns)
ifdef HYP_RELEASE
HYP_CFLAGS += -DNDEBUG
endif

HYP_LDFLAGS := -m elf_x86_64 -nostdlib -static -z noexecstack -z max-page-size=4096 \
               --build-id=sha1 --fatal-warnings -T hyp/hyp.lds

HYP_SRCS := $(wildcard hyp/*.c hyp/*.S $(foreach r,$(HYP_ROOMS),hyp/$(r)/*.c hyp/$(r)/*.S))
HYP_OBJS := $(patsubst %.S,$(BUILD)/%.o,$(patsubst %.c,$(BUILD)/%.o,$(HYP_SRCS)))
HYP_IMAGE := $(BUILD)/hospes.elf

# A change of flags (release or debug, compiler) rebuilds everything.
HYP_FLAGS_STAMP := $(BUILD)/hyp/flags
HYP_FLAGS_NOW := $(CC) $(HYP_CFLAGS)
$(HYP_FLAGS_STAMP): FORCE
	@mkdir -p $(@D)
	@echo '$(HYP_FLAGS_NOW)' | cmp -s - $@ || echo '$(HYP_FLAGS_NOW)' > $@

$(BUILD)/hyp/%.o: hyp/%.c $(HYP_FLAGS_STAMP) | $(XEN_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(HYP_CFLAGS) $(HYP_CONLY) -MMD -MP -c -o $@ $<

$(BUILD)/hyp/%.o: hyp/%.S $(HYP_FLAGS_STAMP) | $(XEN_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(HYP_CFLAGS) -D__ASSEMBLY__ -MMD -MP -c -o $@ $<

# Linked twice: the second time with the table of function names that backtraces print. It lies behind all code, so it moves none.
$(BUILD)/hyp/symbols-0.o: mk/symbols.py
	@mkdir -p $(@D)
	python3 mk/symbols.py /dev/null > $(@:.o=.S)
	$(CC) -c -o $@ $(@:.o=.S)

$(BUILD)/hyp/pass1.elf: $(HYP_OBJS) $(BUILD)/hyp/symbols-0.o hyp/hyp.lds
	$(LD) $(HYP_LDFLAGS) -o $@ $(HYP_OBJS) $(BUILD)/hyp/symbols-0.o

$(BUILD)/hyp/symbols-1.o: $(BUILD)/hyp/pass1.elf mk/symbols.py
	nm -n $< > $(@:.o=.nm)
	python3 mk/symbols.py $(@:.o=.nm) > $(@:.o=.S)
	$(CC) -c -o $@ $(@:.o=.S)

$(HYP_IMAGE): $(HYP_OBJS) $(BUILD)/hyp/symbols-1.o hyp/hyp.lds
	$(LD) $(HYP_LDFLAGS) -o $@ $(HYP_OBJS) $(BUILD)/hyp/symbols-1.o

.PHONY: hyp FORCE
FORCE:
hyp: $(HYP_IMAGE)
ALL_TARGETS += $(HYP_IMAGE)

-include $(HYP_OBJS:.o=.d)
