# SPDX-License-Identifier: MIT
#
# build/hospes.iso: GRUB for BIOS and UEFI, the hypervisor, dom0, and the demonstration's guest.

HOSPES_ELF ?= $(BUILD)/hospes.elf
HOSPES_ISO := $(BUILD)/hospes.iso
ISO_TREE := $(BUILD)/iso

ALL_TARGETS += $(HOSPES_ISO)

# Debug information is for gdb, not for GRUB to read: a stripped copy is a tenth of the size.
$(HOSPES_ISO): $(HOSPES_ELF) $(VMLINUZ) $(DOM0_FULL) $(GUEST_LINUX_FILES) $(IMAGE)/grub.cfg
	@rm -rf $(ISO_TREE)
	@mkdir -p $(ISO_TREE)/boot/grub $(ISO_TREE)/guest
	objcopy --strip-debug $(HOSPES_ELF) $(ISO_TREE)/boot/hospes.elf
	cp $(VMLINUZ) $(ISO_TREE)/boot/
	cp $(DOM0_FULL) $(ISO_TREE)/boot/initramfs.gz
	cp $(IMAGE)/grub.cfg $(ISO_TREE)/boot/grub/grub.cfg
	cp $(GUEST_LINUX_FILES) $(ISO_TREE)/guest/
	grub-mkrescue -o $@ $(ISO_TREE) -volid HOSPES 2> $(BUILD)/iso.log || { cat $(BUILD)/iso.log; exit 1; }
