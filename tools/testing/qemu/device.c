// SPDX-License-Identifier: GPL-2.0
/*
 * The device as the guest sees it: its PCI capabilities, its registers and its interrupt.
 */
#include <stdlib.h>
#include <string.h>

#include "testdev.h"

/* Where QEMU looks for it. */
__export int qemu_plugin_version = ABI_PLUGIN_VERSION;

/*
 * Between two turns of a device that has more to do. The main loop has QEMU's big lock all the time
 * but when it sleeps; the processors want it for their interrupts, and may not get it for seconds
 * from a loop that does not sleep.
 */
#define REST_NS		20000

#define CLASS_CODE	0x1200	/* processing accelerator */
#define BAR_64BIT	0x04
#define PASID_BITS	20

#define CAP_MSI		0x60
#define CAP_EXPRESS	0x80
#define CAP_ATS		0x100
#define CAP_PASID	0x110
#define CAP_PRI		0x120

/* A QOM type may not have an instance of unknown size, so what is ours stands beside. */
static struct testdev *testdevs;

static struct testdev *find(const struct pci_device *pci)
{
	struct testdev *dev;

	for (dev = testdevs; dev; dev = dev->next) {
		if (dev->pci == pci && !dev->gone)
			return dev;
	}
	return NULL;
}

/* ---- the main loop ---- */

static void device_turn(void *opaque)
{
	struct testdev *dev = opaque;
	bool again = false;
	uint64_t fresh;
	unsigned int i;

	dev->scheduled = false;
	if (dev->gone)
		return;
	for (i = 0; i < DMA_QUEUES; i++)
		again |= queue_turn(&dev->queues[i]);

	/* One message for each bit that the driver has not seen yet. */
	fresh = dev->interrupt & ~dev->raised;
	dev->raised = dev->interrupt;
	if (fresh && msi_enabled(dev->pci))
		msi_notify(dev->pci, 0);
	if (again) {
		dev->scheduled = true;
		timer_mod(dev->timer, qemu_clock_get_ns(ABI_CLOCK_VIRTUAL) + REST_NS);
	}
}

void device_schedule(struct testdev *dev)
{
	if (dev->scheduled)
		return;
	dev->scheduled = true;
	aio_bh_schedule_oneshot_full(qemu_get_aio_context(), device_turn, dev, TESTDEV_TYPE);
}

/* ---- registers ---- */

static uint64_t read_global(const struct testdev *dev, uint64_t reg)
{
	switch (reg) {
	case DMA_REG_ID:
		return DMA_ID;
	case DMA_REG_VERSION:
		return DMA_VERSION;
	case DMA_REG_INTERRUPT:
		return dev->interrupt;
	}
	if (reg >= DMA_REG_JOBS && reg < DMA_REG_JOBS + 8 * COUNTERS)
		return dev->counters[(reg - DMA_REG_JOBS) / 8];
	return 0;
}

static uint64_t read_control(const struct queue *queue, uint64_t reg)
{
	const struct job *done = &queue->jobs[queue->taken % DMA_DEPTH];

	switch (reg) {
	case DMA_REG_PASID:
		return queue->pasid;
	case DMA_REG_STATE:
		return queue->state;
	case DMA_REG_PACE:
		return queue->pace;
	case DMA_REG_REQUESTS:
		return queue->waiting;
	case DMA_REG_DONE_COUNT:
		return queue->finished - queue->taken;
	}
	if (queue->finished == queue->taken)
		return 0;
	switch (reg) {
	case DMA_REG_DONE_COOKIE:
		return done->cookie;
	case DMA_REG_DONE_STATUS:
		return done->status;
	case DMA_REG_DONE_BYTES:
		return done->done;
	case DMA_REG_DONE_RESULT:
		return done->result;
	case DMA_REG_DONE_ADDRESS:
		return done->fault;
	}
	return 0;
}

static void write_control(struct queue *queue, uint64_t reg, uint64_t value)
{
	switch (reg) {
	case DMA_REG_PASID:
		if (queue->state == DMA_STATE_OFF && value < 1 << PASID_BITS)
			queue->pasid = value;
		break;
	case DMA_REG_COMMAND:
		queue_command(queue, value);
		break;
	case DMA_REG_PACE:
		queue->pace = value;
		break;
	case DMA_REG_DONE_TAKE:
		if (queue->taken < queue->finished)
			queue->taken++;
		break;
	}
}

static uint64_t *portal_register(struct queue *queue, uint64_t reg)
{
	switch (reg) {
	case DMA_REG_OPERATION:
		return &queue->portal.operation;
	case DMA_REG_SOURCE:
		return &queue->portal.source;
	case DMA_REG_TARGET:
		return &queue->portal.target;
	case DMA_REG_LENGTH:
		return &queue->portal.length;
	case DMA_REG_VALUE:
		return &queue->portal.value;
	}
	return NULL;
}

static struct queue *queue_of(struct testdev *dev, uint64_t page, uint64_t first)
{
	uint64_t number = page - first / DMA_PAGE;

	return number < DMA_QUEUES ? &dev->queues[number] : NULL;
}

static uint64_t bar_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct testdev *dev = opaque;
	uint64_t page = offset / DMA_PAGE, reg = offset % DMA_PAGE, *portal;
	struct queue *queue;

	(void)size;
	if (!page)
		return read_global(dev, reg);
	queue = queue_of(dev, page, DMA_CONTROL(0));
	if (queue)
		return read_control(queue, reg);
	queue = queue_of(dev, page, DMA_PORTAL(0));
	if (!queue)
		return 0;
	if (reg == DMA_REG_SPACE)
		return queue_space(queue);
	portal = portal_register(queue, reg);
	return portal ? *portal : 0;
}

static void bar_write(void *opaque, uint64_t offset, uint64_t value, unsigned int size)
{
	struct testdev *dev = opaque;
	uint64_t page = offset / DMA_PAGE, reg = offset % DMA_PAGE, *portal;
	struct queue *queue;

	(void)size;
	if (!page) {
		if (reg == DMA_REG_INTERRUPT) {
			dev->interrupt &= ~value;
			dev->raised &= ~value;
		}
		return;
	}
	queue = queue_of(dev, page, DMA_CONTROL(0));
	if (queue) {
		write_control(queue, reg, value);
		return;
	}
	queue = queue_of(dev, page, DMA_PORTAL(0));
	if (!queue)
		return;
	if (reg == DMA_REG_SUBMIT) {
		queue_submit(queue, value);
		return;
	}
	portal = portal_register(queue, reg);
	if (portal)
		*portal = value;
}

static const struct region_ops bar_ops = {
	.read = bar_read,
	.write = bar_write,
	.endianness = ABI_LITTLE_ENDIAN,
	.valid = { .min_size = 8, .max_size = 8 },
	.impl = { .min_size = 8, .max_size = 8 },
};

/* ---- PCI ---- */

static void device_realize(struct pci_device *pci, struct error **error)
{
	struct testdev *dev = calloc(1, sizeof(*dev));
	void *region = calloc(1, ABI_REGION_SIZE);
	unsigned int i;

	if (!dev || !region) {
		free(dev);
		free(region);
		error_setg_internal(error, __FILE__, __LINE__, __func__, NULL, "no memory");
		return;
	}
	/* Without the capability to say why: the offset is free, and the class is an endpoint's. */
	if (pcie_endpoint_cap_init(pci, CAP_EXPRESS) < 0) {
		free(dev);
		free(region);
		error_setg_internal(error, __FILE__, __LINE__, __func__, NULL,
				    TESTDEV_TYPE " needs a PCI Express slot");
		return;
	}
	if (msi_init(pci, CAP_MSI, 1, true, false, error)) {
		pcie_cap_exit(pci);
		free(dev);
		free(region);
		return;
	}
	dev->pci = pci;
	dev->next = testdevs;
	testdevs = dev;
	timer_init_full(dev->timer, main_loop_tlg, ABI_CLOCK_VIRTUAL, 1, 0, device_turn, dev);
	for (i = 0; i < DMA_QUEUES; i++)
		queue_init(dev, i);
	memory_region_init_io(region, (struct object *)pci, &bar_ops, dev, TESTDEV_TYPE,
			      DMA_BAR_SIZE);
	pci_register_bar(pci, 0, BAR_64BIT, region);
	pcie_ats_init(pci, CAP_ATS, true);
	pcie_pasid_init(pci, CAP_PASID, PASID_BITS, false, false);
	pcie_pri_init(pci, CAP_PRI, DMA_QUEUES, true);
	iommu_fix();
}

static void device_exit(struct pci_device *pci)
{
	struct testdev *dev = find(pci);
	unsigned int i;

	if (dev) {
		for (i = 0; i < DMA_QUEUES; i++)
			queue_abandon(&dev->queues[i]);
		timer_del(dev->timer);
		dev->gone = true;
	}
	msi_uninit(pci);
	pcie_cap_exit(pci);
}

static void put(void *class, size_t offset, const void *value, size_t size)
{
	memcpy((char *)class + offset, value, size);
}

static void device_class_init(void *class, const void *data)
{
	realize_fn *realize = device_realize;
	exit_fn *exit = device_exit;
	uint16_t vendor = DMA_PCI_VENDOR, device = DMA_PCI_DEVICE, code = CLASS_CODE;
	uint8_t revision = DMA_VERSION;

	(void)data;
	put(class, ABI_CLASS_REALIZE, &realize, sizeof(realize));
	put(class, ABI_CLASS_EXIT, &exit, sizeof(exit));
	put(class, ABI_CLASS_VENDOR, &vendor, sizeof(vendor));
	put(class, ABI_CLASS_DEVICE, &device, sizeof(device));
	put(class, ABI_CLASS_REVISION, &revision, sizeof(revision));
	put(class, ABI_CLASS_CODE, &code, sizeof(code));
}

static const char *const device_interfaces[] = { "pci-express-device", NULL };

static const struct type_info device_type = {
	.name = TESTDEV_TYPE,
	.parent = "pci-device",
	.class_init = device_class_init,
	.interfaces = device_interfaces,
};

void device_register(void)
{
	type_register_static(&device_type);
}

__export
int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv);

int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)id;
	(void)argc;
	(void)argv;
	if (!abi_check(info))
		return -1;
	device_register();
	return 0;
}
