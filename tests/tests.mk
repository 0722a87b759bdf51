# SPDX-License-Identifier: MIT
-include tests/*/*.mk
