/* SPDX-License-Identifier: GPL-2.0 */
/* What the module that is unloaded and the one that stays know of each other. */
#ifndef IOASID_TESTS_UNLOAD_H
#define IOASID_TESTS_UNLOAD_H

#include <linux/ioasid.h>

/* An ID in a set, both of the module that is unloaded. */
#define UNLOAD_ID ((ioasid_t)500)
/* The ID of the other one. */
#define WITNESS_ID ((ioasid_t)501)

#endif /* IOASID_TESTS_UNLOAD_H */
