#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Names the operations that hyp/hypercalls/ handles and that no claim mentions; exit status 1 if there are any.

An operation is a public constant of one of the families below. Being mentioned does not make it well tested, but one
that is not mentioned is not tested at all.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAMILIES = re.compile(r"\b(?:XEN_DOMCTL_(?!SCHEDOP|PFINFO|GRANT|CDF|SENDTRIGGER)[a-z]\w*|XEN_SYSCTL_(?!cpu_)[a-z]\w*|XENPF_[a-z]\w*"
                      r"|XENMEM_(?!resource)\w+|VCPUOP_\w+|(?<!_)SCHEDOP_\w+|EVTCHNOP_\w+|GNTTABOP_\w+|PHYSDEVOP_\w+"
                      r"|XENVER_\w+|MMUEXT_\w+|CALLBACKTYPE_\w+|XEN_MC_[a-z]\w*|CONSOLEIO_\w+)\b")
# Refused with one errno whatever the arguments, where Xen has them: nothing that both keep could be claimed.
REFUSED = {"XEN_DOMCTL_assign_device", "XEN_DOMCTL_deassign_device", "XEN_DOMCTL_test_assign_device",
           "XEN_DOMCTL_get_paging_mempool_size", "XEN_DOMCTL_set_paging_mempool_size", "XEN_DOMCTL_set_virq_handler",
           "XEN_DOMCTL_setvnumainfo", "XEN_DOMCTL_soft_reset", "XEN_DOMCTL_subscribe", "SCHEDOP_pin_override", "VCPUOP_get_physid",
           "XENMEM_reserved_device_memory_map"}


def mentioned(*folders):
    text = "".join(f.read_text() for folder in folders for f in (ROOT / folder).rglob("*.[ch]"))
    return set(FAMILIES.findall(text))


def main():
    missing = sorted(mentioned("hyp/hypercalls") - mentioned("tests/abi", "guest") - REFUSED)
    print("\n".join(missing) or "every operation is mentioned by a claim")
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
