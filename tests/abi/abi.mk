# SPDX-License-Identifier: MIT
#
# ABI test images: build/tests/abi/NAME.elf from tests/abi/NAME/*.c. They run as first domain on
# this hypervisor and on Xen: tests/abi/run.py --help.
ABI_TESTS := $(patsubst tests/abi/%/main.c,%,$(wildcard tests/abi/*/main.c))
ABI_IMAGES := $(ABI_TESTS:%=$(BUILD)/tests/abi/%.elf)
ABI_LIB_OBJS := $(patsubst %,$(BUILD)/%.o,$(wildcard tests/abi/lib/*.c))

$(BUILD)/tests/abi/%.c.o: tests/abi/%.c | $(XEN_HEADERS)
	$(guest_compile)

define abi_image
$(BUILD)/tests/abi/$(1).elf: $(patsubst %,$(BUILD)/%.o,$(wildcard tests/abi/$(1)/*.c)) \
                             $(ABI_LIB_OBJS) $(GUEST_LIB) guest/guest.lds
	$$(guest_link)
endef
$(foreach test,$(ABI_TESTS),$(eval $(call abi_image,$(test))))

.PHONY: abi-images test-abi test-abi-domu
abi-images: $(ABI_IMAGES)
ALL_TARGETS += $(ABI_IMAGES)

test-abi: $(ABI_IMAGES) $(BUILD)/hospes.elf
	python3 tests/abi/run.py --hyp hospes

# The same as guests of a Linux first domain, with our toolstack.
test-abi-domu: $(ABI_IMAGES) $(BUILD)/hospes.elf $(DOM0_INITRAMFS) $(VMLINUZ)
	python3 tests/abi/domu.py --hyp hospes

-include $(wildcard $(BUILD)/tests/abi/*/*.d)
