// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that share the device of ioasid_demo.ko. What they do is told on standard output,
 * with a mark per fact that was expected; exit code 1 when one did not hold.
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
#include <sys/wait.h>
#include <unistd.h>

#include "ioasid_demo.h"
#include "scene.h"

#define DEVICE "/dev/ioasid_demo"
#define TABLE "/sys/kernel/debug/ioasid_demo/pasids"
#define LATE "/sys/kernel/debug/ioasid_demo/late_requests_refused"

#define NOBODYS_PASID 60000

/* Allocated before the processes part: all have it at the same address, each with its words. */
static char *buffer;

/* ---- one process, told by its parent what to do ---- */

enum order { ORDER_FAULT, ORDER_START, ORDER_STOP, ORDER_CLOSE, ORDER_EXIT };

struct request {
	enum order order;
	__u32 pasid;
	__u64 addr;
};

struct answer {
	int error;
	__u32 pasid;
	__u32 flags;
	char data[IOASID_DEMO_DATA + 1];
};

static void answer_request(int device, const struct request *request, struct answer *answer)
{
	struct ioasid_demo_fault fault = {
		.addr = request->addr,
		.pasid = request->pasid,
		.size = IOASID_DEMO_DATA,
	};
	int ret = -1;

	switch (request->order) {
	case ORDER_FAULT:
		ret = ioctl(device, IOASID_DEMO_FAULT, &fault);
		memcpy(answer->data, fault.data, IOASID_DEMO_DATA);
		answer->flags = fault.flags;
		break;
	case ORDER_START:
		ret = ioctl(device, IOASID_DEMO_START);
		break;
	case ORDER_STOP:
		ret = ioctl(device, IOASID_DEMO_STOP);
		break;
	case ORDER_CLOSE:
		ret = close(device);
		break;
	case ORDER_EXIT:
		_exit(0);
	}
	answer->error = ret ? errno : 0;
}

static void live(const char *name, int from, int to)
{
	struct answer answer = { 0 };
	struct request request;
	int device;

	snprintf(buffer, IOASID_DEMO_DATA, "the words of %s", name);

	device = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0 || ioctl(device, IOASID_DEMO_GET_PASID, &answer.pasid))
		answer.error = errno;
	while (write(to, &answer, sizeof(answer)) == sizeof(answer) &&
	       read(from, &request, sizeof(request)) == sizeof(request)) {
		memset(&answer, 0, sizeof(answer));
		answer_request(device, &request, &answer);
	}
	_exit(0);
}

static struct process start(const char *name)
{
	struct process process = spawn(name, live);
	struct answer answer;

	hear(&process, &answer, sizeof(answer));
	errno = answer.error;
	if (errno)
		give_up(DEVICE);
	process.pasid = answer.pasid;
	return process;
}

static struct answer tell(struct process *process, enum order order, __u32 pasid,
			  const void *addr)
{
	struct request request = {
		.order = order,
		.pasid = pasid,
		.addr = (uintptr_t)addr,
	};
	struct answer answer = { 0 };

	say(process, &request, sizeof(request));
	if (order != ORDER_EXIT)
		hear(process, &answer, sizeof(answer));
	return answer;
}

static void end(struct process *process)
{
	tell(process, ORDER_CLOSE, 0, NULL);
	tell(process, ORDER_EXIT, 0, NULL);
	bury(process);
}

/* ---- what the driver says ---- */

/* "live", "pending", or "" when the driver does not have that PASID. */
static const char *state_of(__u32 pasid)
{
	static char state[16];
	char line[200];

	state[0] = 0;
	if (find_line(TABLE, pasid, line, sizeof(line)))
		sscanf(line, "%*u %*d %*s %15s", state);
	return state;
}

static bool gone(__u32 pasid)
{
	int turn = 0;

	while (*state_of(pasid) && wait_a_little(&turn))
		;
	return !*state_of(pasid);
}

static int late_requests(void)
{
	int count = -1;
	FILE *file = fopen(LATE, "re");

	if (file) {
		if (fscanf(file, "%d", &count) != 1)
			count = -1;
		fclose(file);
	}
	return count;
}

/* ---- a page request and what is expected of it ---- */

static void expect_words(struct process *process)
{
	struct answer answer = tell(process, ORDER_FAULT, process->pasid, buffer);
	char words[IOASID_DEMO_DATA];

	snprintf(words, sizeof(words), "the words of %s", process->name);
	fact(!answer.error && !strcmp(answer.data, words) &&
	     (answer.flags & IOASID_DEMO_FAULT_HARDIRQ),
	     "%-7s asks for PASID %-5u at %#lx: \"%s\"", process->name, process->pasid,
	     (long)buffer, answer.error ? strerror(answer.error) : answer.data);
}

static void expect_error(struct process *process, __u32 pasid, const void *addr, int error)
{
	struct answer answer = tell(process, ORDER_FAULT, pasid, addr);

	fact(answer.error == error, "%-7s asks for PASID %-5u at %#lx: %s", process->name, pasid,
	     (long)addr, strerror(answer.error));
}

/* ---- the scenes ---- */

static const char * const names[] = { "render", "crypto", "index" };

#define MANY 3

static void scene_share(void)
{
	struct process process[MANY];
	struct answer answer;
	int i;

	for (i = 0; i < MANY; i++)
		process[i] = start(names[i]);
	answer = tell(&process[0], ORDER_START, 0, NULL);
	show(TABLE, "    ");
	fact(!answer.error && process[0].pasid != process[1].pasid &&
	     process[1].pasid != process[2].pasid && process[0].pasid != process[2].pasid,
	     "three address spaces, three PASIDs; a queue works for render");

	for (i = 0; i < MANY; i++)
		expect_words(&process[i]);
	expect_error(&process[0], process[1].pasid, buffer, EACCES);
	expect_error(&process[0], NOBODYS_PASID, buffer, ENOENT);
	expect_error(&process[0], process[0].pasid, NULL, EFAULT);

	answer = tell(&process[0], ORDER_STOP, 0, NULL);
	for (i = 0; i < MANY; i++)
		end(&process[i]);
	fact(!answer.error && gone(process[0].pasid) && gone(process[1].pasid) &&
	     gone(process[2].pasid), "the queue is stopped, all have closed: no PASID is left");
}

static void scene_death(void)
{
	struct process victim, next;
	int late = late_requests();
	struct answer answer;
	const char *state;
	__u32 pasid;

	victim = start("leaver");
	pasid = victim.pasid;
	tell(&victim, ORDER_EXIT, 0, NULL);
	bury(&victim);
	fact(gone(pasid), "leaver exits without closing the device: its PASID %u is back", pasid);

	victim = start("victim");
	pasid = victim.pasid;
	answer = tell(&victim, ORDER_START, 0, NULL);
	kill(victim.pid, SIGKILL);
	bury(&victim);
	next = start("next");
	state = state_of(pasid);
	show(TABLE, "    ");
	fact(!answer.error && !strcmp(state, "pending"),
	     "victim is killed while a queue works for it: PASID %u stays %s",
	     pasid, *state ? state : "NOT THERE");
	fact(next.pasid != pasid, "the next process gets %u, not %u", next.pasid, pasid);
	fact(gone(pasid), "the queue has drained: PASID %u is back", pasid);
	fact(late_requests() == late + 1, "its last page request found nobody's memory");
	end(&next);

	next = start("heir");
	fact(next.pasid == pasid, "now it can be used again: the next process gets %u", next.pasid);
	end(&next);
}

/* Runs a command of the demo and keeps the last thing it said. */
static int run(const char *command, char *said, int size)
{
	char *end;
	FILE *output;
	int status;

	fflush(stdout);
	output = popen(command, "re");
	if (!output)
		give_up(command);
	said[0] = 0;
	while (fgets(said, size, output))
		;
	status = pclose(output);
	end = strrchr(said, '\n');
	if (end)
		*end = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

struct range {
	unsigned long min, max;
};

static struct range range_of(char **argument)
{
	return (struct range) { strtoul(argument[0], NULL, 0), strtoul(argument[1], NULL, 0) };
}

static bool inside(const struct process *process, struct range range)
{
	return process->pasid >= range.min && process->pasid <= range.max;
}

/* Processes hold PASIDs of one range, a command runs, the next one gets its PASID from another. */
static void scene_hold(char **argument)
{
	unsigned long count = strtoul(argument[0], NULL, 0), i;
	struct range before = range_of(argument + 1), after = range_of(argument + 5);
	bool busy = !strcmp(argument[3], "busy"), ok = true;
	struct process process[MANY], next;
	char command[160], said[160], *why;
	int code;

	if (count > MANY)
		count = MANY;
	for (i = 0; i < count; i++) {
		process[i] = start(names[i]);
		ok &= inside(&process[i], before);
	}
	show(TABLE, "    ");
	fact(ok, "PASIDs between %lu and %lu", before.min, before.max);

	snprintf(command, sizeof(command), "%s 2>&1", argument[4]);
	code = run(command, said, sizeof(said));
	why = strrchr(said, ':');
	fact(busy ? code && strstr(said, strerror(EAGAIN)) : !code, "# %s%s", argument[4],
	     why ? why : "");

	for (i = 0; i < count; i++)
		expect_words(&process[i]);
	next = start("next");
	fact(inside(&next, after), "the next process gets PASID %u", next.pasid);

	end(&next);
	ok = gone(next.pasid);
	for (i = 0; i < count; i++) {
		end(&process[i]);
		ok &= gone(process[i].pasid);
	}
	if (!ok)
		fact(ok, "all have closed: no PASID is left");
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	buffer = calloc(1, IOASID_DEMO_DATA);
	if (!buffer)
		give_up("memory");

	if (argc == 2 && !strcmp(argv[1], "share")) {
		scene_share();
	} else if (argc == 2 && !strcmp(argv[1], "death")) {
		scene_death();
	} else if (argc == 9 && !strcmp(argv[1], "hold")) {
		scene_hold(argv + 2);
	} else {
		fprintf(stderr, "usage: %s share\n"
			"       %s death\n"
			"       %s hold COUNT MIN MAX succeeds|busy COMMAND MIN MAX\n",
			argv[0], argv[0], argv[0]);
		return 2;
	}
	return failed;
}
