# SPDX-License-Identifier: MIT
#
# dom0's image and its kernel. The kernel is Debian's package, unpacked below build/kernel.

IMAGE := dom0/image
KERNEL_DIR := $(BUILD)/kernel
VMLINUZ := $(KERNEL_DIR)/vmlinuz
DOM0_INITRAMFS := $(BUILD)/dom0/initramfs.gz
BUSYBOX := /bin/busybox
MKINITRAMFS := $(IMAGE)/mkinitramfs.py

# libpthread opens libgcc_s by name when a thread is cancelled; ldd does not see it.
LIBGCC_S := $(wildcard /lib/x86_64-linux-gnu/libgcc_s.so.1)

ALL_TARGETS += $(DOM0_INITRAMFS) $(VMLINUZ)

$(VMLINUZ): $(IMAGE)/fetch-kernel.sh $(IMAGE)/fetch-packages.sh
	$(IMAGE)/fetch-kernel.sh $(KERNEL_DIR)
	@touch $@

# What both images share: init, modules, busybox.
IMAGE_COMMON_DEPS := $(MKINITRAMFS) $(IMAGE)/init $(IMAGE)/modules $(BUSYBOX) $(VMLINUZ)
IMAGE_COMMON := --busybox $(BUSYBOX) --modules-from $(KERNEL_DIR) --modules $(IMAGE)/modules \
                --file $(IMAGE)/init:/init:755 $(LIBGCC_S:%=--library %)

# Our userland: the store, the consoles, the toolstack. `xs` is also what the demonstration uses.
IMAGE_PROGRAMS = $(HOSPES):/usr/sbin/hospes $(CONSOLED):/usr/sbin/hospes-consoled \
                 $(XENSTORED):/usr/sbin/hospes-xenstored $(XS_CMD):/usr/bin/xs
IMAGE_INITD := store console bridge stop

$(DOM0_INITRAMFS): $(IMAGE_COMMON_DEPS) $(HOSPES) $(CONSOLED) $(XENSTORED) $(XS_CMD) \
                   $(IMAGE_INITD:%=$(IMAGE)/%)
	@mkdir -p $(@D)
	$(MKINITRAMFS) --output $@ $(IMAGE_COMMON) $(IMAGE_PROGRAMS:%=--program %) \
	    $(IMAGE_INITD:%=--file $(IMAGE)/%:/etc/init.d/%:755)
