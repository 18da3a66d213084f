// SPDX-License-Identifier: GPL-2.0
/*
 * Two virtual machines, each with a mediated device of the same device, by VFIO: each has its
 * memory, its PASIDs and its quota, and none reaches the other's.
 */
#define _GNU_SOURCE

#include "mdev.h"

TEST_F(mdev, one_number_and_address_two_pasids_and_memories)
{
	uint64_t of_a = new_pattern(), of_b = new_pattern();
	unsigned int host_a, host_b;

	START_BOTH();
	EXPECT_EQ(1, ids_of(self->a.pid, 1, &host_a));
	EXPECT_EQ(1, ids_of(self->b.pid, 1, &host_b));
	EXPECT_NE(0, host_a);
	EXPECT_NE(host_a, host_b);
	EXPECT_EQ(host_a, mdev_row(0).host);
	EXPECT_EQ(host_b, mdev_row(1).host);

	EXPECT_EQ(DMA_STATUS_OK, fill(&self->a, 0, BOTH, LENGTH, of_a));
	EXPECT_EQ(DMA_STATUS_OK, fill(&self->b, 1, BOTH, LENGTH, of_b));
	EXPECT_TRUE(has(&self->a, BOTH, LENGTH, of_a));
	EXPECT_TRUE(has(&self->b, BOTH, LENGTH, of_b));
	EXPECT_EQ(DMA_STATUS_OK, copy(&self->a, 0, OWN_A, BOTH, LENGTH));
	EXPECT_EQ(DMA_STATUS_OK, copy(&self->b, 1, OWN_B, BOTH, LENGTH));
	EXPECT_TRUE(has(&self->a, OWN_A, LENGTH, of_a));
	EXPECT_TRUE(has(&self->b, OWN_B, LENGTH, of_b));
	EXPECT_EQ(0, get(&self->a, 0, MDEV_REG_FAULTS));
	EXPECT_EQ(0, get(&self->b, 1, MDEV_REG_FAULTS));
}

TEST_F(mdev, memory_of_the_other_is_refused_by_the_iommu)
{
	uint64_t of_a = new_pattern(), of_b = new_pattern();
	struct vm_answer stray;

	ASSERT_EQ(0, command(&self->a, 0, MDEV_REG_ALLOC, 5));
	ASSERT_EQ(0, command(&self->b, 1, MDEV_REG_ALLOC, 9));
	ASSERT_EQ(0, start(&self->a, 0, 5));
	ASSERT_EQ(0, start(&self->b, 1, 9));
	/* The address is there for the device, with the PASID of a. */
	ASSERT_EQ(DMA_STATUS_OK, fill(&self->a, 0, OWN_A, LENGTH, of_a));

	stray = ask(&self->b, 1, VM_JOB, DMA_OP_FILL, 0, OWN_A + PAGE, PAGE, of_b);
	EXPECT_EQ(0, stray.error);
	EXPECT_EQ(DMA_STATUS_FAULT, stray.value);
	EXPECT_EQ(0, stray.bytes);
	EXPECT_EQ(OWN_A + PAGE, stray.address);
	EXPECT_EQ(1, get(&self->b, 1, MDEV_REG_FAULTS));
	EXPECT_EQ(9, get(&self->b, 1, MDEV_REG_FAULT_PASID));
	EXPECT_EQ(OWN_A + PAGE, get(&self->b, 1, MDEV_REG_FAULT_ADDRESS));

	ASSERT_EQ(0, ask(&self->b, 1, VM_PAINT, OWN_B, LENGTH, of_b).error);
	stray = ask(&self->b, 1, VM_JOB, DMA_OP_COPY, OWN_A, OWN_B, LENGTH);
	EXPECT_EQ(DMA_STATUS_FAULT, stray.value);
	EXPECT_EQ(OWN_A, stray.address);
	EXPECT_EQ(2, get(&self->b, 1, MDEV_REG_FAULTS));
	EXPECT_TRUE(has(&self->b, OWN_B, LENGTH, of_b));

	stray = ask(&self->a, 0, VM_JOB, DMA_OP_CHECKSUM, OWN_B, 0, LENGTH);
	EXPECT_EQ(DMA_STATUS_FAULT, stray.value);
	EXPECT_EQ(1, get(&self->a, 0, MDEV_REG_FAULTS));
	EXPECT_EQ(5, get(&self->a, 0, MDEV_REG_FAULT_PASID));
	EXPECT_EQ(OWN_B, get(&self->a, 0, MDEV_REG_FAULT_ADDRESS));
	EXPECT_TRUE(has(&self->a, OWN_A, LENGTH, of_a));
	EXPECT_RUNS(&self->a, 0);
	EXPECT_RUNS(&self->b, 1);
}

TEST_F(mdev, number_of_the_other_is_unknown)
{
	unsigned int host;

	ASSERT_EQ(0, command(&self->a, 0, MDEV_REG_ALLOC, 7));
	ASSERT_EQ(0, start(&self->a, 0, 7));
	ids_of(self->a.pid, 7, &host);
	/* By neither its guest's nor its host's number. */
	EXPECT_EQ(ENOENT, start(&self->b, 1, 7));
	EXPECT_EQ(ENOENT, start(&self->b, 1, host));
	EXPECT_EQ(ENOENT, command(&self->b, 1, MDEV_REG_FREE, 7));
	EXPECT_EQ(ENOENT, command(&self->b, 1, MDEV_REG_FREE, host));
	EXPECT_EQ(DMA_STATE_OFF, get(&self->b, 1, DMA_REG_STATE));
	EXPECT_RUNS(&self->a, 0);
}

TEST_F(mdev, quota_is_that_of_the_machine)
{
	struct vm *a = &self->a;

	ASSERT_EQ(0, ask(a, 2, VM_OPEN).error);
	EXPECT_EQ(0, command(a, 0, MDEV_REG_ALLOC, 1));
	EXPECT_EQ(0, command(a, 2, MDEV_REG_ALLOC, 2));
	EXPECT_EQ(ENOSPC, command(a, 0, MDEV_REG_ALLOC, 3));
	EXPECT_EQ(ENOSPC, command(a, 2, MDEV_REG_ALLOC, 3));
	EXPECT_EQ(2, ids_of(a->pid, 0, NULL));
	EXPECT_EQ(0, command(&self->b, 1, MDEV_REG_ALLOC, 3));
	EXPECT_EQ(0, command(a, 0, MDEV_REG_FREE, 2));
	EXPECT_EQ(0, command(a, 0, MDEV_REG_ALLOC, 3));
	EXPECT_EQ(0, start(a, 0, 1));
	EXPECT_EQ(0, start(a, 2, 3));
	EXPECT_RUNS(a, 0);
	EXPECT_RUNS(a, 2);
}

TEST_F(mdev, commands_that_are_refused)
{
	struct vm *a = &self->a;

	EXPECT_EQ(ENOENT, start(a, 0, 1));
	EXPECT_EQ(ENOENT, command(a, 0, MDEV_REG_FREE, 1));
	EXPECT_EQ(EINVAL, command(a, 0, MDEV_REG_ALLOC, UINT32_MAX));
	EXPECT_EQ(EINVAL, command(a, 0, MDEV_REG_ALLOC, 1ULL << 32));
	EXPECT_EQ(0, command(a, 0, MDEV_REG_ALLOC, 1));
	EXPECT_EQ(EEXIST, command(a, 0, MDEV_REG_ALLOC, 1));
	EXPECT_TRUE(COMES(ids_of(a->pid, 0, NULL) == 1));
	EXPECT_EQ(0, start(a, 0, 1));
	EXPECT_EQ(EBUSY, start(a, 0, 1));
	ASSERT_EQ(0, ask(a, 2, VM_OPEN).error);
	EXPECT_EQ(EBUSY, start(a, 2, 1));
	EXPECT_EQ(-EINVAL, set(a, 0, 4, 0));
	EXPECT_EQ(-EINVAL, set(a, 0, MDEV_REGION_SIZE, 0));
	EXPECT_RUNS(a, 0);
}

TEST_F(mdev, free_before_stop_drains_the_queue)
{
	uint64_t of_a = new_pattern(), of_b = new_pattern();
	unsigned int host;

	START_BOTH();
	ids_of(self->a.pid, 1, &host);
	ASSERT_EQ(0, fill_endlessly(&self->a, 0, of_a));
	ASSERT_EQ(0, fill_endlessly(&self->b, 1, of_b));
	EXPECT_EQ(PAGES, mdev_row(0).pinned);
	EXPECT_EQ(PAGES, pinned_of(self->a.pid));

	EXPECT_EQ(0, command(&self->a, 0, MDEV_REG_FREE, 1));
	EXPECT_TRUE(COMES(get(&self->a, 0, DMA_REG_STATE) == DMA_STATE_OFF));
	EXPECT_TRUE(COMES(!ids_of(self->a.pid, 0, NULL)));
	EXPECT_EQ(0, mdev_row(0).pinned);
	EXPECT_EQ(0, pinned_of(self->a.pid));
	/* Nothing writes there any more. */
	ASSERT_EQ(0, ask(&self->a, 0, VM_PAINT, BOTH, LENGTH, of_b).error);
	nap_ms(50);
	EXPECT_TRUE(has(&self->a, BOTH, LENGTH, of_b));
	EXPECT_EQ(ENOENT, start(&self->a, 0, 1));

	/* The other one has not noticed. */
	EXPECT_EQ(DMA_STATE_RUNNING, get(&self->b, 1, DMA_REG_STATE));
	EXPECT_EQ(0, command(&self->a, 0, MDEV_REG_ALLOC, 1));
	EXPECT_EQ(0, start(&self->a, 0, 1));
	EXPECT_EQ(host, mdev_row(0).host);
	EXPECT_RUNS(&self->a, 0);
	EXPECT_EQ(0, set(&self->b, 1, DMA_REG_COMMAND, DMA_COMMAND_STOP));
	EXPECT_TRUE(COMES(get(&self->b, 1, DMA_REG_STATE) == DMA_STATE_STOPPED));
	EXPECT_TRUE(has(&self->b, BOTH, LENGTH, of_b));
	EXPECT_EQ(0, get(&self->b, 1, MDEV_REG_FAULTS));
}

TEST_F(mdev, off_gives_back_pages_and_reference)
{
	struct vm *a = &self->a;
	int turn;

	ASSERT_EQ(0, command(a, 0, MDEV_REG_ALLOC, 1));
	for (turn = 0; turn < 3; turn++) {
		ASSERT_EQ(0, start(a, 0, 1));
		EXPECT_RUNS(a, 0);
		EXPECT_EQ(PAGES, pinned_of(a->pid));
		EXPECT_EQ(0, set(a, 0, DMA_REG_COMMAND, DMA_COMMAND_STOP));
		EXPECT_TRUE(COMES(get(a, 0, DMA_REG_STATE) == DMA_STATE_STOPPED));
		EXPECT_EQ(0, set(a, 0, DMA_REG_COMMAND, DMA_COMMAND_OFF));
		EXPECT_EQ(DMA_STATE_OFF, get(a, 0, DMA_REG_STATE));
		EXPECT_EQ(0, pinned_of(a->pid));
	}
	/* Nobody holds it. */
	EXPECT_EQ(0, command(a, 0, MDEV_REG_FREE, 1));
	EXPECT_TRUE(COMES(!ids_of(a->pid, 0, NULL)));
}

TEST_F(mdev, memory_for_reading_is_not_written)
{
	struct vm *a = &self->a;
	uint64_t pattern = new_pattern();
	struct vm_answer fault;

	ASSERT_EQ(0, ask(a, 0, VM_MAP, OWN_B, LENGTH, false).error);
	ASSERT_EQ(0, ask(a, 0, VM_PAINT, OWN_B, LENGTH, pattern).error);
	ASSERT_EQ(0, command(a, 0, MDEV_REG_ALLOC, 1));
	ASSERT_EQ(0, start(a, 0, 1));
	EXPECT_EQ(DMA_STATUS_OK, copy(a, 0, BOTH, OWN_B, LENGTH));
	EXPECT_TRUE(has(a, BOTH, LENGTH, pattern));
	fault = ask(a, 0, VM_JOB, DMA_OP_FILL, 0, OWN_B, LENGTH, new_pattern());
	EXPECT_EQ(DMA_STATUS_FAULT, fault.value);
	EXPECT_EQ(OWN_B, fault.address);
	EXPECT_TRUE(has(a, OWN_B, LENGTH, pattern));
}

TEST_F(mdev, a_job_has_so_many_pages_only)
{
	struct vm *a = &self->a;
	const uint64_t most = MDEV_JOB_PAGES * PAGE;
	struct vm_answer fault;

	ASSERT_EQ(0, ask(a, 0, VM_MAP, OWN_B, most + PAGE, true).error);
	ASSERT_EQ(0, command(a, 0, MDEV_REG_ALLOC, 1));
	ASSERT_EQ(0, start(a, 0, 1));
	fault = ask(a, 0, VM_JOB, DMA_OP_FILL, 0, OWN_B, most + PAGE, new_pattern());
	EXPECT_EQ(DMA_STATUS_FAULT, fault.value);
	EXPECT_EQ(most, fault.bytes);
	EXPECT_EQ(OWN_B + most, fault.address);
	EXPECT_EQ(MDEV_JOB_PAGES, pinned_of(a->pid));
	fault = ask(a, 0, VM_JOB, DMA_OP_FILL, 0, ~0ULL - 4096, 1 << 20, 0);
	EXPECT_EQ(DMA_STATUS_INVALID, fault.value);
	EXPECT_RUNS(a, 0);
}

TEST_F(mdev, killed_machine_leaves_nothing)
{
	uint64_t pattern = new_pattern();
	unsigned int host, again;
	pid_t pid = self->a.pid;

	START_BOTH();
	EXPECT_EQ(0, command(&self->a, 0, MDEV_REG_ALLOC, 2));
	ids_of(pid, 1, &host);
	ASSERT_EQ(0, fill_endlessly(&self->a, 0, pattern));
	EXPECT_EQ(PAGES, mdev_row(0).pinned);
	vm_kill(&self->a);
	EXPECT_TRUE(COMES(!ids_of(pid, 0, NULL)));
	EXPECT_FALSE(mdev_row(0).on);
	EXPECT_EQ(0, mdev_row(0).pinned);
	/* Those of the kernel and of b. */
	EXPECT_TRUE(COMES(table_rows(SETS) == 2));
	EXPECT_RUNS(&self->b, 1);

	/* The device is the next one's, and the number. */
	ASSERT_EQ(0, vm_boot(&self->a));
	ASSERT_EQ(0, ask(&self->a, 0, VM_OPEN).error);
	EXPECT_EQ(DMA_STATE_OFF, get(&self->a, 0, DMA_REG_STATE));
	EXPECT_EQ(0, get(&self->a, 0, MDEV_REG_FAULTS));
	ASSERT_EQ(0, ask(&self->a, 0, VM_MAP, BOTH, LENGTH, true).error);
	EXPECT_EQ(0, command(&self->a, 0, MDEV_REG_ALLOC, 1));
	EXPECT_EQ(0, start(&self->a, 0, 1));
	ids_of(self->a.pid, 1, &again);
	EXPECT_EQ(host, again);
	EXPECT_RUNS(&self->a, 0);
}

/* So its end is told by the exit of its mm alone, and the queue is drained with its file open. */
TEST_F(mdev, killed_machine_whose_files_another_has)
{
	pid_t pid = self->a.pid, other;

	START_BOTH();
	ASSERT_EQ(0, fill_endlessly(&self->a, 0, new_pattern()));
	other = ask(&self->a, 0, VM_LEND).value;
	ASSERT_LT(0, other);
	vm_kill(&self->a);
	EXPECT_TRUE(COMES(!mdev_row(0).on));
	EXPECT_EQ(0, mdev_row(0).pinned);
	EXPECT_TRUE(COMES(!ids_of(pid, 0, NULL)));
	EXPECT_RUNS(&self->b, 1);
	kill(other, SIGKILL);
}

TEST_F_TIMEOUT(mdev, machines_are_killed_at_any_time, 120)
{
	uint64_t pattern = new_pattern();
	unsigned int seed = 1;
	int turn;

	ASSERT_EQ(0, command(&self->b, 1, MDEV_REG_ALLOC, 1));
	ASSERT_EQ(0, start(&self->b, 1, 1));
	for (turn = 0; turn < 12; turn++) {
		ASSERT_EQ(0, command(&self->a, 0, MDEV_REG_ALLOC, 1));
		ASSERT_EQ(0, start(&self->a, 0, 1));
		ASSERT_EQ(0, fill_endlessly(&self->a, 0, pattern));
		seed = seed * 1103515245 + 12345;
		nap_ms(seed >> 16 & 7);
		/* Half of the times the end of the process meets a FREE of its guest. */
		if (turn & 1)
			set(&self->a, 0, MDEV_REG_FREE, 1);
		vm_kill(&self->a);
		EXPECT_RUNS(&self->b, 1);
		ASSERT_EQ(0, vm_boot(&self->a));
		ASSERT_EQ(0, ask(&self->a, 0, VM_OPEN).error);
		ASSERT_EQ(0, ask(&self->a, 0, VM_MAP, BOTH, LENGTH, true).error);
	}
	EXPECT_EQ(0, get(&self->b, 1, MDEV_REG_FAULTS));
}

TEST_F(mdev, close_leaves_no_pasid_to_a_process_that_lives)
{
	struct vm *a = &self->a;

	START_BOTH();
	EXPECT_RUNS(a, 0);
	EXPECT_EQ(0, ask(a, 0, VM_CLOSE).error);
	EXPECT_TRUE(COMES(!ids_of(a->pid, 0, NULL)));
	EXPECT_EQ(0, pinned_of(a->pid));
	EXPECT_RUNS(&self->b, 1);
	/* And it can begin anew, with all of its quota. */
	EXPECT_EQ(0, ask(a, 2, VM_OPEN).error);
	EXPECT_EQ(0, command(a, 2, MDEV_REG_ALLOC, 1));
	EXPECT_EQ(0, command(a, 2, MDEV_REG_ALLOC, 2));
}

TEST_F(mdev, reset_lets_go)
{
	struct vm *a = &self->a;

	ASSERT_EQ(0, command(a, 0, MDEV_REG_ALLOC, 1));
	ASSERT_EQ(0, start(a, 0, 1));
	ASSERT_EQ(0, fill_endlessly(a, 0, new_pattern()));
	EXPECT_EQ(0, ask(a, 0, VM_RESET).error);
	EXPECT_EQ(DMA_STATE_OFF, get(a, 0, DMA_REG_STATE));
	EXPECT_EQ(0, pinned_of(a->pid));
	EXPECT_EQ(0, start(a, 0, 1));
	EXPECT_RUNS(a, 0);
}

/* Two devices of a machine: one container and one set, a domain each. */
TEST_F(mdev, pages_are_those_of_one_device)
{
	struct vm *a = &self->a;

	START_TWO(a);
	EXPECT_RUNS(a, 0);
	EXPECT_EQ(PAGES, mdev_row(0).pinned);
	EXPECT_EQ(0, mdev_row(2).pinned);
	EXPECT_RUNS(a, 2);
	EXPECT_EQ(PAGES, mdev_row(2).pinned);
	EXPECT_EQ(PAGES, pinned_of(a->pid));
	EXPECT_EQ(0, command(a, 0, MDEV_REG_FREE, 1));
	EXPECT_TRUE(COMES(!mdev_row(0).on));
	EXPECT_RUNS(a, 2);
	EXPECT_EQ(PAGES, pinned_of(a->pid));
}

static int delete_first(void *unused)
{
	(void)unused;
	return mdev_delete(0) ? 1 : 0;
}

TEST_F(mdev, removal_waits_for_close)
{
	struct vm *a = &self->a;
	pid_t remover;

	START_BOTH();
	EXPECT_RUNS(a, 0);
	remover = start_child(delete_first, NULL);
	nap_ms(300);
	EXPECT_EQ(0, waitpid(remover, NULL, WNOHANG));
	EXPECT_RUNS(a, 0);
	EXPECT_EQ(0, ask(a, 0, VM_CLOSE).error);
	EXPECT_EQ(0, end_of(remover));
	EXPECT_FALSE(mdev_exists(0));
	EXPECT_TRUE(COMES(!ids_of(a->pid, 0, NULL)));
	EXPECT_RUNS(&self->b, 1);
}

TEST_F(mdev, removal_waits_for_the_end_of_a_killed_machine)
{
	pid_t remover;

	START_BOTH();
	ASSERT_EQ(0, fill_endlessly(&self->a, 0, new_pattern()));
	remover = start_child(delete_first, NULL);
	nap_ms(100);
	EXPECT_EQ(0, waitpid(remover, NULL, WNOHANG));
	vm_kill(&self->a);
	EXPECT_EQ(0, end_of(remover));
	EXPECT_FALSE(mdev_exists(0));
	EXPECT_RUNS(&self->b, 1);
}

/* Of the whole device: PASIDs stay, and queues are started again. */
TEST_F(mdev, reset_of_the_parent_takes_its_queues)
{
	char path[256];
	int turn;

	START_BOTH();
	ASSERT_EQ(0, find_file("/sys/class/mdev_bus/*/reset", path, sizeof(path)));
	for (turn = 0; turn < 3; turn++) {
		ASSERT_EQ(0, fill_endlessly(&self->a, 0, new_pattern()));
		ASSERT_EQ(0, write_file(path, "1"));
		EXPECT_EQ(DMA_STATE_OFF, get(&self->a, 0, DMA_REG_STATE));
		EXPECT_EQ(DMA_STATE_OFF, get(&self->b, 1, DMA_REG_STATE));
		EXPECT_EQ(0, pinned_of(self->a.pid));
		EXPECT_EQ(1, ids_of(self->a.pid, 0, NULL));
		EXPECT_EQ(0, start(&self->a, 0, 1));
		EXPECT_EQ(0, start(&self->b, 1, 1));
		EXPECT_RUNS(&self->a, 0);
		EXPECT_RUNS(&self->b, 1);
	}
}

static int unbind_parent(void *name)
{
	return write_file("/sys/bus/pci/drivers/ioasid_mdev/unbind", name) ? 1 : 0;
}

TEST_F(mdev, parent_goes_after_its_machines)
{
	char name[64];
	pid_t remover;

	START_BOTH();
	ASSERT_EQ(0, mdev_parent(name, sizeof(name)));
	remover = start_child(unbind_parent, name);
	nap_ms(200);
	EXPECT_EQ(0, waitpid(remover, NULL, WNOHANG));
	EXPECT_RUNS(&self->a, 0);
	EXPECT_RUNS(&self->b, 1);
	EXPECT_EQ(0, ask(&self->a, 0, VM_CLOSE).error);
	vm_kill(&self->b);
	EXPECT_EQ(0, end_of(remover));
	EXPECT_FALSE(mdev_exists(0) || mdev_exists(1) || mdev_exists(2));
	EXPECT_TRUE(COMES(!table_rows(IDS)));
	EXPECT_EQ(0, write_file("/sys/bus/pci/drivers/ioasid_mdev/bind", name));
}

TEST_F(mdev, modules_in_use_stay)
{
	ASSERT_EQ(0, command(&self->a, 0, MDEV_REG_ALLOC, 1));
	EXPECT_EQ(-1, syscall(SYS_delete_module, "ioasid_mdev", O_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, syscall(SYS_delete_module, "ioasid", O_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, start(&self->a, 0, 1));
	EXPECT_RUNS(&self->a, 0);
}

TEST_HARNESS_MAIN
