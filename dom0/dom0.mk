# SPDX-License-Identifier: MIT
#
# What runs in dom0: the toolstack, the backends, the image that holds them.

-include dom0/toolstack/toolstack.mk dom0/backends/backends.mk dom0/image/image.mk
