# SPDX-License-Identifier: MIT
#
# dom0's image and its kernel. The kernel is Debian's package, unpacked below build/kernel.

IMAGE := dom0/image
# One for all builds: it is downloaded, not compiled.
KERNEL_DIR := build/kernel
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

# Whom the workers of the daemons become.
IMAGE_USERS := hospes-console:901 hospes-block:902 hospes-net:903

# What both images share: init, users, modules, busybox.
IMAGE_COMMON_DEPS := $(MKINITRAMFS) $(IMAGE)/init $(IMAGE)/shell $(IMAGE)/modules $(BUSYBOX) $(VMLINUZ)
IMAGE_COMMON := --busybox $(BUSYBOX) --modules-from $(KERNEL_DIR) --modules $(IMAGE)/modules \
                --file $(IMAGE)/init:/init:755 --file $(IMAGE)/shell:/etc/init.d/shell:755 \
                $(IMAGE_USERS:%=--user %) $(LIBGCC_S:%=--library %)

# Our userland: the store, the consoles, the toolstack.
XENSTORED := $(XS_OUT)/xenstored
XS_CMD := $(XS_OUT)/xs
IMAGE_PROGRAMS := $(HOSPES):/usr/sbin/hospes $(foreach d,$(BACKEND_DAEMONS),$d:/usr/sbin/$(notdir $d)) \
                  $(XENSTORED):/usr/sbin/hospes-xenstored $(XS_CMD):/usr/bin/xs /usr/bin/flock:/usr/bin/flock \
                  /usr/sbin/dnsmasq:/usr/sbin/dnsmasq /usr/sbin/nft:/usr/sbin/nft
IMAGE_DEMO := --file $(IMAGE)/demo:/usr/share/hospes/demo:755
IMAGE_INITD := store console backends bridge uplink keep stop

$(DOM0_INITRAMFS): $(IMAGE_COMMON_DEPS) $(HOSPES) $(BACKEND_DAEMONS) $(XENSTORED) $(XS_CMD) \
                   $(IMAGE_INITD:%=$(IMAGE)/%) $(IMAGE)/demo
	@mkdir -p $(@D)
	$(MKINITRAMFS) --output $@ $(IMAGE_COMMON) $(IMAGE_PROGRAMS:%=--program %) \
	    $(foreach f,$(IMAGE_INITD),--file $(IMAGE)/$f:/etc/init.d/$f:755) $(IMAGE_DEMO)

# QEMU's programs for qcow2 images are as large as all the rest, so they are in the disc's image only. Later files win.
QCOW2_PROGRAMS := $(wildcard /usr/bin/qemu-storage-daemon /usr/bin/qemu-img)
DOM0_QCOW2 := $(BUILD)/dom0/qcow2.cpio
DOM0_FULL := $(BUILD)/dom0/initramfs-full.gz

$(DOM0_QCOW2): $(MKINITRAMFS) $(QCOW2_PROGRAMS)
	@mkdir -p $(@D)
	$(MKINITRAMFS) --output $@ $(foreach p,$(QCOW2_PROGRAMS),--program $p:$p)

$(DOM0_FULL): $(DOM0_QCOW2) $(DOM0_INITRAMFS)
	cat $^ > $@

# A small Linux guest for the demonstration and the system tests, as a tree for a disc: /guest.
GUEST_LINUX := $(BUILD)/guest-linux
GUEST_LINUX_FILES := $(addprefix $(GUEST_LINUX)/,vmlinuz vmlinuz.unpacked initramfs.gz disk.img.gz demo.cfg)
GUEST_MEDIA := $(GUEST_LINUX)/media.iso

ALL_TARGETS += $(GUEST_LINUX_FILES)

$(GUEST_LINUX)/vmlinuz: $(VMLINUZ)
	@mkdir -p $(@D)
	cp $< $@

# Unpacking Debian's xz is nine tenths of the work of a create; done here, no dom0 has to do it.
$(GUEST_LINUX)/vmlinuz.unpacked: $(GUEST_LINUX)/vmlinuz | $(HOSPES)
	$(HOSPES) kernel-cache -b $<

$(GUEST_LINUX)/initramfs.gz: $(MKINITRAMFS) $(IMAGE)/guest/init $(IMAGE)/guest/modules $(BUSYBOX) $(VMLINUZ)
	@mkdir -p $(@D)
	$(MKINITRAMFS) --output $@ --busybox $(BUSYBOX) --file $(IMAGE)/guest/init:/init:755 \
	    --modules-from $(KERNEL_DIR) --modules $(IMAGE)/guest/modules

$(GUEST_LINUX)/disk.img: $(IMAGE)/guest/mkdisk.sh
	@mkdir -p $(@D)
	$(IMAGE)/guest/mkdisk.sh $@

$(GUEST_LINUX)/disk.img.gz: $(GUEST_LINUX)/disk.img
	gzip -9n < $< > $@

$(GUEST_LINUX)/demo.cfg: $(IMAGE)/guest/demo.cfg
	@mkdir -p $(@D)
	cp $< $@

# The same tree as a disc of its own, for machines that are not started from hospes.iso.
$(GUEST_MEDIA): $(GUEST_LINUX_FILES)
	xorriso -as mkisofs -quiet -R -V HOSPES -o $@ -graft-points $(foreach f,$^,guest/$(notdir $f)=$f)

include dom0/image/iso.mk
