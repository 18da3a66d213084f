// SPDX-License-Identifier: GPL-2.0
/*
 * The Intel IOMMU driver of the kernel tree, which tells of the devices that it attaches and hears
 * of IDs that are freed. It needs two test devices (tools/testing/qemu), each in an IOMMU group of
 * its own.
 */
#include <linux/iommu.h>
#include <linux/ioasid_sva.h>
#include <linux/pci.h>
#include <linux/sched/mm.h>

#include "iommu.h"
#include "pasid.h"
#include "../../../samples/ioasid_dma_regs.h"
#include "../../../tests/common.h"

static struct {
	struct notifier_block nb;
	atomic_t binds;
	atomic_t unbinds;
	atomic_t frees;
	ioasid_t id;
	int veto;
	struct device *devs[2];
	struct mm_struct *mm;
} vtd;

static int vtd_notify(struct notifier_block *nb, unsigned long event, void *data)
{
	struct ioasid_nb_args *args = data;

	switch (event) {
	case IOASID_NOTIFY_BIND:
		vtd.id = args->id;
		if (vtd.veto)
			return notifier_from_errno(vtd.veto);
		atomic_inc(&vtd.binds);
		break;
	case IOASID_NOTIFY_UNBIND:
		atomic_inc(&vtd.unbinds);
		break;
	case IOASID_NOTIFY_FREE:
		atomic_inc(&vtd.frees);
		break;
	}
	return NOTIFY_OK;
}

/* What was told since this was asked last. */
static void expect_told(struct kunit *test, int binds, int unbinds, int frees)
{
	KUNIT_EXPECT_EQ(test, atomic_xchg(&vtd.binds, 0), binds);
	KUNIT_EXPECT_EQ(test, atomic_xchg(&vtd.unbinds, 0), unbinds);
	KUNIT_EXPECT_EQ(test, atomic_xchg(&vtd.frees, 0), frees);
}

/* Whether the entry of the PASID table is present. */
static bool is_translated(struct device *dev, ioasid_t pasid)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct pasid_dir_entry *dir = info->pasid_table->table;
	struct pasid_entry *entries = get_pasid_table_from_pde(&dir[pasid >> PASID_PDE_SHIFT]);

	return entries && pasid_pte_is_present(&entries[pasid & PASID_PTE_MASK]);
}

static void vtd_clean(void *data)
{
	int i;

	vtd.veto = 0;
	ioasid_unregister_notifier(NULL, &vtd.nb);
	for (i = 0; i < ARRAY_SIZE(vtd.devs); i++)
		put_device(vtd.devs[i]);
	mmput(vtd.mm);
}

static int vtd_init(struct kunit *test)
{
	struct pci_dev *pdev = NULL;
	int i, err;

	memset(&vtd, 0, sizeof(vtd));
	for (i = 0; i < ARRAY_SIZE(vtd.devs); i++) {
		pdev = pci_get_device(DMA_PCI_VENDOR, DMA_PCI_DEVICE, pdev);
		KUNIT_ASSERT_NOT_NULL(test, pdev);
		vtd.devs[i] = get_device(&pdev->dev);
	}
	pci_dev_put(pdev);
	vtd.mm = mm_alloc();
	KUNIT_ASSERT_NOT_NULL(test, vtd.mm);
	vtd.nb.notifier_call = vtd_notify;
	vtd.nb.priority = IOASID_PRIO_LAST;
	err = ioasid_register_notifier(NULL, &vtd.nb);
	KUNIT_ASSERT_EQ(test, err, 0);
	return kunit_add_action_or_reset(test, vtd_clean, NULL);
}

static struct iommu_sva *must_bind(struct kunit *test, struct device *dev)
{
	struct iommu_sva *bond = iommu_sva_bind_device(dev, vtd.mm);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bond);
	return bond;
}

/* B-202: whoever binds. */
static void first_and_last_device_are_told(struct kunit *test)
{
	struct iommu_sva *a = must_bind(test, vtd.devs[0]), *b, *again;
	ioasid_t pasid = iommu_sva_get_pasid(a);

	expect_told(test, 1, 0, 0);
	KUNIT_EXPECT_EQ(test, vtd.id, pasid);
	again = must_bind(test, vtd.devs[0]);
	b = must_bind(test, vtd.devs[1]);
	KUNIT_EXPECT_EQ(test, iommu_sva_get_pasid(b), pasid);
	expect_told(test, 0, 0, 0);
	iommu_sva_unbind_device(again);
	iommu_sva_unbind_device(a);
	expect_told(test, 0, 0, 0);
	iommu_sva_unbind_device(b);
	expect_told(test, 0, 1, 0);
	a = must_bind(test, vtd.devs[1]);
	expect_told(test, 1, 0, 0);
	iommu_sva_unbind_device(a);
	expect_told(test, 0, 1, 0);
}

/* By the IOMMU driver, and not by us as well. */
static void bond_of_ours_is_told_once(struct kunit *test)
{
	struct ioasid_bond *bond;
	struct iommu_sva *rival;

	KUNIT_ASSERT_EQ(test, ioasid_sva_enable_device(vtd.devs[0], NULL), 0);
	bond = ioasid_sva_bind_device(vtd.devs[0], vtd.mm, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bond);
	expect_told(test, 1, 0, 0);
	rival = must_bind(test, vtd.devs[1]);
	KUNIT_EXPECT_EQ(test, iommu_sva_get_pasid(rival), ioasid_sva_get_pasid(bond));
	ioasid_sva_unbind_device(bond);
	expect_told(test, 0, 0, 0);
	iommu_sva_unbind_device(rival);
	expect_told(test, 0, 1, 0);
	KUNIT_EXPECT_EQ(test, ioasid_sva_disable_device(vtd.devs[0]), 0);
}

static void refusal_is_the_errno_of_bind(struct kunit *test)
{
	struct iommu_sva *bond;

	vtd.veto = -EDQUOT;
	bond = iommu_sva_bind_device(vtd.devs[0], vtd.mm);
	KUNIT_EXPECT_PTR_EQ(test, bond, ERR_PTR(-EDQUOT));
	KUNIT_EXPECT_FALSE(test, is_translated(vtd.devs[0], vtd.id));
	expect_told(test, 0, 0, 0);
	vtd.veto = 0;
	bond = must_bind(test, vtd.devs[0]);
	KUNIT_EXPECT_TRUE(test, is_translated(vtd.devs[0], iommu_sva_get_pasid(bond)));
	expect_told(test, 1, 0, 0);
	iommu_sva_unbind_device(bond);
	expect_told(test, 0, 1, 0);
}

/* B-203, B-206: no device reaches the address space of a freed ID, and the number stays. */
static void freed_id_is_torn_down_and_kept(struct kunit *test)
{
	struct iommu_sva *a = must_bind(test, vtd.devs[0]), *b = must_bind(test, vtd.devs[1]);
	ioasid_t pasid = iommu_sva_get_pasid(a);

	KUNIT_EXPECT_TRUE(test, is_translated(vtd.devs[0], pasid));
	KUNIT_EXPECT_TRUE(test, is_translated(vtd.devs[1], pasid));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, pasid), 1);
	expect_told(test, 1, 0, 1);
	KUNIT_EXPECT_TRUE(test, eventually(!is_translated(vtd.devs[0], pasid)));
	KUNIT_EXPECT_TRUE(test, eventually(!is_translated(vtd.devs[1], pasid)));
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, pasid), -EBUSY);
	iommu_sva_unbind_device(a);
	/* B-110 */
	KUNIT_EXPECT_PTR_EQ(test, iommu_sva_bind_device(vtd.devs[0], vtd.mm), ERR_PTR(-EBUSY));
	iommu_sva_unbind_device(b);
	expect_told(test, 0, 0, 0);
	/* It is the mm's until its memory goes. */
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, pasid), -EBUSY);
}

/* B-174: the last one to have it is the mm. */
static void number_comes_back_with_the_memory_of_the_mm(struct kunit *test)
{
	struct mm_struct *mm = mm_alloc();
	struct iommu_sva *bond;
	ioasid_t pasid;

	KUNIT_ASSERT_NOT_NULL(test, mm);
	bond = iommu_sva_bind_device(vtd.devs[0], mm);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bond);
	pasid = iommu_sva_get_pasid(bond);
	mmput(mm);
	KUNIT_EXPECT_FALSE(test, is_translated(vtd.devs[0], pasid));
	KUNIT_EXPECT_FALSE(test, is_unknown(pasid));
	iommu_sva_unbind_device(bond);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(pasid)));
	expect_told(test, 1, 1, 1);
}

/* As a driver of mediated devices: an ID of its own, a domain of its own. */
static void domain_of_a_driver_is_told_and_keeps_the_number(struct kunit *test)
{
	struct iommu_domain *domain = iommu_paging_domain_alloc_flags(vtd.devs[0],
								      IOMMU_HWPT_ALLOC_PASID);
	ioasid_t id = must_alloc(test, 1, TEST_MAX, NULL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	KUNIT_ASSERT_EQ(test, iommu_attach_device_pasid(domain, vtd.devs[0], id, NULL), 0);
	expect_told(test, 1, 0, 0);
	KUNIT_EXPECT_TRUE(test, is_translated(vtd.devs[0], id));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_TRUE(test, eventually(!is_translated(vtd.devs[0], id)));
	KUNIT_EXPECT_FALSE(test, is_unknown(id));
	iommu_detach_device_pasid(domain, vtd.devs[0], id);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(id)));
	expect_told(test, 0, 0, 1);
	iommu_domain_free(domain);
}

/* What user space has chosen. */
static void pasid_that_is_no_ioasid_is_attached_as_ever(struct kunit *test)
{
	struct iommu_domain *domain = iommu_paging_domain_alloc_flags(vtd.devs[0],
								      IOMMU_HWPT_ALLOC_PASID);
	ioasid_t id = 4242;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	KUNIT_ASSERT_TRUE(test, is_unknown(id));
	KUNIT_ASSERT_EQ(test, iommu_attach_device_pasid(domain, vtd.devs[0], id, NULL), 0);
	KUNIT_EXPECT_TRUE(test, is_translated(vtd.devs[0], id));
	iommu_detach_device_pasid(domain, vtd.devs[0], id);
	KUNIT_EXPECT_FALSE(test, is_translated(vtd.devs[0], id));
	expect_told(test, 0, 0, 0);
	iommu_domain_free(domain);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(first_and_last_device_are_told),
	KUNIT_CASE(bond_of_ours_is_told_once),
	KUNIT_CASE(refusal_is_the_errno_of_bind),
	KUNIT_CASE(freed_id_is_torn_down_and_kept),
	KUNIT_CASE(number_comes_back_with_the_memory_of_the_mm),
	KUNIT_CASE(domain_of_a_driver_is_told_and_keeps_the_number),
	KUNIT_CASE(pasid_that_is_no_ioasid_is_attached_as_ever),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_vtd",
	.init = vtd_init,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("IOASID: tests of the Intel IOMMU driver of the kernel tree");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
