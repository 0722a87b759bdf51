/* SPDX-License-Identifier: MIT */
#ifndef GUEST_RESULT_H
#define GUEST_RESULT_H

/* For applications that test something: prints RESULT: PASSED, or RESULT: FAILED and why, which is what those
 * who started them wait for. Returns what guest_main() is to return. */
int guest_result(const char *failure);

#endif
