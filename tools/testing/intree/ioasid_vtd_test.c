// SPDX-License-Identifier: GPL-2.0
/*
 * The Intel IOMMU driver of the kernel tree, which tells of the devices that it attaches and hears
 * of IDs that are freed. It needs two test devices (tools/testing/qemu), each in an IOMMU group of
 * its own. There is nothing about nested domains: the VT-d of QEMU 11.1 cannot nest (ECAP.NEST).
 */
#include <linux/delay.h>
#include <linux/iommu.h>
#include <linux/ioasid_sva.h>
#include <linux/pci.h>
#include <linux/sched/mm.h>

#include "iommu.h"
#include "pasid.h"
#include "../iommu-priv.h"
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

static struct pasid_entry *entry_of(struct device *dev, ioasid_t pasid)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct pasid_dir_entry *dir = info->pasid_table->table;
	struct pasid_entry *entries = get_pasid_table_from_pde(&dir[pasid >> PASID_PDE_SHIFT]);

	return entries ? &entries[pasid & PASID_PTE_MASK] : NULL;
}

/* Whether the entry of the PASID table is present. */
static bool is_translated(struct device *dev, ioasid_t pasid)
{
	struct pasid_entry *entry = entry_of(dev, pasid);

	return entry && pasid_pte_is_present(entry);
}

/* Whether it is not, and what the device still tries is not reported. */
static bool is_cut_off(struct device *dev, ioasid_t pasid)
{
	struct pasid_entry *entry = entry_of(dev, pasid);

	return entry && !pasid_pte_is_present(entry) && pasid_pte_is_fault_disabled(entry);
}

static bool is_clear(struct device *dev, ioasid_t pasid)
{
	struct pasid_entry *entry = entry_of(dev, pasid);

	return !entry || !READ_ONCE(entry->val[0]);
}

static void nothing(struct work_struct *work)
{
}

/* Waits for what handlers have queued. */
static void flush_handlers(void)
{
	struct work_struct work;

	INIT_WORK_ONSTACK(&work, nothing);
	ioasid_queue_work(&work);
	flush_work(&work);
	destroy_work_on_stack(&work);
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

/* An address space that only the case has, bound to a device. */
struct bound_mm {
	struct mm_struct *mm;
	struct iommu_sva *bond;
	ioasid_t pasid;
};

static struct bound_mm must_bind_own_mm(struct kunit *test, struct device *dev)
{
	struct bound_mm own = { .mm = mm_alloc() };

	KUNIT_ASSERT_NOT_NULL(test, own.mm);
	own.bond = iommu_sva_bind_device(dev, own.mm);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, own.bond);
	own.pasid = iommu_sva_get_pasid(own.bond);
	return own;
}

/* The last bond of one whose mm has exited and whose ID was freed. */
static void expect_unbind_gives_back(struct kunit *test, struct device *dev, struct bound_mm *own)
{
	iommu_sva_unbind_device(own->bond);
	KUNIT_EXPECT_TRUE(test, is_clear(dev, own->pasid));
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(own->pasid)));
	expect_told(test, 1, 0, 1);
}

/* B-174: the last one to have it is the mm. */
static void number_comes_back_with_the_memory_of_the_mm(struct kunit *test)
{
	struct bound_mm own = must_bind_own_mm(test, vtd.devs[0]);

	mmput(own.mm);
	KUNIT_EXPECT_FALSE(test, is_translated(vtd.devs[0], own.pasid));
	KUNIT_EXPECT_FALSE(test, is_unknown(own.pasid));
	iommu_sva_unbind_device(own.bond);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(own.pasid)));
	expect_told(test, 1, 1, 1);
}

/* The exit finds the entry as FREE has left it, and leaves it so: the device may be at work. */
static void exit_after_free_keeps_the_device_cut_off(struct kunit *test)
{
	struct bound_mm own = must_bind_own_mm(test, vtd.devs[0]);

	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, own.pasid), 1);
	flush_handlers();
	KUNIT_EXPECT_TRUE(test, is_cut_off(vtd.devs[0], own.pasid));
	mmput(own.mm);
	KUNIT_EXPECT_TRUE(test, is_cut_off(vtd.devs[0], own.pasid));
	expect_unbind_gives_back(test, vtd.devs[0], &own);
}

static void free_after_exit_keeps_the_device_cut_off(struct kunit *test)
{
	struct bound_mm own = must_bind_own_mm(test, vtd.devs[0]);

	mmput(own.mm);
	KUNIT_EXPECT_TRUE(test, is_cut_off(vtd.devs[0], own.pasid));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, own.pasid), 1);
	flush_handlers();
	KUNIT_EXPECT_TRUE(test, is_cut_off(vtd.devs[0], own.pasid));
	expect_unbind_gives_back(test, vtd.devs[0], &own);
}

/* The driver of a device: told before VT-d, it has its work done before that of VT-d. */
static struct {
	struct notifier_block nb;
	struct work_struct before;
	struct work_struct work;
	ioasid_t id;
	bool was_translated;
} driver;

/* Somebody's work, behind which all else is queued. */
static void take_time(struct work_struct *work)
{
	msleep(50);
}

static void driver_stop(struct work_struct *work)
{
	driver.was_translated = is_translated(vtd.devs[0], driver.id);
}

static int driver_notify(struct notifier_block *nb, unsigned long event, void *data)
{
	struct ioasid_nb_args *args = data;

	if (event == IOASID_NOTIFY_FREE && args->id == driver.id)
		ioasid_queue_work(&driver.work);
	return NOTIFY_OK;
}

/* B-206 */
static void driver_stops_its_device_before_it_is_cut_off(struct kunit *test)
{
	struct iommu_sva *bond, *other;
	ioasid_t id = must_alloc(test, 1, TEST_MAX, NULL);
	struct iommu_domain *domain = iommu_paging_domain_alloc_flags(vtd.devs[0],
								      IOMMU_HWPT_ALLOC_PASID);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	KUNIT_ASSERT_EQ(test, iommu_attach_device_pasid(domain, vtd.devs[0], id, NULL), 0);
	bond = must_bind(test, vtd.devs[0]);
	other = must_bind(test, vtd.devs[1]);
	INIT_WORK(&driver.work, driver_stop);
	driver.was_translated = false;
	driver.id = iommu_sva_get_pasid(bond);
	driver.nb.notifier_call = driver_notify;
	driver.nb.priority = IOASID_PRIO_DEVICE;
	KUNIT_ASSERT_EQ(test, ioasid_register_notifier(NULL, &driver.nb), 0);
	/* Nor does work of VT-d that is queued already, for another ID, come to this one. */
	INIT_WORK(&driver.before, take_time);
	ioasid_queue_work(&driver.before);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, driver.id), 1);
	flush_handlers();
	KUNIT_EXPECT_TRUE(test, driver.was_translated);
	KUNIT_EXPECT_TRUE(test, is_cut_off(vtd.devs[0], driver.id));
	KUNIT_EXPECT_TRUE(test, is_cut_off(vtd.devs[1], driver.id));
	KUNIT_EXPECT_TRUE(test, is_cut_off(vtd.devs[0], id));
	ioasid_unregister_notifier(NULL, &driver.nb);
	flush_work(&driver.work);
	iommu_sva_unbind_device(bond);
	iommu_sva_unbind_device(other);
	iommu_detach_device_pasid(domain, vtd.devs[0], id);
	iommu_domain_free(domain);
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

static struct iommu_domain *identity_of(struct device *dev)
{
	return dev_iommu_ops(dev)->identity_domain;
}

static void identity_domain_is_told_and_cut_off(struct kunit *test)
{
	struct iommu_domain *identity = identity_of(vtd.devs[0]);
	ioasid_t id = must_alloc(test, 1, TEST_MAX, NULL);

	vtd.veto = -EDQUOT;
	KUNIT_EXPECT_EQ(test, iommu_attach_device_pasid(identity, vtd.devs[0], id, NULL), -EDQUOT);
	KUNIT_EXPECT_FALSE(test, is_translated(vtd.devs[0], id));
	vtd.veto = 0;
	KUNIT_ASSERT_EQ(test, iommu_attach_device_pasid(identity, vtd.devs[0], id, NULL), 0);
	expect_told(test, 1, 0, 0);
	KUNIT_EXPECT_TRUE(test, is_translated(vtd.devs[0], id));
	iommu_detach_device_pasid(identity, vtd.devs[0], id);
	expect_told(test, 0, 1, 0);
	KUNIT_ASSERT_EQ(test, iommu_attach_device_pasid(identity, vtd.devs[0], id, NULL), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	flush_handlers();
	KUNIT_EXPECT_TRUE(test, is_cut_off(vtd.devs[0], id));
	KUNIT_EXPECT_FALSE(test, is_unknown(id));
	iommu_detach_device_pasid(identity, vtd.devs[0], id);
	KUNIT_EXPECT_TRUE(test, is_clear(vtd.devs[0], id));
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(id)));
	expect_told(test, 1, 0, 1);
}

/* The device stays attached: there is nothing to tell. A freed ID is not revived by that. */
static void replaced_domain_is_not_told(struct kunit *test)
{
	struct iommu_domain *domain = iommu_paging_domain_alloc_flags(vtd.devs[0],
								      IOMMU_HWPT_ALLOC_PASID);
	struct iommu_domain *identity = identity_of(vtd.devs[0]);
	struct iommu_attach_handle handles[3] = {};
	ioasid_t id = must_alloc(test, 1, TEST_MAX, NULL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	KUNIT_ASSERT_EQ(test, iommu_attach_device_pasid(domain, vtd.devs[0], id, &handles[0]), 0);
	expect_told(test, 1, 0, 0);
	KUNIT_EXPECT_EQ(test, iommu_replace_device_pasid(identity, vtd.devs[0], id, &handles[1]),
			0);
	KUNIT_EXPECT_TRUE(test, is_translated(vtd.devs[0], id));
	expect_told(test, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	flush_handlers();
	KUNIT_EXPECT_TRUE(test, is_cut_off(vtd.devs[0], id));
	KUNIT_EXPECT_EQ(test, iommu_replace_device_pasid(domain, vtd.devs[0], id, &handles[2]), 0);
	flush_handlers();
	KUNIT_EXPECT_TRUE(test, is_cut_off(vtd.devs[0], id));
	iommu_detach_device_pasid(domain, vtd.devs[0], id);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(id)));
	expect_told(test, 0, 0, 1);
	iommu_domain_free(domain);
}

/* B-214: the IOMMU core takes the device off its PASIDs, and puts it back. */
static void reset_is_told_as_detach_and_attach(struct kunit *test)
{
	struct iommu_sva *bond = must_bind(test, vtd.devs[0]);
	struct pci_dev *pdev = to_pci_dev(vtd.devs[0]);
	ioasid_t pasid = iommu_sva_get_pasid(bond);

	expect_told(test, 1, 0, 0);
	KUNIT_ASSERT_EQ(test, pci_dev_reset_iommu_prepare(pdev), 0);
	expect_told(test, 0, 1, 0);
	KUNIT_EXPECT_FALSE(test, is_translated(vtd.devs[0], pasid));
	pci_dev_reset_iommu_done(pdev);
	expect_told(test, 1, 0, 0);
	KUNIT_EXPECT_TRUE(test, is_translated(vtd.devs[0], pasid));
	iommu_sva_unbind_device(bond);
	expect_told(test, 0, 1, 0);
}

/* The IOMMU core does not take a no: the device is attached to nothing. */
static void refusal_after_a_reset_cuts_off(struct kunit *test)
{
	struct iommu_sva *bond = must_bind(test, vtd.devs[0]);
	struct pci_dev *pdev = to_pci_dev(vtd.devs[0]);
	ioasid_t pasid = iommu_sva_get_pasid(bond);

	KUNIT_ASSERT_EQ(test, pci_dev_reset_iommu_prepare(pdev), 0);
	expect_told(test, 1, 1, 0);
	vtd.veto = -EDQUOT;
	pci_dev_reset_iommu_done(pdev);
	vtd.veto = 0;
	flush_handlers();
	KUNIT_EXPECT_TRUE(test, is_cut_off(vtd.devs[0], pasid));
	iommu_sva_unbind_device(bond);
	KUNIT_EXPECT_TRUE(test, is_clear(vtd.devs[0], pasid));
	expect_told(test, 0, 0, 0);
	/* The next one is asked about anew. */
	bond = must_bind(test, vtd.devs[0]);
	KUNIT_EXPECT_TRUE(test, is_translated(vtd.devs[0], pasid));
	expect_told(test, 1, 0, 0);
	iommu_sva_unbind_device(bond);
}

static void id_freed_during_a_reset_stays_cut_off(struct kunit *test)
{
	struct iommu_sva *bond = must_bind(test, vtd.devs[0]);
	struct pci_dev *pdev = to_pci_dev(vtd.devs[0]);
	ioasid_t pasid = iommu_sva_get_pasid(bond);

	KUNIT_ASSERT_EQ(test, pci_dev_reset_iommu_prepare(pdev), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, pasid), 1);
	expect_told(test, 1, 1, 1);
	pci_dev_reset_iommu_done(pdev);
	flush_handlers();
	KUNIT_EXPECT_TRUE(test, is_cut_off(vtd.devs[0], pasid));
	iommu_sva_unbind_device(bond);
	KUNIT_EXPECT_TRUE(test, is_clear(vtd.devs[0], pasid));
	expect_told(test, 0, 0, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(first_and_last_device_are_told),
	KUNIT_CASE(bond_of_ours_is_told_once),
	KUNIT_CASE(refusal_is_the_errno_of_bind),
	KUNIT_CASE(freed_id_is_torn_down_and_kept),
	KUNIT_CASE(number_comes_back_with_the_memory_of_the_mm),
	KUNIT_CASE(exit_after_free_keeps_the_device_cut_off),
	KUNIT_CASE(free_after_exit_keeps_the_device_cut_off),
	KUNIT_CASE(driver_stops_its_device_before_it_is_cut_off),
	KUNIT_CASE(domain_of_a_driver_is_told_and_keeps_the_number),
	KUNIT_CASE(pasid_that_is_no_ioasid_is_attached_as_ever),
	KUNIT_CASE(identity_domain_is_told_and_cut_off),
	KUNIT_CASE(replaced_domain_is_not_told),
	KUNIT_CASE(reset_is_told_as_detach_and_attach),
	KUNIT_CASE(refusal_after_a_reset_cuts_off),
	KUNIT_CASE(id_freed_during_a_reset_stays_cut_off),
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
MODULE_IMPORT_NS("IOMMUFD_INTERNAL");
