# SPDX-License-Identifier: MIT
#
# The oracle: dom0's image with Debian's own store, console daemon and xl, for runs on real Xen and
# for cross runs. Not part of `make all`.

ORACLE := $(BUILD)/oracle
ORACLE_INITRAMFS := $(ORACLE)/initramfs.gz
ORACLE_PACKAGES := xen-utils-4.17 xen-utils-common xenstore-utils libxenmisc4.17 libxenhypfs1 libyajl2 \
                   libxenstore4 libxencall1 libxenevtchn1 libxenforeignmemory1 libxengnttab1 \
                   libxentoollog1 libxentoolcore1 libxendevicemodel1
ORACLE_ROOT := $(ORACLE)/tools/root
ORACLE_BIN := $(ORACLE_ROOT)/usr/lib/xen-4.17/bin
ORACLE_SCRIPTS := tests/tools/oracle

# Debian's configuration and hotplug scripts as they are, and what those want beside busybox.
STOCK_HOTPLUG := block block-common.sh hotplugpath.sh locking.sh logging.sh vif-bridge vif-common.sh \
                 xen-hotplug-common.sh xen-network-common.sh xen-script-common.sh
STOCK_FILES := $(foreach s,$(STOCK_HOTPLUG),--file $(ORACLE_ROOT)/etc/xen/scripts/$s:/etc/xen/scripts/$s:755) \
               $(foreach f,xl.conf oxenstored.conf,--file $(ORACLE_ROOT)/etc/xen/$f:/etc/xen/$f) \
               --program /usr/bin/bash:/bin/bash --program /usr/bin/flock:/usr/bin/flock \
               --program /usr/sbin/losetup:/sbin/losetup \
               --dir /var/lib/xen --dir /var/log/xen --dir /etc/xen/auto

.PHONY: oracle
oracle: $(ORACLE_INITRAMFS) $(VMLINUZ)

$(ORACLE)/tools/.fetched: dom0/image/fetch-packages.sh tests/tools/tools.mk
	dom0/image/fetch-packages.sh $(ORACLE)/tools $(ORACLE_PACKAGES)
	@touch $@

# Our own programs are in it too where they are built: the toolstack must work with Debian's daemons.
ORACLE_OURS = $(wildcard $(HOSPES)) $(wildcard $(CONSOLED))

ORACLE_GUESTS := $(patsubst %,$(BUILD)/guest/apps/%.elf,hello blktest netecho)

$(ORACLE_INITRAMFS): $(ORACLE)/tools/.fetched $(IMAGE_COMMON_DEPS) $(wildcard $(ORACLE_SCRIPTS)/*) \
                     $(ORACLE_OURS) $(IMAGE)/demo $(STOCK_INTERFACE) $(ORACLE_GUESTS)
	$(MKINITRAMFS) --output $@ $(IMAGE_COMMON) \
	    --library-path $(ORACLE_ROOT)/usr/lib/x86_64-linux-gnu \
	    $(foreach p,xl,--program $(ORACLE_BIN)/$p:/usr/sbin/$p) \
	    $(foreach p,xenstored oxenstored xenconsoled xentop xenpm,--program $(ORACLE_BIN)/$p:/usr/sbin/$p) \
	    $(foreach p,xen-init-dom0 xenconsole libxl-save-helper lsevtchn xenperf,--program $(ORACLE_BIN)/$p:/usr/lib/xen-4.17/bin/$p) \
	    --link /usr/lib/xen-4.17/bin/xenconsole:/usr/sbin/xenconsole \
	    $(foreach p,read write ls list rm watch chmod exists control,--program $(ORACLE_ROOT)/usr/bin/xenstore-$p:/usr/bin/xenstore-$p) \
	    $(foreach p,store console bridge stop,--file $(ORACLE_SCRIPTS)/$p:/etc/init.d/$p:755) \
	    $(STOCK_FILES) --program $(STOCK_INTERFACE):/usr/bin/interface \
	    $(foreach p,$(ORACLE_OURS),--program $p:/usr/sbin/$(notdir $p)) \
	    $(foreach p,$(ORACLE_GUESTS),--file $p:/usr/share/guests/$(notdir $p)) \
	    $(IMAGE_DEMO)

# What the system tests boot.
.PHONY: tests-system-files
tests-system-files: $(DOM0_INITRAMFS) $(DOM0_FULL) $(GUEST_IMAGES) $(VMLINUZ) $(GUEST_MEDIA) $(HOSPES_ELF)
