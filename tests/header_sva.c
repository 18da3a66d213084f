// SPDX-License-Identifier: GPL-2.0
/* B-239, B-240: the header needs no other one and may come twice. */
#include <linux/ioasid_sva.h>
#include <linux/ioasid_sva.h>
