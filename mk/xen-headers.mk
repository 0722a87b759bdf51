# SPDX-License-Identifier: MIT
#
# build/include/xen: the public Xen headers of libxen-dev under their own include root, so
# that freestanding code finds <xen/...> without also seeing the C library's headers.
ifndef XEN_HEADERS_MK
XEN_HEADERS_MK := 1

XEN_HEADERS_DIR ?= /usr/include/xen
XEN_HEADERS := $(BUILD)/include/xen
XEN_INCLUDE := -isystem $(BUILD)/include

$(XEN_HEADERS):
	@test -e $(XEN_HEADERS_DIR)/xen.h || \
	    { echo "$(XEN_HEADERS_DIR)/xen.h is missing: install libxen-dev"; exit 1; }
	@mkdir -p $(@D)
	ln -sfn $(XEN_HEADERS_DIR) $@

endif
