// SPDX-License-Identifier: GPL-2.0
/*
 * Is this the QEMU that qemu_abi.h describes?
 *
 * Calls of functions that are not there end the loading of the plugin, since it is linked that
 * way; a structure that has changed would be found out much later and much worse.
 */
#include <stdlib.h>
#include <string.h>

#include "testdev.h"

/* Devices whose IDs stand at known places of their class, if the class is laid out as thought. */
static const struct known {
	const char *type;
	uint16_t vendor;
	uint16_t device;
} known_devices[] = {
	{ "edu", 0x1234, 0x11e8 },
	{ "pvpanic-pci", 0x1b36, 0x0011 },
	{ "e1000e", 0x8086, 0x10d3 },
};

static uint16_t class_u16(const void *class, size_t offset)
{
	uint16_t value;

	memcpy(&value, (const char *)class + offset, sizeof(value));
	return value;
}

static void *class_pointer(const void *class, size_t offset)
{
	void *value;

	memcpy(&value, (const char *)class + offset, sizeof(value));
	return value;
}

static bool class_matches(const struct known *known)
{
	const void *class = object_class_by_name(known->type);

	if (!class) {
		error_report(TESTDEV_TYPE ": no device %s to compare with", known->type);
		return false;
	}
	if (class_u16(class, ABI_CLASS_VENDOR) != known->vendor ||
	    class_u16(class, ABI_CLASS_DEVICE) != known->device ||
	    !class_pointer(class, ABI_CLASS_REALIZE)) {
		error_report(TESTDEV_TYPE ": in QEMU 11.1 the class of %s has other contents",
			     known->type);
		return false;
	}
	return true;
}

bool abi_check(const struct qemu_info *info)
{
	size_t i;

	if (info->version.cur != ABI_PLUGIN_VERSION || !info->system_emulation ||
	    strcmp(info->target, "x86_64")) {
		error_report(TESTDEV_TYPE ": not made for %s with plugin interface %d",
			     info->target, info->version.cur);
		return false;
	}
	/* The version itself is not exported, but each release adds a machine of its name. */
	if (!object_class_by_name("pc-q35-11.1-machine") ||
	    object_class_by_name("pc-q35-11.2-machine") ||
	    object_class_by_name("pc-q35-12.0-machine")) {
		error_report(TESTDEV_TYPE ": made for QEMU 11.1, this is another version");
		return false;
	}
	for (i = 0; i < ARRAY_SIZE(known_devices); i++) {
		if (!class_matches(&known_devices[i]))
			return false;
	}
	return true;
}
