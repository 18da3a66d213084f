// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual machines that get their PASIDs from ioasid_vms.ko. What they do is told on standard
 * output, with a mark per fact that was expected; exit code 1 when one did not hold.
 *
 * Copyright (C) 2026 the IOASID developers
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ioasid_demo.h"
#include "ioasid_vms.h"
#include "scene.h"

#define DEVICE "/dev/ioasid_vms"
#define PLAIN_DEVICE "/dev/ioasid_demo"
#define TABLE "/sys/kernel/debug/ioasid_vms/vms"
#define IDS "/sys/kernel/debug/ioasid/ids"
#define SETS "/sys/kernel/debug/ioasid/sets"
#define PARAMETER "/sys/module/ioasid_vms/parameters/quota"

/* As the demonstration loads the driver. */
#define QUOTA 4

#define ALL_PASIDS ((1u << 20) - 1)

/* ---- one VM, told by its parent what to do ---- */

/* Beside the calls of the device. */
enum { LEAVE, CHURN };

struct message {
	unsigned int request;
	int error;
	int file;
	union {
		struct ioasid_vms_pasid pasid;
		struct ioasid_vms_usage usage;
	};
};

struct vm {
	struct process process;
	int file;
	unsigned int set;
};

/* Allocates and frees until it is killed; answers when it has begun. */
static void churn(struct message *message, int to)
{
	struct ioasid_vms_pasid pasid;
	unsigned long round;

	for (round = 0; ; round++) {
		for (pasid.guest = 1; pasid.guest <= QUOTA; pasid.guest++) {
			if (ioctl(message->file, IOASID_VMS_ALLOC, &pasid))
				message->error = errno;
		}
		if (!round && write(to, message, sizeof(*message)) != sizeof(*message))
			_exit(1);
		for (pasid.guest = 1; pasid.guest <= QUOTA; pasid.guest++)
			ioctl(message->file, IOASID_VMS_FREE, &pasid);
	}
}

static void live(const char *name, int from, int to)
{
	struct message message = { .file = open(DEVICE, O_RDWR | O_CLOEXEC) };

	(void)name;
	message.error = message.file < 0 ? errno : 0;
	while (write(to, &message, sizeof(message)) == sizeof(message) &&
	       read(from, &message, sizeof(message)) == sizeof(message)) {
		if (message.request == LEAVE)
			break;
		message.error = 0;
		if (message.request == CHURN)
			churn(&message, to);
		if (ioctl(message.file, message.request, &message.pasid))
			message.error = errno;
	}
	_exit(0);
}

static int try_start(struct vm *vm, const char *name)
{
	struct message message;

	*vm = (struct vm) { .process = spawn(name, live) };
	hear(&vm->process, &message, sizeof(message));
	vm->file = message.file;
	return message.error;
}

static struct vm start(const char *name)
{
	struct vm vm;

	errno = try_start(&vm, name);
	if (errno)
		give_up(DEVICE);
	return vm;
}

static struct message tell(struct vm *vm, unsigned int request, __u32 guest, __u32 host)
{
	struct message message = {
		.request = request,
		.file = vm->file,
		.pasid = { .guest = guest, .host = host },
	};

	say(&vm->process, &message, sizeof(message));
	hear(&vm->process, &message, sizeof(message));
	return message;
}

static void end(struct vm *vm)
{
	struct message message = { .request = LEAVE };

	say(&vm->process, &message, sizeof(message));
	bury(&vm->process);
}

/* ---- what the kernel says ---- */

struct id {
	unsigned int set;
	char state[16], guest[16];
};

static bool find_id(__u32 host, struct id *id)
{
	char line[200];

	return find_line(IDS, host, line, sizeof(line)) &&
	       sscanf(line, "%*u %15s %*u %u %15s", id->state, &id->set, id->guest) == 3;
}

/* Whether a PASID is one of a VM. */
static bool has(const struct vm *vm, __u32 guest, __u32 host)
{
	char number[16];
	struct id id;

	snprintf(number, sizeof(number), "%u", guest);
	return find_id(host, &id) && id.set == vm->set && !strcmp(id.guest, number) &&
	       !strcmp(id.state, "active");
}

struct set {
	char type[16], state[16];
	struct ioasid_vms_usage usage;
};

static bool find_set(unsigned int number, struct set *set)
{
	struct ioasid_vms_usage *usage = &set->usage;
	char line[200];

	return find_line(SETS, number, line, sizeof(line)) &&
	       sscanf(line, "%*u %15s %15s %u %u %u %u", set->type, set->state, &usage->quota,
		      &usage->use, &usage->peak, &usage->refused) == 6;
}

static bool set_is_gone(unsigned int number)
{
	struct set set;
	int turn = 0;

	while (find_set(number, &set)) {
		if (!wait_a_little(&turn))
			return false;
	}
	return true;
}

/* How many IDs or sets there are, the kernel's own set included. */
static int count_lines(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[200];
	int count = -1;

	if (!file)
		give_up(path);
	while (fgets(line, sizeof(line), file))
		count++;
	fclose(file);
	return count;
}

static void show_table(const struct vm *vm, int count)
{
	FILE *table = fopen(TABLE, "re");
	char line[200];
	int pid, i;

	if (!table)
		give_up(TABLE);
	while (fgets(line, sizeof(line), table)) {
		pid = strtol(line, NULL, 10);
		if (!pid)
			printf("    SET  %s", line);
		for (i = 0; i < count; i++) {
			if (vm[i].process.pid == pid)
				printf("    %3u  %s", vm[i].set, line);
		}
	}
	fclose(table);
}

/* ---- a call and what is expected of it ---- */

static __u32 alloc(struct vm *vm, __u32 guest, int *error)
{
	struct message answer = tell(vm, IOASID_VMS_ALLOC, guest, 0);
	struct id id;

	*error = answer.error;
	if (!vm->set && find_id(answer.pasid.host, &id))
		vm->set = id.set;
	return answer.pasid.host;
}

static __u32 expect_pasid(struct vm *vm, __u32 guest)
{
	int error;
	__u32 host = alloc(vm, guest, &error);

	if (error)
		fact(false, "%-7s asks for guest PASID %u: %s", vm->process.name, guest,
		     strerror(error));
	else
		fact(vm->set && has(vm, guest, host),
		     "%-7s asks for guest PASID %u: it is %u on the host", vm->process.name, guest,
		     host);
	return host;
}

static __u32 give_pasid(struct vm *vm, __u32 guest)
{
	int error;
	__u32 host = alloc(vm, guest, &error);

	if (error || !vm->set || !has(vm, guest, host))
		fact(false, "%-7s asks for guest PASID %u: %s", vm->process.name, guest,
		     strerror(error));
	return host;
}

static void expect_answer(struct vm *vm, const char *what, unsigned int request, __u32 guest,
			  __u32 host, int error)
{
	struct message answer = tell(vm, request, guest, host);

	fact(answer.error == error, "%-7s %s: %s", vm->process.name, what,
	     answer.error ? strerror(answer.error) : "done");
}

static bool still_has(struct vm *vm, __u32 guest, __u32 host)
{
	struct message answer = tell(vm, IOASID_VMS_LOOKUP, guest, 0);

	return !answer.error && answer.pasid.host == host && has(vm, guest, host);
}

static void expect_usage(struct vm *vm, __u32 use, __u32 peak, __u32 refused)
{
	struct ioasid_vms_usage expected = {
		.quota = QUOTA,
		.use = use,
		.peak = peak,
		.refused = refused,
	};
	struct message answer = tell(vm, IOASID_VMS_QUERY, 0, 0);
	const struct ioasid_vms_usage *usage = &answer.usage;
	struct set set;

	fact(!answer.error && !memcmp(usage, &expected, sizeof(expected)) &&
	     find_set(vm->set, &set) && !strcmp(set.type, "mm") && !strcmp(set.state, "live") &&
	     !memcmp(&set.usage, &expected, sizeof(expected)),
	     "%-7s has %u of %u, had %u at most, was refused %u; so says ioasid/sets",
	     vm->process.name, usage->use, usage->quota, usage->peak, usage->refused);
}

/* This process has no set: the driver behind it takes from the kernel's own. */
static void expect_plain(int error)
{
	int device = open(PLAIN_DEVICE, O_RDWR | O_CLOEXEC), got = device < 0 ? errno : 0;
	struct id id;
	__u32 pasid;

	if (got) {
		fact(got == error, "a process that is no VM asks: %s", strerror(got));
		return;
	}
	if (ioctl(device, IOASID_DEMO_GET_PASID, &pasid))
		give_up(PLAIN_DEVICE);
	fact(!error && find_id(pasid, &id) && !id.set,
	     "a process that is no VM asks: it gets PASID %u", pasid);
	close(device);
}

static void set_quota(unsigned int quota)
{
	FILE *file = fopen(PARAMETER, "we");

	if (!file || fprintf(file, "%u\n", quota) < 0 || fclose(file))
		give_up(PARAMETER);
}

static void expect_start(struct vm *vm, const char *name, unsigned int quota, int error)
{
	int got;

	set_quota(quota);
	got = try_start(vm, name);
	set_quota(QUOTA);
	fact(got == error, "%-7s starts with a quota of %u: %s", name, quota,
	     got ? strerror(got) : "done");
}

/* ---- the scenes ---- */

static void scene_quota(void)
{
	struct vm vm[] = { start("vm-a"), start("vm-b") };
	__u32 a, b, guest;

	a = expect_pasid(&vm[0], 1);
	b = expect_pasid(&vm[1], 1);
	for (guest = 2; guest <= QUOTA; guest++)
		expect_pasid(&vm[0], guest);
	expect_answer(&vm[0], "asks for guest PASID 5", IOASID_VMS_ALLOC, 5, 0, ENOSPC);
	expect_pasid(&vm[1], 2);
	expect_plain(0);
	show_table(vm, 2);
	expect_usage(&vm[0], QUOTA, QUOTA, 1);
	expect_usage(&vm[1], 2, 2, 0);
	fact(a != b && vm[0].set != vm[1].set && still_has(&vm[0], 1, a) &&
	     still_has(&vm[1], 1, b),
	     "looked up, guest PASID 1 is %u for vm-a and %u for vm-b", a, b);

	expect_answer(&vm[0], "frees guest PASID 4", IOASID_VMS_FREE, 4, 0, 0);
	expect_pasid(&vm[0], 5);
	end(&vm[0]);
	end(&vm[1]);
	fact(set_is_gone(vm[0].set) && set_is_gone(vm[1].set) && !count_lines(IDS),
	     "both have ended: no set and no PASID is left");
}

static void scene_owner(void)
{
	struct vm vm[] = { start("vm-a"), start("vm-b") };
	__u32 b1 = give_pasid(&vm[1], 1);
	__u32 a1 = give_pasid(&vm[0], 1);
	__u32 a9 = give_pasid(&vm[0], 9);
	struct message answer;
	char text[80];

	show_table(vm, 2);
	expect_answer(&vm[1], "looks up guest PASID 9", IOASID_VMS_LOOKUP, 9, 0, ENOENT);
	expect_answer(&vm[1], "frees guest PASID 9", IOASID_VMS_FREE, 9, 0, ENOENT);
	snprintf(text, sizeof(text), "asks what host PASID %u is to its guest", a9);
	expect_answer(&vm[1], text, IOASID_VMS_GUEST, 0, a9, EPERM);
	answer = tell(&vm[0], IOASID_VMS_GUEST, 0, a9);
	fact(!answer.error && answer.pasid.guest == 9, "%-7s %s: %u", vm[0].process.name, text,
	     answer.pasid.guest);
	expect_answer(&vm[0], "asks for guest PASID 1", IOASID_VMS_ALLOC, 1, 0, EEXIST);
	expect_answer(&vm[1], "frees guest PASID 1", IOASID_VMS_FREE, 1, 0, 0);
	expect_answer(&vm[1], "looks up guest PASID 1", IOASID_VMS_LOOKUP, 1, 0, ENOENT);
	fact(!has(&vm[1], 1, b1) && still_has(&vm[0], 1, a1) && still_has(&vm[0], 9, a9),
	     "vm-a    still has guest PASIDs 1 and 9: they are %u and %u on the host", a1, a9);
	end(&vm[0]);
	end(&vm[1]);
}

static void expect_file_refused(int file)
{
	struct ioasid_vms_pasid pasid = { .guest = 1 };
	int error = ioctl(file, IOASID_VMS_LOOKUP, &pasid) ? errno : 0;

	fact(error == EACCES, "a holder of vm-a's file looks up guest PASID 1: %s",
	     strerror(error));
}

static bool all_gone(const struct vm *vm, const __u32 *host, int count)
{
	struct id id;
	int turn = 0, i;

	for (i = 0; i < count; i++) {
		while (find_id(host[i], &id) && id.set == vm->set) {
			if (!wait_a_little(&turn))
				return false;
		}
	}
	return true;
}

static void scene_death(void)
{
	struct vm vm[] = { start("vm-a"), start("vm-b") }, next;
	int pidfd, file;
	struct set set = { 0 };
	__u32 a[3], b[2];

	a[0] = give_pasid(&vm[0], 1);
	b[0] = give_pasid(&vm[1], 1);
	a[1] = give_pasid(&vm[0], 2);
	a[2] = give_pasid(&vm[0], 3);
	b[1] = give_pasid(&vm[1], 2);
	show_table(vm, 2);

	pidfd = syscall(SYS_pidfd_open, vm[0].process.pid, 0);
	file = syscall(SYS_pidfd_getfd, pidfd, vm[0].file, 0);
	if (pidfd < 0 || file < 0)
		give_up("pidfd_getfd");
	expect_file_refused(file);
	kill(vm[0].process.pid, SIGKILL);
	bury(&vm[0].process);
	fact(all_gone(&vm[0], a, 3),
	     "vm-a is killed, its file stays open: PASIDs %u, %u and %u are back", a[0], a[1],
	     a[2]);
	fact(find_set(vm[0].set, &set) && !strcmp(set.state, "ending") && !set.usage.use,
	     "ioasid/sets: set %u has %u PASIDs and is %s", vm[0].set, set.usage.use, set.state);
	expect_file_refused(file);
	expect_start(&next, "vm-c", ALL_PASIDS - QUOTA, 0);
	end(&next);
	fact(still_has(&vm[1], 1, b[0]) && still_has(&vm[1], 2, b[1]),
	     "vm-b    still has guest PASIDs 1 and 2: they are %u and %u on the host", b[0], b[1]);
	fact(expect_pasid(&vm[1], 3) == a[0], "PASID %u was that of vm-a: it can be used again",
	     a[0]);
	show_table(vm, 2);
	close(file);
	close(pidfd);
	fact(set_is_gone(vm[0].set), "the file is closed: set %u is gone", vm[0].set);
	end(&vm[1]);
}

#define VICTIMS 10

static bool nothing_left(void)
{
	int turn = 0;

	while (count_lines(IDS) || count_lines(SETS) != 1) {
		if (!wait_a_little(&turn))
			return false;
	}
	return true;
}

static void scene_deaths(void)
{
	bool ok = true;
	struct vm vm;
	int i;

	for (i = 0; i < VICTIMS; i++) {
		vm.process = spawn("victim", live);
		usleep(i * 100);
		kill(vm.process.pid, SIGKILL);
		bury(&vm.process);
	}
	fact(nothing_left(), "%d VMs are killed as they start: nothing is left", VICTIMS);
	for (i = 0; i < VICTIMS; i++) {
		vm = start("victim");
		ok &= !tell(&vm, CHURN, 0, 0).error;
		usleep(i * 500);
		kill(vm.process.pid, SIGKILL);
		bury(&vm.process);
	}
	fact(nothing_left() && ok, "%d are killed while they allocate and free: nothing is left",
	     VICTIMS);
}

static void scene_rest(void)
{
	struct vm vm[3] = { start("vm-a"), start("vm-b") }, *big = &vm[2];
	unsigned int rest = ALL_PASIDS - 2 * QUOTA;

	expect_start(big, "vm-c", rest + 1, ENOSPC);
	end(big);
	expect_start(big, "vm-c", rest, 0);
	expect_pasid(big, 1);
	expect_plain(ENOSPC);
	expect_pasid(&vm[0], 1);
	expect_pasid(&vm[1], 1);
	show_table(vm, 3);
	end(big);
	fact(set_is_gone(big->set), "vm-c has ended: set %u is gone", big->set);
	expect_plain(0);
	end(&vm[0]);
	end(&vm[1]);
}

int main(int argc, char **argv)
{
	const char *scene = argc == 2 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(scene, "quota")) {
		scene_quota();
	} else if (!strcmp(scene, "owner")) {
		scene_owner();
	} else if (!strcmp(scene, "death")) {
		scene_death();
		scene_deaths();
	} else if (!strcmp(scene, "rest")) {
		scene_rest();
	} else {
		fprintf(stderr, "usage: %s quota|owner|death|rest\n", argv[0]);
		return 2;
	}
	return failed;
}
