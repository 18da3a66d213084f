// SPDX-License-Identifier: GPL-2.0
/*
 * A queue of the device: takes jobs from its portal and does them page by page, until they are
 * done or the driver stops it.
 */
#include <string.h>

#include "testdev.h"

#define PAGES_PER_TURN 16

/* User addresses end below; a page request above could only annoy the IOMMU's driver. */
#define ADDRESS_BITS 48

/* No page begins there. */
#define NO_PAGE 1

#define FNV_OFFSET	0xcbf29ce484222325ULL
#define FNV_PRIME	0x100000001b3ULL

static struct job *current_job(struct queue *queue)
{
	return &queue->jobs[queue->finished % DMA_DEPTH];
}

static bool reads_source(const struct job *job)
{
	return (job->operation & DMA_OP_MASK) != DMA_OP_FILL;
}

static bool reads_target(const struct job *job)
{
	return (job->operation & DMA_OP_MASK) == DMA_OP_COMPARE;
}

static bool writes_target(const struct job *job)
{
	uint64_t operation = job->operation & DMA_OP_MASK;

	return operation == DMA_OP_COPY || operation == DMA_OP_FILL;
}

/* Addresses are canonical: bit 47 and all above are the same. */
static bool canonical(uint64_t address)
{
	uint64_t high = address >> (ADDRESS_BITS - 1);

	return !high || high == (1ULL << (64 - ADDRESS_BITS + 1)) - 1;
}

static bool good_range(uint64_t address, uint64_t length)
{
	uint64_t last = address + length - 1;

	/* Both ends in the same half, so that all between is canonical too. */
	return last >= address && canonical(address) && canonical(last) &&
	       address >> 63 == last >> 63;
}

static bool good_job(const struct job *job)
{
	uint64_t operation = job->operation & DMA_OP_MASK;

	if (operation < DMA_OP_COPY || operation > DMA_OP_COMPARE)
		return false;
	if (job->operation & ~(uint64_t)(DMA_OP_MASK | DMA_FLAGS) || !job->length)
		return false;
	if (reads_source(job) && !good_range(job->source, job->length))
		return false;
	return !(reads_target(job) || writes_target(job)) || good_range(job->target, job->length);
}

static void finish(struct queue *queue, uint64_t status)
{
	struct testdev *dev = queue->dev;
	struct job *job = current_job(queue);

	job->status = status;
	if (status == DMA_STATUS_FAULT)
		dev->counters[COUNT_FAULTS]++;
	if (status == DMA_STATUS_CANCELLED)
		dev->counters[COUNT_CANCELLED]++;
	queue->finished++;
	queue->requests = 0;
	queue->denied = false;
	queue->request_page = NO_PAGE;
	dev->interrupt |= 1ULL << queue->number;
	device_schedule(dev);
}

static void stop_if_quiet(struct queue *queue)
{
	if (queue->state != DMA_STATE_STOPPING || queue->waiting)
		return;
	while (queue->finished < queue->submitted)
		finish(queue, DMA_STATUS_CANCELLED);
	memset(queue->cache, 0, sizeof(queue->cache));
	queue->state = DMA_STATE_STOPPED;
}

static void forget(struct queue *queue)
{
	uint64_t bit = 1ULL << queue->number;

	queue->state = DMA_STATE_OFF;
	queue->pasid = 0;
	queue->pace = 0;
	memset(&queue->portal, 0, sizeof(queue->portal));
	memset(queue->cache, 0, sizeof(queue->cache));
	queue->finished = queue->submitted;
	queue->taken = queue->submitted;
	queue->requests = 0;
	queue->denied = false;
	queue->request_page = NO_PAGE;
	queue->orphaned = false;
	queue->dev->interrupt &= ~bit;
	/* Else there would be no message for what comes first with the next user. */
	queue->dev->raised &= ~bit;
}

void queue_command(struct queue *queue, uint64_t command)
{
	switch (command) {
	case DMA_COMMAND_START:
		if (queue->state == DMA_STATE_OFF && queue->pasid &&
		    dma_open(queue->dev, queue->pasid))
			queue->state = DMA_STATE_RUNNING;
		break;
	case DMA_COMMAND_STOP:
		if (queue->state == DMA_STATE_RUNNING) {
			queue->state = DMA_STATE_STOPPING;
			stop_if_quiet(queue);
		}
		break;
	case DMA_COMMAND_OFF:
		if (queue->state == DMA_STATE_STOPPED)
			forget(queue);
		break;
	}
}

uint64_t queue_space(const struct queue *queue)
{
	if (queue->state != DMA_STATE_RUNNING)
		return 0;
	return DMA_DEPTH - (queue->submitted - queue->taken);
}

void queue_submit(struct queue *queue, uint64_t cookie)
{
	struct job *job;

	if (!queue_space(queue)) {
		queue->dev->counters[COUNT_REFUSED]++;
		return;
	}
	job = &queue->jobs[queue->submitted % DMA_DEPTH];
	*job = queue->portal;
	job->cookie = cookie;
	job->result = (job->operation & DMA_OP_MASK) == DMA_OP_CHECKSUM ? FNV_OFFSET : 0;
	queue->submitted++;
	queue->dev->counters[COUNT_JOBS]++;
	device_schedule(queue->dev);
}

/* From the IOMMU's callback: the rest follows in the main loop. */
void queue_answered(struct queue *queue, bool success)
{
	queue->waiting = false;
	queue->denied = !success;
	device_schedule(queue->dev);
}

/* How much lies in the pages in which source and target are. */
static uint64_t piece(const struct job *job)
{
	uint64_t length = job->length - job->done;
	uint64_t left;

	if (reads_source(job)) {
		left = DMA_PAGE - ((job->source + job->done) & (DMA_PAGE - 1));
		length = length < left ? length : left;
	}
	if (reads_target(job) || writes_target(job)) {
		left = DMA_PAGE - ((job->target + job->done) & (DMA_PAGE - 1));
		length = length < left ? length : left;
	}
	return length;
}

static void fill(const struct job *job, uint8_t *buffer, uint64_t length)
{
	uint64_t i;

	for (i = 0; i < length; i++) {
		uint64_t at = job->done + i;

		buffer[i] = (job->value + at / 8) >> (8 * (at % 8));
	}
}

static uint64_t checksum(uint64_t sum, const uint8_t *data, uint64_t length)
{
	uint64_t i;

	for (i = 0; i < length; i++)
		sum = (sum ^ data[i]) * FNV_PRIME;
	return sum;
}

static uint64_t common_length(const uint8_t *a, const uint8_t *b, uint64_t length)
{
	uint64_t i = 0;

	while (i < length && a[i] == b[i])
		i++;
	return i;
}

/* Moves the data of one piece; both ends are translated, and nothing comes in between. */
static uint64_t transfer(struct queue *queue, struct job *job, uint64_t source, uint64_t target,
			 uint64_t length)
{
	uint8_t data[DMA_PAGE], other[DMA_PAGE];
	uint64_t equal;

	if (reads_source(job) && !dma_read(queue, source, data, length))
		return DMA_STATUS_ABORT;
	if (reads_target(job) && !dma_read(queue, target, other, length))
		return DMA_STATUS_ABORT;

	switch (job->operation & DMA_OP_MASK) {
	case DMA_OP_FILL:
		fill(job, data, length);
		break;
	case DMA_OP_CHECKSUM:
		job->result = checksum(job->result, data, length);
		break;
	case DMA_OP_COMPARE:
		equal = common_length(data, other, length);
		job->result += equal;
		if (equal < length)
			job->length = job->done + length;
		break;
	}
	if (writes_target(job) && !dma_write(queue, target, data, length))
		return DMA_STATUS_ABORT;
	job->done += length;
	return DMA_STATUS_OK;
}

/* Translates one end of the piece. Returns false if the job has to wait, or has ended. */
static bool resolve(struct queue *queue, uint64_t iova, bool write, uint64_t *address)
{
	struct job *job = current_job(queue);
	bool may_ask = !(job->operation & DMA_FLAG_NO_PRI);

	switch (dma_translate(queue, iova, write, may_ask, address)) {
	case DMA_DONE:
		return true;
	case DMA_WAIT:
		return false;
	case DMA_DENIED:
		job->fault = iova;
		finish(queue, DMA_STATUS_FAULT);
		return false;
	case DMA_TIRED:
		job->fault = iova;
		finish(queue, DMA_STATUS_RETRIES);
		return false;
	default:
		job->fault = iova;
		if (!queue->orphaned) {
			queue->orphaned = true;
			queue->dev->counters[COUNT_ORPHANS]++;
		}
		finish(queue, DMA_STATUS_ABORT);
		return false;
	}
}

/* Does one piece. Returns false if nothing can be done for now. */
static bool step(struct queue *queue)
{
	struct job *job = current_job(queue);
	uint64_t source = 0, target = 0, length, status;

	if (!job->done && !good_job(job)) {
		finish(queue, DMA_STATUS_INVALID);
		return true;
	}
	length = piece(job);
	if (reads_source(job) && !resolve(queue, job->source + job->done, false, &source))
		return !queue->waiting;
	if ((reads_target(job) || writes_target(job)) &&
	    !resolve(queue, job->target + job->done, writes_target(job), &target))
		return !queue->waiting;
	status = transfer(queue, job, source, target, length);
	if (status != DMA_STATUS_OK) {
		finish(queue, status);
	} else if (job->done >= job->length) {
		if (job->operation & DMA_FLAG_ENDLESS)
			job->done = 0;
		else
			finish(queue, DMA_STATUS_OK);
	}
	return true;
}

static void rested(void *opaque)
{
	struct queue *queue = opaque;

	queue->resting = false;
	if (!queue->dev->gone)
		device_schedule(queue->dev);
}

/* A few pages. Returns whether there is more to do at once. */
bool queue_turn(struct queue *queue)
{
	unsigned int turn;

	stop_if_quiet(queue);
	for (turn = 0; turn < PAGES_PER_TURN; turn++) {
		if (queue->state != DMA_STATE_RUNNING || queue->waiting || queue->resting ||
		    queue->finished == queue->submitted)
			return false;
		if (!step(queue))
			return false;
		if (queue->pace) {
			queue->resting = true;
			timer_mod(queue->timer, qemu_clock_get_ns(ABI_CLOCK_VIRTUAL) + queue->pace);
			return false;
		}
	}
	return true;
}

void queue_init(struct testdev *dev, unsigned int number)
{
	struct queue *queue = &dev->queues[number];

	queue->dev = dev;
	queue->number = number;
	queue->request_page = NO_PAGE;
	timer_init_full(queue->timer, main_loop_tlg, ABI_CLOCK_VIRTUAL, 1, 0, rested, queue);
}

/* The device is reset or pulled out: who waited for it will not be told. */
void queue_abandon(struct queue *queue)
{
	timer_del(queue->timer);
	queue->resting = false;
	queue->waiting = false;
	forget(queue);
}
