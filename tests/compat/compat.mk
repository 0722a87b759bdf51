# SPDX-License-Identifier: MIT
#
# The image of the compatibility matrix: our userland and Debian's side by side, and QEMU as a disk backend. The
# kernel's command line says which of them is started (image/store, image/console).

COMPAT := $(BUILD)/tests/compat
COMPAT_INITRAMFS := $(COMPAT)/initramfs.gz
COMPAT_IMAGE := tests/compat/image
COMPAT_QEMU := $(COMPAT)/qemu/root/usr/libexec/xen-qemu-system-i386
COMPAT_PROGRAMS = $(sort $(IMAGE_PROGRAMS) $(foreach d,$(BLOCKD) $(NETD),$d:/usr/sbin/$(notdir $d)))
COMPAT_GUESTS = $(filter %/blktest.elf %/netecho.elf,$(GUEST_IMAGES))
COMPAT_STOCK_BIN := xl xenstored oxenstored xenconsoled

.PHONY: compat compat-image
compat-image: $(COMPAT_INITRAMFS) $(GUEST_MEDIA) $(HOSPES_ELF)

compat: compat-image
	@tests/compat/run.py

$(COMPAT_QEMU): dom0/image/fetch-packages.sh
	dom0/image/fetch-packages.sh $(COMPAT)/qemu qemu-system-xen
	@touch $@

$(COMPAT_INITRAMFS): tests/compat/compat.mk $(BUILD)/oracle/tools/.fetched $(COMPAT_QEMU) $(IMAGE_COMMON_DEPS) $(wildcard $(COMPAT_IMAGE)/*) \
                     $(wildcard tests/tools/oracle/*) $(COMPAT_GUESTS) $(foreach p,$(COMPAT_PROGRAMS),$(firstword $(subst :, ,$p)))
	@mkdir -p $(@D)
	$(MKINITRAMFS) --output $@ $(IMAGE_COMMON) $(COMPAT_PROGRAMS:%=--program %) \
	    --library-path $(ORACLE_ROOT)/usr/lib/x86_64-linux-gnu \
	    $(foreach p,$(COMPAT_STOCK_BIN),--program $(ORACLE_BIN)/$p:/usr/sbin/$p) \
	    $(foreach p,xen-init-dom0 xenconsole,--program $(ORACLE_BIN)/$p:/usr/lib/xen-4.17/bin/$p) \
	    --program $(COMPAT_QEMU):/usr/libexec/xen-qemu-system-i386 \
	    --file /usr/share/qemu/keymaps/en-us:/usr/share/qemu/keymaps/en-us \
	    --program /usr/bin/qemu-img:/usr/bin/qemu-img \
	    $(foreach p,read write ls rm,--program $(ORACLE_ROOT)/usr/bin/xenstore-$p:/usr/bin/xenstore-$p) \
	    $(foreach p,store console,--file $(COMPAT_IMAGE)/$p:/etc/init.d/$p:755) \
	    $(foreach p,backends bridge keep stop,--file $(IMAGE)/$p:/etc/init.d/$p:755) \
	    $(STOCK_FILES) \
	    $(foreach p,$(COMPAT_GUESTS),--file $p:/guest/$(notdir $p)) \
	    --file $(COMPAT_IMAGE)/cell:/usr/bin/cell:755
