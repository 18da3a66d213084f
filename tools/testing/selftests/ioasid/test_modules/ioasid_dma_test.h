/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/ioasid_dma_test: what others in the kernel may do to a process, to its PASID and to the
 * first DMA device. What a file has, it gives back when it is closed.
 */
#ifndef _IOASID_DMA_TEST_H
#define _IOASID_DMA_TEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define DMA_TEST_IDS 16

/* Pages of what is mapped from it (MAP_SHARED) come with IOASID_DMA_TEST_ANSWER or then. */
#define DMA_TEST_FAULT_S 20

struct ioasid_dma_test_enable {
	char device[32];	/* in: as lspci has it, with the domain */
	__s32 error;
	char why[220];		/* ioasid_sva_why(): empty if it has nothing to say */
};

/* Has the IOMMU core bind the caller to the device, behind the back of ioasid; its PASID. */
#define IOASID_DMA_TEST_BIND		_IOR('T', 0, __u32)
#define IOASID_DMA_TEST_UNBIND		_IO('T', 1)
/* An IOASID that has nothing to do with a process. */
#define IOASID_DMA_TEST_ALLOC		_IOR('T', 2, __u32)
/* A reference to anybody's; anybody's is freed. The argument is the ID. */
#define IOASID_DMA_TEST_GET		_IO('T', 3)
#define IOASID_DMA_TEST_PUT		_IO('T', 4)
#define IOASID_DMA_TEST_FREE		_IO('T', 5)
/* The set of the caller's address space. */
#define IOASID_DMA_TEST_SET		_IO('T', 6)
#define IOASID_DMA_TEST_SET_FREE	_IO('T', 7)
/* Kills the caller as soon as it, or its PASID, is the cause of this event. */
#define IOASID_DMA_TEST_KILL_AT		_IO('T', 8)
/* Subscribes to the caller's address space, and has told what was before. */
#define IOASID_DMA_TEST_REPLAY		_IO('T', 9)
/* From whichever file: all page faults that wait now get their page. */
#define IOASID_DMA_TEST_ANSWER		_IO('T', 10)
/* Has SVA enabled on some device, and disabled if that works. */
#define IOASID_DMA_TEST_ENABLE		_IOWR('T', 11, struct ioasid_dma_test_enable)

#endif /* _IOASID_DMA_TEST_H */
