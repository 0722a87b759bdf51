/* SPDX-License-Identifier: MIT */
#ifndef GUEST_NET_CHECKSUM_H
#define GUEST_NET_CHECKSUM_H

/*
 * The Internet checksum. Sums and results are in memory order: a result goes into a header, and comes from
 * one, by copying two bytes.
 */

#include <stddef.h>
#include <stdint.h>

/* Adds len bytes to a sum that starts as 0. Only the last piece of a sum may have an odd length. */
uint64_t checksum_add(uint64_t sum, const void *data, size_t len);

/* The sum in 16 bits. A packet whose own checksum was summed too is whole if this is 0xffff. */
uint16_t checksum_fold(uint64_t sum);

/* Starts the sum of a TCP or UDP packet of len bytes. Addresses in host order. */
uint64_t checksum_pseudo(uint32_t from, uint32_t to, uint8_t protocol, uint16_t len);

#endif
