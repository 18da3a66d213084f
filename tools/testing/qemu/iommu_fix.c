// SPDX-License-Identifier: GPL-2.0
/*
 * Linux shares address spaces only with a VT-d that snoops its page walks (SMPWC in the extended
 * capabilities). QEMU's does, memory being coherent here, but does not say so. This puts a register
 * that does over the one that does not.
 */
#include <stdlib.h>

#include "testdev.h"

#define VTD_BASE	0xfed90000
#define VTD_ECAP	(VTD_BASE + 0x10)
#define VTD_ECAP_SMPWC	0x1000000000000ULL

#define ABOVE_QEMUS	1000

static uint64_t ecap;

static uint64_t ecap_read(void *opaque, uint64_t offset, unsigned int size)
{
	uint64_t value = ecap >> (8 * offset);

	(void)opaque;
	return size == 8 ? value : value & ((1ULL << (8 * size)) - 1);
}

static void ecap_write(void *opaque, uint64_t offset, uint64_t value, unsigned int size)
{
	(void)opaque;
	(void)offset;
	(void)value;
	(void)size;
}

static const struct region_ops ecap_ops = {
	.read = ecap_read,
	.write = ecap_write,
	.endianness = ABI_LITTLE_ENDIAN,
	.valid = { .min_size = 1, .max_size = 8 },
	.impl = { .min_size = 1, .max_size = 8 },
};

void iommu_fix(void)
{
	struct object *iommu = object_resolve_path_type("", "intel-iommu", NULL);
	static bool done;
	void *region;

	if (done || !iommu)
		return;
	if (address_space_rw(address_space_memory, VTD_ECAP, 0, &ecap, sizeof(ecap), false)) {
		error_report(TESTDEV_TYPE ": the emulated IOMMU is not at %#x", VTD_BASE);
		return;
	}
	region = calloc(1, ABI_REGION_SIZE);
	if (!region)
		return;
	done = true;
	ecap |= VTD_ECAP_SMPWC;
	memory_region_init_io(region, iommu, &ecap_ops, NULL, TESTDEV_TYPE "-ecap", sizeof(ecap));
	memory_region_add_subregion_overlap(get_system_memory(), VTD_ECAP, region, ABOVE_QEMUS);
}
