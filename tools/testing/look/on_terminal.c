// SPDX-License-Identifier: GPL-2.0
/* on_terminal COMMAND...: runs it on a terminal of its own and prints what it writes there. */
#include <pty.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char data[4096];
	int terminal, status;
	ssize_t size;
	pid_t child;

	if (argc < 2)
		return 2;
	child = forkpty(&terminal, NULL, NULL, NULL);
	if (child < 0) {
		perror("on_terminal");
		return 2;
	}
	if (!child) {
		execv(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	while ((size = read(terminal, data, sizeof(data))) > 0) {
		fwrite(data, 1, size, stdout);
		fflush(stdout);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
