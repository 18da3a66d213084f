// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin for QEMU: how often each block of the guest's code is executed, for bench/profile. Writes
 * lines of address, instructions and executions, in hexadecimal, to the file given as out=FILE.
 *
 * QEMU's header is not packaged; what is used of its interface is declared here.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
typedef uint64_t qemu_plugin_id_t;

int qemu_plugin_version = 7;

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*translated)(struct qemu_plugin_tb *tb,
							      void *data),
					   void *data);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  void (*executed)(unsigned int cpu, void *data), int flags,
					  void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id,
				    void (*exiting)(void *data), void *data);

struct block {
	struct block *next;
	uint64_t address;
	uint64_t instructions;
	uint64_t executions;
};

static struct block *blocks;
static char *out;

static void executed(unsigned int cpu, void *data)
{
	struct block *block = data;

	block->executions++;
}

/* A block that is translated again is counted under the same address again. */
static void translated(struct qemu_plugin_tb *tb, void *data)
{
	struct block *block = calloc(1, sizeof(*block));

	if (!block)
		return;
	block->next = blocks;
	block->address = qemu_plugin_tb_vaddr(tb);
	block->instructions = qemu_plugin_tb_n_insns(tb);
	blocks = block;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, 0, block);
}

static void exiting(void *data)
{
	FILE *file = fopen(out, "w");
	struct block *block;

	if (!file) {
		perror(out);
		return;
	}
	for (block = blocks; block; block = block->next) {
		if (block->executions)
			fprintf(file, "%" PRIx64 " %" PRIx64 " %" PRIx64 "\n", block->address,
				block->instructions, block->executions);
	}
	fclose(file);
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4))
			out = strdup(argv[i] + 4);
	}
	if (!out) {
		fprintf(stderr, "count_plugin: out=FILE is missing\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated, NULL);
	qemu_plugin_register_atexit_cb(id, exiting, NULL);
	return 0;
}
