/* SPDX-License-Identifier: GPL-2.0 */
/* What sets and reservations share. Needs no KUnit. */
#ifndef IOASID_TESTS_CAPACITY_H
#define IOASID_TESTS_CAPACITY_H

#include <linux/ioasid.h>

/* How many numbers are left for sets and reservations. */
static inline ioasid_t capacity_left(void)
{
	int left = ioasid_reserve_capacity(0);

	if (left <= 0)
		return 0;
	ioasid_cancel_capacity(left);
	return left;
}

/* All of them: 0 is none. */
static inline ioasid_t capacity_in_all(void)
{
	return ioasid_get_capacity() - 1;
}

#endif /* IOASID_TESTS_CAPACITY_H */
