/* SPDX-License-Identifier: GPL-2.0 */
/* What a driver does to the test device before anything is about PASIDs. */
#ifndef _IOASID_DMA_PCI_H
#define _IOASID_DMA_PCI_H

#include <linux/err.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/pci.h>

#include "ioasid_dma_regs.h"

/*
 * Makes a queue that nobody has begin anew: who had it before may have lost it at work, and what is
 * written during a reset of the device gets nowhere. Only one that waits for the answer to a page
 * request stays as it is.
 */
static inline void dma_pci_renew(void __iomem *control)
{
	writeq(DMA_COMMAND_STOP, control + DMA_REG_COMMAND);
	writeq(DMA_COMMAND_OFF, control + DMA_REG_COMMAND);
}

/* Returns its registers. All but pci_clear_master() is undone when the driver leaves. */
static inline void __iomem *dma_pci_start(struct pci_dev *pdev)
{
	void __iomem *bar;
	int i, ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return IOMEM_ERR_PTR(ret);
	if (pci_resource_len(pdev, 0) < DMA_BAR_SIZE)
		return IOMEM_ERR_PTR(-ENODEV);
	bar = pcim_iomap_region(pdev, 0, KBUILD_MODNAME);
	if (IS_ERR(bar))
		return bar;
	if (readq(bar + DMA_REG_ID) != DMA_ID || readq(bar + DMA_REG_VERSION) != DMA_VERSION) {
		ret = dev_err_probe(&pdev->dev, -ENODEV, "not the device that this is for\n");
		return IOMEM_ERR_PTR(ret);
	}
	for (i = 0; i < DMA_QUEUES; i++)
		dma_pci_renew(bar + DMA_CONTROL(i));
	pci_set_master(pdev);
	return bar;
}

#endif /* _IOASID_DMA_PCI_H */
