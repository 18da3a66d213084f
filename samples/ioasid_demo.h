/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/ioasid_demo: a pretended device that many processes share, told apart by PASID.
 *
 * Each open file has a PASID of its own, for the address space of the process that opened the
 * device. It belongs to that address space only: a child that inherits the file, or another
 * process that got it through a socket, is refused with EACCES by every call here.
 */
#ifndef _IOASID_DEMO_H
#define _IOASID_DEMO_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define IOASID_DEMO_DATA 32

/* In ioasid_demo_fault.flags: the lookup ran in a hard interrupt. */
#define IOASID_DEMO_FAULT_HARDIRQ 0x1

/**
 * struct ioasid_demo_fault - a page request of the pretended device
 * @addr: in: virtual address
 * @pasid: in: whose address
 * @size: in: how many bytes to read there, 1 to IOASID_DEMO_DATA
 * @flags: in: 0; out: IOASID_DEMO_FAULT_*
 * @reserved: 0
 * @data: out: the first @size bytes at @addr, in the address space that @pasid stands for
 */
struct ioasid_demo_fault {
	__u64 addr;
	__u32 pasid;
	__u32 size;
	__u32 flags;
	__u32 reserved;
	__u8 data[IOASID_DEMO_DATA];
};

#define IOASID_DEMO_IOC 0xb7

/* The PASID of this file. */
#define IOASID_DEMO_GET_PASID _IOR(IOASID_DEMO_IOC, 0, __u32)

/*
 * The device raises a page request: an interrupt handler finds the address space by the PASID,
 * a kernel thread resolves the address in it.
 *
 * EINVAL: size, flags or reserved are wrong; ENOENT: nobody has that PASID; EACCES: it belongs
 * to another address space; EFAULT: nothing is mapped at the address.
 */
#define IOASID_DEMO_FAULT _IOWR(IOASID_DEMO_IOC, 1, struct ioasid_demo_fault)

/*
 * A queue of the device starts and stops to work with the PASID of this file. A queue that is
 * still working when the file is closed takes a while to drain; the PASID is not given to
 * anybody else before. EALREADY: it is in that state.
 */
#define IOASID_DEMO_START _IO(IOASID_DEMO_IOC, 2)
#define IOASID_DEMO_STOP _IO(IOASID_DEMO_IOC, 3)

#endif /* _IOASID_DEMO_H */
