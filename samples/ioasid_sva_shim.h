/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/ioasid_sva.h> while that is not there: straight to the IOMMU core. */
#ifndef _IOASID_SVA_SHIM_H
#define _IOASID_SVA_SHIM_H

#include <linux/iommu.h>
#include <linux/ioasid.h>

struct ioasid_bond;

static inline int ioasid_sva_enable_device(struct device *dev, const void *params)
{
	return 0;
}

static inline int ioasid_sva_disable_device(struct device *dev)
{
	return 0;
}

static inline struct ioasid_bond *ioasid_sva_bind_device(struct device *dev,
							 struct mm_struct *mm, void *drvdata)
{
	return (struct ioasid_bond *)iommu_sva_bind_device(dev, mm);
}

static inline void ioasid_sva_unbind_device(struct ioasid_bond *bond)
{
	iommu_sva_unbind_device((struct iommu_sva *)bond);
}

static inline ioasid_t ioasid_sva_get_pasid(struct ioasid_bond *bond)
{
	return iommu_sva_get_pasid((struct iommu_sva *)bond);
}

#define ioasid_get_named(set, ioasid, name) 0
#define ioasid_put_named(set, ioasid, name) do { } while (0)

#endif
