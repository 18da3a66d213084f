/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/ioasid_dma0 and on: a process has a device work in its own memory.
 *
 * An open file has one queue of the device at most, from IOASID_DMA_BIND to IOASID_DMA_UNBIND or
 * the last close(), or until the process or its PASID goes. The queue works in the address space
 * that has bound it; a call from another one (a child after fork()) fails with EACCES. Jobs of a
 * queue are done in their order, and so are their results taken.
 *
 * Errors of all calls: ENODEV the device has gone, ENXIO no queue is bound, EACCES see above,
 * EINVAL, EFAULT.
 */
#ifndef _IOASID_DMA_H
#define _IOASID_DMA_H

#include <linux/ioctl.h>
#include <linux/types.h>

#include "ioasid_dma_regs.h"

struct ioasid_dma_bind {
	__u32 flags;	/* 0 */
	__u32 queue;
	__u32 pasid;
	__u32 reserved;
	__u64 portal;	/* offset for mmap(), of a page with the registers of the portal */
};

struct ioasid_dma_job {
	__u32 operation; /* DMA_OP_ and DMA_FLAG_ */
	__u32 reserved;
	__u64 source;
	__u64 target;
	__u64 length;
	__u64 value;
	__u64 cookie;	/* what its result will have */
};

struct ioasid_dma_done {
	__u64 cookie;
	__u32 status;	/* DMA_STATUS_ */
	__u32 timeout;	/* in: ms, 0 for none */
	__u64 bytes;
	__u64 result;
	__u64 address;
};

struct ioasid_dma_counters {
	__u64 values[DMA_REG_COUNTERS]; /* from DMA_REG_JOBS on */
};

#define IOASID_DMA_COUNTER(reg) (((reg) - DMA_REG_JOBS) / 8)

/*
 * Gets a queue of its own, with the caller's PASID. EALREADY: it has one. EBUSY: there is none
 * left. Otherwise what ioasid_sva_bind_device() says.
 */
#define IOASID_DMA_BIND		_IOWR('D', 0, struct ioasid_dma_bind)
/* Stops the queue and gives it back, with what it has not done yet and results not taken. */
#define IOASID_DMA_UNBIND	_IO('D', 1)
/*
 * EAGAIN: the queue is full, take results. EBUSY: its portal was mapped, submissions go there.
 * EFAULT: no addresses of a process. EINVAL: no such operation, or no length.
 */
#define IOASID_DMA_SUBMIT	_IOWR('D', 2, struct ioasid_dma_job)
/* The next result. EAGAIN with O_NONBLOCK, ETIMEDOUT, EINTR. */
#define IOASID_DMA_WAIT		_IOWR('D', 3, struct ioasid_dma_done)
/* Needs no queue. */
#define IOASID_DMA_COUNTERS	_IOR('D', 4, struct ioasid_dma_counters)
/* For tests: rest after each page, in ns. */
#define IOASID_DMA_PACE		_IOW('D', 5, __u64)
#define IOASID_DMA_PACE_MAX	1000000000ULL

#endif /* _IOASID_DMA_H */
