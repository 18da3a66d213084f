// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is taken back from a mediated device by an unmap. By itself, because lockdep tells
 * here of locks of vfio_iommu_type1, and switches itself off.
 */
#define _GNU_SOURCE

#include "mdev.h"

TEST_F(mdev, pages_are_pinned_by_jobs_and_let_go_by_unmap)
{
	struct vm *a = &self->a;
	uint64_t before = new_pattern(), after = new_pattern();
	struct vm_answer fault;

	ASSERT_EQ(0, command(a, 0, MDEV_REG_ALLOC, 1));
	ASSERT_EQ(0, start(a, 0, 1));
	EXPECT_EQ(0, pinned_of(a->pid));
	ASSERT_EQ(DMA_STATUS_OK, fill(a, 0, OWN_A, 3 * PAGE, before));
	EXPECT_EQ(3, pinned_of(a->pid));
	ASSERT_EQ(DMA_STATUS_OK, fill(a, 0, OWN_A + 2 * PAGE, 2 * PAGE, before));
	EXPECT_EQ(4, pinned_of(a->pid));
	ASSERT_EQ(DMA_STATUS_OK, fill(a, 0, BOTH, LENGTH, before));
	EXPECT_EQ(4 + PAGES, pinned_of(a->pid));

	EXPECT_EQ(0, ask(a, 0, VM_UNMAP, BOTH).error);
	EXPECT_EQ(4, pinned_of(a->pid));
	EXPECT_EQ(4, mdev_row(0).pinned);
	fault = ask(a, 0, VM_JOB, DMA_OP_FILL, 0, BOTH, LENGTH, after);
	EXPECT_EQ(DMA_STATUS_FAULT, fault.value);
	EXPECT_EQ(BOTH, fault.address);
	EXPECT_EQ(1, get(a, 0, MDEV_REG_FAULTS));
	EXPECT_TRUE(ask(a, 0, VM_OLD_HOLDS, before).value);

	/* Other memory at the same address. */
	ASSERT_EQ(0, ask(a, 0, VM_MAP, BOTH, LENGTH, true).error);
	EXPECT_EQ(DMA_STATUS_OK, fill(a, 0, BOTH, LENGTH, after));
	EXPECT_TRUE(has(a, BOTH, LENGTH, after));
	EXPECT_TRUE(ask(a, 0, VM_OLD_HOLDS, before).value);
}

TEST_F(mdev, unmap_under_a_job_ends_it)
{
	struct vm *a = &self->a;
	uint64_t pattern = new_pattern();
	uint64_t address;

	ASSERT_EQ(0, command(a, 0, MDEV_REG_ALLOC, 1));
	ASSERT_EQ(0, start(a, 0, 1));
	ASSERT_EQ(0, fill_endlessly(a, 0, pattern));
	nap_ms(10);
	EXPECT_EQ(0, get(a, 0, DMA_REG_DONE_COUNT));
	EXPECT_EQ(0, ask(a, 0, VM_UNMAP, BOTH).error);
	EXPECT_EQ(0, pinned_of(a->pid));
	EXPECT_TRUE(COMES(get(a, 0, DMA_REG_DONE_COUNT)));
	EXPECT_EQ(DMA_STATUS_FAULT, get(a, 0, DMA_REG_DONE_STATUS));
	address = get(a, 0, DMA_REG_DONE_ADDRESS);
	EXPECT_LE(BOTH, address);
	EXPECT_GT(BOTH + LENGTH, address);
	EXPECT_EQ(address, get(a, 0, MDEV_REG_FAULT_ADDRESS));
	EXPECT_EQ(0, set(a, 0, DMA_REG_DONE_TAKE, 0));
	ASSERT_EQ(0, ask(a, 0, VM_MAP, BOTH, LENGTH, true).error);
	EXPECT_RUNS(a, 0);
}

/* Two devices of a machine have each pinned the same pages. */
TEST_F(mdev, unmap_takes_pages_from_each_device)
{
	struct vm *a = &self->a;

	START_TWO(a);
	EXPECT_RUNS(a, 0);
	EXPECT_RUNS(a, 2);
	EXPECT_EQ(0, ask(a, 0, VM_UNMAP, BOTH).error);
	EXPECT_EQ(0, mdev_row(0).pinned);
	EXPECT_EQ(0, mdev_row(2).pinned);
	EXPECT_EQ(0, pinned_of(a->pid));
	EXPECT_EQ(DMA_STATUS_FAULT, fill(a, 0, BOTH, LENGTH, 0));
	EXPECT_EQ(DMA_STATUS_FAULT, fill(a, 2, BOTH, LENGTH, 0));
}

/* Type1 gives up on pages that are pinned anew as often as it asks for them: by a BUG_ON(). */
TEST_F_TIMEOUT(mdev, unmap_races_with_submissions, 120)
{
	struct vm *a = &self->a;
	struct vm_answer storm;

	START_BOTH();
	ASSERT_EQ(0, ask(a, 2, VM_OPEN).error);
	ASSERT_EQ(0, command(a, 2, MDEV_REG_ALLOC, 2));
	ASSERT_EQ(0, start(a, 2, 2));
	/* Much, so that pages are let go of for long. */
	ASSERT_EQ(0, ask(a, 0, VM_MAP, OWN_B, 16 * LENGTH, true).error);
	storm = ask(a, 0, VM_STORM, OWN_B, 16 * LENGTH, 10);
	EXPECT_EQ(0, storm.error);
	/* Nothing was written where it was unmapped. */
	EXPECT_EQ(0, storm.value);
	EXPECT_LT(0, storm.bytes);
	EXPECT_LT(0, storm.result);
	/* A page may be there again when its request has been answered. */
	EXPECT_LE(storm.result, get(a, 0, MDEV_REG_FAULTS) + get(a, 2, MDEV_REG_FAULTS));
	EXPECT_RUNS(&self->b, 1);
}

TEST_HARNESS_MAIN
