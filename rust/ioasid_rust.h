/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads for ioasid.rs. */
#include <linux/ioasid.h>
#include <linux/ioasid_sva.h>
