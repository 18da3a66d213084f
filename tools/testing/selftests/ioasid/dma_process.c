// SPDX-License-Identifier: GPL-2.0
/*
 * Processes come and go while the device works for them.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "dma.h"

#define SELF "/proc/self/exe"
#define AFTER_EXEC "--after-exec"

/* Room for what a child tells its parent. */
struct shared {
	atomic_int ready;
	atomic_int go;
	uint32_t pasids[256];
};

static struct shared *new_shared(void)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		exit(KSFT_FAIL);
	return shared;
}

static bool wait_for(atomic_int *flag, int value)
{
	int i;

	for (i = 0; i < DMA_TIMEOUT_MS && *flag < value; i++)
		nap_ms(1);
	return *flag >= value;
}

/* What all children do that have nothing better to do: DMA, some of it to absent pages. */
static int work(int fd, int rounds)
{
	struct buffer from = new_buffer(8 * PAGE), to = new_buffer(8 * PAGE);
	uint64_t pattern;
	int i;

	for (i = 0; i < rounds; i++) {
		pattern = new_pattern();
		CHECK(!dma_fill(fd, from.data, 8 * PAGE, pattern));
		CHECK(!dma_copy(fd, to.data, from.data, 8 * PAGE));
		CHECK(holds(to.data, 8 * PAGE, pattern));
		CHECK(guards_hold(&from) && guards_hold(&to));
		madvise(to.data + PAGE, 2 * PAGE, MADV_DONTNEED);
	}
	free_buffer(&from);
	free_buffer(&to);
	return 0;
}

FIXTURE(process) {
	int fd;
	uint64_t orphans;
};

FIXTURE_SETUP(process)
{
	self->fd = open_device(0);
	ASSERT_LE(0, self->fd) TH_LOG("%s: %s", dma_path(0), strerror(errno));
	self->orphans = counter(self->fd, DMA_REG_ORPHANS);
}

FIXTURE_TEARDOWN(process)
{
	EXPECT_EQ(self->orphans, counter(self->fd, DMA_REG_ORPHANS));
	close(self->fd);
}

/* ---- many ---- */

struct turn {
	struct shared *shared;
	int number;
	unsigned int device;
};

static int live_one_turn(void *data)
{
	struct turn *turn = data;
	struct ioasid_dma_bind bind;
	int fd = open_device(0);

	CHECK(fd >= 0);
	CHECK(!bind_queue(fd, &bind));
	turn->shared->pasids[turn->number] = bind.pasid;
	CHECK(!work(fd, 1));
	/* Every other one leaves that to its end. */
	if (turn->number % 2)
		CHECK(!unbind_queue(fd));
	return 0;
}

TEST_F_TIMEOUT(process, two_hundred_in_turn, 240)
{
	struct turn turn = { .shared = new_shared() };

	for (turn.number = 0; turn.number < 200; turn.number++) {
		ASSERT_EQ(0, end_of(start_child(live_one_turn, &turn)));
		ASSERT_NE(0, turn.shared->pasids[turn.number]);
	}
}

static int live_with_others(void *data)
{
	struct turn *turn = data;
	struct ioasid_dma_bind bind;
	int fd = open_device(turn->device);

	CHECK(fd >= 0);
	CHECK(!bind_queue(fd, &bind));
	turn->shared->pasids[turn->number] = bind.pasid;
	turn->shared->ready++;
	CHECK(wait_for(&turn->shared->go, 1));
	CHECK(!work(fd, 10));
	return 0;
}

TEST_F_TIMEOUT(process, sixteen_at_once, 120)
{
	struct turn turn = { .shared = new_shared() };
	int total = DMA_QUEUES * 2, i, j;
	pid_t pids[DMA_QUEUES * 2];

	if (access(dma_path(1), F_OK))
		SKIP(return, "there is no second device");
	for (i = 0; i < total; i++) {
		turn.number = i;
		turn.device = i / DMA_QUEUES;
		pids[i] = start_child(live_with_others, &turn);
	}
	EXPECT_TRUE(wait_for(&turn.shared->ready, total));
	for (i = 0; i < total; i++) {
		for (j = 0; j < i; j++)
			EXPECT_NE(turn.shared->pasids[i], turn.shared->pasids[j]);
	}
	turn.shared->go = 1;
	for (i = 0; i < total; i++)
		EXPECT_EQ(0, end_of(pids[i]));
}

/* ---- ends ---- */

static int leave_in_flight(void *data)
{
	uint8_t *memory = fresh_pages(64 * MIB);
	int fd = open_queue(0);

	(void)data;
	CHECK(memory && fd >= 0);
	CHECK(!submit(fd, DMA_OP_FILL, NULL, memory, 64 * MIB, 0));
	return 0;
}

TEST_F_TIMEOUT(process, exit_in_flight, 120)
{
	int i;

	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, end_of(start_child(leave_in_flight, NULL)));
}

static int wait_in_flight(void *data)
{
	struct shared *shared = data;
	struct ioasid_dma_done done;
	uint8_t *memory = fresh_pages(64 * MIB);
	int fd = open_queue(0);

	CHECK(memory && fd >= 0);
	CHECK(!submit(fd, DMA_OP_FILL | DMA_FLAG_ENDLESS, NULL, memory, 64 * MIB, 0));
	shared->ready = 1;
	wait_done(fd, &done);
	return 1;
}

TEST_F_TIMEOUT(process, forty_killed_in_flight, 120)
{
	struct shared *shared = new_shared();
	pid_t pid;
	int i;

	for (i = 0; i < 40; i++) {
		shared->ready = 0;
		pid = start_child(wait_in_flight, shared);
		ASSERT_TRUE(wait_for(&shared->ready, 1));
		nap_ms(i % 10);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(-SIGKILL, end_of(pid));
	}
}

/* What a thread of the process does to its address space meanwhile. */

#define ARENA (4 * MIB)

static void event_none(uint8_t *arena, int fd)
{
	(void)arena;
	(void)fd;
	nap_ms(1);
}

static void event_fork(uint8_t *arena, int fd)
{
	pid_t pid = fork();

	(void)fd;
	if (!pid) {
		memset(arena, 1, 8 * PAGE);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void event_exec(uint8_t *arena, int fd)
{
	pid_t pid = fork();

	(void)arena;
	(void)fd;
	if (!pid) {
		execl(SELF, SELF, "--nothing", NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

static void event_write(uint8_t *arena, int fd)
{
	(void)fd;
	memset(arena, 2, ARENA);
}

static void event_munmap(uint8_t *arena, int fd)
{
	(void)fd;
	munmap(arena + ARENA / 2, ARENA / 4);
	mmap(arena + ARENA / 2, ARENA / 4, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void event_mremap(uint8_t *arena, int fd)
{
	uint8_t *there = fresh_pages(ARENA / 4);

	(void)fd;
	if (!there)
		return;
	mremap(arena + ARENA / 2, ARENA / 4, ARENA / 4, MREMAP_MAYMOVE | MREMAP_FIXED, there);
	mremap(there, ARENA / 4, ARENA / 4, MREMAP_MAYMOVE | MREMAP_FIXED, arena + ARENA / 2);
}

static void event_mprotect(uint8_t *arena, int fd)
{
	(void)fd;
	mprotect(arena + ARENA / 2, ARENA / 4, PROT_READ);
	mprotect(arena + ARENA / 2, ARENA / 4, PROT_READ | PROT_WRITE);
}

static void event_dontneed(uint8_t *arena, int fd)
{
	(void)fd;
	madvise(arena, ARENA, MADV_DONTNEED);
}

static void event_split(uint8_t *arena, int fd)
{
	(void)fd;
	madvise(arena, ARENA, MADV_DONTNEED);
	madvise(arena, ARENA, MADV_HUGEPAGE);
	arena[ARENA / 2] = 1;
	madvise(arena + ARENA / 2 + PAGE, PAGE, MADV_DONTNEED);
}

static void event_bind(uint8_t *arena, int fd)
{
	int other = open_queue(0);

	(void)fd;
	if (other < 0)
		return;
	dma_fill(other, arena, PAGE, 0);
	close(other);
}

static void event_rebind(uint8_t *arena, int fd)
{
	unbind_queue(fd);
	bind_queue(fd, NULL);
	submit(fd, DMA_OP_FILL | DMA_FLAG_ENDLESS, NULL, arena, ARENA, 0);
}

static const struct event {
	const char *name;
	void (*happen)(uint8_t *arena, int fd);
} events[] = {
	{ "nothing", event_none },
	{ "fork", event_fork },
	{ "fork and exec", event_exec },
	{ "write", event_write },
	{ "munmap", event_munmap },
	{ "mremap", event_mremap },
	{ "mprotect", event_mprotect },
	{ "madvise", event_dontneed },
	{ "split of a huge page", event_split },
	{ "bind of another queue", event_bind },
	{ "unbind and bind", event_rebind },
};

enum end { END_EXIT, END_KILL, END_FAULT, END_EXEC, ENDS };

struct life {
	struct shared *shared;
	const struct event *event;
	enum end end;
};

struct arena {
	uint8_t *data;
	int fd;
	const struct event *event;
};

static void *happen(void *data)
{
	struct arena *arena = data;

	for (;;)
		arena->event->happen(arena->data, arena->fd);
	return NULL;
}

static int live_until_the_end(void *data)
{
	struct life *life = data;
	struct arena arena = { .event = life->event };
	uint8_t *map = fresh_pages(2 * ARENA);
	struct ioasid_dma_done done;
	pthread_t thread;
	int i;

	arena.fd = open_queue(0);
	CHECK(map && arena.fd >= 0);
	arena.data = (uint8_t *)(((uintptr_t)map + HUGE - 1) & ~(HUGE - 1));
	CHECK(!submit(arena.fd, DMA_OP_FILL | DMA_FLAG_ENDLESS, NULL, arena.data, ARENA, 0));
	CHECK(!pthread_create(&thread, NULL, happen, &arena));
	life->shared->ready = 1;
	/* An event may have ended the job by a fault. */
	for (i = 0; i < 10; i++) {
		done = (struct ioasid_dma_done) { .timeout = 2 };
		if (!ioctl(arena.fd, IOASID_DMA_WAIT, &done) && done.status == DMA_STATUS_FAULT)
			submit(arena.fd, DMA_OP_FILL | DMA_FLAG_ENDLESS, NULL, arena.data, ARENA,
			       0);
	}
	switch (life->end) {
	case END_EXIT:
		return 0;
	case END_EXEC:
		execl(SELF, SELF, "--nothing", NULL);
		return 1;
	case END_FAULT:
		munmap(map, 2 * ARENA);
		__atomic_store_n(arena.data, 0, __ATOMIC_RELAXED);
		return 1;
	default:
		for (;;)
			pause();
	}
}

TEST_F_TIMEOUT(process, end_under_every_event, 240)
{
	static const int how[ENDS] = { 0, -SIGKILL, -SIGSEGV, 0 };
	struct life life = { .shared = new_shared() };
	size_t i;
	pid_t pid;
	int end;

	/* The kernel notes it in its log when a process runs into a fault. */
	for (i = 0; i < ARRAY_SIZE(events); i++) {
		life.event = &events[i];
		for (life.end = 0; life.end < ENDS; life.end++) {
			life.shared->ready = 0;
			pid = start_child(live_until_the_end, &life);
			ASSERT_TRUE(wait_for(&life.shared->ready, 1));
			if (life.end == END_KILL) {
				nap_ms(10);
				kill(pid, SIGKILL);
			}
			end = end_of(pid);
			EXPECT_EQ(how[life.end], end)
				TH_LOG("%s, end %d", life.event->name, life.end);
		}
	}
}

/* ---- fork and exec ---- */

TEST_F(process, fork_while_bound)
{
	struct ioasid_dma_done done = { .timeout = 1 };
	uint64_t pattern = new_pattern(), fresh = new_pattern();
	uint8_t *memory = fresh_pages(4 * PAGE);
	struct ioasid_dma_bind bind;
	void *portal;
	int fd = open_device(0);
	pid_t pid;

	ASSERT_EQ(0, bind_queue(fd, &bind));
	ASSERT_EQ(0, dma_fill(fd, memory, 4 * PAGE, pattern));
	portal = map_portal(fd, &bind);
	ASSERT_NE(NULL, portal);
	pid = fork();
	if (!pid) {
		int own;

		/* It has the file, but it is not the process that the queue works for. */
		if (submit(fd, DMA_OP_FILL, NULL, memory, PAGE, 0) != -EACCES)
			_exit(1);
		if (!ioctl(fd, IOASID_DMA_WAIT, &done) || errno != EACCES)
			_exit(2);
		if (unbind_queue(fd) != -EACCES || bind_queue(fd, NULL) != -EALREADY)
			_exit(3);
		if (map_portal(fd, &bind) || set_pace(fd, 1) != -EACCES)
			_exit(4);
		own = open_queue(0);
		if (own < 0 || dma_fill(own, memory, 4 * PAGE, fresh))
			_exit(5);
		if (!holds(memory, 4 * PAGE, fresh))
			_exit(6);
		/* Not inherited. */
		_exit(portal_read(portal, DMA_REG_SPACE));
	}
	EXPECT_EQ(-SIGSEGV, end_of(pid));
	EXPECT_TRUE(untouched(memory, 4 * PAGE, pattern));
	portal_submit(portal, DMA_OP_CHECKSUM, (uintptr_t)memory, 0, 4 * PAGE, 1);
	ASSERT_EQ(0, wait_done(fd, &done));
	EXPECT_EQ(checksum(memory, 4 * PAGE), done.result);
	close(fd);
}

/* The program after exec(): same process, same file, other memory at the same address. */
static int after_exec(int fd)
{
	uint8_t *memory = pages_apart(MIB);
	struct ioasid_dma_done done = { .timeout = 1 };
	int ret;

	CHECK(memory);
	paint(memory, MIB, 1ULL << 62);
	/* The queue is still another's, or has been taken from it already. */
	ret = submit(fd, DMA_OP_FILL, NULL, memory, PAGE, 0);
	CHECK(ret == -EACCES || ret == -ENXIO);
	CHECK(ioctl(fd, IOASID_DMA_WAIT, &done) && (errno == EACCES || errno == ENXIO));
	ret = unbind_queue(fd);
	CHECK(ret == -EACCES || ret == -ENXIO);
	nap_ms(20);
	CHECK(!wrong_bytes(memory, MIB, 1ULL << 62));
	close(fd);
	fd = open_queue(0);
	CHECK(fd >= 0);
	CHECK(!dma_fill(fd, memory, MIB, 3));
	CHECK(!wrong_bytes(memory, MIB, 3));
	return 0;
}

static int live_to_exec(void *data)
{
	uint8_t *memory = pages_apart(MIB);
	char number[16];
	int fd = open_queue(0);

	(void)data;
	CHECK(memory && fd >= 0);
	CHECK(!fcntl(fd, F_SETFD, 0));
	CHECK(!submit(fd, DMA_OP_FILL | DMA_FLAG_ENDLESS, NULL, memory, MIB, 1ULL << 61));
	nap_ms(5);
	snprintf(number, sizeof(number), "%d", fd);
	execl(SELF, SELF, AFTER_EXEC, number, NULL);
	return 1;
}

TEST_F(process, exec_while_bound)
{
	int i;

	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, end_of(start_child(live_to_exec, NULL)));
}

/* Its file is open here too: the driver is told that the PASID was freed, and lets go of it. */
static int bind_and_leave(void *data)
{
	uint8_t *memory = fresh_pages(16 * MIB);
	struct turn *turn = data;
	struct ioasid_dma_bind bind;

	CHECK(memory && !bind_queue(turn->number, &bind));
	turn->shared->pasids[0] = bind.pasid;
	CHECK(!submit(turn->number, DMA_OP_FILL | DMA_FLAG_ENDLESS, NULL, memory, 16 * MIB, 0));
	return 0;
}

TEST_F(process, file_outlives_process)
{
	struct turn turn = { .shared = new_shared(), .number = open_device(0) };
	uint8_t *memory = fresh_pages(MIB);
	uint64_t pattern = new_pattern();
	int i, j;

	ASSERT_LE(0, turn.number);
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, end_of(start_child(bind_and_leave, &turn)));
		for (j = 0; j < 1000 && bind_queue(turn.number, NULL); j++)
			nap_ms(10);
		ASSERT_GT(1000, j);
		ASSERT_EQ(0, dma_fill(turn.number, memory, MIB, pattern));
		EXPECT_TRUE(holds(memory, MIB, pattern));
		ASSERT_EQ(0, unbind_queue(turn.number));
	}
	close(turn.number);
}

/* ---- out of memory ---- */

#define CGROUPS "/tmp/dma-cgroups"

static bool put_string(const char *path, const char *string)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, string, strlen(string)) == (ssize_t)strlen(string);

	close(fd);
	return done;
}

static void say_to_log(const char *words)
{
	put_string("/dev/kmsg", words);
}

static int live_beyond_means(void *data)
{
	uint8_t *memory = fresh_pages(64 * MIB);
	int fd;

	(void)data;
	CHECK(memory);
	CHECK(put_string(CGROUPS "/small/cgroup.procs", "0"));
	fd = open_queue(0);
	CHECK(fd >= 0);
	CHECK(!submit(fd, DMA_OP_FILL | DMA_FLAG_ENDLESS, NULL, memory, 32 * MIB, 0));
	memset(memory + 32 * MIB, 1, 32 * MIB);
	return 0;
}

TEST_F_TIMEOUT(process, killed_for_memory, 60)
{
	int i;

	mkdir(CGROUPS, 0755);
	if (mount("none", CGROUPS, "cgroup2", 0, NULL) ||
	    !put_string(CGROUPS "/cgroup.subtree_control", "+memory"))
		SKIP(goto out, "no memory cgroups");
	ASSERT_EQ(0, mkdir(CGROUPS "/small", 0755));
	ASSERT_TRUE(put_string(CGROUPS "/small/memory.max", "20M"));
	say_to_log("ioasid-vm: expect memory exhausted\n");
	for (i = 0; i < 5; i++)
		EXPECT_EQ(-SIGKILL, end_of(start_child(live_beyond_means, NULL)));
	say_to_log("ioasid-vm: expect nothing\n");
	EXPECT_EQ(0, rmdir(CGROUPS "/small"));
out:
	umount(CGROUPS);
	rmdir(CGROUPS);
}

/* ---- the device and its driver go ---- */

TEST_F(process, rmmod_refused)
{
	int fd = open_queue(0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, syscall(SYS_delete_module, "ioasid_dma", O_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, work(fd, 1));
	close(fd);
}

static bool appears(const char *path, bool there)
{
	int i;

	for (i = 0; i < DMA_TIMEOUT_MS / 10; i++) {
		if (!access(path, F_OK) == there)
			return true;
		nap_ms(10);
	}
	return false;
}

/* Bound, with a job under way and a portal mapped, while the device is taken away. */
struct victim {
	int fd;
	uint8_t *memory;
	void *portal;
};

static bool make_victim(struct victim *victim)
{
	struct ioasid_dma_bind bind;

	victim->fd = open_device(1);
	victim->memory = fresh_pages(16 * MIB);
	if (victim->fd < 0 || !victim->memory || bind_queue(victim->fd, &bind))
		return false;
	if (submit(victim->fd, DMA_OP_FILL | DMA_FLAG_ENDLESS, NULL, victim->memory, 16 * MIB, 0))
		return false;
	victim->portal = map_portal(victim->fd, &bind);
	if (!victim->portal)
		return false;
	return portal_read(victim->portal, DMA_REG_SPACE) == DMA_DEPTH - 1;
}

static int touch_portal(void *data)
{
	struct victim *victim = data;

	return portal_read(victim->portal, DMA_REG_SPACE);
}

static bool is_left_alone(struct victim *victim)
{
	struct ioasid_dma_done done = { .timeout = 1 };
	struct pollfd poll_fd = { .fd = victim->fd, .events = POLLIN };

	/* The name of the device may go first. */
	if (poll(&poll_fd, 1, DMA_TIMEOUT_MS) != 1 || !(poll_fd.revents & POLLHUP))
		return false;
	if (!ioctl(victim->fd, IOASID_DMA_WAIT, &done) || errno != ENODEV)
		return false;
	if (submit(victim->fd, DMA_OP_FILL, NULL, victim->memory, PAGE, 0) != -ENODEV)
		return false;
	if (bind_queue(victim->fd, NULL) != -ENODEV)
		return false;
	/* The device has been stopped, so this stays. */
	memset(victim->memory, 0, 16 * MIB);
	nap_ms(20);
	return is_zero(victim->memory, 16 * MIB);
}

static int live_on_lost_portal(void *data)
{
	struct victim victim;

	CHECK(make_victim(&victim));
	((struct shared *)data)->ready = 1;
	CHECK(wait_for(&((struct shared *)data)->go, 1));
	return touch_portal(&victim);
}

/* The driver is told to let go of the device; others as after a pull, from there on. */
TEST_F_TIMEOUT(process, removed_while_bound, 120)
{
	struct shared *shared = new_shared();
	struct victim victim;
	pid_t pid;
	int fd, i;

	if (access(dma_path(1), F_OK))
		SKIP(return, "there is no second device");
	for (i = 0; i < 5; i++) {
		shared->ready = 0;
		shared->go = 0;
		ASSERT_TRUE(make_victim(&victim));
		pid = start_child(live_on_lost_portal, shared);
		ASSERT_TRUE(wait_for(&shared->ready, 1));
		ASSERT_TRUE(put_string("/sys/class/misc/ioasid_dma1/device/remove", "1"));
		ASSERT_TRUE(appears(dma_path(1), false));
		EXPECT_TRUE(is_left_alone(&victim));
		shared->go = 1;
		EXPECT_EQ(-SIGBUS, end_of(pid));
		ASSERT_TRUE(put_string("/sys/bus/pci/rescan", "1"));
		ASSERT_TRUE(appears(dma_path(1), true));
		fd = open_queue(1);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, work(fd, 1));
		close(fd);
		close(victim.fd);
	}
}

/* Whether there is a slot with the second device that the kernel watches. */
static bool in_slot(void)
{
	char device[PATH_MAX], line[64], path[PATH_MAX];
	bool found = false;
	struct dirent *entry;
	DIR *slots;
	FILE *file;

	if (!realpath("/sys/class/misc/ioasid_dma1/device", device))
		return false;
	slots = opendir("/sys/bus/pci/slots");
	while (slots && !found && (entry = readdir(slots))) {
		snprintf(path, sizeof(path), "/sys/bus/pci/slots/%s/address", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fgets(line, sizeof(line), file)) {
			line[strcspn(line, "\n")] = 0;
			found = strstr(strrchr(device, '/'), line);
		}
		fclose(file);
	}
	if (slots)
		closedir(slots);
	return found;
}

/* The same from outside: the machine's owner pulls the device. */
TEST_F_TIMEOUT(process, unplugged_while_bound, 120)
{
	struct victim victim;
	int fd, i;

	if (access(dma_path(1), F_OK) || !in_slot())
		SKIP(return, "no slot that a device could be pulled out of");
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(make_victim(&victim));
		say_to_log("ioasid-vm: unplug dma1\n");
		ASSERT_TRUE(appears(dma_path(1), false));
		EXPECT_TRUE(is_left_alone(&victim));
		close(victim.fd);
		nap_ms(500);
		say_to_log("ioasid-vm: plug dma1\n");
		ASSERT_TRUE(appears(dma_path(1), true));
		fd = open_queue(1);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, work(fd, 1));
		close(fd);
	}
}

#include "dma_totals.h"

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--nothing"))
		return 0;
	if (argc > 2 && !strcmp(argv[1], AFTER_EXEC))
		return after_exec(atoi(argv[2]));
	return test_harness_run(argc, argv);
}
