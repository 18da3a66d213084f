// SPDX-License-Identifier: GPL-2.0
/*
 * What others do in the kernel while processes use the device: another user of the IOMMU core,
 * other users of IOASIDs, who kills, takes the PASID away, resets the device, at the worst moment.
 */
#define _GNU_SOURCE

#include "dma.h"
#include "test_modules/ioasid_dma_test.h"

#define OTHERS "/dev/ioasid_dma_test"
#define DEBUG "/sys/kernel/debug/"
#define QUEUES DEBUG "ioasid_dma/ioasid_dma0/queues"
#define WHY DEBUG "ioasid_dma/ioasid_dma0/why"
#define IDS DEBUG "ioasid/ids"
#define EVENT_NONE 0
/* enum ioasid_notify_val */
#define EVENT_ALLOC 1
#define EVENT_FREE 2
#define EVENT_BIND 3
#define EVENT_UNBIND 4
#define EVENT_SET_ALLOC 5
#define EVENT_SET_FREE 6

static int other(int fd, unsigned long request, unsigned long arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

/* The PASID that the IOMMU core has bound for somebody else; 0: it has not. */
static uint32_t rival_bind(int fd)
{
	uint32_t pasid = 0;

	return ioctl(fd, IOASID_DMA_TEST_BIND, &pasid) ? 0 : pasid;
}

static bool file_has(const char *path, const char *words)
{
	FILE *file = fopen(path, "re");
	char line[256];
	bool has = false;

	while (file && !has && fgets(line, sizeof(line), file))
		has = strstr(line, words);
	if (file)
		fclose(file);
	return has;
}

/*
 * In the kernel tree the number of a process is that of the IOMMU core, which has it until the
 * memory of the process goes, whoever has freed it before.
 */
static bool in_tree(void)
{
	return access("/sys/module/ioasid/initstate", F_OK);
}

/* For a moment, maybe. */
static bool comes(const char *path, const char *words)
{
	int i;

	for (i = 0; i < 8000; i++) {
		if (file_has(path, words))
			return true;
		nap_ms(1);
	}
	return false;
}

/* "pending", "active", "idle", or "" when the number is nobody's. */
static void state_of(uint32_t id, char state[16])
{
	FILE *table = fopen(IDS, "re");
	char line[256], word[16];
	unsigned int number;

	state[0] = '\0';
	while (table && fgets(line, sizeof(line), table)) {
		if (sscanf(line, "%u %15s", &number, word) == 2 && number == id)
			strcpy(state, word);
	}
	if (table)
		fclose(table);
}

/* A CPU that idles keeps the memory of the process that it ran last, until it runs another. */
static void run_on_each_cpu(void)
{
	cpu_set_t all, one;
	int cpu;

	if (sched_getaffinity(0, sizeof(all), &all))
		return;
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (CPU_ISSET(cpu, &all))
			sched_setaffinity(0, sizeof(one), &one);
	}
	sched_setaffinity(0, sizeof(all), &all);
}

static bool gets_to(uint32_t id, const char *state)
{
	char now[16];
	int i;

	for (i = 0; i < DMA_TIMEOUT_MS / 10; i++) {
		state_of(id, now);
		if (!strcmp(now, state))
			return true;
		run_on_each_cpu();
		nap_ms(10);
	}
	return false;
}

/* One job that tells: absent pages, a copy, guards. */
static bool works(int fd)
{
	struct buffer from = new_buffer(4 * PAGE), to = new_buffer(4 * PAGE);
	uint64_t pattern = new_pattern();
	bool good = !dma_fill(fd, from.data, 4 * PAGE, pattern) &&
		    !dma_copy(fd, to.data, from.data, 4 * PAGE) &&
		    holds(to.data, 4 * PAGE, pattern) && guards_hold(&from) && guards_hold(&to);

	free_buffer(&from);
	free_buffer(&to);
	return good;
}

struct shared {
	atomic_int ready;
	atomic_int go;
	uint32_t ids[64];
	int error;
};

static bool wait_for(atomic_int *flag, int value)
{
	int i;

	for (i = 0; i < DMA_TIMEOUT_MS && *flag < value; i++)
		nap_ms(1);
	return *flag >= value;
}

FIXTURE(others) {
	int fd;
	int kernel;
	uint64_t orphans;
	struct shared *shared;
};

FIXTURE_SETUP(others)
{
	self->fd = open_device(0);
	ASSERT_LE(0, self->fd) TH_LOG("%s: %s", dma_path(0), strerror(errno));
	self->kernel = open(OTHERS, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->kernel) TH_LOG("%s: %s", OTHERS, strerror(errno));
	self->orphans = counter(self->fd, DMA_REG_ORPHANS);
	self->shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->shared);
}

FIXTURE_TEARDOWN(others)
{
	EXPECT_EQ(self->orphans, counter(self->fd, DMA_REG_ORPHANS));
	close(self->kernel);
	close(self->fd);
	munmap(self->shared, PAGE);
}

/* ---- another user of iommu_sva_bind_device() ---- */

/* One process has one PASID, whoever binds it, and nobody's unbind is another's. */
TEST_F(others, rival_binds_the_same_process)
{
	struct ioasid_dma_bind bind;
	uint32_t pasid;
	int i;

	for (i = 0; i < 5; i++) {
		pasid = rival_bind(self->kernel);
		ASSERT_NE(0, pasid);
		ASSERT_EQ(0, bind_queue(self->fd, &bind));
		EXPECT_EQ(pasid, bind.pasid);
		EXPECT_TRUE(works(self->fd));
		EXPECT_EQ(0, other(self->kernel, IOASID_DMA_TEST_UNBIND, 0));
		EXPECT_TRUE(works(self->fd));

		EXPECT_EQ(pasid, rival_bind(self->kernel));
		EXPECT_EQ(0, unbind_queue(self->fd));
		EXPECT_EQ(0, bind_queue(self->fd, &bind));
		EXPECT_EQ(pasid, bind.pasid);
		EXPECT_EQ(0, other(self->kernel, IOASID_DMA_TEST_UNBIND, 0));
		EXPECT_TRUE(works(self->fd));
		EXPECT_EQ(0, unbind_queue(self->fd));
	}
}

#define LIVES 12

struct life {
	struct shared *shared;
	int number;
};

/* A third by ioasid, a third by the rival, a third by both; and an IOASID for each beside. */
static int live_beside_rivals(void *data)
{
	struct life *life = data;
	struct shared *shared = life->shared;
	int device = open_device(0), kernel = open(OTHERS, O_RDWR | O_CLOEXEC), kind;
	uint32_t *ids = &shared->ids[3 * life->number], rival;
	struct ioasid_dma_bind bind;

	CHECK(device >= 0 && kernel >= 0);
	kind = life->number % 3;
	CHECK(kind == 1 || !bind_queue(device, &bind));
	CHECK(!kind || (rival = rival_bind(kernel)));
	CHECK(kind != 2 || rival == bind.pasid);
	ids[0] = kind ? rival : bind.pasid;
	CHECK(!ioctl(kernel, IOASID_DMA_TEST_ALLOC, &ids[1]));
	CHECK(!ioctl(kernel, IOASID_DMA_TEST_ALLOC, &ids[2]));
	shared->ready++;
	while (!shared->go)
		CHECK(kind == 1 || works(device));
	return 0;
}

TEST_F_TIMEOUT(others, no_number_is_two_peoples, 120)
{
	struct life lives[LIVES];
	struct shared *shared = self->shared;
	pid_t pids[LIVES];
	int i, j, round;

	for (round = 0; round < 5; round++) {
		shared->ready = 0;
		shared->go = 0;
		for (i = 0; i < LIVES; i++) {
			lives[i] = (struct life) { .shared = shared, .number = i };
			pids[i] = start_child(live_beside_rivals, &lives[i]);
		}
		EXPECT_TRUE(wait_for(&shared->ready, LIVES));
		for (i = 0; i < 3 * LIVES; i++) {
			EXPECT_NE(0, shared->ids[i]);
			for (j = 0; j < i; j++)
				EXPECT_NE(shared->ids[i], shared->ids[j]);
		}
		/* Some leave at once; the others see the next ones come. */
		for (i = round % 2; i < LIVES; i += 2)
			kill(pids[i], SIGKILL);
		shared->go = 1;
		for (i = 0; i < LIVES; i++)
			EXPECT_EQ(i % 2 == round % 2 ? -SIGKILL : 0, end_of(pids[i]));
	}
}

static int bind_for_rival(void *data)
{
	struct life *life = data;
	struct ioasid_dma_bind bind;
	int fd = open_device(0);

	CHECK(fd >= 0 && !bind_queue(fd, &bind));
	CHECK(works(fd));
	life->shared->ids[0] = rival_bind(life->number);
	CHECK(life->shared->ids[0] == bind.pasid);
	return 0;
}

/* The process is gone, its file closed, but the rival has not let go of the number. */
TEST_F(others, rival_keeps_the_number)
{
	struct life life = { .shared = self->shared, .number = self->kernel };
	struct ioasid_dma_bind bind;
	uint32_t pasid, id;

	ASSERT_EQ(0, end_of(start_child(bind_for_rival, &life)));
	pasid = self->shared->ids[0];
	EXPECT_TRUE(gets_to(pasid, in_tree() ? "pending" : ""));
	ASSERT_EQ(0, bind_queue(self->fd, &bind));
	EXPECT_NE(pasid, bind.pasid);
	ASSERT_EQ(0, ioctl(self->kernel, IOASID_DMA_TEST_ALLOC, &id));
	EXPECT_NE(pasid, id);
	EXPECT_TRUE(works(self->fd));
	EXPECT_EQ(0, other(self->kernel, IOASID_DMA_TEST_UNBIND, 0));
	EXPECT_TRUE(gets_to(pasid, ""));
}

/* ---- the end at every event ---- */

static int die_at_event(void *data)
{
	struct life *life = data;
	int device = open_device(0), kernel = open(OTHERS, O_RDWR | O_CLOEXEC);
	uint8_t *memory = fresh_pages(16 * MIB);
	struct ioasid_dma_bind bind;

	CHECK(device >= 0 && kernel >= 0 && memory);
	CHECK(!other(kernel, IOASID_DMA_TEST_KILL_AT, life->number));
	CHECK(!other(kernel, IOASID_DMA_TEST_SET, 0));
	CHECK(!bind_queue(device, &bind));
	life->shared->ids[0] = bind.pasid;
	CHECK(!submit(device, DMA_OP_FILL | DMA_FLAG_ENDLESS, NULL, memory, 16 * MIB, 0));
	CHECK(!unbind_queue(device));
	CHECK(!bind_queue(device, &bind));
	CHECK(!submit(device, DMA_OP_FILL | DMA_FLAG_ENDLESS, NULL, memory, 16 * MIB, 0));
	nap_ms(2);
	CHECK(other(kernel, IOASID_DMA_TEST_FREE, bind.pasid) >= 0);
	CHECK(!other(kernel, IOASID_DMA_TEST_SET_FREE, 0));
	/* That is told when its last ID has gone: in the kernel tree, after the process. */
	if (life->number == EVENT_SET_FREE && !in_tree())
		nap_ms(5000);
	return 0;
}

TEST_F_TIMEOUT(others, end_at_every_event, 120)
{
	struct life life = { .shared = self->shared };
	bool killed;
	int i;

	for (i = 0; i < 3; i++) {
		for (life.number = EVENT_NONE; life.number <= EVENT_SET_FREE; life.number++) {
			self->shared->ids[0] = 0;
			killed = life.number != EVENT_NONE &&
				 (life.number != EVENT_SET_FREE || !in_tree());
			EXPECT_EQ(killed ? -SIGKILL : 0,
				  end_of(start_child(die_at_event, &life)))
				TH_LOG("event %d", life.number);
			if (self->shared->ids[0])
				EXPECT_TRUE(gets_to(self->shared->ids[0], ""));
		}
	}
}

static int exit_when_freed(void *data)
{
	struct life *life = data;
	int device = open_device(0), kernel = open(OTHERS, O_RDWR | O_CLOEXEC);
	uint8_t *memory = fresh_pages(MIB);
	struct timespec begin, now;
	struct ioasid_dma_bind bind;

	CHECK(device >= 0 && kernel >= 0 && memory);
	CHECK(!bind_queue(device, &bind));
	life->shared->ids[0] = bind.pasid;
	CHECK(!submit(device, DMA_OP_FILL | DMA_FLAG_ENDLESS, NULL, memory, MIB, 0));
	CHECK(other(kernel, IOASID_DMA_TEST_FREE, bind.pasid) >= 0);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - begin.tv_sec) * 1000000000 + now.tv_nsec - begin.tv_nsec <
	       life->number * 10000);
	return 0;
}

/* A work item of the driver unbinds what exits at the same time. The kernel log would tell. */
TEST_F_TIMEOUT(others, exit_meets_unbind, 120)
{
	struct life life = { .shared = self->shared };
	int i;

	for (i = 0; i < 200; i++) {
		life.number = i % 100;
		ASSERT_EQ(0, end_of(start_child(exit_when_freed, &life)));
		EXPECT_TRUE(gets_to(self->shared->ids[0], ""));
	}
}

static int die_in_replay(void *data)
{
	struct life *life = data;
	int device = open_device(0), kernel = open(OTHERS, O_RDWR | O_CLOEXEC);
	uint8_t *memory = fresh_pages(16 * MIB);
	struct ioasid_dma_bind bind;

	CHECK(device >= 0 && kernel >= 0 && memory);
	CHECK(!other(kernel, IOASID_DMA_TEST_SET, 0));
	CHECK(!bind_queue(device, &bind));
	life->shared->ids[0] = bind.pasid;
	CHECK(!submit(device, DMA_OP_FILL | DMA_FLAG_ENDLESS, NULL, memory, 16 * MIB, 0));
	CHECK(!other(kernel, IOASID_DMA_TEST_KILL_AT, life->number));
	CHECK(!other(kernel, IOASID_DMA_TEST_REPLAY, 0));
	return 0;
}

TEST_F_TIMEOUT(others, end_in_replay, 120)
{
	static const int replayed[] = { EVENT_ALLOC, EVENT_BIND };
	struct life life = { .shared = self->shared };
	int i;

	for (i = 0; i < 10; i++) {
		life.number = replayed[i % 2];
		EXPECT_EQ(-SIGKILL, end_of(start_child(die_in_replay, &life)));
		EXPECT_TRUE(gets_to(self->shared->ids[0], ""));
	}
}

/* ---- a page request that stays unanswered meanwhile ---- */

enum leave { LEAVE_KILLED, LEAVE_CLOSE, LEAVE_UNBIND, LEAVE_EXEC, LEAVE_ELSEWHERE, LEAVES };

struct wait {
	struct shared *shared;
	enum leave leave;
	int device;	/* a file that the parent has as well, for LEAVE_ELSEWHERE */
};

static int leave_while_asked(void *data)
{
	struct wait *wait = data;
	int kernel = open(OTHERS, O_RDWR | O_CLOEXEC);
	int device = wait->device >= 0 ? wait->device : open_device(0);
	uint8_t *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, kernel, 0);
	struct ioasid_dma_bind bind;

	CHECK(memory != MAP_FAILED && device >= 0 && !bind_queue(device, &bind));
	wait->shared->ids[0] = bind.pasid;
	CHECK(!submit(device, DMA_OP_FILL, NULL, memory, 2 * PAGE, new_pattern()));
	wait->shared->ready = 1;
	CHECK(wait_for(&wait->shared->go, 1));
	switch (wait->leave) {
	case LEAVE_CLOSE:
		close(device);
		CHECK(is_zero(memory, PAGE));
		return 0;
	case LEAVE_UNBIND:
		CHECK(!unbind_queue(device));
		/* The page has come, and nobody has written to it. */
		CHECK(is_zero(memory, PAGE));
		CHECK(!bind_queue(device, &bind));
		CHECK(works(device));
		return 0;
	case LEAVE_EXEC:
		execl("/proc/self/exe", "dma_others", "--nothing", NULL);
		return 1;
	default:
		for (;;)
			pause();
	}
}

/* The kernel has come to the page request, and has the address space until it is answered. */
static bool comes_to_wait(int kernel)
{
	int i;

	for (i = 0; i < DMA_TIMEOUT_MS && !other(kernel, IOASID_DMA_TEST_WAITING, 0); i++)
		nap_ms(1);
	return other(kernel, IOASID_DMA_TEST_WAITING, 0) == 1;
}

static bool is_asking(int fd)
{
	uint64_t responses = counter(fd, DMA_REG_PAGE_RESPONSES);

	return counter(fd, DMA_REG_PAGE_REQUESTS) > responses;
}

TEST_F_TIMEOUT(others, end_with_a_page_request_outstanding, 120)
{
	struct wait wait = { .shared = self->shared };
	bool killed;
	pid_t child;
	int i;

	for (i = 0; i < 3 * LEAVES; i++) {
		wait.leave = i % LEAVES;
		killed = wait.leave == LEAVE_KILLED || wait.leave == LEAVE_ELSEWHERE;
		wait.device = wait.leave == LEAVE_ELSEWHERE ? open_device(0) : -1;
		self->shared->ready = 0;
		self->shared->go = 0;
		child = start_child(leave_while_asked, &wait);
		ASSERT_TRUE(wait_for(&self->shared->ready, 1));
		ASSERT_TRUE(comes_to_wait(self->kernel)) TH_LOG("leave %d", wait.leave);
		self->shared->go = 1;
		if (killed)
			kill(child, SIGKILL);
		/*
		 * The queue is stopped, and waits for the answer as well. If others have its file
		 * it is not until the address space exits, to which the answer is the last user.
		 */
		if (wait.leave == LEAVE_ELSEWHERE) {
			EXPECT_EQ(-SIGKILL, end_of(child));
			EXPECT_TRUE(is_asking(self->fd));
			other(self->kernel, IOASID_DMA_TEST_ANSWER, 0);
		} else {
			EXPECT_TRUE(comes(QUEUES, "stopping")) TH_LOG("leave %d", wait.leave);
			EXPECT_TRUE(is_asking(self->fd)) TH_LOG("leave %d", wait.leave);
			other(self->kernel, IOASID_DMA_TEST_ANSWER, 0);
			EXPECT_EQ(killed ? -SIGKILL : 0, end_of(child))
				TH_LOG("leave %d", wait.leave);
		}
		EXPECT_TRUE(gets_to(self->shared->ids[0], "")) TH_LOG("leave %d", wait.leave);
		EXPECT_FALSE(is_asking(self->fd));
		if (wait.device >= 0)
			close(wait.device);
	}
}

/* The driver does not wait for ever, but has all back when the page comes at last. */
TEST_F_TIMEOUT(others, answer_after_the_driver_has_gone_on, 120)
{
	struct wait wait = { .shared = self->shared, .leave = LEAVE_KILLED, .device = -1 };
	pid_t child = start_child(leave_while_asked, &wait);
	char state[16];
	uint32_t id;

	ASSERT_TRUE(wait_for(&self->shared->ready, 1));
	ASSERT_TRUE(comes_to_wait(self->kernel));
	id = self->shared->ids[0];
	kill(child, SIGKILL);
	EXPECT_EQ(-SIGKILL, end_of(child));
	/* Until then nobody gets the queue or the number. */
	EXPECT_TRUE(is_asking(self->fd));
	EXPECT_TRUE(file_has(QUEUES, "stopping"));
	state_of(id, state);
	EXPECT_STRNE("", state);
	EXPECT_EQ(0, other(self->kernel, IOASID_DMA_TEST_ANSWER, 0));
	EXPECT_TRUE(gets_to(id, ""));
	EXPECT_FALSE(is_asking(self->fd));
	EXPECT_FALSE(file_has(QUEUES, "stopping"));
	ASSERT_EQ(0, bind_queue(self->fd, NULL));
	EXPECT_TRUE(works(self->fd));
}

/* ---- a PASID that is freed while others hold it ---- */

static int live_without_pasid(void *data)
{
	struct life *life = data;
	uint8_t *memory = fresh_pages(16 * MIB);
	struct ioasid_dma_done done = { .timeout = DMA_TIMEOUT_MS };
	struct ioasid_dma_bind bind;
	int device = open_device(0);

	CHECK(memory && device >= 0 && !bind_queue(device, &bind));
	life->shared->ids[0] = bind.pasid;
	CHECK(!submit(device, DMA_OP_FILL | DMA_FLAG_ENDLESS, NULL, memory, 16 * MIB, 0));
	life->shared->ready = 1;
	/* Somebody frees the PASID: the driver lets go of it. */
	CHECK(ioctl(device, IOASID_DMA_WAIT, &done) && errno == ENXIO);
	memset(memory, 0, 16 * MIB);
	nap_ms(20);
	CHECK(is_zero(memory, 16 * MIB));
	/* But who holds it still has it. */
	CHECK(bind_queue(device, &bind) == -EBUSY);
	life->shared->ready = 2;
	if (life->number)
		return 0;
	CHECK(wait_for(&life->shared->go, 1));
	if (in_tree()) {
		CHECK(bind_queue(device, &bind) == -EBUSY);
		return 0;
	}
	CHECK(!bind_queue(device, &bind));
	CHECK(bind.pasid == life->shared->ids[0]);
	CHECK(works(device));
	return 0;
}

TEST_F_TIMEOUT(others, freed_by_another, 60)
{
	struct life life = { .shared = self->shared };
	struct ioasid_dma_bind bind;
	uint32_t id;
	pid_t child;

	/* Once it lives on and binds again; once that is its end. */
	for (life.number = 0; life.number < 2; life.number++) {
		self->shared->ready = 0;
		self->shared->go = 0;
		child = start_child(live_without_pasid, &life);
		ASSERT_TRUE(wait_for(&self->shared->ready, 1));
		id = self->shared->ids[0];
		ASSERT_EQ(0, other(self->kernel, IOASID_DMA_TEST_GET, id));
		EXPECT_EQ(1, other(self->kernel, IOASID_DMA_TEST_FREE, id));
		EXPECT_TRUE(wait_for(&self->shared->ready, 2));
		EXPECT_TRUE(file_has(WHY, "not yet free"));
		EXPECT_TRUE(gets_to(id, "pending"));
		if (life.number)
			EXPECT_EQ(0, end_of(child));
		ASSERT_EQ(0, bind_queue(self->fd, &bind));
		EXPECT_NE(id, bind.pasid);
		EXPECT_TRUE(works(self->fd));
		ASSERT_EQ(0, unbind_queue(self->fd));
		EXPECT_EQ(0, other(self->kernel, IOASID_DMA_TEST_PUT, id));
		self->shared->go = 1;
		if (!life.number)
			EXPECT_EQ(0, end_of(child));
		EXPECT_TRUE(gets_to(id, ""));
	}
}

/* ---- a reset of the device ---- */

static bool reset_device(void)
{
	int fd = open("/sys/class/misc/ioasid_dma0/device/reset", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, "1", 1) == 1;

	close(fd);
	return done;
}

/* Binds whenever it can, until it has been told of the reset as often as it takes. */
static int bind_again_and_again(void *data)
{
	struct shared *shared = data;
	int fd = open_device(0), ret;

	CHECK(fd >= 0);
	while (shared->ready < 3) {
		ret = bind_queue(fd, NULL);
		if (!ret) {
			unbind_queue(fd);
			nap_ms(1);
		} else if (ret == -EBUSY && file_has(WHY, "reset")) {
			shared->ready++;
		}
	}
	CHECK(wait_for(&shared->go, 1));
	CHECK(!bind_queue(fd, NULL));
	CHECK(works(fd));
	return 0;
}

TEST_F_TIMEOUT(others, reset_while_bound, 60)
{
	struct ioasid_dma_done done = { .timeout = DMA_TIMEOUT_MS };
	uint8_t *memory = fresh_pages(16 * PAGE);
	pid_t child;
	int i;

	ASSERT_NE(NULL, memory);
	child = start_child(bind_again_and_again, self->shared);
	for (i = 0; i < 3 || (i < 50 && self->shared->ready < 3); i++) {
		ASSERT_EQ(0, bind_queue(self->fd, NULL));
		ASSERT_EQ(0, submit(self->fd, DMA_OP_FILL | DMA_FLAG_ENDLESS, NULL, memory,
				    16 * PAGE, 0));
		nap_ms(2);
		ASSERT_TRUE(reset_device());
		/* That has taken the queue. */
		EXPECT_EQ(-1, ioctl(self->fd, IOASID_DMA_WAIT, &done));
		EXPECT_EQ(ENXIO, errno);
		memset(memory, 0, 16 * PAGE);
		nap_ms(20);
		EXPECT_TRUE(is_zero(memory, 16 * PAGE));
	}
	self->shared->go = 1;
	EXPECT_EQ(0, end_of(child));
	ASSERT_EQ(0, bind_queue(self->fd, NULL));
	EXPECT_TRUE(works(self->fd));
}

/* ---- devices that cannot ---- */

TEST_F(others, device_without_pasids)
{
	struct ioasid_dma_test_enable enable = { .device = "0000:00:00.0" };

	/* The host bridge. */
	ASSERT_EQ(0, ioctl(self->kernel, IOASID_DMA_TEST_ENABLE, &enable));
	EXPECT_EQ(-ENODEV, enable.error);
	EXPECT_STREQ("the device has no PASID capability", enable.why);
}

#include "dma_totals.h"

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--nothing"))
		return 0;
	return test_harness_run(argc, argv);
}
