/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/ioasid_vms: PASIDs of the host for virtual machines, each of which has a quota.
 *
 * The process that opens the device becomes a virtual machine. The file belongs to its address
 * space only: a child that inherits it, or another process that got it through a socket, is
 * refused with EACCES by every call here. PASIDs that are left come back when the file is closed
 * for the last time or the address space goes, whichever is first.
 *
 * open() fails with EEXIST if the address space has a set of PASIDs already, and with ENOSPC if
 * the system has not as many left as the quota says.
 */
#ifndef _IOASID_VMS_H
#define _IOASID_VMS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct ioasid_vms_pasid - a PASID and its two numbers
 * @guest: what the guest calls it; any number but 2^32 - 1
 * @host: what the host and its devices call it
 */
struct ioasid_vms_pasid {
	__u32 guest;
	__u32 host;
};

/**
 * struct ioasid_vms_usage - what a virtual machine may have and has
 * @quota: how many PASIDs it may have; 0 for as many as there are
 * @use: how many it has
 * @peak: the most it ever had
 * @refused: how many times it got none
 */
struct ioasid_vms_usage {
	__u32 quota;
	__u32 use;
	__u32 peak;
	__u32 refused;
};

#define IOASID_VMS_IOC 0xb8

/*
 * Gives the guest a PASID under a number of its choice: @guest in, @host out.
 *
 * ENOSPC: the quota is used up; EEXIST: the guest has a PASID of that number; EINVAL: @guest is
 * 2^32 - 1.
 */
#define IOASID_VMS_ALLOC _IOWR(IOASID_VMS_IOC, 0, struct ioasid_vms_pasid)

/* Takes one back: @guest in. ENOENT: the guest has none of that number. */
#define IOASID_VMS_FREE _IOW(IOASID_VMS_IOC, 1, struct ioasid_vms_pasid)

/* What the guest knows: @guest in, @host out. ENOENT: the guest has none of that number. */
#define IOASID_VMS_LOOKUP _IOWR(IOASID_VMS_IOC, 2, struct ioasid_vms_pasid)

/*
 * What a device of the host reports: @host in, @guest out.
 *
 * ENOENT: nobody has that PASID; EPERM: another virtual machine has it; EINVAL: somebody who is
 * none has it; EBUSY: it is being freed.
 */
#define IOASID_VMS_GUEST _IOWR(IOASID_VMS_IOC, 3, struct ioasid_vms_pasid)

#define IOASID_VMS_QUERY _IOR(IOASID_VMS_IOC, 4, struct ioasid_vms_usage)

#endif /* _IOASID_VMS_H */
