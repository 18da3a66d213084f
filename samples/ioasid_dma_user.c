// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that share the device of ioasid_dma.ko: its DMA goes to their own malloc'ed memory, by
 * their own addresses. What they do is told on standard output, with a mark per fact that was
 * expected; exit code 1 when one did not hold.
 *
 * Copyright (C) 2026 the IOASID developers
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ioasid_dma.h"
#include "scene.h"

#define DEVICE "/dev/ioasid_dma0"
#define QUEUES "/sys/kernel/debug/ioasid_dma/ioasid_dma0/queues"
#define WHY "/sys/kernel/debug/ioasid_dma/ioasid_dma0/why"
#define IDS "/sys/kernel/debug/ioasid/ids"

#define SIZE (1024 * 1024)
#define DMA_WAIT_MS 20000

/* ---- one process, told by its parent what to do ---- */

enum order { ORDER_COPY, ORDER_TOUCH, ORDER_CHECK, ORDER_FLOOD, ORDER_EXIT };

struct request {
	enum order order;
	__u64 addr;
};

struct answer {
	int error;
	__u32 pasid;
	__u32 status;
	__u64 source;
	__u64 target;
	__u64 bytes;
	__u64 fault;
	__u64 requests;
	bool right;
};

static __u64 page_requests(int device)
{
	struct ioasid_dma_counters counters = { 0 };

	ioctl(device, IOASID_DMA_COUNTERS, &counters);
	return counters.values[IOASID_DMA_COUNTER(DMA_REG_PAGE_REQUESTS)];
}

static void run_job(int device, struct ioasid_dma_job *job, struct answer *answer)
{
	struct ioasid_dma_done done = { .timeout = DMA_WAIT_MS };
	__u64 before = page_requests(device);

	if (ioctl(device, IOASID_DMA_SUBMIT, job) || ioctl(device, IOASID_DMA_WAIT, &done)) {
		answer->error = errno;
		return;
	}
	answer->status = done.status;
	answer->bytes = done.bytes;
	answer->fault = done.address;
	answer->requests = page_requests(device) - before;
}

/* Each process has its own words in its source. */
static bool has_words(const char *name, const __u64 *words)
{
	size_t i;

	for (i = 0; i < SIZE / sizeof(*words); i++) {
		if (words[i] != ((__u64)name[0] << 56 | i))
			return false;
	}
	return true;
}

static void fill_words(const char *name, __u64 *words)
{
	size_t i;

	for (i = 0; i < SIZE / sizeof(*words); i++)
		words[i] = ((__u64)name[0] << 56 | i);
}

static void answer_request(const char *name, int device, const struct request *request,
			   struct answer *answer)
{
	static __u64 *source, *target;
	struct ioasid_dma_job job = { .operation = DMA_OP_COPY, .length = SIZE };

	if (!source) {
		source = malloc(SIZE);
		target = malloc(SIZE);
		fill_words(name, source);
	}
	job.source = (uintptr_t)source;
	job.target = (uintptr_t)target;
	answer->source = job.source;
	answer->target = job.target;
	switch (request->order) {
	case ORDER_COPY:
		run_job(device, &job, answer);
		answer->right = has_words(name, target);
		break;
	case ORDER_TOUCH:
		/* An address of somebody else's. */
		job.target = request->addr;
		run_job(device, &job, answer);
		break;
	case ORDER_CHECK:
		answer->right = has_words(name, source) && has_words(name, target);
		break;
	case ORDER_FLOOD:
		job.operation = DMA_OP_COPY | DMA_FLAG_ENDLESS;
		answer->error = ioctl(device, IOASID_DMA_SUBMIT, &job) ? errno : 0;
		break;
	case ORDER_EXIT:
		_exit(0);
	}
}

/* A file that other processes have as well when its first user has gone. */
static int shared_device = -1;

static void live(const char *name, int from, int to)
{
	struct ioasid_dma_bind bind = { 0 };
	struct answer answer = { 0 };
	struct request request;
	int device = shared_device;

	if (device < 0)
		device = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0 || ioctl(device, IOASID_DMA_BIND, &bind))
		answer.error = errno;
	answer.pasid = bind.pasid;
	while (write(to, &answer, sizeof(answer)) == sizeof(answer) &&
	       read(from, &request, sizeof(request)) == sizeof(request)) {
		memset(&answer, 0, sizeof(answer));
		answer_request(name, device, &request, &answer);
	}
	_exit(0);
}

/* ---- who had which number, and when it could be given to the next ---- */

static struct owner {
	char name[16];
	pid_t pid;
	__u32 pasid;
	long bound, gone, reusable; /* ms */
} owners[8];

static int owner_count;

static long now_ms(void)
{
	static struct timespec first;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!first.tv_sec)
		first = now;
	return (now.tv_sec - first.tv_sec) * 1000 + (now.tv_nsec - first.tv_nsec) / 1000000;
}

static struct owner *owner_of(const struct process *process)
{
	int i;

	for (i = 0; i < owner_count; i++) {
		if (owners[i].pid == process->pid)
			return &owners[i];
	}
	errno = ESRCH;
	give_up(process->name);
	return NULL;
}

static bool is_known(__u32 pasid)
{
	char line[200];

	return find_line(IDS, pasid, line, sizeof(line));
}

static __u64 counter(const struct ioasid_dma_counters *counters, unsigned int reg)
{
	return counters->values[IOASID_DMA_COUNTER(reg)];
}

static void show_counters(void)
{
	struct ioasid_dma_counters counters = { 0 };
	int device = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (device < 0 || ioctl(device, IOASID_DMA_COUNTERS, &counters))
		give_up(DEVICE);
	close(device);
	printf("    %llu DMA operations, %llu page requests, %llu invalidations\n",
	       counter(&counters, DMA_REG_OPERATIONS), counter(&counters, DMA_REG_PAGE_REQUESTS),
	       counter(&counters, DMA_REG_INVALIDATIONS));
	fact(counter(&counters, DMA_REG_PAGE_REQUESTS) ==
	     counter(&counters, DMA_REG_PAGE_RESPONSES) &&
	     !counter(&counters, DMA_REG_ORPHANS),
	     "no page request is unanswered, no DMA was without an owner");
}

static void show_history(void)
{
	int i;

	printf("    who had which PASID, and when it could be used again:\n");
	printf("    PASID     PID  OWNER      BOUND     GONE  REUSABLE\n");
	for (i = 0; i < owner_count; i++) {
		const struct owner *owner = &owners[i];

		printf("    %5u  %6d  %-8s %4ld ms  %4ld ms   %4ld ms\n", owner->pasid, owner->pid,
		       owner->name, owner->bound, owner->gone, owner->reusable);
	}
}

/* ---- what the parent has them do ---- */

static struct process start(const char *name)
{
	struct process process = spawn(name, live);
	struct owner *owner = &owners[owner_count++];
	struct answer answer;

	hear(&process, &answer, sizeof(answer));
	if (answer.error) {
		show(WHY, "    why: ");
		errno = answer.error;
		give_up(DEVICE);
	}
	process.pasid = answer.pasid;
	snprintf(owner->name, sizeof(owner->name), "%s", name);
	owner->pid = process.pid;
	owner->pasid = answer.pasid;
	owner->bound = now_ms();
	return process;
}

static struct answer tell(struct process *process, enum order order, __u64 addr)
{
	struct request request = { .order = order, .addr = addr };
	struct answer answer = { 0 };

	say(process, &request, sizeof(request));
	if (order != ORDER_EXIT)
		hear(process, &answer, sizeof(answer));
	return answer;
}

static struct answer copy(struct process *process)
{
	struct answer answer = tell(process, ORDER_COPY, 0);

	fact(!answer.error && answer.status == DMA_STATUS_OK && answer.right &&
	     answer.bytes == SIZE, "%-6s  PASID %u copies 1 MB from %#llx to %#llx",
	     process->name, process->pasid, answer.source, answer.target);
	return answer;
}

static void wait_reusable(struct process *process)
{
	struct owner *owner = owner_of(process);
	int turn = 0;

	owner->gone = now_ms();
	while (is_known(process->pasid) && wait_a_little(&turn))
		;
	owner->reusable = now_ms();
	fact(!is_known(process->pasid), "%s is gone, and PASID %u can be used again", process->name,
	     process->pasid);
}

static void leave(struct process *process)
{
	tell(process, ORDER_EXIT, 0);
	bury(process);
	wait_reusable(process);
}

static void share(void)
{
	struct process alpha = start("alpha"), beta = start("beta"), gamma;
	struct answer first, second, stray;
	__u32 pasid;

	fact(alpha.pasid != beta.pasid, "two processes, two PASIDs");
	show(QUEUES, "    ");
	first = copy(&alpha);
	second = copy(&beta);
	fact(first.requests && second.requests,
	     "their targets were absent: the device asked for %llu and %llu pages",
	     first.requests, second.requests);
	first = copy(&alpha);
	fact(!first.requests, "now they are there: it asks for none");

	stray = tell(&beta, ORDER_TOUCH, first.target - (1ULL << 40));
	fact(!stray.error && stray.status == DMA_STATUS_FAULT && !stray.bytes,
	     "beta    writes to %#llx, which is not its own: a fault at once",
	     first.target - (1ULL << 40));
	fact(stray.fault == first.target - (1ULL << 40), "and is told at which address");
	copy(&beta);
	fact(tell(&alpha, ORDER_CHECK, 0).right && tell(&beta, ORDER_CHECK, 0).right,
	     "both find in their memory what they have put there");

	fact(!tell(&alpha, ORDER_FLOOD, 0).error,
	     "alpha has the device copy without an end, and is killed");
	pasid = alpha.pasid;
	kill(alpha.pid, SIGKILL);
	bury(&alpha);
	wait_reusable(&alpha);
	copy(&beta);

	shared_device = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (shared_device < 0)
		give_up(DEVICE);
	gamma = start("gamma");
	fact(gamma.pasid == pasid, "the next process gets PASID %u", gamma.pasid);
	fact(!tell(&gamma, ORDER_FLOOD, 0).error,
	     "gamma has the device copy without an end as well");
	show(IDS, "  ");
	kill(gamma.pid, SIGKILL);
	bury(&gamma);
	/* The file is open here: the driver was told, and has let go of the number. */
	wait_reusable(&gamma);
	fact(true, "although a third process has gamma's file open");
	close(shared_device);
	leave(&beta);
	show_history();
	show_counters();
}

int main(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "share")) {
		fprintf(stderr, "usage: ioasid_dma_user share\n");
		return 2;
	}
	now_ms();
	share();
	return failed;
}
