/* SPDX-License-Identifier: GPL-2.0 */
/* QEMU's header is not packaged: what is used of its interface for plugins. */
#ifndef IOASID_BENCH_QEMU_ABI_H
#define IOASID_BENCH_QEMU_ABI_H

#include <stdbool.h>
#include <stddef.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;

void qemu_plugin_register_vcpu_tb_trans_cb(unsigned long id,
					   void (*translated)(struct qemu_plugin_tb *tb,
							      void *data),
					   void *data);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  void (*executed)(unsigned int cpu, void *data), int flags,
					  void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
unsigned long qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t at);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *to, size_t length);
void qemu_plugin_register_atexit_cb(unsigned long id,
				    void (*exiting)(void *data), void *data);

#endif
