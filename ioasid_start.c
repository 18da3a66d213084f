// SPDX-License-Identifier: GPL-2.0
/*
 * Where it is built in. Rust's module! is a device_initcall, but the Intel IOMMU driver starts at
 * rootfs_initcall, and drivers/dma is linked, so called, before drivers/iommu.
 */
#include <linux/init.h>
#include <linux/ioasid_core.h>

core_initcall(ioasid_core_start);
