# SPDX-License-Identifier: MIT
# Unit tests on this machine: each folder brings its own rules.
include $(wildcard tests/host/*/*.mk tests/host/*/*/*.mk)
