/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device from a process's point of view, and memory whose every byte is accounted for.
 */
#ifndef _DMA_H
#define _DMA_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../../../samples/ioasid_dma.h"
#include "kselftest_harness.h"

#define PAGE	4096UL
#define MIB	(1024 * 1024UL)
#define HUGE	(2 * MIB)

#define DMA_TIMEOUT_MS 60000

static inline const char *dma_path(unsigned int number)
{
	return number ? "/dev/ioasid_dma1" : "/dev/ioasid_dma0";
}

/* ---- memory ---- */

/* What all tests have seen, of all their processes. */
struct totals {
	atomic_ullong verified;
	atomic_ullong lost;
	atomic_ullong misdirected;
	atomic_ullong seed;
};

static struct totals *totals;

__attribute__((constructor)) static void make_totals(void)
{
	totals = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (totals == MAP_FAILED)
		exit(1);
}

/* A pattern is a run of ascending words as DMA_OP_FILL makes it. No two runs have one in common. */
static inline uint64_t new_pattern(void)
{
	return (atomic_fetch_add(&totals->seed, 1) + 1) << 40;
}

static inline uint8_t pattern_byte(uint64_t pattern, size_t at)
{
	return (pattern + at / 8) >> (8 * (at % 8));
}

static inline void paint(void *memory, size_t length, uint64_t pattern)
{
	uint8_t *bytes = memory;
	size_t i;

	for (i = 0; i < length; i++)
		bytes[i] = pattern_byte(pattern, i);
}

static inline size_t wrong_bytes(const void *memory, size_t length, uint64_t pattern)
{
	const uint8_t *bytes = memory;
	size_t i, wrong = 0;

	for (i = 0; i < length; i++)
		wrong += bytes[i] != pattern_byte(pattern, i);
	return wrong;
}

static inline size_t nonzero_bytes(const void *memory, size_t length)
{
	const uint8_t *bytes = memory;
	size_t i, wrong = 0;

	for (i = 0; i < length; i++)
		wrong += !!bytes[i];
	return wrong;
}

/* Memory that has to hold a pattern: what does not was lost. */
static inline bool holds(const void *memory, size_t length, uint64_t pattern)
{
	size_t wrong = wrong_bytes(memory, length, pattern);

	totals->verified += length;
	totals->lost += wrong;
	return !wrong;
}

/* Memory that nothing was to write to: what has changed was misdirected. */
static inline bool untouched(const void *memory, size_t length, uint64_t pattern)
{
	size_t wrong = wrong_bytes(memory, length, pattern);

	totals->verified += length;
	totals->misdirected += wrong;
	return !wrong;
}

static inline bool is_zero(const void *memory, size_t length)
{
	size_t wrong = nonzero_bytes(memory, length);

	totals->verified += length;
	totals->misdirected += wrong;
	return !wrong;
}

/* At an address that nothing else gets once they are gone. */
static inline uint8_t *pages_apart(size_t length)
{
	void *memory = mmap((void *)0x10000000, length, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* Pages nobody has touched yet; NULL if there are none. */
static inline void *fresh_pages(size_t length)
{
	void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* A buffer that does not begin at a page, between two guards that nobody is to write to. */
struct buffer {
	uint8_t *map;
	size_t map_length;
	uint8_t *data;
	size_t length;
	uint64_t guard;
};

#define GUARD	PAGE
#define SKEW	72

static inline struct buffer new_buffer(size_t length)
{
	struct buffer buffer = { .length = length, .guard = new_pattern() };

	buffer.map_length = 2 * GUARD + (length + SKEW + PAGE - 1) / PAGE * PAGE;
	buffer.map = fresh_pages(buffer.map_length);
	if (!buffer.map)
		exit(KSFT_FAIL);
	/* Small pages, so that what lies between the guards is not touched with them. */
	madvise(buffer.map, buffer.map_length, MADV_NOHUGEPAGE);
	buffer.data = buffer.map + GUARD + SKEW;
	paint(buffer.map, GUARD, buffer.guard);
	paint(buffer.map + buffer.map_length - GUARD, GUARD, buffer.guard);
	return buffer;
}

static inline bool guards_hold(const struct buffer *buffer)
{
	const uint8_t *end = buffer->map + buffer->map_length - GUARD;

	return untouched(buffer->map, GUARD, buffer->guard) &&
	       untouched(end, GUARD, buffer->guard);
}

static inline void free_buffer(struct buffer *buffer)
{
	munmap(buffer->map, buffer->map_length);
}

/* FNV-1a, as the device does it. */
static inline uint64_t checksum(const void *memory, size_t length)
{
	const uint8_t *bytes = memory;
	uint64_t sum = 0xcbf29ce484222325ULL;
	size_t i;

	for (i = 0; i < length; i++)
		sum = (sum ^ bytes[i]) * 0x100000001b3ULL;
	return sum;
}

/* ---- the device ---- */

static inline int open_device(unsigned int number)
{
	return open(dma_path(number), O_RDWR | O_CLOEXEC);
}

static inline int bind_queue(int fd, struct ioasid_dma_bind *bind)
{
	struct ioasid_dma_bind scratch;

	bind = bind ?: &scratch;
	memset(bind, 0, sizeof(*bind));
	return ioctl(fd, IOASID_DMA_BIND, bind) ? -errno : 0;
}

static inline int unbind_queue(int fd)
{
	return ioctl(fd, IOASID_DMA_UNBIND) ? -errno : 0;
}

/* A file with a queue; negative: an errno. */
static inline int open_queue(unsigned int number)
{
	int fd = open_device(number), ret;

	if (fd < 0)
		return -errno;
	ret = bind_queue(fd, NULL);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static inline int submit(int fd, unsigned int operation, const void *source, void *target,
			 size_t length, uint64_t value)
{
	struct ioasid_dma_job job = {
		.operation = operation,
		.source = (uintptr_t)source,
		.target = (uintptr_t)target,
		.length = length,
		.value = value,
	};

	return ioctl(fd, IOASID_DMA_SUBMIT, &job) ? -errno : 0;
}

static inline int wait_done(int fd, struct ioasid_dma_done *done)
{
	memset(done, 0, sizeof(*done));
	done->timeout = DMA_TIMEOUT_MS;
	return ioctl(fd, IOASID_DMA_WAIT, done) ? -errno : 0;
}

/* A job from beginning to end: DMA_STATUS_, or an errno. */
static inline int job(int fd, unsigned int operation, const void *source, void *target,
		      size_t length, uint64_t value, struct ioasid_dma_done *done)
{
	struct ioasid_dma_done scratch;
	int ret = submit(fd, operation, source, target, length, value);

	done = done ?: &scratch;
	if (!ret)
		ret = wait_done(fd, done);
	return ret ?: (int)done->status;
}

static inline int dma_copy(int fd, void *target, const void *source, size_t length)
{
	return job(fd, DMA_OP_COPY, source, target, length, 0, NULL);
}

static inline int dma_fill(int fd, void *target, size_t length, uint64_t pattern)
{
	return job(fd, DMA_OP_FILL, NULL, target, length, pattern, NULL);
}

static inline int set_pace(int fd, uint64_t ns)
{
	return ioctl(fd, IOASID_DMA_PACE, &ns) ? -errno : 0;
}

static inline uint64_t counter(int fd, unsigned int reg)
{
	struct ioasid_dma_counters counters = { 0 };

	ioctl(fd, IOASID_DMA_COUNTERS, &counters);
	return counters.values[IOASID_DMA_COUNTER(reg)];
}

static inline void *map_portal(int fd, const struct ioasid_dma_bind *bind)
{
	void *portal = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, bind->portal);

	return portal == MAP_FAILED ? NULL : portal;
}

static inline uint64_t portal_read(void *portal, unsigned int reg)
{
	return __atomic_load_n((uint64_t *)((char *)portal + reg), __ATOMIC_SEQ_CST);
}

static inline void portal_write(void *portal, unsigned int reg, uint64_t value)
{
	__atomic_store_n((uint64_t *)((char *)portal + reg), value, __ATOMIC_RELEASE);
}

static inline void portal_submit(void *portal, unsigned int operation, uint64_t source,
				 uint64_t target, uint64_t length, uint64_t cookie)
{
	portal_write(portal, DMA_REG_OPERATION, operation);
	portal_write(portal, DMA_REG_SOURCE, source);
	portal_write(portal, DMA_REG_TARGET, target);
	portal_write(portal, DMA_REG_LENGTH, length);
	portal_write(portal, DMA_REG_SUBMIT, cookie);
}

static inline void nap_ms(unsigned int ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

/* ---- processes ---- */

/* In the child the result is that of @live, as its exit code: 0 is good. */
static inline pid_t start_child(int (*live)(void *), void *data)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(live(data));
	}
	return pid;
}

/* The exit code, or minus the signal. */
static inline int end_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return 255;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* A process that finds something wrong ends, with the line as its exit code. */
static inline void check(bool good, int line)
{
	if (!good)
		_exit(line % 250 + 1);
}

#define CHECK(condition) check(condition, __LINE__)

#endif /* _DMA_H */
