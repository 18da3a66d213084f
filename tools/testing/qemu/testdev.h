/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The test device: a PCIe endpoint with ATS, PASID and PRI that copies memory.
 *
 * Everything here runs under QEMU's big lock: the handlers of registers, in the thread of a
 * virtual CPU; the rest in the main loop, which lets go of the lock between two turns. A queue
 * therefore does a few pages per turn, so that the guest can stop it at any page.
 */
#ifndef _TESTDEV_H
#define _TESTDEV_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "../../../samples/ioasid_dma_regs.h"
#include "qemu_abi.h"

#define TESTDEV_TYPE "ioasid-testdev"

/* Translations that a queue remembers, for as long as the IOMMU does not take them back. */
#define CACHE_SIZE 64

/* How often one page is asked for. Under pressure it may be gone again before it is used. */
#define MAX_REQUESTS 16

struct testdev;

/* A translation that the IOMMU gave. It has to tell when it is no longer true. */
struct translation {
	bool valid;
	uint64_t iova;
	uint64_t mask;	/* of the offset */
	uint64_t address;
	int perm;
};

struct job {
	uint64_t operation;
	uint64_t source;
	uint64_t target;
	uint64_t length;
	uint64_t value;
	uint64_t cookie;
	/* How far it is, and what has become of it. */
	uint64_t done;
	uint64_t status;
	uint64_t result;
	uint64_t fault;
};

struct queue {
	struct testdev *dev;
	unsigned int number;
	uint64_t state;
	uint64_t pasid;
	uint64_t pace;
	struct job portal;		/* what the next submission will be */
	/* Positions only grow: taken <= finished <= submitted <= taken + DMA_DEPTH. */
	struct job jobs[DMA_DEPTH];
	uint64_t taken;
	uint64_t finished;
	uint64_t submitted;
	struct translation cache[CACHE_SIZE];
	unsigned int victim;
	bool waiting;			/* for the answer to a page request */
	bool denied;			/* that was the answer */
	bool resting;
	bool orphaned;
	uint64_t request_page;
	unsigned int requests;
	uint64_t timer[ABI_TIMER_SIZE / 8];
};

enum counter {
	COUNT_JOBS,
	COUNT_OPERATIONS,
	COUNT_BYTES_READ,
	COUNT_BYTES_WRITTEN,
	COUNT_TRANSLATIONS,
	COUNT_CACHE_HITS,
	COUNT_PAGE_REQUESTS,
	COUNT_PAGE_RESPONSES,
	COUNT_INVALIDATIONS,
	COUNT_DROPPED,
	COUNT_FAULTS,
	COUNT_CANCELLED,
	COUNT_REFUSED,
	COUNT_ORPHANS,
	COUNTERS
};

static_assert(COUNTERS == DMA_REG_COUNTERS, "counters and their registers");

/*
 * The device's side of an address space. QEMU keeps pointers to the notifiers for as long as the
 * IOMMU knows the PASID, and does not let go of them once the guest has disabled PASIDs: it is
 * never freed, and neither is the device.
 */
struct space {
	struct pri_notifier pri;	/* first: what the callback gets */
	struct testdev *dev;
	struct space *next;
	uint32_t pasid;
	uint64_t iotlb[ABI_NOTIFIER_SIZE / 8];
};

struct testdev {
	struct pci_device *pci;
	struct testdev *next;
	bool gone;
	bool scheduled;
	uint64_t interrupt;
	uint64_t raised;
	uint64_t counters[COUNTERS];
	struct queue queues[DMA_QUEUES];
	struct space *spaces;
	uint64_t timer[ABI_TIMER_SIZE / 8];
};

/* abi_check.c: whether this is the QEMU that qemu_abi.h describes; says what is not as expected. */
bool abi_check(const struct qemu_info *info);

/* iommu_fix.c */
void iommu_fix(void);

/* dma.c */
bool dma_open(struct testdev *dev, uint32_t pasid);
enum dma_result { DMA_DONE, DMA_WAIT, DMA_DENIED, DMA_TIRED, DMA_BROKEN };
enum dma_result dma_translate(struct queue *queue, uint64_t iova, bool write, bool may_ask,
			      uint64_t *address);
bool dma_read(struct queue *queue, uint64_t address, void *buffer, uint64_t length);
bool dma_write(struct queue *queue, uint64_t address, void *buffer, uint64_t length);

/* queue.c */
void queue_init(struct testdev *dev, unsigned int number);
void queue_command(struct queue *queue, uint64_t command);
void queue_submit(struct queue *queue, uint64_t cookie);
uint64_t queue_space(const struct queue *queue);
void queue_answered(struct queue *queue, bool success);
bool queue_turn(struct queue *queue);
void queue_abandon(struct queue *queue);

/* device.c */
void device_schedule(struct testdev *dev);
void device_register(void);

#endif /* _TESTDEV_H */
