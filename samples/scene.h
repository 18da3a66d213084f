/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs of the demonstration have in common: facts, each with a mark, and processes
 * that are told by their parent what to do.
 */
#ifndef _SCENE_H
#define _SCENE_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/types.h>

static bool failed;

static void fact(bool ok, const char *format, ...)
{
	char line[160];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	printf("  %-71s %s\n", line, ok ? "ok" : "FAILED");
	failed |= !ok;
}

static void give_up(const char *what)
{
	printf("  %s: %s  FAILED\n", what, strerror(errno));
	exit(1);
}

/* For loops that wait: false after 20 s. */
static bool wait_a_little(int *turn)
{
	struct timespec tick = { .tv_nsec = 2 * 1000 * 1000 };

	nanosleep(&tick, NULL);
	return ++*turn < 10000;
}

struct process {
	const char *name;
	pid_t pid;
	int to, from;
	__u32 pasid; /* of one that has no more */
};

/* Starts a process that stays in @live; @from and @to are its ends of two pipes to its parent. */
static struct process spawn(const char *name, void (*live)(const char *name, int from, int to))
{
	struct process process = { .name = name };
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		give_up("pipe");
	fflush(stdout);
	process.pid = fork();
	if (process.pid < 0)
		give_up("fork");
	if (!process.pid) {
		close(to[1]);
		close(from[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		live(name, to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	process.to = to[1];
	process.from = from[0];
	return process;
}

static void bury(struct process *process)
{
	waitpid(process->pid, NULL, 0);
	close(process->to);
	close(process->from);
}

static inline void say(const struct process *process, const void *what, size_t size)
{
	if (write(process->to, what, size) != (ssize_t)size)
		give_up(process->name);
}

static inline void hear(const struct process *process, void *what, size_t size)
{
	if (read(process->from, what, size) != (ssize_t)size)
		give_up(process->name);
}

/* ---- tables in debugfs ---- */

static inline void show(const char *path, const char *indent)
{
	FILE *table = fopen(path, "re");
	char line[200];

	if (!table)
		give_up(path);
	while (fgets(line, sizeof(line), table))
		printf("%s%s", indent, line);
	fclose(table);
}

/* The line that begins with @number. */
static inline bool find_line(const char *path, unsigned int number, char *line, int size)
{
	FILE *table = fopen(path, "re");
	unsigned int first;
	bool found = false;

	if (!table)
		give_up(path);
	while (!found && fgets(line, size, table))
		found = sscanf(line, "%u", &first) == 1 && first == number;
	fclose(table);
	return found;
}

#endif /* _SCENE_H */
