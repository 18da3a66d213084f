// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin for QEMU: how often each block of the guest's code is executed, for bench/profile.
 * Writes lines of address, instructions and executions, in hexadecimal, to the file given as
 * out=FILE. Counts only between two instructions of bench_main.c that do nothing and are known by
 * their operand.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_abi.h"

int qemu_plugin_version = 7;

struct block {
	struct block *next;
	unsigned long address;
	unsigned long instructions;
	unsigned long executions;
};

static const unsigned char mark[] = { 0x0f, 0x1f, 0x80 };
static const unsigned int mark_start = 0x10a51d01, mark_end = 0x10a51d00;

static struct block *blocks;
static bool counting;
static char *out;

static void executed(unsigned int cpu, void *data)
{
	struct block *block = data;

	if (counting)
		block->executions++;
}

static void on_mark(unsigned int cpu, void *data)
{
	counting = data;
}

/* A block that is translated again is counted under the same address again. */
static void translated(struct qemu_plugin_tb *tb, void *data)
{
	struct block *block = calloc(1, sizeof(*block));
	unsigned char code[sizeof(mark) + sizeof(unsigned int)];
	unsigned int operand;
	size_t i;

	if (!block)
		return;
	for (i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		if (qemu_plugin_insn_data(qemu_plugin_tb_get_insn(tb, i), code, sizeof(code)) !=
			    sizeof(code) ||
		    memcmp(code, mark, sizeof(mark)))
			continue;
		memcpy(&operand, code + sizeof(mark), sizeof(operand));
		if (operand == mark_start || operand == mark_end)
			qemu_plugin_register_vcpu_tb_exec_cb(tb, on_mark, 0,
							     operand == mark_start ? tb : NULL);
	}
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
			fprintf(file, "%lx %lx %lx\n", block->address,
				block->instructions, block->executions);
	}
	fclose(file);
}

int qemu_plugin_install(unsigned long id, const void *info, int argc, char **argv)
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
