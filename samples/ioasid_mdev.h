/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What the guest sees of a mediated device of ioasid_mdev.ko: one queue of the test device, by
 * VFIO's rules for vfio-platform devices. Region 0 has two pages, laid out like the queue's own in
 * ioasid_dma_regs.h, its control page and then its portal; interrupt 0 says that results or faults
 * came. Registers are 64 bits wide and accessed as such.
 *
 * In DMA_REG_PASID is the guest's number; addresses are those of the container. Pages that a job
 * names are the queue's from its submission on, as the container has them, until they are unmapped
 * there or the queue is off. What the container has not, the IOMMU refuses the device:
 * DMA_STATUS_FAULT. So it does beyond MDEV_JOB_PAGES of source or target.
 */
#ifndef _IOASID_MDEV_H
#define _IOASID_MDEV_H

#include "ioasid_dma_regs.h"

#define MDEV_CONTROL		0
#define MDEV_PORTAL		DMA_PAGE
#define MDEV_REGION_SIZE	(2 * DMA_PAGE)
#define MDEV_JOB_PAGES		512

/* In the control page, beside those of the queue */
#define MDEV_REG_ALLOC		0x80 /* written: has the host give a PASID to the guest's number */
#define MDEV_REG_FREE		0x88 /* written: takes the PASID back, whoever still uses it */
/*
 * What became of an ALLOC, FREE or DMA_COMMAND_START, 0 or an errno: ENOSPC the VM has as many
 * PASIDs as it may; EEXIST, EINVAL no number for a new one; ENOENT no such number; EBUSY the queue
 * is not off, or another one has the PASID.
 */
#define MDEV_REG_STATUS		0x90
/* The last address that the IOMMU refused this queue, and how many there were */
#define MDEV_REG_FAULTS		0x98
#define MDEV_REG_FAULT_PASID	0xa0
#define MDEV_REG_FAULT_ADDRESS	0xa8

#endif /* _IOASID_MDEV_H */
