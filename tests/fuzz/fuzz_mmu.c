// SPDX-License-Identifier: MIT
// The bytes that libFuzzer makes up are operations of two domains on their page tables
// (tests/host/hyp/mm/mm_ops.h); every input ends with the auditor and with both domains' frames counted back.
#include <stdint.h>
#include <stdlib.h>
#include "fake.h"
#include "mm_ops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fake_verbose = true;
    if (mm_ops_run(data, size, 8))
        abort();
    return 0;
}
