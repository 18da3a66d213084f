/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtual machines: processes with a VFIO container, mediated devices of ioasid_mdev.ko and memory,
 * that do what the test tells them.
 */
#ifndef _MDEV_H
#define _MDEV_H

#include <glob.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>

#include "dma.h"
#include "../../../../samples/ioasid_mdev.h"

#define MDEVS 3
#define MDEV_WAIT_MS 10000

#define IDS "/sys/kernel/debug/ioasid/ids"
#define SETS "/sys/kernel/debug/ioasid/sets"
#define SUBSCRIBERS "/sys/kernel/debug/ioasid/subscribers"

static const char *const mdev_uuids[MDEVS] = {
	"6a3c1f52-30cb-4d65-9be6-0c0d0e3b7a01",
	"6a3c1f52-30cb-4d65-9be6-0c0d0e3b7a02",
	"6a3c1f52-30cb-4d65-9be6-0c0d0e3b7a03",
};

/* ---- files ---- */

/* The one file that a pattern is for; an errno. */
static inline int find_file(const char *pattern, char *path, size_t size)
{
	glob_t found;
	int ret = -ENOENT;

	if (!glob(pattern, 0, NULL, &found)) {
		ret = snprintf(path, size, "%s", found.gl_pathv[0]) < (int)size ? 0 : -E2BIG;
		globfree(&found);
	}
	return ret;
}

static inline int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static inline int mdev_create(int device)
{
	char path[256];
	int ret = find_file("/sys/class/mdev_bus/*/mdev_supported_types/ioasid_mdev-queue/create",
			    path, sizeof(path));

	return ret ?: write_file(path, mdev_uuids[device]);
}

static inline void mdev_path(int device, const char *name, char *path, size_t size)
{
	snprintf(path, size, "/sys/bus/mdev/devices/%s%s", mdev_uuids[device], name);
}

/* Returns when nobody has it open. */
static inline int mdev_delete(int device)
{
	char path[256];

	mdev_path(device, "/remove", path, sizeof(path));
	return write_file(path, "1");
}

static inline bool mdev_exists(int device)
{
	char path[256];

	mdev_path(device, "", path, sizeof(path));
	return !access(path, F_OK);
}

/* The name of the device that all are parts of; an errno. */
static inline int mdev_parent(char *name, size_t size)
{
	char path[256];
	int ret = find_file("/sys/class/mdev_bus/*", path, sizeof(path));

	if (!ret)
		snprintf(name, size, "%s", strrchr(path, '/') + 1);
	return ret;
}

/* What the driver says of a device. */
struct mdev_row {
	bool on;
	unsigned int guest;
	unsigned int host;
	unsigned long pinned;
};

static inline struct mdev_row mdev_row(int device)
{
	struct mdev_row row = { 0 };
	char path[256], line[256], guest[16], host[16], uuid[64];
	unsigned long pinned;
	FILE *table;

	if (find_file("/sys/kernel/debug/ioasid_mdev/*/queues", path, sizeof(path)))
		return row;
	table = fopen(path, "re");
	while (table && fgets(line, sizeof(line), table)) {
		if (sscanf(line, "%*u %15s %15s %lu %63s", guest, host, &pinned, uuid) != 4 ||
		    strcmp(uuid, mdev_uuids[device]))
			continue;
		row.on = host[0] != '-';
		row.guest = strtoul(guest, NULL, 10);
		row.host = strtoul(host, NULL, 10);
		row.pinned = pinned;
	}
	if (table)
		fclose(table);
	return row;
}

/* How many IDs a process has, by debugfs; that of @guest in @host, 0 if there is none. */
static inline int ids_of(pid_t pid, unsigned int guest, unsigned int *host)
{
	FILE *table = fopen(IDS, "re");
	unsigned int id, owner;
	char line[256], spid[16];
	int count = 0;

	if (host)
		*host = 0;
	while (table && fgets(line, sizeof(line), table)) {
		if (sscanf(line, "%u %*s %*d %*u %15s %*s %u", &id, spid, &owner) != 3 ||
		    owner != (unsigned int)pid)
			continue;
		count++;
		if (host && strtoul(spid, NULL, 10) == guest)
			*host = id;
	}
	if (table)
		fclose(table);
	return count;
}

/* Lines after the first. */
static inline int table_rows(const char *path)
{
	FILE *table = fopen(path, "re");
	char line[256];
	int rows = -1;

	while (table && fgets(line, sizeof(line), table))
		rows++;
	if (table)
		fclose(table);
	return rows;
}

/* What a process has pinned, in pages. */
static inline long pinned_of(pid_t pid)
{
	char path[64], line[256];
	long kb = -1;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status))
		sscanf(line, "VmLck: %ld", &kb);
	if (status)
		fclose(status);
	return kb < 0 ? -1 : kb / 4;
}

/* ---- inside of a machine ---- */

enum vm_op { VM_OPEN, VM_CLOSE, VM_MAP, VM_UNMAP, VM_READ, VM_WRITE, VM_RESET, VM_SUBMIT, VM_JOB,
	VM_PAINT, VM_HOLDS, VM_OLD_HOLDS, VM_LEND, VM_STORM };

struct vm_request {
	enum vm_op op;
	int device;
	uint64_t args[5];
};

struct vm_answer {
	int error;
	uint64_t value;
	uint64_t bytes;
	uint64_t result;
	uint64_t address;
};

struct vm_memory {
	uint64_t iova;
	uint64_t length;
	uint8_t *data;
};

struct vm_inside {
	int open;
	int container;
	int groups[MDEVS];
	int devices[MDEVS];
	int events[MDEVS];
	struct vm_memory memory[8];
	struct vm_memory old; /* what was unmapped last; the process still has it */
	uint64_t cookie;
};

static inline int vm_open(struct vm_inside *vm, int device)
{
	struct { struct vfio_irq_set set; int32_t fd; } irq = {
		.set = { .argsz = sizeof(irq), .count = 1,
			 .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER },
	};
	struct vfio_region_info region = { .argsz = sizeof(region) };
	struct vfio_device_info info = { .argsz = sizeof(info) };
	char path[256], link[256], group[300];
	bool first = !vm->open;
	ssize_t length;

	mdev_path(device, "/iommu_group", path, sizeof(path));
	length = readlink(path, link, sizeof(link) - 1);
	if (length < 0)
		return -errno;
	link[length] = '\0';
	snprintf(group, sizeof(group), "/dev/vfio%s", strrchr(link, '/'));
	if (first)
		vm->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	vm->groups[device] = open(group, O_RDWR | O_CLOEXEC);
	vm->events[device] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	irq.fd = vm->events[device];
	if (vm->container < 0 || vm->groups[device] < 0 ||
	    ioctl(vm->groups[device], VFIO_GROUP_SET_CONTAINER, &vm->container) ||
	    (first && ioctl(vm->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU)))
		return -errno;
	vm->devices[device] = ioctl(vm->groups[device], VFIO_GROUP_GET_DEVICE_FD,
				    mdev_uuids[device]);
	if (vm->devices[device] < 0 || ioctl(vm->devices[device], VFIO_DEVICE_GET_INFO, &info) ||
	    ioctl(vm->devices[device], VFIO_DEVICE_GET_REGION_INFO, &region) ||
	    ioctl(vm->devices[device], VFIO_DEVICE_SET_IRQS, &irq))
		return -errno;
	if (!(info.flags & VFIO_DEVICE_FLAGS_PLATFORM) || info.num_regions != 1 ||
	    region.size != MDEV_REGION_SIZE || region.offset)
		return -EPROTO;
	vm->open++;
	return 0;
}

/* With the last group the container loses its memory too, and is of no use. */
static inline int vm_close(struct vm_inside *vm, int device)
{
	close(vm->devices[device]);
	close(vm->groups[device]);
	close(vm->events[device]);
	if (!--vm->open) {
		close(vm->container);
		memset(vm->memory, 0, sizeof(vm->memory));
	}
	return 0;
}

static inline struct vm_memory *vm_memory(struct vm_inside *vm, uint64_t iova)
{
	int i;

	for (i = 0; i < 8; i++) {
		if (vm->memory[i].data && iova >= vm->memory[i].iova &&
		    iova < vm->memory[i].iova + vm->memory[i].length)
			return &vm->memory[i];
	}
	return NULL;
}

static inline int vm_map(struct vm_inside *vm, uint64_t iova, uint64_t length, bool writable)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | (writable ? VFIO_DMA_MAP_FLAG_WRITE : 0),
		.iova = iova,
		.size = length,
	};
	struct vm_memory *memory = vm->memory;

	while (memory->data)
		memory++;
	memory->iova = iova;
	memory->length = length;
	memory->data = fresh_pages(length);
	map.vaddr = (uintptr_t)memory->data;
	return ioctl(vm->container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

static inline int vm_unmap(struct vm_inside *vm, uint64_t iova)
{
	struct vm_memory *memory = vm_memory(vm, iova);
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap) };

	if (!memory)
		return -ENOENT;
	unmap.iova = memory->iova;
	unmap.size = memory->length;
	if (ioctl(vm->container, VFIO_IOMMU_UNMAP_DMA, &unmap))
		return -errno;
	vm->old = *memory;
	memory->data = NULL;
	return unmap.size == vm->old.length ? 0 : -EPROTO;
}

static inline int vm_read(struct vm_inside *vm, int device, unsigned int reg, uint64_t *value)
{
	return pread(vm->devices[device], value, 8, reg) == 8 ? 0 : -errno;
}

static inline int vm_write(struct vm_inside *vm, int device, unsigned int reg, uint64_t value)
{
	return pwrite(vm->devices[device], &value, 8, reg) == 8 ? 0 : -errno;
}

static inline int vm_submit(struct vm_inside *vm, int device, const uint64_t *args)
{
	unsigned int i;
	int ret;

	for (i = 0; i < 5; i++) {
		ret = vm_write(vm, device, MDEV_PORTAL + DMA_REG_OPERATION + 8 * i, args[i]);
		if (ret)
			return ret;
	}
	return vm_write(vm, device, MDEV_PORTAL + DMA_REG_SUBMIT, ++vm->cookie);
}

/* The next result, after an interrupt unless it is there. */
static inline int vm_result(struct vm_inside *vm, int device, struct vm_answer *answer)
{
	struct pollfd event = { .fd = vm->events[device], .events = POLLIN };
	uint64_t count = 0;

	for (;;) {
		if (vm_read(vm, device, DMA_REG_DONE_COUNT, &count))
			return -errno;
		if (count)
			break;
		if (poll(&event, 1, MDEV_WAIT_MS) != 1)
			return -ETIMEDOUT;
		if (read(event.fd, &count, 8) < 0)
			return -errno;
	}
	vm_read(vm, device, DMA_REG_DONE_STATUS, &answer->value);
	vm_read(vm, device, DMA_REG_DONE_BYTES, &answer->bytes);
	vm_read(vm, device, DMA_REG_DONE_RESULT, &answer->result);
	vm_read(vm, device, DMA_REG_DONE_ADDRESS, &answer->address);
	return vm_write(vm, device, DMA_REG_DONE_TAKE, 0);
}

/* Another process has all files open as well, until the test ends. */
static inline pid_t vm_lend(int from)
{
	pid_t pid = fork();

	if (!pid) {
		close(from);
		for (;;)
			pause();
	}
	return pid;
}

/* Processors of a machine that submit jobs for memory that another one takes away. */
struct vm_storm {
	struct vm_inside *vm;
	int device;
	pthread_t thread;
	atomic_bool end;
	unsigned long done, faults;
};

static inline void vm_storm_take(struct vm_storm *storm)
{
	uint64_t count = 0, status = ~0ULL;

	while (!vm_read(storm->vm, storm->device, DMA_REG_DONE_COUNT, &count) && count) {
		vm_read(storm->vm, storm->device, DMA_REG_DONE_STATUS, &status);
		storm->done += status == DMA_STATUS_OK;
		storm->faults += status == DMA_STATUS_FAULT;
		vm_write(storm->vm, storm->device, DMA_REG_DONE_TAKE, 0);
	}
}

static inline void *vm_storm_submit(void *data)
{
	struct vm_storm *storm = data;

	while (!storm->end)
		vm_write(storm->vm, storm->device, MDEV_PORTAL + DMA_REG_SUBMIT, 1);
	return NULL;
}

/* No pattern has it. */
#define STORM_BYTE	0x5a

static inline uint64_t vm_storm_wrong(const struct vm_memory *memory)
{
	uint64_t i, wrong = 0;

	for (i = 0; i < memory->length; i += 8)
		wrong += !!memcmp(memory->data + i, "\x5a\x5a\x5a\x5a\x5a\x5a\x5a\x5a", 8);
	return wrong;
}

/* For devices 0 and 2. */
static inline int vm_storm(struct vm_inside *vm, const uint64_t *args, struct vm_answer *answer)
{
	struct vm_storm storms[4] = { 0 };
	uint64_t job[5] = { DMA_OP_FILL, 0, args[0], args[1], new_pattern() };
	uint64_t turns = args[2];
	int i, ret;

	ret = vm_submit(vm, 0, job) ?: vm_submit(vm, 2, job);
	for (i = 0; i < 4; i++) {
		storms[i].vm = vm;
		storms[i].device = i % 2 ? 2 : 0;
		if (pthread_create(&storms[i].thread, NULL, vm_storm_submit, &storms[i]))
			return -EAGAIN;
	}
	while (!ret && turns--) {
		/* Longer than jobs wait after an unmap. */
		nap_ms(120);
		vm_storm_take(&storms[0]);
		vm_storm_take(&storms[1]);
		ret = vm_unmap(vm, args[0]);
		if (ret)
			break;
		memset(vm->old.data, STORM_BYTE, vm->old.length);
		nap_ms(2);
		vm_storm_take(&storms[0]);
		vm_storm_take(&storms[1]);
		answer->value += vm_storm_wrong(&vm->old);
		munmap(vm->old.data, vm->old.length);
		ret = vm_map(vm, args[0], args[1], true);
	}
	for (i = 0; i < 4; i++) {
		storms[i].end = true;
		pthread_join(storms[i].thread, NULL);
	}
	answer->bytes = storms[0].done + storms[1].done;
	answer->result = storms[0].faults + storms[1].faults;
	return ret;
}

static inline void vm_do(struct vm_inside *vm, int from, const struct vm_request *request,
			 struct vm_answer *answer)
{
	const uint64_t *args = request->args;
	struct vm_memory *memory;

	switch (request->op) {
	case VM_OPEN:
		answer->error = vm_open(vm, request->device);
		break;
	case VM_CLOSE:
		answer->error = vm_close(vm, request->device);
		break;
	case VM_MAP:
		answer->error = vm_map(vm, args[0], args[1], args[2]);
		break;
	case VM_UNMAP:
		answer->error = vm_unmap(vm, args[0]);
		break;
	case VM_READ:
		answer->error = vm_read(vm, request->device, args[0], &answer->value);
		break;
	case VM_WRITE:
		answer->error = vm_write(vm, request->device, args[0], args[1]);
		break;
	case VM_RESET:
		answer->error = ioctl(vm->devices[request->device], VFIO_DEVICE_RESET) ? -errno : 0;
		break;
	case VM_SUBMIT:
		answer->error = vm_submit(vm, request->device, args);
		break;
	case VM_JOB:
		answer->error = vm_submit(vm, request->device, args);
		if (!answer->error)
			answer->error = vm_result(vm, request->device, answer);
		break;
	case VM_PAINT:
		memory = vm_memory(vm, args[0]);
		paint(memory->data + (args[0] - memory->iova), args[1], args[2]);
		break;
	case VM_HOLDS:
		memory = vm_memory(vm, args[0]);
		answer->value = holds(memory->data + (args[0] - memory->iova), args[1], args[2]);
		break;
	case VM_LEND:
		answer->value = vm_lend(from);
		break;
	case VM_STORM:
		answer->error = vm_storm(vm, args, answer);
		break;
	case VM_OLD_HOLDS:
		answer->value = holds(vm->old.data, vm->old.length, args[0]);
		break;
	}
}

static inline void vm_live(int from, int to)
{
	struct vm_inside vm = { 0 };
	struct vm_request request;
	struct vm_answer answer;

	while (read(from, &request, sizeof(request)) == sizeof(request)) {
		memset(&answer, 0, sizeof(answer));
		vm_do(&vm, from, &request, &answer);
		if (write(to, &answer, sizeof(answer)) != sizeof(answer))
			break;
	}
	_exit(0);
}

/* ---- from outside ---- */

struct vm {
	pid_t pid;
	int to, from;
};

static inline int vm_boot(struct vm *vm)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		return -errno;
	vm->pid = fork();
	if (!vm->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(to[1]);
		close(from[0]);
		vm_live(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	vm->to = to[1];
	vm->from = from[0];
	return vm->pid < 0 ? -errno : 0;
}

static inline struct vm_answer vm_ask(struct vm *vm, struct vm_request request)
{
	struct vm_answer answer = { .error = -EPIPE };

	if (write(vm->to, &request, sizeof(request)) == sizeof(request) &&
	    read(vm->from, &answer, sizeof(answer)) != sizeof(answer))
		answer.error = -EPIPE;
	return answer;
}

#define ask(vm, device, op, ...)	\
	vm_ask(vm, (struct vm_request){ op, device, { __VA_ARGS__ } })

/* On return its memory has gone, and its files are closed. */
static inline void vm_kill(struct vm *vm)
{
	if (!vm->pid)
		return;
	kill(vm->pid, SIGKILL);
	end_of(vm->pid);
	close(vm->to);
	close(vm->from);
	vm->pid = 0;
}

static inline uint64_t get(struct vm *vm, int device, unsigned int reg)
{
	struct vm_answer answer = ask(vm, device, VM_READ, reg);

	return answer.error ? ~0ULL : answer.value;
}

static inline int set(struct vm *vm, int device, unsigned int reg, uint64_t value)
{
	return ask(vm, device, VM_WRITE, reg, value).error;
}

/* What MDEV_REG_STATUS says after it. */
static inline int command(struct vm *vm, int device, unsigned int reg, uint64_t value)
{
	return set(vm, device, reg, value) ?: (int)get(vm, device, MDEV_REG_STATUS);
}

static inline int start(struct vm *vm, int device, unsigned int guest)
{
	return set(vm, device, DMA_REG_PASID, guest) ?:
	       command(vm, device, DMA_REG_COMMAND, DMA_COMMAND_START);
}

static inline int fill(struct vm *vm, int device, uint64_t target, uint64_t length,
		       uint64_t pattern)
{
	struct vm_answer answer = ask(vm, device, VM_JOB, DMA_OP_FILL, 0, target, length, pattern);

	return answer.error ?: (int)answer.value;
}

static inline int copy(struct vm *vm, int device, uint64_t target, uint64_t source,
		       uint64_t length)
{
	struct vm_answer answer = ask(vm, device, VM_JOB, DMA_OP_COPY, source, target, length);

	return answer.error ?: (int)answer.value;
}

static inline bool has(struct vm *vm, uint64_t iova, uint64_t length, uint64_t pattern)
{
	struct vm_answer answer = ask(vm, 0, VM_HOLDS, iova, length, pattern);

	return !answer.error && answer.value;
}

/* For what follows from a work item. */
#define COMES(condition) ({				\
	int turns = MDEV_WAIT_MS / 5;			\
	while (!(condition) && --turns)			\
		nap_ms(5);				\
	turns > 0;					\
})

/* ---- two machines ---- */

#define QUOTA_PARAM "/sys/module/ioasid_mdev/parameters/quota"

/* Both machines have memory there. */
#define BOTH	0x100000000ULL
/* And one of them there. */
#define OWN_A	0x200000000ULL
#define OWN_B	0x300000000ULL
#define PAGES	16
#define LENGTH	(PAGES * PAGE)

FIXTURE(mdev) {
	struct vm a, b;
	int subscribers;
};

/* Machine a has device 0, b has device 1, and device 2 is for who needs a second one. */
FIXTURE_SETUP(mdev)
{
	int i;

	ASSERT_EQ(0, write_file(QUOTA_PARAM, "2"));
	for (i = 0; i < MDEVS; i++) {
		if (mdev_exists(i))
			mdev_delete(i);
		ASSERT_EQ(0, mdev_create(i));
	}
	self->subscribers = table_rows(SUBSCRIBERS);
	ASSERT_EQ(0, table_rows(IDS));
	ASSERT_EQ(0, vm_boot(&self->a));
	ASSERT_EQ(0, vm_boot(&self->b));
	ASSERT_EQ(0, ask(&self->a, 0, VM_OPEN).error);
	ASSERT_EQ(0, ask(&self->b, 1, VM_OPEN).error);
	ASSERT_EQ(0, ask(&self->a, 0, VM_MAP, BOTH, LENGTH, true).error);
	ASSERT_EQ(0, ask(&self->b, 1, VM_MAP, BOTH, LENGTH, true).error);
	ASSERT_EQ(0, ask(&self->a, 0, VM_MAP, OWN_A, LENGTH, true).error);
	ASSERT_EQ(0, ask(&self->b, 1, VM_MAP, OWN_B, LENGTH, true).error);
}

/* Whatever the machines did: nothing is left of them. */
FIXTURE_TEARDOWN(mdev)
{
	int i;

	vm_kill(&self->a);
	vm_kill(&self->b);
	EXPECT_TRUE(COMES(!table_rows(IDS)));
	/* That of the kernel is left. */
	EXPECT_TRUE(COMES(table_rows(SETS) == 1));
	EXPECT_EQ(self->subscribers, table_rows(SUBSCRIBERS));
	for (i = 0; i < MDEVS; i++) {
		EXPECT_EQ(0, mdev_row(i).pinned);
		EXPECT_FALSE(mdev_row(i).on);
		if (mdev_exists(i))
			EXPECT_EQ(0, mdev_delete(i));
	}
}

/* Until the queue is off, or faults. */
static inline int fill_endlessly(struct vm *vm, int device, uint64_t pattern)
{
	return ask(vm, device, VM_SUBMIT, DMA_OP_FILL | DMA_FLAG_ENDLESS, 0, BOTH, LENGTH,
		   pattern).error;
}

/* Both have given their first number to a PASID, and their queues work with it. */
#define START_BOTH() do {						\
	ASSERT_EQ(0, command(&self->a, 0, MDEV_REG_ALLOC, 1));		\
	ASSERT_EQ(0, command(&self->b, 1, MDEV_REG_ALLOC, 1));		\
	ASSERT_EQ(0, start(&self->a, 0, 1));				\
	ASSERT_EQ(0, start(&self->b, 1, 1));				\
} while (0)

/* A machine has two devices, each with a number of its own. */
#define START_TWO(of) do {						\
	struct vm *vm_ = (of);						\
									\
	ASSERT_EQ(0, ask(vm_, 2, VM_OPEN).error);			\
	ASSERT_EQ(0, command(vm_, 0, MDEV_REG_ALLOC, 1));		\
	ASSERT_EQ(0, command(vm_, 0, MDEV_REG_ALLOC, 2));		\
	ASSERT_EQ(0, start(vm_, 0, 1));					\
	ASSERT_EQ(0, start(vm_, 2, 2));					\
} while (0)

/* Its device writes where it has memory, and there. */
#define EXPECT_RUNS(of, device) do {							\
	uint64_t pattern_ = new_pattern();						\
	struct vm *vm_ = (of);								\
											\
	EXPECT_EQ(DMA_STATUS_OK, fill(vm_, device, BOTH, LENGTH, pattern_));		\
	EXPECT_TRUE(has(vm_, BOTH, LENGTH, pattern_));					\
} while (0)

#endif /* _MDEV_H */
