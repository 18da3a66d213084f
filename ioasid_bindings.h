/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads. */
#include <linux/ioasid.h>
#include <linux/ioasid_compat.h>
#include <linux/ioasid_core.h>
#include <linux/ioasid_sva.h>
#include "ioasid_helpers.h"
