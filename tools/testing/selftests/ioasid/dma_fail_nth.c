// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation of every call of a process to the driver fails once, through
 * /proc/self/fail-nth. Each time a process of its own: what an address space gets once, it gets
 * anew. The call fails and changes nothing, or works; then it works.
 */
#define _GNU_SOURCE

#include "dma.h"

#define FAIL_NTH "/proc/self/fail-nth"
#define MOST_POINTS 2000
#define LENGTH (2 * PAGE)

/* What a child tells its parent. */
struct told {
	int failed;
	int refused;
	int error;
};

static struct told *told;
static unsigned int all_points, all_refused;

/* Negative where there is no fault injection. */
static int armed = -1;

static void arm(int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", nth);

	if (armed < 0)
		return;
	CHECK(pwrite(armed, text, length, 0) == length);
}

/* Whether there was an allocation left to fail. */
static bool disarm(void)
{
	char text[16] = "";

	if (armed < 0)
		return false;
	CHECK(pread(armed, text, sizeof(text) - 1, 0) > 0);
	arm(0);
	return atoi(text) == 0;
}

/* A queue works, from the first job to the last. */
static void check_works(int fd, void *memory)
{
	uint64_t pattern = new_pattern();

	CHECK(!dma_fill(fd, memory, LENGTH, pattern));
	CHECK(holds(memory, LENGTH, pattern));
}

struct place {
	int fd;
	void *memory;
};

struct sweep {
	const char *name;
	/* With a file that is open, and bound. */
	bool open;
	bool bound;
	/* It cannot say that it has no memory. */
	bool certain;
	/* 0 or an errno. */
	int (*run)(struct place *place);
	/* After a success, if that has to be undone before the next try. */
	void (*undo)(int fd);
};

static int run_open(struct place *place)
{
	place->fd = open_device(0);
	return place->fd < 0 ? -errno : 0;
}

static void undo_open(int fd)
{
	close(fd);
}

static int run_bind(struct place *place)
{
	return bind_queue(place->fd, NULL);
}

static void undo_bind(int fd)
{
	CHECK(!unbind_queue(fd));
}

static int run_unbind(struct place *place)
{
	return unbind_queue(place->fd);
}

static int run_close(struct place *place)
{
	return close(place->fd) ? -errno : 0;
}

static int run_submit(struct place *place)
{
	return submit(place->fd, DMA_OP_FILL, NULL, place->memory, LENGTH, 1);
}

static void undo_submit(int fd)
{
	struct ioasid_dma_done done;

	CHECK(!wait_done(fd, &done));
}

/* The page that the device asks for is got elsewhere; who waits needs no memory. */
static int run_job(struct place *place)
{
	struct ioasid_dma_done done = { .timeout = DMA_TIMEOUT_MS };
	int ret = submit(place->fd, DMA_OP_FILL, NULL, place->memory, LENGTH, 1);

	if (!ret)
		ret = ioctl(place->fd, IOASID_DMA_WAIT, &done) ? -errno : (int)done.status;
	return ret;
}

static int run_counters(struct place *place)
{
	static struct ioasid_dma_counters counters;

	return ioctl(place->fd, IOASID_DMA_COUNTERS, &counters) ? -errno : 0;
}

static const struct sweep sweeps[] = {
	{ "open", .run = run_open, .undo = undo_open },
	{ "bind", .open = true, .run = run_bind, .undo = undo_bind },
	{ "submit", .open = true, .bound = true, .certain = true, .run = run_submit,
	  .undo = undo_submit },
	{ "submit and wait", .open = true, .bound = true, .certain = true, .run = run_job },
	{ "counters", .open = true, .certain = true, .run = run_counters },
	{ "unbind", .open = true, .bound = true, .certain = true, .run = run_unbind },
	{ "close", .open = true, .bound = true, .certain = true, .run = run_close },
};

struct attempt {
	const struct sweep *sweep;
	int nth;
};

static int live_attempt(void *data)
{
	const struct attempt *attempt = data;
	const struct sweep *sweep = attempt->sweep;
	struct place place = { .fd = -1, .memory = pages_apart(LENGTH) };
	bool bound = sweep->bound;
	int ret;

	CHECK(place.memory);
	memset(place.memory, 0, LENGTH);
	armed = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	CHECK(armed >= 0 || !attempt->nth);
	/* What is written to is there before memory gets scarce. */
	arm(0);
	disarm();
	if (sweep->open)
		CHECK(!run_open(&place));
	if (bound)
		CHECK(!run_bind(&place));
	arm(attempt->nth);
	ret = sweep->run(&place);
	told->failed = disarm();
	told->error = ret;
	told->refused = ret < 0;
	if (sweep->run == run_unbind || sweep->run == run_close)
		bound = false;
	else if (!ret && sweep->undo)
		sweep->undo(place.fd);
	/* The next call works. */
	if (sweep->run == run_open || sweep->run == run_close)
		CHECK(!run_open(&place));
	if (!bound)
		CHECK(!run_bind(&place));
	check_works(place.fd, place.memory);
	/* Every other one leaves that to its end. */
	if (attempt->nth % 2)
		CHECK(!unbind_queue(place.fd));
	return 0;
}

/* The end of a process that has no memory at all for it. */
static int live_and_exit(void *data)
{
	const struct attempt *attempt = data;
	int fd = open_queue(0);

	CHECK(fd >= 0);
	armed = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	CHECK(armed >= 0);
	check_works(fd, pages_apart(LENGTH));
	arm(attempt->nth);
	return 0;
}

FIXTURE(fail_nth) {
	int fd;
	uint64_t orphans;
};

FIXTURE_SETUP(fail_nth)
{
	told = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, told);
	self->fd = open_device(0);
	ASSERT_LE(0, self->fd) TH_LOG("%s: %s", dma_path(0), strerror(errno));
	self->orphans = counter(self->fd, DMA_REG_ORPHANS);
}

FIXTURE_TEARDOWN(fail_nth)
{
	EXPECT_EQ(self->orphans, counter(self->fd, DMA_REG_ORPHANS));
	close(self->fd);
}

/* No queue is lost: all can be had at a time. */
static bool all_queues_are_there(void)
{
	int fds[DMA_QUEUES], i, n = 0;

	while (n < DMA_QUEUES) {
		fds[n] = open_queue(0);
		if (fds[n] < 0)
			break;
		n++;
	}
	for (i = 0; i < n; i++)
		close(fds[i]);
	return n == DMA_QUEUES;
}

TEST_F_TIMEOUT(fail_nth, every_call_works, 60)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sweeps); i++) {
		struct attempt attempt = { .sweep = &sweeps[i] };

		ASSERT_EQ(0, end_of(start_child(live_attempt, &attempt)))
			TH_LOG("%s", sweeps[i].name);
		EXPECT_EQ(0, told->error);
	}
	EXPECT_TRUE(all_queues_are_there());
}

TEST_F_TIMEOUT(fail_nth, every_call_works_again, 300)
{
	size_t i;

	if (access(FAIL_NTH, W_OK))
		SKIP(return, "no fault injection");
	for (i = 0; i < ARRAY_SIZE(sweeps); i++) {
		struct attempt attempt = { .sweep = &sweeps[i] };
		unsigned int refused = 0;

		do {
			attempt.nth++;
			memset(told, 0, sizeof(*told));
			ASSERT_EQ(0, end_of(start_child(live_attempt, &attempt)))
				TH_LOG("%s at %d", sweeps[i].name, attempt.nth);
			refused += told->refused;
			EXPECT_TRUE(!told->error || told->error == -ENOMEM)
				TH_LOG("%s at %d: %d", sweeps[i].name, attempt.nth, told->error);
			EXPECT_TRUE(!told->error || (told->failed && !sweeps[i].certain))
				TH_LOG("%s at %d: %d", sweeps[i].name, attempt.nth, told->error);
		} while (told->failed && attempt.nth < MOST_POINTS);
		EXPECT_LT(attempt.nth, MOST_POINTS);
		printf("# fail_nth %s: %d points, %u refused\n", sweeps[i].name, attempt.nth - 1,
		       refused);
		all_points += attempt.nth - 1;
		all_refused += refused;
	}
	printf("# fail_nth: %u points in %zu calls, %u refused\n", all_points, i, all_refused);
	EXPECT_LT(0, all_refused);
	EXPECT_TRUE(all_queues_are_there());
}

TEST_F_TIMEOUT(fail_nth, process_ends_without_memory, 120)
{
	struct attempt attempt;

	if (access(FAIL_NTH, W_OK))
		SKIP(return, "no fault injection");
	for (attempt.nth = 1; attempt.nth <= 40; attempt.nth++)
		ASSERT_EQ(0, end_of(start_child(live_and_exit, &attempt)));
	EXPECT_TRUE(all_queues_are_there());
}

#include "dma_totals.h"

TEST_HARNESS_MAIN
