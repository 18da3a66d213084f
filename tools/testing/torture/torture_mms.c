// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that offer their address spaces to ioasid_torture and end after a moment, by themselves
 * or killed, as long as this program runs: torture_mms PROCESSES
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OFFER "/sys/kernel/debug/ioasid_torture/mm"
#define MOST 64

static void rest(unsigned int us)
{
	struct timespec time = { .tv_nsec = us * 1000L };

	nanosleep(&time, NULL);
}

/* Memory that comes and goes, so that who follows the address space has something to follow. */
static void live(unsigned int turns)
{
	int fd = open(OFFER, O_WRONLY);

	if (fd < 0)
		_exit(1);
	close(fd);
	while (turns--) {
		char *memory = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory != MAP_FAILED) {
			memset(memory, 1, 1 << 16);
			munmap(memory, 1 << 16);
		}
		rest(2000);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 4, i, status, failed = 0;
	pid_t pids[MOST] = { 0 };

	if (count < 1 || count > MOST) {
		fprintf(stderr, "usage: torture_mms PROCESSES\n");
		return 2;
	}
	for (;;) {
		i = rand() % count;
		if (pids[i]) {
			if (rand() % 2)
				kill(pids[i], SIGKILL);
			waitpid(pids[i], &status, 0);
			if (WIFEXITED(status) && WEXITSTATUS(status) && ++failed == 10)
				return 1;
		}
		pids[i] = fork();
		if (!pids[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			live(1 + rand() % 50);
		}
		rest(20000);
	}
}
