# SPDX-License-Identifier: MIT
#
# The in-tree PV guest: libguest.a, and one kernel image for each directory of guest/apps.
include mk/xen-headers.mk

GUEST_CFLAGS := -std=gnu17 -O2 -g $(WARNINGS) -ffreestanding -fno-stack-protector -fno-pic -fno-pie \
                -fno-common -fno-strict-aliasing -fno-asynchronous-unwind-tables -fcf-protection=none \
                -ffunction-sections -fdata-sections -fno-omit-frame-pointer \
                -mno-red-zone -mgeneral-regs-only -mcmodel=kernel \
                -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__ -I. $(XEN_INCLUDE)
GUEST_LDFLAGS := -nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack \
                 -Wl,-z,max-page-size=4096 -Wl,--gc-sections -Wl,-T,guest/guest.lds

GUEST_LIB := $(BUILD)/guest/libguest.a
GUEST_LIB_SRCS := $(wildcard guest/*.c guest/*.S guest/frontends/*.c guest/net/*.c)
GUEST_LIB_OBJS := $(GUEST_LIB_SRCS:%=$(BUILD)/%.o)

GUEST_APPS := $(notdir $(patsubst %/,%,$(wildcard guest/apps/*/)))
GUEST_IMAGES := $(GUEST_APPS:%=$(BUILD)/guest/apps/%.elf)

# Compile and link rules shared with other kernel images (tests/abi).
define guest_compile
@mkdir -p $(@D)
$(CC) $(GUEST_CFLAGS) -MMD -MP -c -o $@ $<
endef
define guest_link
@mkdir -p $(@D)
$(CC) $(GUEST_LDFLAGS) -o $@ $(filter %.o,$^) $(GUEST_LIB)
endef

$(BUILD)/guest/%.c.o: guest/%.c | $(XEN_HEADERS)
	$(guest_compile)

$(BUILD)/guest/%.S.o: GUEST_CFLAGS += -D__ASSEMBLY__
$(BUILD)/guest/%.S.o: guest/%.S | $(XEN_HEADERS)
	$(guest_compile)

$(GUEST_LIB): $(GUEST_LIB_OBJS)
	@rm -f $@
	$(AR) rcs $@ $^

define guest_app
$(BUILD)/guest/apps/$(1).elf: $(patsubst %,$(BUILD)/%.o,$(wildcard guest/apps/$(1)/*.c)) \
                              $(GUEST_LIB) guest/guest.lds
	$$(guest_link)
endef
$(foreach app,$(GUEST_APPS),$(eval $(call guest_app,$(app))))

.PHONY: guest
guest: $(GUEST_IMAGES)
ALL_TARGETS += $(GUEST_IMAGES)

-include $(GUEST_LIB_OBJS:.o=.d) $(wildcard $(BUILD)/guest/apps/*/*.d)
