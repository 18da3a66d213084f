/* SPDX-License-Identifier: GPL-2.0 */
/* What the fuzzer and the test device say to each other: calls, made one after the other. */
#ifndef IOASID_FUZZ_H
#define IOASID_FUZZ_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Each is the function of linux/ioasid.h with that name, but for those from FUZZ_HANDLER on. */
enum ioasid_fuzz_verb {
	FUZZ_ALLOC,
	FUZZ_ALLOC_RANGE,
	FUZZ_FREE,
	FUZZ_GET,
	FUZZ_PUT,
	FUZZ_GET_NAMED,
	FUZZ_PUT_NAMED,
	FUZZ_FIND,
	FUZZ_ALLOC_SET,
	FUZZ_SET_FREE,
	FUZZ_SET_GET,
	FUZZ_SET_PUT,
	FUZZ_ADJUST_SET,
	FUZZ_SET_POLICY,
	FUZZ_SET_QUERY,
	FUZZ_FIND_MM_SET,
	FUZZ_FIND_SET,
	FUZZ_FREE_ALL_IN_SET,
	FUZZ_SET_FOR_EACH_IOASID,
	FUZZ_GET_IF_OWNED_BY,
	FUZZ_GET_IF_OWNED,
	FUZZ_IS_ACTIVE,
	FUZZ_ATTACH_SPID,
	FUZZ_DETACH_SPID,
	FUZZ_FIND_SPID,
	FUZZ_FIND_BY_SPID,
	FUZZ_ATTACH_DATA,
	FUZZ_DETACH_DATA,
	FUZZ_WAIT_RECLAIMED,
	FUZZ_SET_WAIT_RECLAIMED,
	FUZZ_RESERVE_CAPACITY,
	FUZZ_CANCEL_CAPACITY,
	FUZZ_REGISTER_NOTIFIER,
	FUZZ_REGISTER_NOTIFIER_REPLAY,
	FUZZ_UNREGISTER_NOTIFIER,
	FUZZ_REGISTER_NOTIFIER_MM,
	FUZZ_REGISTER_NOTIFIER_MM_REPLAY,
	FUZZ_UNREGISTER_NOTIFIER_MM,
	FUZZ_NOTIFY,
	FUZZ_QUEUE_WORK,
	FUZZ_REGISTER_ALLOCATOR,
	FUZZ_UNREGISTER_ALLOCATOR,
	FUZZ_INSTALL_CAPACITY,
	FUZZ_GET_CAPACITY,
	/* What a handler does when it is told: b is a set of FUZZ_DO_*, to or with the ID in id. */
	FUZZ_HANDLER,
	/* How a custom allocator answers: b is a FUZZ_SAY_*. */
	FUZZ_ANSWER,
	FUZZ_VERBS,
};

/* ioasid_fuzz_op.set: slots of the file first, then none, then those that any file made. */
#define FUZZ_SETS		8
#define FUZZ_SET_NULL		8
#define FUZZ_SET_FOREIGN	16
#define FUZZ_FOREIGN		16

/* ioasid_fuzz_op.a of what is about subscribers and allocators. */
#define FUZZ_HANDLERS		8
#define FUZZ_ALLOCATORS		6

/* ioasid_fuzz_op.flags: the context of the call where it may have one, ... */
#define FUZZ_CONTEXT		0x00007
#define FUZZ_IN_PROCESS		0
#define FUZZ_BH_OFF		1
#define FUZZ_IRQS_OFF		2
#define FUZZ_IN_HARDIRQ		3
#define FUZZ_PREEMPT_OFF	4
/* ... what kind of it, ... */
#define FUZZ_VARIANT(flags)	(((flags) >> 4) & 0xf)
#define FUZZ_VARIANTS		16
/* ... and which allocation in it fails; 0 is none. */
#define FUZZ_FAIL_NTH(flags)	(((flags) >> 8) & 0xf)

#define FUZZ_DO_REFUSE		0x0001
#define FUZZ_DO_GARBAGE		0x0002
#define FUZZ_DO_GET_PUT		0x0004
#define FUZZ_DO_PUT		0x0008
#define FUZZ_DO_FREE		0x0010
#define FUZZ_DO_FREE_OTHER	0x0020
#define FUZZ_DO_ATTACH		0x0040
#define FUZZ_DO_DETACH		0x0080
#define FUZZ_DO_BIND		0x0100
#define FUZZ_DO_UNBIND		0x0200
#define FUZZ_DO_FIND		0x0400
#define FUZZ_DO_QUEUE		0x0800
#define FUZZ_DO_QUERY		0x1000
#define FUZZ_DO_FREE_ALL	0x2000
#define FUZZ_DO_EACH		0x4000
#define FUZZ_DO_DATA		0x8000

enum ioasid_fuzz_answer {
	FUZZ_SAY_LOWEST,
	FUZZ_SAY_HIGHEST,
	FUZZ_SAY_INVALID,
	FUZZ_SAY_ERRNO,
	FUZZ_SAY_LATE,
	FUZZ_SAY_BUSILY,
	/* From here on mistakes. */
	FUZZ_SAY_ZERO,
	FUZZ_SAY_BELOW,
	FUZZ_SAY_ABOVE,
	FUZZ_SAY_TWICE,
	FUZZ_SAY_GARBAGE,
	FUZZ_SAY_CAPACITY,
	FUZZ_SAY_SIGN,
	FUZZ_ANSWERS,
};

/* Bits of what FUZZ_FIND returns, which is an errno else. */
#define FUZZ_FOUND		1
/* What a call that returns nothing returns; and one that was not made: the file has too much. */
#define FUZZ_DONE		0
#define FUZZ_NOT_CALLED		0x10000000000LL

struct ioasid_fuzz_op {
	__u32 verb;
	__u32 flags;
	__u32 set;
	__u32 id;
	__u32 a;
	__u32 b;
	__s64 ret;
};

#define FUZZ_MAX_OPS		256

struct ioasid_fuzz_run {
	__aligned_u64 ops;
	__u32 nr;
	/* FUZZ_RESET: give up all that the file has, after the last call. */
	__u32 flags;
};

#define FUZZ_RESET		1
/* And see whether all numbers are back; good only if there is no other file. */
#define FUZZ_CHECK		2

#define IOASID_FUZZ_RUN		_IOW('I', 0xf5, struct ioasid_fuzz_run)

#endif /* IOASID_FUZZ_H */
