/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The registers of the test device, for its model (tools/testing/qemu) and its driver.
 *
 * One BAR. Every register is 64 bits wide and is accessed as such. Page 0 is for the whole
 * device; each queue has a control page, which is the driver's, and a portal, which may be mapped
 * by the process whose PASID the driver wrote into the control page.
 */
#ifndef _IOASID_DMA_REGS_H
#define _IOASID_DMA_REGS_H

#define DMA_PCI_VENDOR	0x1b36	/* Red Hat's, of which QEMU has many */
#define DMA_PCI_DEVICE	0x10a5

#define DMA_QUEUES	8
#define DMA_DEPTH	16	/* jobs of a queue, completions that were not taken included */

#define DMA_PAGE	0x1000
#define DMA_BAR_SIZE	0x20000
#define DMA_CONTROL(queue)	((1 + (queue)) * DMA_PAGE)
#define DMA_PORTAL(queue)	((16 + (queue)) * DMA_PAGE)

/* Page 0 */
#define DMA_REG_ID		0x00
#define DMA_ID			0x64696f6173494d44ULL
#define DMA_REG_VERSION		0x08
#define DMA_VERSION		1
#define DMA_REG_INTERRUPT	0x10 /* a bit per queue that has completions; write 1 to clear */
/* Counters, never reset */
#define DMA_REG_JOBS		0x40 /* taken from a portal */
#define DMA_REG_OPERATIONS	0x48 /* reads and writes of memory, a page at most each */
#define DMA_REG_BYTES_READ	0x50
#define DMA_REG_BYTES_WRITTEN	0x58
#define DMA_REG_TRANSLATIONS	0x60 /* ATS requests */
#define DMA_REG_CACHE_HITS	0x68 /* translations that were known */
#define DMA_REG_PAGE_REQUESTS	0x70
#define DMA_REG_PAGE_RESPONSES	0x78
#define DMA_REG_INVALIDATIONS	0x80 /* of the device's translations */
#define DMA_REG_DROPPED		0x88 /* known translations that these took away */
#define DMA_REG_FAULTS		0x90 /* jobs that met an address they may not use */
#define DMA_REG_CANCELLED	0x98 /* jobs that were ended by a stop */
#define DMA_REG_REFUSED		0xa0 /* submissions to a queue that was full or not running */
#define DMA_REG_ORPHANS		0xa8 /* queues whose PASID was taken from them while they ran */
#define DMA_REG_COUNTERS	14

/* Control page of a queue */
#define DMA_REG_PASID		0x00 /* 0: none; only in DMA_STATE_OFF */
#define DMA_REG_COMMAND		0x08
#define DMA_COMMAND_START	1 /* off -> running, if there is a PASID */
#define DMA_COMMAND_STOP	2 /* running -> stopping -> stopped */
#define DMA_COMMAND_OFF		3 /* stopped -> off: forgets translations, PASID and completions */
#define DMA_REG_STATE		0x10
#define DMA_STATE_OFF		0
#define DMA_STATE_RUNNING	1
#define DMA_STATE_STOPPING	2 /* a page request is not answered yet */
#define DMA_STATE_STOPPED	3 /* nothing of this queue is under way anywhere */
#define DMA_REG_PACE		0x18 /* ns of rest after each page, 0: none; for tests */
#define DMA_REG_REQUESTS	0x20 /* page requests of this queue that are not answered: 0 or 1 */
/* The oldest completion; valid while DONE_COUNT is not 0 */
#define DMA_REG_DONE_COUNT	0x40
#define DMA_REG_DONE_COOKIE	0x48
#define DMA_REG_DONE_STATUS	0x50
#define DMA_REG_DONE_BYTES	0x58 /* how many were processed, the first ones */
#define DMA_REG_DONE_RESULT	0x60
#define DMA_REG_DONE_ADDRESS	0x68 /* of DMA_STATUS_FAULT: what could not be used */
#define DMA_REG_DONE_TAKE	0x70 /* written: to the next one */

/* Portal of a queue */
#define DMA_REG_OPERATION	0x00 /* and flags */
#define DMA_REG_SOURCE		0x08
#define DMA_REG_TARGET		0x10
#define DMA_REG_LENGTH		0x18
#define DMA_REG_VALUE		0x20
#define DMA_REG_SUBMIT		0x28 /* written with a cookie: the job begins */
#define DMA_REG_SPACE		0x30 /* how many submissions will be taken */

#define DMA_OP_COPY		1 /* source to target, in ascending order */
#define DMA_OP_FILL		2 /* target: 64-bit words VALUE, VALUE + 1, VALUE + 2 ... */
#define DMA_OP_CHECKSUM		3 /* source: FNV-1a, 64 bits, in RESULT */
#define DMA_OP_COMPARE		4 /* source with target: RESULT is the length of what is equal */
#define DMA_OP_MASK		0xff
#define DMA_FLAG_ENDLESS	0x100 /* starts over at the end; only a stop or a fault ends it */
#define DMA_FLAG_NO_PRI		0x200 /* an absent page is a fault at once */
#define DMA_FLAGS		0x300

/* What becomes of a job */
#define DMA_STATUS_OK		0
#define DMA_STATUS_FAULT	1 /* no such page, or not for this access */
#define DMA_STATUS_CANCELLED	2 /* the queue was stopped */
#define DMA_STATUS_INVALID	3 /* no such operation, no length, or beyond the address space */
#define DMA_STATUS_RETRIES	4 /* a page went away again as often as it had come */
#define DMA_STATUS_ABORT	5 /* the PASID is none of the IOMMU's, or the bus refused */

#endif /* _IOASID_DMA_REGS_H */
