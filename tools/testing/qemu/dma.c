// SPDX-License-Identifier: GPL-2.0
/*
 * How the device reaches the memory of a process: it has the IOMMU translate an address (ATS),
 * remembers the translation until the IOMMU takes it back, and asks for a page that is not there
 * (PRI).
 */
#include <stdlib.h>
#include <string.h>

#include "testdev.h"

#define PAGE_OFFSET (DMA_PAGE - 1ULL)

static bool overlaps(const struct translation *known, const struct iommu_entry *gone)
{
	uint64_t first = gone->iova & ~gone->mask;
	uint64_t last = gone->iova | gone->mask;

	return known->valid && known->iova <= last && (known->iova | known->mask) >= first;
}

/* The IOMMU takes translations back. They are not used any more when this returns. */
static void invalidated(void *notifier, struct iommu_entry *gone)
{
	struct space *space = (struct space *)((char *)notifier - offsetof(struct space, iotlb));
	struct testdev *dev = space->dev;
	unsigned int q, i;

	if (dev->gone)
		return;
	dev->counters[COUNT_INVALIDATIONS]++;
	for (q = 0; q < DMA_QUEUES; q++) {
		struct queue *queue = &dev->queues[q];

		if (queue->pasid != space->pasid)
			continue;
		for (i = 0; i < CACHE_SIZE; i++) {
			if (!overlaps(&queue->cache[i], gone))
				continue;
			queue->cache[i].valid = false;
			dev->counters[COUNT_DROPPED]++;
		}
	}
}

/*
 * A page request is answered. This runs inside the write of the IOMMU's register that has the
 * answers sent: going back into the IOMMU, or an interrupt, would be lost. So it only notes it.
 */
static void answered(struct pri_notifier *notifier, struct pri_response *response)
{
	struct space *space = (struct space *)notifier;
	struct testdev *dev = space->dev;
	struct queue *queue;

	if (dev->gone || response->prgi >= DMA_QUEUES)
		return;
	queue = &dev->queues[response->prgi];
	if (!queue->waiting || queue->pasid != space->pasid)
		return;
	dev->counters[COUNT_PAGE_RESPONSES]++;
	queue_answered(queue, !response->code);
}

/* Before the first use of a PASID: has the IOMMU tell what becomes of it. */
bool dma_open(struct testdev *dev, uint32_t pasid)
{
	struct space *space;

	for (space = dev->spaces; space; space = space->next) {
		if (space->pasid == pasid)
			return true;
	}
	space = calloc(1, sizeof(*space));
	if (!space)
		return false;
	space->pri.notify = answered;
	space->dev = dev;
	space->pasid = pasid;
	if (pci_iommu_init_iotlb_notifier(dev->pci, space->iotlb, invalidated, space)) {
		free(space);
		return false;
	}
	if (pci_iommu_register_iotlb_notifier(dev->pci, pasid, space->iotlb)) {
		free(space);
		return false;
	}
	/* From here on QEMU has the address of the space. */
	space->next = dev->spaces;
	dev->spaces = space;
	if (pci_pri_register_notifier(dev->pci, pasid, &space->pri)) {
		space->pasid = 0;
		return false;
	}
	return true;
}

static const struct translation *lookup(struct queue *queue, uint64_t iova, int perm)
{
	unsigned int i;

	for (i = 0; i < CACHE_SIZE; i++) {
		const struct translation *known = &queue->cache[i];

		if (known->valid && known->iova == (iova & ~known->mask) && known->perm & perm)
			return known;
	}
	return NULL;
}

static const struct translation *remember(struct queue *queue, uint64_t iova,
					  const struct iommu_entry *entry)
{
	struct translation *known = &queue->cache[queue->victim];
	unsigned int i;

	/* One address, one translation: the older one may permit less. */
	for (i = 0; i < CACHE_SIZE; i++) {
		if (queue->cache[i].valid && queue->cache[i].iova == (iova & ~queue->cache[i].mask))
			queue->cache[i].valid = false;
	}
	queue->victim = (queue->victim + 1) % CACHE_SIZE;
	known->valid = true;
	known->iova = iova & ~entry->mask;
	known->mask = entry->mask;
	known->address = entry->translated & ~entry->mask;
	known->perm = entry->perm;
	return known;
}

static enum dma_result ask_for_page(struct queue *queue, uint64_t iova, bool write)
{
	uint64_t page = iova & ~PAGE_OFFSET;

	/* What was said of the other end of the job is of no use here. */
	if (queue->request_page != page) {
		queue->request_page = page;
		queue->requests = 0;
		queue->denied = false;
	}
	if (queue->denied)
		return DMA_DENIED;
	if (++queue->requests > MAX_REQUESTS)
		return DMA_TIRED;
	/* The answer may come before the function returns. */
	queue->waiting = true;
	queue->dev->counters[COUNT_PAGE_REQUESTS]++;
	if (pci_pri_request_page(queue->dev->pci, queue->pasid, false, false, page, true,
				 queue->number, !write, write)) {
		queue->waiting = false;
		queue->dev->counters[COUNT_PAGE_REQUESTS]--;
		return DMA_BROKEN;
	}
	return DMA_WAIT;
}

/*
 * Finds out where @iova is in memory. DMA_WAIT: a page request is under way, the caller comes back
 * when it is answered.
 */
enum dma_result dma_translate(struct queue *queue, uint64_t iova, bool write, bool may_ask,
			      uint64_t *address)
{
	int perm = write ? ABI_PERM_WRITE : ABI_PERM_READ;
	const struct translation *known = lookup(queue, iova, perm);
	struct testdev *dev = queue->dev;
	struct iommu_entry entry = { 0 };
	uint32_t errors = 0;
	ssize_t count;

	if (known) {
		dev->counters[COUNT_CACHE_HITS]++;
	} else {
		dev->counters[COUNT_TRANSLATIONS]++;
		count = pci_ats_request_translation(dev->pci, queue->pasid, false, false,
						    iova & ~PAGE_OFFSET, DMA_PAGE, !write, &entry,
						    1, &errors);
		if (count < 0)
			return DMA_BROKEN;
		if (count != 1 || !(entry.perm & perm))
			return may_ask ? ask_for_page(queue, iova, write) : DMA_DENIED;
		known = remember(queue, iova, &entry);
	}
	*address = known->address | (iova & known->mask);
	return DMA_DONE;
}

bool dma_read(struct queue *queue, uint64_t address, void *buffer, uint64_t length)
{
	uint64_t *counters = queue->dev->counters;

	counters[COUNT_OPERATIONS]++;
	counters[COUNT_BYTES_READ] += length;
	return !address_space_rw(address_space_memory, address, 0, buffer, length, false);
}

bool dma_write(struct queue *queue, uint64_t address, void *buffer, uint64_t length)
{
	uint64_t *counters = queue->dev->counters;

	counters[COUNT_OPERATIONS]++;
	counters[COUNT_BYTES_WRITTEN] += length;
	return !address_space_rw(address_space_memory, address, 0, buffer, length, true);
}
