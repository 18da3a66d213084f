// SPDX-License-Identifier: GPL-2.0
/*
 * What the device reads and writes while the address space changes under it.
 */
#define _GNU_SOURCE

#include "dma.h"

FIXTURE(memory) {
	int fd;
	uint64_t orphans;
	struct ioasid_dma_bind bind;
};

FIXTURE_SETUP(memory)
{
	self->fd = open_device(0);
	ASSERT_LE(0, self->fd) TH_LOG("%s: %s", dma_path(0), strerror(errno));
	ASSERT_EQ(0, bind_queue(self->fd, &self->bind));
	ASSERT_NE(0, self->bind.pasid);
	self->orphans = counter(self->fd, DMA_REG_ORPHANS);
}

FIXTURE_TEARDOWN(memory)
{
	/* Nothing may be on its way when the device is stopped, and nothing without an owner. */
	EXPECT_EQ(0, unbind_queue(self->fd));
	EXPECT_EQ(self->orphans, counter(self->fd, DMA_REG_ORPHANS));
	close(self->fd);
}

#define LENGTH (16 * PAGE + 1234)

/* ---- pages that are there, and pages that are not ---- */

TEST_F(memory, copy)
{
	struct buffer from = new_buffer(LENGTH), to = new_buffer(LENGTH);
	uint64_t pattern = new_pattern(), requests;

	paint(from.data, LENGTH, pattern);
	memset(to.data, 0xee, LENGTH);
	requests = counter(self->fd, DMA_REG_PAGE_REQUESTS);
	ASSERT_EQ(DMA_STATUS_OK, dma_copy(self->fd, to.data, from.data, LENGTH));
	EXPECT_TRUE(holds(to.data, LENGTH, pattern));
	EXPECT_TRUE(untouched(from.data, LENGTH, pattern));
	EXPECT_TRUE(guards_hold(&from));
	EXPECT_TRUE(guards_hold(&to));
	EXPECT_EQ(requests, counter(self->fd, DMA_REG_PAGE_REQUESTS));
}

TEST_F(memory, copy_to_absent)
{
	struct buffer from = new_buffer(LENGTH), to = new_buffer(LENGTH);
	uint64_t pattern = new_pattern(), requests = counter(self->fd, DMA_REG_PAGE_REQUESTS);

	paint(from.data, LENGTH, pattern);
	ASSERT_EQ(DMA_STATUS_OK, dma_copy(self->fd, to.data, from.data, LENGTH));
	EXPECT_TRUE(holds(to.data, LENGTH, pattern));
	EXPECT_TRUE(guards_hold(&to));
	EXPECT_LE(requests + LENGTH / PAGE, counter(self->fd, DMA_REG_PAGE_REQUESTS));
}

TEST_F(memory, checksum_of_absent)
{
	uint8_t *memory = fresh_pages(LENGTH);
	struct ioasid_dma_done done;

	ASSERT_NE(NULL, memory);
	ASSERT_EQ(DMA_STATUS_OK,
		  job(self->fd, DMA_OP_CHECKSUM, memory, NULL, LENGTH, 0, &done));
	EXPECT_EQ(LENGTH, done.bytes);
	EXPECT_EQ(checksum(memory, LENGTH), done.result);
}

TEST_F(memory, compare)
{
	struct buffer a = new_buffer(LENGTH), b = new_buffer(LENGTH);
	uint64_t pattern = new_pattern();
	struct ioasid_dma_done done;

	paint(a.data, LENGTH, pattern);
	paint(b.data, LENGTH, pattern);
	ASSERT_EQ(DMA_STATUS_OK, job(self->fd, DMA_OP_COMPARE, a.data, b.data, LENGTH, 0, &done));
	EXPECT_EQ(LENGTH, done.result);
	b.data[LENGTH / 2]++;
	ASSERT_EQ(DMA_STATUS_OK, job(self->fd, DMA_OP_COMPARE, a.data, b.data, LENGTH, 0, &done));
	EXPECT_EQ(LENGTH / 2, done.result);
}

/* The zero page is shared by all: a write has to get a page of its own first. */
TEST_F(memory, fill_zero_page)
{
	uint64_t pattern = new_pattern();
	uint8_t *memory = fresh_pages(8 * PAGE), *other = fresh_pages(8 * PAGE);

	ASSERT_NE(NULL, memory);
	ASSERT_NE(NULL, other);
	ASSERT_TRUE(is_zero(memory, 8 * PAGE));
	ASSERT_TRUE(is_zero(other, 8 * PAGE));
	ASSERT_EQ(DMA_STATUS_OK, dma_fill(self->fd, memory, 8 * PAGE, pattern));
	EXPECT_TRUE(holds(memory, 8 * PAGE, pattern));
	EXPECT_TRUE(is_zero(other, 8 * PAGE));
}

TEST_F(memory, absent_without_page_requests)
{
	uint64_t requests = counter(self->fd, DMA_REG_PAGE_REQUESTS);
	uint8_t *memory = fresh_pages(PAGE);
	struct ioasid_dma_done done;

	ASSERT_NE(NULL, memory);
	ASSERT_EQ(DMA_STATUS_FAULT,
		  job(self->fd, DMA_OP_FILL | DMA_FLAG_NO_PRI, NULL, memory, PAGE, 1, &done));
	EXPECT_EQ((uintptr_t)memory, done.address);
	EXPECT_EQ(requests, counter(self->fd, DMA_REG_PAGE_REQUESTS));
	EXPECT_TRUE(is_zero(memory, PAGE));
}

/* PREEMPT_RT has none. */
static bool has_huge_pages(void)
{
	return !access("/sys/kernel/mm/transparent_hugepage", F_OK);
}

TEST_F(memory, huge_pages)
{
	uint8_t *map = fresh_pages(6 * HUGE), *from, *to;
	uint64_t pattern = new_pattern();

	if (!has_huge_pages())
		SKIP(return, "there are no huge pages");
	ASSERT_NE(NULL, map);
	from = (uint8_t *)(((uintptr_t)map + HUGE - 1) & ~(HUGE - 1));
	to = from + 2 * HUGE;
	ASSERT_EQ(0, madvise(from, 4 * HUGE, MADV_HUGEPAGE));
	paint(from, 2 * HUGE, pattern);
	ASSERT_EQ(DMA_STATUS_OK, dma_copy(self->fd, to + 100, from + 4, 2 * HUGE - 4096));
	EXPECT_TRUE(is_zero(to, 100));
	EXPECT_EQ(0, memcmp(to + 100, from + 4, 2 * HUGE - 4096));
	EXPECT_TRUE(is_zero(to + 100 + 2 * HUGE - 4096, 4096 - 100));
	EXPECT_TRUE(untouched(from, 2 * HUGE, pattern));
}

/* ---- addresses that are not the process's ---- */

TEST_F(memory, read_only)
{
	uint64_t pattern = new_pattern();
	uint8_t *memory = fresh_pages(3 * PAGE);
	struct ioasid_dma_done done;

	ASSERT_NE(NULL, memory);
	paint(memory, 3 * PAGE, pattern);
	ASSERT_EQ(0, mprotect(memory + PAGE, PAGE, PROT_READ));
	ASSERT_EQ(DMA_STATUS_FAULT,
		  job(self->fd, DMA_OP_FILL, NULL, memory, 3 * PAGE, pattern, &done));
	EXPECT_EQ(PAGE, done.bytes);
	EXPECT_EQ((uintptr_t)memory + PAGE, done.address);
	EXPECT_TRUE(untouched(memory, 3 * PAGE, pattern));
	/* Reading is allowed. */
	ASSERT_EQ(DMA_STATUS_OK,
		  job(self->fd, DMA_OP_CHECKSUM, memory, NULL, 3 * PAGE, 0, &done));
	EXPECT_EQ(checksum(memory, 3 * PAGE), done.result);
	/* And so is the write, once the process may. */
	ASSERT_EQ(0, mprotect(memory + PAGE, PAGE, PROT_READ | PROT_WRITE));
	pattern = new_pattern();
	ASSERT_EQ(DMA_STATUS_OK, dma_fill(self->fd, memory, 3 * PAGE, pattern));
	EXPECT_TRUE(holds(memory, 3 * PAGE, pattern));
}

TEST_F(memory, unmapped)
{
	uint8_t *memory = fresh_pages(4 * PAGE), *from = fresh_pages(4 * PAGE);
	uint64_t pattern = new_pattern();
	struct ioasid_dma_done done;

	ASSERT_NE(NULL, memory);
	ASSERT_NE(NULL, from);
	paint(from, 4 * PAGE, pattern);
	ASSERT_EQ(DMA_STATUS_OK, dma_copy(self->fd, memory, from, 4 * PAGE));
	ASSERT_EQ(0, munmap(memory + 2 * PAGE, PAGE));
	ASSERT_EQ(DMA_STATUS_FAULT,
		  job(self->fd, DMA_OP_COPY, from, memory, 4 * PAGE, 0, &done));
	EXPECT_EQ(2 * PAGE, done.bytes);
	EXPECT_EQ((uintptr_t)memory + 2 * PAGE, done.address);
	/* The queue goes on with the next job. */
	ASSERT_EQ(DMA_STATUS_OK, dma_copy(self->fd, memory, from, 2 * PAGE));
	EXPECT_TRUE(holds(memory, 2 * PAGE, pattern));
}

TEST_F(memory, not_of_a_process)
{
	static const uint64_t addresses[] = {
		0xffff888000000000,	/* the kernel's */
		0xffffffff81000000,
		0x0000800000000000,	/* no address at all */
		0xfff7000000000000,
		0,			/* the process has nothing there */
		0x00007fffffffe000,
	};
	void *portal;
	struct ioasid_dma_done done;
	size_t i;

	EXPECT_EQ(-EFAULT, submit(self->fd, DMA_OP_FILL, NULL, (void *)addresses[0], PAGE, 0));
	EXPECT_EQ(-EFAULT, submit(self->fd, DMA_OP_FILL, NULL, (void *)addresses[2], PAGE, 0));
	EXPECT_EQ(-EFAULT, submit(self->fd, DMA_OP_CHECKSUM, (void *)addresses[3], NULL, PAGE, 0));

	/* Past the driver, the IOMMU is what refuses. */
	portal = map_portal(self->fd, &self->bind);
	ASSERT_NE(NULL, portal);
	for (i = 0; i < ARRAY_SIZE(addresses); i++) {
		portal_submit(portal, DMA_OP_FILL, 0, addresses[i], PAGE, i);
		ASSERT_EQ(0, wait_done(self->fd, &done));
		EXPECT_EQ(i, done.cookie);
		EXPECT_TRUE(done.status == DMA_STATUS_FAULT || done.status == DMA_STATUS_INVALID)
			TH_LOG("%#llx: status %u", (unsigned long long)addresses[i], done.status);
		EXPECT_EQ(0, done.bytes);
		portal_submit(portal, DMA_OP_CHECKSUM, addresses[i], 0, PAGE, i);
		ASSERT_EQ(0, wait_done(self->fd, &done));
		EXPECT_EQ(0, done.bytes);
	}
}

/* ---- a mapping that changes ---- */

TEST_F(memory, remapped)
{
	uint64_t old = new_pattern(), fresh = new_pattern();
	uint8_t *memory = fresh_pages(8 * PAGE), *kept;

	ASSERT_NE(NULL, memory);
	ASSERT_EQ(DMA_STATUS_OK, dma_fill(self->fd, memory, 8 * PAGE, old));
	/* The pages stay, somewhere else; the address gets others. */
	kept = mremap(memory, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	ASSERT_NE(MAP_FAILED, kept);
	ASSERT_NE(memory, kept);
	ASSERT_EQ(DMA_STATUS_OK, dma_fill(self->fd, memory, 8 * PAGE, fresh));
	EXPECT_TRUE(holds(memory, 8 * PAGE, fresh));
	EXPECT_TRUE(untouched(kept, 8 * PAGE, old));
}

TEST_F(memory, mremap)
{
	uint8_t *memory = fresh_pages(8 * PAGE), *moved, *space = fresh_pages(8 * PAGE);
	uint64_t pattern = new_pattern();
	struct ioasid_dma_done done;

	ASSERT_NE(NULL, memory);
	ASSERT_NE(NULL, space);
	ASSERT_EQ(DMA_STATUS_OK, dma_fill(self->fd, memory, 8 * PAGE, pattern));
	moved = mremap(memory, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, space);
	ASSERT_EQ(space, moved);
	EXPECT_EQ(DMA_STATUS_FAULT, dma_fill(self->fd, memory, 8 * PAGE, new_pattern()));
	EXPECT_TRUE(untouched(moved, 8 * PAGE, pattern));
	ASSERT_EQ(DMA_STATUS_OK,
		  job(self->fd, DMA_OP_CHECKSUM, moved, NULL, 8 * PAGE, 0, &done));
	EXPECT_EQ(checksum(moved, 8 * PAGE), done.result);
}

TEST_F(memory, dontneed)
{
	uint64_t pattern = new_pattern();
	uint8_t *memory = fresh_pages(8 * PAGE), *copy = fresh_pages(8 * PAGE);
	int i;

	ASSERT_NE(NULL, memory);
	ASSERT_NE(NULL, copy);
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(DMA_STATUS_OK, dma_fill(self->fd, memory, 8 * PAGE, pattern));
		ASSERT_TRUE(holds(memory, 8 * PAGE, pattern));
		ASSERT_EQ(0, madvise(memory, 8 * PAGE, MADV_DONTNEED));
		memset(copy, 0xee, 8 * PAGE);
		ASSERT_EQ(DMA_STATUS_OK, dma_copy(self->fd, copy, memory, 8 * PAGE));
		ASSERT_TRUE(is_zero(copy, 8 * PAGE));
	}
}

TEST_F(memory, mprotect)
{
	uint64_t pattern = new_pattern();
	uint8_t *memory = fresh_pages(4 * PAGE);
	int i;

	ASSERT_NE(NULL, memory);
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(DMA_STATUS_OK, dma_fill(self->fd, memory, 4 * PAGE, pattern));
		ASSERT_EQ(0, mprotect(memory, 4 * PAGE, PROT_READ));
		ASSERT_EQ(DMA_STATUS_FAULT, dma_fill(self->fd, memory, 4 * PAGE, new_pattern()));
		ASSERT_TRUE(untouched(memory, 4 * PAGE, pattern));
		ASSERT_EQ(0, mprotect(memory, 4 * PAGE, PROT_NONE));
		ASSERT_EQ(DMA_STATUS_FAULT,
			  job(self->fd, DMA_OP_CHECKSUM, memory, NULL, PAGE, 0, NULL));
		ASSERT_EQ(0, mprotect(memory, 4 * PAGE, PROT_READ | PROT_WRITE));
	}
}

/*
 * A page that the device has known is given to somebody else while the device is still at work with
 * it. The pages come back at once to the same CPU, so that what is allocated next is them.
 */
TEST_F_TIMEOUT(memory, munmap_under_write, 120)
{
	struct ioasid_dma_done done;
	uint64_t poison, pattern;
	uint8_t *memory, *other;
	int i;

	for (i = 0; i < 40; i++) {
		memory = pages_apart(16 * PAGE);
		ASSERT_NE(NULL, memory);
		poison = new_pattern();
		pattern = new_pattern();
		memset(memory, 0, 16 * PAGE);
		ASSERT_EQ(0, submit(self->fd, DMA_OP_FILL | DMA_FLAG_ENDLESS, NULL, memory,
				    16 * PAGE, poison));
		nap_ms(1);
		ASSERT_EQ(0, munmap(memory, 16 * PAGE));
		other = fresh_pages(32 * PAGE);
		ASSERT_NE(NULL, other);
		paint(other, 32 * PAGE, pattern);
		ASSERT_EQ(0, wait_done(self->fd, &done));
		ASSERT_EQ(DMA_STATUS_FAULT, done.status);
		ASSERT_TRUE(untouched(other, 32 * PAGE, pattern));
		munmap(other, 32 * PAGE);
	}
}

TEST_F_TIMEOUT(memory, munmap_under_read, 120)
{
	uint8_t *to = fresh_pages(16 * PAGE), *from, *other;
	struct ioasid_dma_done done;
	uint64_t secret, pattern;
	int i;

	ASSERT_NE(NULL, to);
	for (i = 0; i < 40; i++) {
		from = pages_apart(16 * PAGE);
		ASSERT_NE(NULL, from);
		pattern = new_pattern();
		secret = new_pattern();
		paint(from, 16 * PAGE, pattern);
		memset(to, 0, 16 * PAGE);
		ASSERT_EQ(0, submit(self->fd, DMA_OP_COPY | DMA_FLAG_ENDLESS, from, to, 16 * PAGE,
				    0));
		nap_ms(2);
		ASSERT_EQ(0, munmap(from, 16 * PAGE));
		other = fresh_pages(32 * PAGE);
		ASSERT_NE(NULL, other);
		paint(other, 32 * PAGE, secret);
		ASSERT_EQ(0, wait_done(self->fd, &done));
		ASSERT_EQ(DMA_STATUS_FAULT, done.status);
		ASSERT_TRUE(holds(to, done.bytes, pattern));
		/* In the first ms it may not have come round once. */
		if (nonzero_bytes(to + done.bytes, 16 * PAGE - done.bytes)) {
			ASSERT_TRUE(holds(to + done.bytes, 16 * PAGE - done.bytes,
					  pattern + done.bytes / 8));
		}
		munmap(other, 32 * PAGE);
	}
}

/* The only job that is at work comes to everything once more. */
static bool comes_round(int fd, uint64_t length)
{
	uint64_t until = counter(fd, DMA_REG_BYTES_WRITTEN) + length;
	int i;

	for (i = 0; i < DMA_TIMEOUT_MS; i++) {
		if (counter(fd, DMA_REG_BYTES_WRITTEN) >= until)
			return true;
		nap_ms(1);
	}
	return false;
}

/* A huge page is split, and pieces of it go and come back, under DMA. */
TEST_F_TIMEOUT(memory, split_huge_page, 120)
{
	uint8_t *map = fresh_pages(3 * HUGE), *memory;
	uint64_t pattern = new_pattern();
	struct ioasid_dma_done done;
	int i;

	if (!has_huge_pages())
		SKIP(return, "there are no huge pages");
	ASSERT_NE(NULL, map);
	memory = (uint8_t *)(((uintptr_t)map + HUGE - 1) & ~(HUGE - 1));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, madvise(memory, HUGE, MADV_HUGEPAGE));
		memset(memory, 0, HUGE);
		ASSERT_EQ(0, submit(self->fd, DMA_OP_FILL | DMA_FLAG_ENDLESS, NULL, memory, HUGE,
				    pattern));
		nap_ms(2);
		ASSERT_EQ(0, madvise(memory + 5 * PAGE, 3 * PAGE, MADV_DONTNEED));
		ASSERT_TRUE(comes_round(self->fd, HUGE));
		ASSERT_EQ(0, mprotect(memory + 100 * PAGE, PAGE, PROT_READ));
		/* That ends it: everything up to there has been written since. */
		ASSERT_EQ(0, wait_done(self->fd, &done));
		ASSERT_EQ(DMA_STATUS_FAULT, done.status);
		ASSERT_EQ(100 * PAGE, done.bytes);
		ASSERT_TRUE(holds(memory, 100 * PAGE, pattern));
		ASSERT_EQ(0, mprotect(memory + 100 * PAGE, PAGE, PROT_READ | PROT_WRITE));
		ASSERT_EQ(DMA_STATUS_OK, dma_fill(self->fd, memory, HUGE, pattern));
		ASSERT_TRUE(holds(memory, HUGE, pattern));
		ASSERT_EQ(0, madvise(memory, HUGE, MADV_DONTNEED));
	}
}

/* ---- copy on write ---- */

TEST_F(memory, write_after_fork)
{
	uint64_t before = new_pattern(), after = new_pattern();
	uint8_t *memory = fresh_pages(8 * PAGE);
	int go[2], i;
	pid_t child;
	char byte;

	ASSERT_NE(NULL, memory);
	ASSERT_EQ(0, pipe2(go, O_CLOEXEC));
	ASSERT_EQ(DMA_STATUS_OK, dma_fill(self->fd, memory, 8 * PAGE, before));
	child = fork();
	if (!child) {
		i = read(go[0], &byte, 1) == 1 && untouched(memory, 8 * PAGE, before);
		_exit(!i);
	}
	/* The device's translations of before permitted writing; the pages are shared now. */
	ASSERT_EQ(DMA_STATUS_OK, dma_fill(self->fd, memory, 8 * PAGE, after));
	ASSERT_EQ(1, write(go[1], "", 1));
	EXPECT_EQ(0, end_of(child));
	EXPECT_TRUE(holds(memory, 8 * PAGE, after));
}

TEST_F(memory, child_writes_after_fork)
{
	uint64_t pattern = new_pattern();
	uint8_t *memory = fresh_pages(8 * PAGE);
	struct ioasid_dma_done done;
	pid_t child;

	ASSERT_NE(NULL, memory);
	ASSERT_EQ(DMA_STATUS_OK, dma_fill(self->fd, memory, 8 * PAGE, pattern));
	child = fork();
	if (!child) {
		paint(memory, 8 * PAGE, new_pattern());
		_exit(0);
	}
	EXPECT_EQ(0, end_of(child));
	ASSERT_EQ(DMA_STATUS_OK,
		  job(self->fd, DMA_OP_CHECKSUM, memory, NULL, 8 * PAGE, 0, &done));
	EXPECT_EQ(checksum(memory, 8 * PAGE), done.result);
	EXPECT_TRUE(untouched(memory, 8 * PAGE, pattern));
}

/* Again and again, with DMA under way all the time: each child sees its own moment. */
TEST_F_TIMEOUT(memory, fork_under_write, 120)
{
	uint8_t *memory = fresh_pages(8 * PAGE);
	struct ioasid_dma_done done;
	uint64_t pattern = new_pattern(), before, after;
	pid_t child;
	int i;

	ASSERT_NE(NULL, memory);
	ASSERT_EQ(0, submit(self->fd, DMA_OP_FILL | DMA_FLAG_ENDLESS, NULL, memory, 8 * PAGE,
			    pattern));
	for (i = 0; i < 20; i++) {
		child = fork();
		if (!child) {
			before = checksum(memory, 8 * PAGE);
			nap_ms(5);
			after = checksum(memory, 8 * PAGE);
			_exit(before != after);
		}
		EXPECT_EQ(0, end_of(child));
	}
	ASSERT_EQ(0, munmap(memory, 8 * PAGE));
	ASSERT_EQ(0, wait_done(self->fd, &done));
	EXPECT_EQ(DMA_STATUS_FAULT, done.status);
}

/* ---- several queues, several threads ---- */

TEST_F(memory, one_pasid_for_all_queues)
{
	struct ioasid_dma_bind second, third;
	uint64_t a = new_pattern(), b = new_pattern();
	uint8_t *memory = fresh_pages(8 * PAGE);
	int fd = open_device(0), other = open_device(1);

	ASSERT_NE(NULL, memory);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bind_queue(fd, &second));
	EXPECT_EQ(self->bind.pasid, second.pasid);
	EXPECT_NE(self->bind.queue, second.queue);
	if (other >= 0) {
		ASSERT_EQ(0, bind_queue(other, &third));
		EXPECT_EQ(self->bind.pasid, third.pasid);
		ASSERT_EQ(DMA_STATUS_OK, dma_fill(other, memory + 4 * PAGE, PAGE, a));
		EXPECT_TRUE(holds(memory + 4 * PAGE, PAGE, a));
		close(other);
	}
	ASSERT_EQ(DMA_STATUS_OK, dma_fill(fd, memory, PAGE, a));
	close(fd);
	/* One bond less: the first goes on. */
	ASSERT_EQ(DMA_STATUS_OK, dma_fill(self->fd, memory + PAGE, PAGE, b));
	EXPECT_TRUE(holds(memory, PAGE, a));
	EXPECT_TRUE(holds(memory + PAGE, PAGE, b));
}

TEST_F(memory, pipeline)
{
	uint8_t *memory = fresh_pages(DMA_DEPTH * PAGE);
	struct pollfd poll_fd = { .fd = self->fd, .events = POLLIN };
	uint64_t patterns[DMA_DEPTH];
	struct ioasid_dma_done done;
	int i;

	ASSERT_NE(NULL, memory);
	ASSERT_EQ(0, set_pace(self->fd, 1000000));
	EXPECT_EQ(0, poll(&poll_fd, 1, 0));
	for (i = 0; i < DMA_DEPTH; i++) {
		patterns[i] = new_pattern();
		ASSERT_EQ(0, submit(self->fd, DMA_OP_FILL, NULL, memory + i * PAGE, PAGE,
				    patterns[i]));
	}
	EXPECT_EQ(-EAGAIN, submit(self->fd, DMA_OP_FILL, NULL, memory, PAGE, 0));
	for (i = 0; i < DMA_DEPTH; i++) {
		EXPECT_EQ(1, poll(&poll_fd, 1, DMA_TIMEOUT_MS));
		ASSERT_EQ(0, wait_done(self->fd, &done));
		EXPECT_EQ(i + 1, done.cookie);
		EXPECT_EQ(DMA_STATUS_OK, done.status);
		EXPECT_TRUE(holds(memory + i * PAGE, PAGE, patterns[i]));
	}
}

TEST_F(memory, portal)
{
	void *portal = map_portal(self->fd, &self->bind);
	struct buffer from = new_buffer(LENGTH), to = new_buffer(LENGTH);
	uint64_t pattern = new_pattern();
	struct ioasid_dma_done done;

	ASSERT_NE(NULL, portal);
	paint(from.data, LENGTH, pattern);
	EXPECT_EQ(DMA_DEPTH, portal_read(portal, DMA_REG_SPACE));
	portal_submit(portal, DMA_OP_COPY, (uintptr_t)from.data, (uintptr_t)to.data, LENGTH, 77);
	ASSERT_EQ(0, wait_done(self->fd, &done));
	EXPECT_EQ(77, done.cookie);
	EXPECT_EQ(DMA_STATUS_OK, done.status);
	EXPECT_TRUE(holds(to.data, LENGTH, pattern));
	EXPECT_TRUE(guards_hold(&to));
	/* Two that write the same registers would mix up their jobs. */
	EXPECT_EQ(-EBUSY, submit(self->fd, DMA_OP_COPY, from.data, to.data, LENGTH, 0));
}

TEST_F_SIGNAL(memory, portal_after_unbind, SIGBUS)
{
	void *portal = map_portal(self->fd, &self->bind);

	ASSERT_NE(NULL, portal);
	ASSERT_EQ(DMA_DEPTH, portal_read(portal, DMA_REG_SPACE));
	ASSERT_EQ(0, unbind_queue(self->fd));
	portal_write(portal, DMA_REG_SUBMIT, 1);
	ASSERT_TRUE(false) TH_LOG("the portal is still there");
}

/* ---- what is refused, and changes nothing ---- */

TEST_F(memory, bad_input)
{
	struct ioasid_dma_bind bind = { .flags = 1 };
	struct ioasid_dma_job job = { .operation = DMA_OP_FILL, .length = PAGE, .reserved = 1 };
	struct ioasid_dma_done done = { .timeout = 1 };
	uint64_t pace = IOASID_DMA_PACE_MAX + 1, jobs = counter(self->fd, DMA_REG_JOBS);
	uint8_t *memory = fresh_pages(PAGE);

	ASSERT_NE(NULL, memory);
	EXPECT_EQ(-EALREADY, bind_queue(self->fd, NULL));
	EXPECT_EQ(-1, ioctl(self->fd, IOASID_DMA_BIND, &bind));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->fd, IOASID_DMA_BIND, (void *)8));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->fd, IOASID_DMA_SUBMIT, &job));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-EINVAL, submit(self->fd, 0, NULL, memory, PAGE, 0));
	EXPECT_EQ(-EINVAL, submit(self->fd, DMA_OP_COMPARE + 1, memory, memory, PAGE, 0));
	EXPECT_EQ(-EINVAL, submit(self->fd, DMA_OP_FILL | 0x400, NULL, memory, PAGE, 0));
	EXPECT_EQ(-EINVAL, submit(self->fd, DMA_OP_FILL, NULL, memory, 0, 0));
	EXPECT_EQ(-EFAULT, submit(self->fd, DMA_OP_FILL, NULL, memory, SIZE_MAX, 0));
	EXPECT_EQ(-EFAULT, submit(self->fd, DMA_OP_FILL, NULL, memory, 1UL << 63, 0));
	EXPECT_EQ(-EFAULT, submit(self->fd, DMA_OP_COPY, (void *)-PAGE, memory, 2 * PAGE, 0));
	EXPECT_EQ(-1, ioctl(self->fd, IOASID_DMA_WAIT, &done));
	EXPECT_EQ(ETIMEDOUT, errno);
	EXPECT_EQ(-1, ioctl(self->fd, IOASID_DMA_PACE, &pace));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->fd, _IO('D', 99)));
	EXPECT_EQ(ENOTTY, errno);
	/* One page, shared, the own one. */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, self->fd,
				   self->bind.portal));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, self->fd,
				   self->bind.portal));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, self->fd,
				   self->bind.portal));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd,
				   self->bind.portal + PAGE));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd, 1UL << 40));
	EXPECT_EQ(jobs, counter(self->fd, DMA_REG_JOBS));
	EXPECT_TRUE(is_zero(memory, PAGE));
}

TEST_F(memory, after_unbind)
{
	uint64_t pattern = new_pattern();
	uint8_t *memory = fresh_pages(PAGE);
	struct ioasid_dma_done done;

	ASSERT_NE(NULL, memory);
	ASSERT_EQ(0, unbind_queue(self->fd));
	EXPECT_EQ(-ENXIO, unbind_queue(self->fd));
	EXPECT_EQ(-ENXIO, submit(self->fd, DMA_OP_FILL, NULL, memory, PAGE, 0));
	EXPECT_EQ(-ENXIO, wait_done(self->fd, &done));
	EXPECT_EQ(NULL, map_portal(self->fd, &self->bind));
	EXPECT_TRUE(is_zero(memory, PAGE));
	/* And once more. */
	ASSERT_EQ(0, bind_queue(self->fd, &self->bind));
	ASSERT_EQ(DMA_STATUS_OK, dma_fill(self->fd, memory, PAGE, pattern));
	EXPECT_TRUE(holds(memory, PAGE, pattern));
}

/* With DMA under way, to pages that are not there. */
TEST_F_TIMEOUT(memory, unbind_in_flight, 120)
{
	uint8_t *memory;
	int i;

	for (i = 0; i < 40; i++) {
		memory = fresh_pages(4 * MIB);
		ASSERT_NE(NULL, memory);
		ASSERT_EQ(0, submit(self->fd, DMA_OP_FILL, NULL, memory, 4 * MIB, 1ULL << 60));
		nap_ms(i % 8);
		ASSERT_EQ(0, unbind_queue(self->fd));
		/* From now on nothing writes there. */
		memset(memory, 0, 4 * MIB);
		nap_ms(1);
		ASSERT_TRUE(is_zero(memory, 4 * MIB));
		munmap(memory, 4 * MIB);
		ASSERT_EQ(0, bind_queue(self->fd, NULL));
	}
}

TEST(no_more_queues)
{
	int fds[DMA_QUEUES], fd, i;

	for (i = 0; i < DMA_QUEUES; i++) {
		fds[i] = open_queue(0);
		ASSERT_LE(0, fds[i]);
	}
	EXPECT_EQ(-EBUSY, open_queue(0));
	close(fds[3]);
	fd = open_queue(0);
	EXPECT_LE(0, fd);
}

#include "dma_totals.h"

TEST_HARNESS_MAIN
