/* SPDX-License-Identifier: MIT */
#include "guest/result.h"
#include "guest/printf.h"

int guest_result(const char *failure)
{
    if (failure)
        printf("RESULT: FAILED %s\n", failure);
    else
        printf("RESULT: PASSED\n");
    return failure != 0;
}
