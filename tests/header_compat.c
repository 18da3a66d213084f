// SPDX-License-Identifier: GPL-2.0
/* B-239, B-240: the header for clients of Linux 5.5 to 6.3 needs no other one. */
#include <linux/ioasid.h>
#include <linux/ioasid.h>
