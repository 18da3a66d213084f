// SPDX-License-Identifier: GPL-2.0
/*
 * Calls the functions of linux/ioasid.h at random, by programs of a grammar; those that reach code
 * which none before has reached are kept and changed further (KCOV). An answer that the header
 * does not allow is a finding. So is whatever the kernel says, which is for others to see: on a
 * panic the device prints what was called last, as --replay reads it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/kcov.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ioasid_fuzz.h"

typedef __u64 u64;
typedef __s64 s64;
typedef __u32 u32;

#define DEVICE		"/dev/ioasid_fuzz"
#define KCOV		"/sys/kernel/debug/kcov"
#define COVER_WORDS	0x10000
#define POINTS		0x100000
#define MAX_CORPUS	4096
#define MAX_WORDS	1024
#define MAX_WORKERS	8
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* ---------------------------------------------------------------------------- what may be said */

enum {
	SET = 0x1, ID = 0x2, NUMBERS = 0x4, QUOTA = 0x8, SPID = 0x10, SLOT = 0x20, KIND = 0x40,
	MM = 0x80, ANY = 0x100, SOFT = 0x200, POLICY = 0x400, EVENT = 0x800, NAME = 0x1000,
	NUMBER = 0x2000, GETS = 0x4000, BOTH = 0x8000, DATA = 0x10000,
};

#define ERRNOS	12

static const struct verb {
	const char *name;
	unsigned int weight;
	/* What its arguments are. */
	unsigned int takes;
	/* What it returns beside errnos: from 0 to this; -1 is any number of 32 bits. */
	s64 most;
	int errnos[ERRNOS];
} verbs[FUZZ_VERBS] = {
	[FUZZ_ALLOC] = { "alloc", 60, SET | NUMBERS | DATA, -1, {} },
	[FUZZ_ALLOC_RANGE] = { "alloc_range", 30, SET | NUMBERS | POLICY | DATA, (1 << 20) - 1,
		{ EINVAL, EBUSY, ENOSPC, EEXIST, ENOMEM } },
	[FUZZ_FREE] = { "free", 40, SET | ID | ANY, 1, { ENOENT, EACCES } },
	[FUZZ_GET] = { "get", 30, SET | ID | ANY, 0, { EINVAL, EACCES, EBUSY } },
	[FUZZ_PUT] = { "put", 30, SET | ID | ANY, 1, {} },
	[FUZZ_GET_NAMED] = { "get_named", 12, SET | ID | ANY | NAME, 0, { EINVAL, EACCES, EBUSY } },
	[FUZZ_PUT_NAMED] = { "put_named", 12, SET | ID | ANY | NAME, 1, {} },
	[FUZZ_FIND] = { "find", 16, SET | ID | ANY | NAME, FUZZ_FOUND, { ENOENT, EACCES } },
	[FUZZ_ALLOC_SET] = { "alloc_set", 12, QUOTA | KIND | MM, FUZZ_SETS - 1,
		{ EINVAL, EEXIST, ESRCH, ENOSPC, ENOMEM, EINTR } },
	[FUZZ_SET_FREE] = { "set_free", 10, SET, 1, { EINVAL } },
	[FUZZ_SET_GET] = { "set_get", 8, SET | ANY, 0, { EINVAL, EBUSY } },
	[FUZZ_SET_PUT] = { "set_put", 8, SET | ANY, 0, {} },
	[FUZZ_ADJUST_SET] = { "adjust_set", 10, SET | QUOTA | SOFT, 0, { EINVAL, EBUSY, ENOSPC } },
	[FUZZ_SET_POLICY] = { "set_policy", 6, SET | ANY | NUMBER, 0, { EINVAL } },
	[FUZZ_SET_QUERY] = { "set_query", 6, SET | ANY | NAME, 0, { EINVAL } },
	[FUZZ_FIND_MM_SET] = { "find_mm_set", 6, MM | SOFT, FUZZ_SETS - 1, { EINVAL, ENOENT } },
	[FUZZ_FIND_SET] = { "find_set", 6, ID | ANY, FUZZ_SETS - 1, { ENOENT } },
	[FUZZ_FREE_ALL_IN_SET] = { "free_all_in_set", 4, SET | SOFT, 0, {} },
	[FUZZ_SET_FOR_EACH_IOASID] = { "set_for_each_ioasid", 3, SET | SOFT | NAME | SPID, 0,
		{ EINVAL } },
	[FUZZ_GET_IF_OWNED_BY] = { "get_if_owned_by", 6, ID | MM | ANY, 0,
		{ ENOENT, EPERM, EINVAL, EBUSY } },
	[FUZZ_GET_IF_OWNED] = { "get_if_owned", 4, ID, 0, { ENOENT, EPERM, EINVAL, EBUSY } },
	[FUZZ_IS_ACTIVE] = { "is_active", 4, ID | ANY, 1, {} },
	[FUZZ_ATTACH_SPID] = { "attach_spid", 24, ID | SPID | SOFT, 0,
		{ EINVAL, ENOENT, EBUSY, EEXIST, ENOMEM, EACCES } },
	[FUZZ_DETACH_SPID] = { "detach_spid", 12, ID | SOFT, 0, { ENOENT, EBUSY } },
	[FUZZ_FIND_SPID] = { "find_spid", 4, ID | ANY, -1, {} },
	[FUZZ_FIND_BY_SPID] = { "find_by_spid", 10, SET | SPID | GETS | ANY, -1, {} },
	[FUZZ_ATTACH_DATA] = { "attach_data", 8, ID | ANY | NUMBER, 0, { EINVAL, ENOENT, EBUSY } },
	[FUZZ_DETACH_DATA] = { "detach_data", 2, ID, 0, { ENOENT, EBUSY } },
	[FUZZ_WAIT_RECLAIMED] = { "wait_reclaimed", 1, ID | NAME, 0, { ENOENT, ETIMEDOUT, EINTR } },
	[FUZZ_SET_WAIT_RECLAIMED] = { "set_wait_reclaimed", 1, SET | NAME, 0,
		{ EINVAL, ETIMEDOUT, EINTR } },
	[FUZZ_RESERVE_CAPACITY] = { "reserve_capacity", 3, QUOTA | SOFT, 1 << 20, { ENOSPC } },
	[FUZZ_CANCEL_CAPACITY] = { "cancel_capacity", 6, QUOTA | SOFT, 1 << 20, { EINVAL } },
	[FUZZ_REGISTER_NOTIFIER] = { "register_notifier", 3, SET | SLOT | BOTH, 0,
		{ EINVAL, EBUSY, EEXIST, ENOMEM } },
	[FUZZ_REGISTER_NOTIFIER_REPLAY] = { "register_notifier_replay", 2, SET | SLOT | BOTH, 0,
		{ EINVAL, EBUSY, EEXIST, ENOMEM } },
	[FUZZ_UNREGISTER_NOTIFIER] = { "unregister_notifier", 2, SET | SLOT, 0, {} },
	[FUZZ_REGISTER_NOTIFIER_MM] = { "register_notifier_mm", 2, MM | SLOT | BOTH, 0,
		{ EINVAL, EBUSY, EEXIST, ENOMEM } },
	[FUZZ_REGISTER_NOTIFIER_MM_REPLAY] = {
		"register_notifier_mm_replay", 2, MM | SLOT | BOTH, 0, { EINVAL, EEXIST, ENOMEM } },
	[FUZZ_UNREGISTER_NOTIFIER_MM] = { "unregister_notifier_mm", 1, MM | SLOT, 0, {} },
	[FUZZ_NOTIFY] = { "notify", 10, ID | EVENT | SOFT, 0,
		{ EINVAL, ENOENT, EBUSY, EACCES, -1 } },
	[FUZZ_QUEUE_WORK] = { "queue_work", 2, SLOT, 1, {} },
	[FUZZ_REGISTER_ALLOCATOR] = { "register_allocator", 1, SLOT, 0,
		{ EEXIST, EAGAIN, ENOMEM } },
	[FUZZ_UNREGISTER_ALLOCATOR] = { "unregister_allocator", 1, SLOT, 0, {} },
	[FUZZ_INSTALL_CAPACITY] = { "install_capacity", 1, QUOTA, 0, { EINVAL, EBUSY } },
	[FUZZ_GET_CAPACITY] = { "get_capacity", 1, ANY, 1 << 20, {} },
	[FUZZ_HANDLER] = { "handler", 12, SLOT | ID, 0, {} },
	[FUZZ_ANSWER] = { "answer", 6, SLOT, 0, {} },
};

/* Where two values of a handler are an errno that nobody has foreseen. */
static bool is_refusal(const struct ioasid_fuzz_op *op)
{
	return op->verb == FUZZ_ATTACH_SPID || op->verb == FUZZ_NOTIFY;
}

static bool is_allowed(const struct ioasid_fuzz_op *op)
{
	const struct verb *verb = &verbs[op->verb];
	unsigned int i;

	if (op->ret == FUZZ_NOT_CALLED)
		return true;
	if (op->ret >= 0)
		return verb->most < 0 ? op->ret <= UINT_MAX : op->ret <= verb->most;
	if (is_refusal(op))
		return op->ret >= -4095;
	for (i = 0; i < ERRNOS && verb->errnos[i]; i++) {
		if (-op->ret == verb->errnos[i])
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------------------- chance */

static u64 chance_state;

static u64 chance(void)
{
	u64 x = chance_state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static unsigned int below(unsigned int end)
{
	return chance() % end;
}

static bool one_in(unsigned int n)
{
	return !below(n);
}

/* ---------------------------------------------------------------------------- what all share */

struct shared {
	u64 calls[MAX_WORKERS], programs[MAX_WORKERS], not_called[MAX_WORKERS];
	unsigned int points, kept, findings;
	bool stop;
	unsigned char seen[POINTS];
};

static struct shared *shared;

struct program {
	unsigned int nr;
	struct ioasid_fuzz_op ops[FUZZ_MAX_OPS];
};

struct kept {
	unsigned int nr;
	struct ioasid_fuzz_op *ops;
};

static struct kept corpus[MAX_CORPUS];
static unsigned int nr_corpus;
/* What the module compares with. */
static u32 words[MAX_WORDS];
static unsigned int nr_words;
static unsigned int max_ops = 48;

/* ---------------------------------------------------------------------------- grammar */

static const u32 edges[] = {
	0, 1, 2, 3, 15, 16, 63, 64, 65, 127, 128, 255, 256, 511, 512, 1023, 1024, 4095, 4096, 65535,
	65536, 0xffffe, 0xfffff, 0x100000, 0x100001, INT_MAX, 1U << 31, UINT_MAX - 4096,
	UINT_MAX - 4095, UINT_MAX - 4094, UINT_MAX - 1, UINT_MAX,
};

static u32 any_number(void)
{
	switch (below(8)) {
	case 0:
	case 1:
		return edges[below(ARRAY_SIZE(edges))];
	case 2:
		if (nr_words)
			return words[below(nr_words)];
		return chance();
	case 3:
		return chance() >> below(33);
	case 4:
		return below(1 << 20);
	default:
		return below(12);
	}
}

/* The lowest number comes first, so most IDs that are there are small. */
static u32 an_id(void)
{
	return one_in(6) ? any_number() : 1 + below(one_in(3) ? 24 : 6);
}

static u32 a_set(void)
{
	switch (below(12)) {
	case 0:
	case 1:
	case 2:
	case 3:
		return FUZZ_SET_NULL;
	case 4:
		return FUZZ_SET_FOREIGN + below(FUZZ_FOREIGN);
	case 5:
		return one_in(4) ? any_number() : below(FUZZ_SETS);
	default:
		return below(3);
	}
}

static u32 context(unsigned int takes)
{
	if (!(takes & (ANY | SOFT)) || below(3))
		return FUZZ_IN_PROCESS;
	return takes & SOFT ? FUZZ_BH_OFF : 1 + below(4);
}

static void fill(struct ioasid_fuzz_op *op)
{
	unsigned int takes = verbs[op->verb].takes;

	op->flags = context(takes);
	op->set = takes & SET ? a_set() : 0;
	op->id = takes & ID ? an_id() : 0;
	op->a = 0;
	op->b = 0;
	if (takes & NUMBERS) {
		op->a = one_in(3) ? any_number() : 1;
		op->b = one_in(3) ? any_number() : one_in(2) ? 0xfffff : op->a + below(8);
	}
	if (takes & POLICY)
		op->id = one_in(10) ? any_number() : below(3);
	if (takes & DATA) {
		op->flags |= (one_in(2) ? 1 : one_in(16) ? 15 : 0) << 4;
		if (!(takes & POLICY))
			op->id = below(16);
	}
	if (takes & QUOTA)
		op->a = one_in(2) ? any_number() : below(6);
	if (takes & KIND)
		op->b = one_in(10) ? any_number() : 1 + below(2);
	if (takes & MM && one_in(12))
		op->flags |= (14 + below(2)) << 4;
	if (takes & (NAME | NUMBER | SLOT))
		op->a = one_in(10) ? any_number() : below(takes & SLOT ? 4 : 16);
	if (takes & SPID) {
		u32 spid = one_in(4) ? any_number() : below(6);

		if (takes & NAME)
			op->b = spid;
		else
			op->a = spid;
	}
	if (takes & GETS)
		op->b = below(2);
	if (takes & BOTH)
		op->b = one_in(4) ? any_number() : below(4);
	if (takes & EVENT) {
		op->a = one_in(8) ? any_number() : 3 + below(2);
		op->b = one_in(8) ? any_number() : 1 + below(3);
	}
	if (op->verb == FUZZ_HANDLER) {
		unsigned int bits = below(4);

		while (bits--)
			op->b |= 1U << below(16);
		if (one_in(16))
			op->b = chance();
	}
	if (op->verb == FUZZ_ANSWER)
		op->b = one_in(2) ? 0 : below(FUZZ_ANSWERS);
	if (one_in(24))
		op->flags |= (1 + below(8)) << 8;
}

static unsigned int total_weight;

static void make_op(struct ioasid_fuzz_op *op)
{
	unsigned int at = below(total_weight), verb = 0;

	while (at >= verbs[verb].weight)
		at -= verbs[verb++].weight;
	*op = (struct ioasid_fuzz_op){ .verb = verb };
	fill(op);
}

static void make(struct program *program)
{
	unsigned int i;

	program->nr = 1 + below(max_ops);
	for (i = 0; i < program->nr; i++)
		make_op(&program->ops[i]);
	/* Only where there is no ID can they come. */
	if (one_in(6))
		program->ops[0] = (struct ioasid_fuzz_op){ .verb = FUZZ_REGISTER_ALLOCATOR,
							    .a = below(FUZZ_ALLOCATORS) };
}

static void change(struct program *program)
{
	const struct kept *from = &corpus[below(nr_corpus)];
	unsigned int turns = 1 + below(6), at, nr;
	struct ioasid_fuzz_op *op;

	memcpy(program->ops, from->ops, from->nr * sizeof(*from->ops));
	program->nr = from->nr;
	while (turns--) {
		at = below(program->nr);
		op = &program->ops[at];
		switch (below(7)) {
		case 0:
			fill(op);
			break;
		case 1: {
			u32 *fields[] = { &op->set, &op->id, &op->a, &op->b };

			*fields[below(4)] = one_in(2) ? an_id() : any_number();
			break;
		}
		case 2:
			if (program->nr == FUZZ_MAX_OPS)
				break;
			memmove(op + 1, op, (program->nr++ - at) * sizeof(*op));
			make_op(op);
			break;
		case 3:
			if (program->nr == 1)
				break;
			memmove(op, op + 1, (--program->nr - at) * sizeof(*op));
			break;
		case 4:
			/* The end of another one. */
			from = &corpus[below(nr_corpus)];
			nr = 1 + below(from->nr);
			if (nr > FUZZ_MAX_OPS - at)
				nr = FUZZ_MAX_OPS - at;
			memcpy(op, from->ops + from->nr - nr, nr * sizeof(*op));
			program->nr = at + nr;
			break;
		case 5:
			make_op(op);
			break;
		default:
			op->flags = (op->flags & ~0xf00U) | (one_in(2) ? (1 + below(12)) << 8 : 0) |
				    (op->flags & 0xff);
			break;
		}
	}
}

static void keep(const struct program *program)
{
	struct kept *slot = &corpus[nr_corpus < MAX_CORPUS ? nr_corpus : below(MAX_CORPUS)];
	struct ioasid_fuzz_op *ops = malloc(program->nr * sizeof(*ops));

	if (!ops)
		return;
	memcpy(ops, program->ops, program->nr * sizeof(*ops));
	if (nr_corpus < MAX_CORPUS)
		nr_corpus++;
	else
		free(slot->ops);
	*slot = (struct kept){ program->nr, ops };
	__atomic_add_fetch(&shared->kept, 1, __ATOMIC_RELAXED);
}

/* ---------------------------------------------------------------------------- coverage */

static int kcov = -1;
static u64 *cover;

static void kcov_open(void)
{
	kcov = open(KCOV, O_RDWR);
	if (kcov < 0)
		return;
	if (ioctl(kcov, KCOV_INIT_TRACE, COVER_WORDS))
		goto none;
	cover = mmap(NULL, COVER_WORDS * sizeof(*cover), PROT_READ | PROT_WRITE, MAP_SHARED, kcov,
		     0);
	if (cover != MAP_FAILED && !ioctl(kcov, KCOV_ENABLE, KCOV_TRACE_PC))
		return;
none:
	close(kcov);
	kcov = -1;
}

static void kcov_switch(unsigned int mode)
{
	ioctl(kcov, KCOV_DISABLE, 0);
	cover[0] = 0;
	if (ioctl(kcov, KCOV_ENABLE, mode)) {
		perror("KCOV_ENABLE");
		exit(2);
	}
}

/* How many points the last program reached that none before had; where from counts as well. */
static unsigned int new_points(void)
{
	u64 nr = __atomic_load_n(&cover[0], __ATOMIC_RELAXED), i, from = 0;
	unsigned int found = 0;

	if (nr >= COVER_WORDS)
		nr = COVER_WORDS - 1;
	for (i = 1; i <= nr; i++) {
		u64 edge = (cover[i] ^ (from << 1)) * 0x9e3779b97f4a7c15ULL >> 44;

		from = cover[i] & 0xffffff;
		if (shared->seen[edge & (POINTS - 1)])
			continue;
		shared->seen[edge & (POINTS - 1)] = 1;
		found++;
	}
	if (found)
		__atomic_add_fetch(&shared->points, found, __ATOMIC_RELAXED);
	return found;
}

static void learn_words(void)
{
	u64 nr = __atomic_load_n(&cover[0], __ATOMIC_RELAXED), i, arg;
	unsigned int k;

	if (nr > (COVER_WORDS - 1) / 4)
		nr = (COVER_WORDS - 1) / 4;
	for (i = 0; i < nr; i++) {
		/* Type, two operands, where. */
		if (!(cover[1 + 4 * i] & KCOV_CMP_CONST))
			continue;
		arg = cover[2 + 4 * i];
		for (k = 0; k < nr_words && words[k] != (u32)arg; k++)
			;
		if (k == nr_words)
			words[nr_words < MAX_WORDS ? nr_words++ : below(MAX_WORDS)] = arg;
	}
}

/* ---------------------------------------------------------------------------- run */

static void print_op(FILE *out, const struct ioasid_fuzz_op *op, bool result)
{
	fprintf(out, "op %u %#x %u %u %u %u", op->verb, op->flags, op->set, op->id, op->a, op->b);
	if (result)
		fprintf(out, " # %s = %lld%s", verbs[op->verb].name, (s64)op->ret,
			is_allowed(op) ? "" : ": not allowed");
	fputc('\n', out);
}

static void print_program(const struct program *program)
{
	unsigned int i;

	for (i = 0; i < program->nr; i++)
		print_op(stdout, &program->ops[i], true);
	fflush(stdout);
}

static void run(int fd, struct program *program, unsigned int flags, unsigned int worker)
{
	struct ioasid_fuzz_run run = {
		.ops = (unsigned long)program->ops,
		.nr = program->nr,
		.flags = flags,
	};
	unsigned int i, bad = 0;

	if (kcov >= 0)
		__atomic_store_n(&cover[0], 0, __ATOMIC_RELAXED);
	if (ioctl(fd, IOASID_FUZZ_RUN, &run)) {
		if (errno != EUCLEAN) {
			perror("IOASID_FUZZ_RUN");
			exit(2);
		}
		printf("finding: numbers have been lost, by this program or one before:\n");
		bad = 1;
	}
	for (i = 0; i < program->nr; i++) {
		const struct ioasid_fuzz_op *op = &program->ops[i];

		if (op->ret == FUZZ_NOT_CALLED)
			shared->not_called[worker]++;
		if (is_allowed(op))
			continue;
		if (!bad)
			printf("finding: the header does not allow the answer of %s\n",
			       verbs[op->verb].name);
		bad = 1;
	}
	shared->calls[worker] += program->nr;
	shared->programs[worker]++;
	if (!bad)
		return;
	print_program(program);
	if (__atomic_add_fetch(&shared->findings, 1, __ATOMIC_RELAXED) > 20)
		shared->stop = true;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int open_device(void)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		perror(DEVICE);
		exit(2);
	}
	return fd;
}

/* A process that ends with all it has, its memory included, and keeps its file open to the last. */
static void run_and_die(struct program *program, unsigned int worker)
{
	int fd, status;
	pid_t pid = fork();

	if (pid) {
		if (pid > 0)
			waitpid(pid, &status, 0);
		return;
	}
	kcov = -1;
	fd = open_device();
	run(fd, program, 0, worker);
	kill(getpid(), SIGKILL);
}

/* The others rest at times: some of it can only be done where nobody else has IDs. */
static bool is_my_turn(unsigned int worker, double since)
{
	return !worker || (unsigned int)((now() - since) / 4) % 2;
}

static void work(unsigned int worker, u64 seed, u64 limit, double since)
{
	static struct program program;
	unsigned int flags;
	u64 turn;
	int fd;

	chance_state = seed * 0x100000001b3ULL + worker;
	kcov_open();
	fd = open_device();
	for (turn = 0; !shared->stop && turn < limit; turn++) {
		while (!is_my_turn(worker, since) && !shared->stop)
			usleep(10000);
		if (nr_corpus && below(5))
			change(&program);
		else
			make(&program);
		if (one_in(200)) {
			run_and_die(&program, worker);
			continue;
		}
		/* To give up all takes grace periods, and a file may keep some of it. */
		flags = one_in(4) ? FUZZ_RESET : 0;
		if (!worker && one_in(500))
			flags = FUZZ_RESET | FUZZ_CHECK;
		if (kcov >= 0 && one_in(256)) {
			kcov_switch(KCOV_TRACE_CMP);
			run(fd, &program, flags, worker);
			learn_words();
			kcov_switch(KCOV_TRACE_PC);
			continue;
		}
		run(fd, &program, flags, worker);
		if (kcov >= 0 && new_points())
			keep(&program);
	}
	close(fd);
}

static int replay(const char *path)
{
	static struct program program;
	FILE *file = strcmp(path, "-") ? fopen(path, "r") : stdin;
	struct ioasid_fuzz_op op = {};
	int fd = open_device();
	char line[512], *at;

	if (!file) {
		perror(path);
		return 2;
	}
	while (fgets(line, sizeof(line), file)) {
		at = strstr(line, "op ");
		if (line[0] == '#' || !at || sscanf(at, "op %u %x %u %u %u %u", &op.verb, &op.flags,
						    &op.set, &op.id, &op.a, &op.b) != 6)
			continue;
		if (op.verb >= FUZZ_VERBS)
			continue;
		program.ops[program.nr++] = op;
		if (program.nr == FUZZ_MAX_OPS) {
			run(fd, &program, 0, 0);
			program.nr = 0;
		}
	}
	run(fd, &program, FUZZ_RESET | FUZZ_CHECK, 0);
	print_program(&program);
	printf("%s: %u findings\n", path, shared->findings);
	return shared->findings ? 1 : 0;
}

static void tell(double since)
{
	u64 calls = 0, programs = 0, not_called = 0;
	unsigned int i;
	double took = now() - since;

	for (i = 0; i < MAX_WORKERS; i++) {
		calls += shared->calls[i];
		programs += shared->programs[i];
		not_called += shared->not_called[i];
	}
	printf("%llu calls in %llu programs, %.0f s, %.0f calls/s; ", calls - not_called,
	       programs, took, (calls - not_called) / took);
	if (shared->points)
		printf("%u points reached, %u programs kept; ", shared->points, shared->kept);
	else
		printf("no coverage; ");
	printf("%u findings\n", shared->findings);
	fflush(stdout);
}

static u64 calls_so_far(void)
{
	u64 calls = 0;
	unsigned int i;

	for (i = 0; i < MAX_WORKERS; i++)
		calls += shared->calls[i] - shared->not_called[i];
	return calls;
}

static const char usage[] =
	"usage: %s [--seed N] [--seconds N] [--calls N] [--programs N] [--workers N]\n"
	"       [--tell SECONDS], or --replay FILE\n";

static const struct option options[] = {
	{ "seed", required_argument, NULL, 's' },
	{ "seconds", required_argument, NULL, 't' },
	{ "calls", required_argument, NULL, 'c' },
	{ "workers", required_argument, NULL, 'w' },
	{ "programs", required_argument, NULL, 'p' },
	{ "tell", required_argument, NULL, 'e' },
	{ "replay", required_argument, NULL, 'r' },
	{}
};

int main(int argc, char **argv)
{
	u64 seed = time(NULL) ^ (u64)getpid() << 32, calls = ULLONG_MAX, programs = ULLONG_MAX;
	unsigned int seconds = 60, workers = 2, every = 30, i, left;
	const char *file = NULL;
	double since, told;
	int option, status, failed = 0;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 't':
			seconds = strtoul(optarg, NULL, 0);
			break;
		case 'c':
			calls = strtoull(optarg, NULL, 0);
			break;
		case 'w':
			workers = strtoul(optarg, NULL, 0);
			break;
		case 'p':
			programs = strtoull(optarg, NULL, 0);
			break;
		case 'e':
			every = strtoul(optarg, NULL, 0);
			break;
		case 'r':
			file = optarg;
			break;
		default:
			fprintf(stderr, usage, argv[0]);
			return 2;
		}
	}
	if (workers < 1 || workers > MAX_WORKERS)
		workers = 1;
	for (i = 0; i < FUZZ_VERBS; i++)
		total_weight += verbs[i].weight;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED) {
		perror("mmap");
		return 2;
	}
	if (file)
		return replay(file);
	printf("seed %llu, %u workers\n", seed, workers);
	fflush(stdout);
	since = now();
	told = since;
	for (i = 0; i < workers; i++) {
		pid_t pid = fork();

		if (pid < 0) {
			perror("fork");
			return 2;
		}
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			work(i, seed, programs, since);
			fflush(stdout);
			_exit(0);
		}
	}
	for (left = workers; left;) {
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid > 0) {
			left--;
			if (!WIFEXITED(status) || WEXITSTATUS(status))
				failed = 2;
			continue;
		}
		usleep(50000);
		if (now() - told >= every) {
			told = now();
			tell(since);
		}
		if (now() - since >= seconds || calls_so_far() >= calls)
			shared->stop = true;
	}
	tell(since);
	return failed ? failed : shared->findings ? 1 : 0;
}
