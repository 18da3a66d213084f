// SPDX-License-Identifier: GPL-2.0
/*
 * The flows of the documentation of 2021: what an IOMMU driver, KVM and a mediated device do with a
 * PASID of a guest. The number of references at each step is given as there.
 */
#include "events.h"

#define GUEST 101U

struct vm {
	struct kunit *test;
	struct story *story;
	struct mm_struct *mm;
	struct ioasid_set *set;
	struct subscriber *kvm, *iommu, *device;
	/* KVM's PASID translation table: what is at the guest's number. */
	ioasid_t table;
	unsigned int wrong;
	/* What the other two do later: in the order in which they were told. */
	struct work_struct iommu_work, device_work;
	bool iommu_holds, device_holds;
	char order[8];
	unsigned int n_order;
	unsigned int last_puts;
};

static int kvm_is_told(struct subscriber *sub, unsigned long val,
		       const struct ioasid_nb_args *args)
{
	struct vm *vm = sub->data;

	switch (val) {
	case IOASID_NOTIFY_BIND:
		vm->wrong += args->spid != GUEST || vm->table != INVALID_IOASID;
		vm->table = args->id;
		if (ioasid_get(args->set, args->id))
			vm->wrong++;
		break;
	case IOASID_NOTIFY_UNBIND:
	case IOASID_NOTIFY_FREE:
		if (vm->table != args->id)
			break;
		vm->table = INVALID_IOASID;
		vm->last_puts += ioasid_put_locked(args->set, args->id);
	}
	return NOTIFY_OK;
}

static int iommu_is_told(struct subscriber *sub, unsigned long val,
			 const struct ioasid_nb_args *args)
{
	struct vm *vm = sub->data;

	/* Without data it is unbound already. */
	if (val == IOASID_NOTIFY_FREE && args->pdata == vm)
		vm->wrong += !ioasid_queue_work(&vm->iommu_work);
	return NOTIFY_OK;
}

static int device_is_told(struct subscriber *sub, unsigned long val,
			  const struct ioasid_nb_args *args)
{
	struct vm *vm = sub->data;

	if (val == IOASID_NOTIFY_FREE && vm->device_holds)
		vm->wrong += !ioasid_queue_work(&vm->device_work);
	return NOTIFY_OK;
}

static void clear_iommu(struct work_struct *work)
{
	struct vm *vm = container_of(work, struct vm, iommu_work);

	/* KVM was faster: nobody can submit any more while the tables are taken down. */
	vm->wrong += vm->table != INVALID_IOASID;
	vm->order[vm->n_order++] = 'i';
	msleep(20);
	vm->iommu_holds = false;
	vm->last_puts += ioasid_put(NULL, 5);
}

static void drain_device(struct work_struct *work)
{
	struct vm *vm = container_of(work, struct vm, device_work);

	vm->order[vm->n_order++] = 'd';
	vm->device_holds = false;
	vm->last_puts += ioasid_put(NULL, 5);
}

static void vm_release(void *data)
{
	struct vm *vm = data;

	flush_work(&vm->iommu_work);
	flush_work(&vm->device_work);
}

/* Steps 1 and 2: all subscribe, KVM and the device before there is a set. One reference. */
static struct vm *vm_start(struct kunit *test)
{
	struct vm *vm = kunit_kzalloc(test, sizeof(*vm), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vm);
	vm->test = test;
	vm->story = story_new(test);
	vm->mm = must_mm(test);
	vm->table = INVALID_IOASID;
	INIT_WORK(&vm->iommu_work, clear_iommu);
	INIT_WORK(&vm->device_work, drain_device);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, vm_release, vm), 0);
	vm->device = subscribe_mm(vm->story, "device", IOASID_PRIO_DEVICE, vm->mm);
	vm->iommu = subscribe(vm->story, "iommu", IOASID_PRIO_IOMMU, NULL);
	vm->kvm = subscribe_mm(vm->story, "kvm", IOASID_PRIO_CPU, vm->mm);
	vm->device->answer = device_is_told;
	vm->iommu->answer = iommu_is_told;
	vm->kvm->answer = kvm_is_told;
	vm->device->data = vm;
	vm->iommu->data = vm;
	vm->kvm->data = vm;
	vm->set = must_set_of(test, vm->mm, 1000);
	must_alloc_number(test, vm->set, 5, NULL);
	expect_story(vm->story, "kvm:SET_ALLOC; iommu:SET_ALLOC; device:SET_ALLOC; kvm:ALLOC(5); "
				"iommu:ALLOC(5); device:ALLOC(5)");
	return vm;
}

/* Steps 3 to 13: four references. */
static void vm_binds(struct vm *vm)
{
	struct kunit *test = vm->test;

	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(5, vm->mm), 0);
	vm->iommu_holds = true;
	KUNIT_EXPECT_EQ(test, ioasid_attach_data(5, vm), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, GUEST), 0);
	expect_story(vm->story, "kvm:BIND(5=101); iommu:BIND(5=101); device:BIND(5=101)");
	KUNIT_EXPECT_EQ(test, vm->table, 5);
	/* The guest programs the device with its own number. */
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(vm->set, GUEST, true), 5);
	vm->device_holds = true;
	/* A page request. */
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, 5, NULL), (void *)vm);
}

/* After the end: everything can begin again. */
static void vm_is_clean(struct vm *vm)
{
	struct kunit *test = vm->test;

	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(5)));
	KUNIT_EXPECT_EQ(test, vm->table, INVALID_IOASID);
	KUNIT_EXPECT_FALSE(test, vm->iommu_holds);
	KUNIT_EXPECT_FALSE(test, vm->device_holds);
	KUNIT_EXPECT_EQ(test, vm->wrong, 0);
}

/* B-128, B-130, B-154: stop, unbind, free. */
static void guest_unbinds_and_frees(struct kunit *test)
{
	struct vm *vm = vm_start(test);
	int i;

	for (i = 0; i < 3; i++) {
		vm_binds(vm);
		/* 14 to 16: the device is drained. Three references. */
		vm->device_holds = false;
		KUNIT_EXPECT_FALSE(test, ioasid_put(NULL, 5));
		/* 17 to 21: unbind. Two. */
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
		expect_story(vm->story,
			     "kvm:UNBIND(5=101); iommu:UNBIND(5=101); device:UNBIND(5=101)");
		KUNIT_EXPECT_EQ(test, vm->table, INVALID_IOASID);
		KUNIT_EXPECT_EQ(test, ioasid_detach_data(5), 0);
		/* 22: free. One. */
		KUNIT_EXPECT_EQ(test, ioasid_free(vm->set, 5), 1);
		expect_story(vm->story, "kvm:FREE(5); iommu:FREE(5); device:FREE(5)");
		/* 23 and 24: the last one. */
		vm->iommu_holds = false;
		KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, 5));
		vm_is_clean(vm);
		KUNIT_EXPECT_EQ(test, vm->n_order, 0);
		KUNIT_EXPECT_EQ(test, vm->last_puts, 0);
		must_alloc_number(test, vm->set, 5, NULL);
		story_forget(vm->story);
	}
}

/* B-128, B-134, B-135, B-149: the guest has crashed, or is up to something. */
static void guest_frees_before_it_unbinds(struct kunit *test)
{
	struct vm *vm = vm_start(test);
	int i;

	for (i = 0; i < 3; i++) {
		vm_binds(vm);
		KUNIT_EXPECT_EQ(test, ioasid_free(vm->set, 5), 1);
		expect_story(vm->story, "kvm:FREE(5=101); iommu:FREE(5=101); device:FREE(5=101)");
		/* KVM has done its part already. */
		KUNIT_EXPECT_EQ(test, vm->table, INVALID_IOASID);
		/* An unbind that comes late finds nothing to do, be it reclaimed or not. */
		KUNIT_EXPECT_LT(test, ioasid_detach_spid(5), 0);
		flush_work(&vm->device_work);
		KUNIT_EXPECT_STREQ(test, vm->order, "id");
		/* One of them had the last one, and only one. */
		KUNIT_EXPECT_EQ(test, vm->last_puts, 1);
		vm_is_clean(vm);
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), -ENOENT);
		expect_story(vm->story, "");
		memset(vm->order, 0, sizeof(vm->order));
		vm->n_order = 0;
		vm->last_puts = 0;
		must_alloc_number(test, vm->set, 5, NULL);
		story_forget(vm->story);
	}
}

/* B-037, B-078, B-147: the VMM is killed, and nobody calls free or unbind. */
static void vmm_dies_while_bound(struct kunit *test)
{
	struct vm *vm = vm_start(test);

	vm_binds(vm);
	mm_exits(test, vm->mm);
	KUNIT_EXPECT_TRUE(test,
			  eventually(story_count(vm->story, "device", IOASID_NOTIFY_FREE)));
	KUNIT_EXPECT_EQ(test, story_count(vm->story, NULL, IOASID_NOTIFY_FREE), 3);
	KUNIT_EXPECT_EQ(test, story_count(vm->story, NULL, IOASID_NOTIFY_UNBIND), 0);
	KUNIT_EXPECT_EQ(test, vm->table, INVALID_IOASID);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(5)));
	flush_work(&vm->device_work);
	KUNIT_EXPECT_STREQ(test, vm->order, "id");
	vm_is_clean(vm);
	unsubscribe(vm->kvm);
	unsubscribe(vm->device);
	KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(vm->set, 10000), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(vm->set), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(vm->set)));
}

/* B-138: KVM goes first: it drops what it holds, and is not told of the rest. */
static void kvm_goes_before_the_free(struct kunit *test)
{
	struct vm *vm = vm_start(test);

	vm_binds(vm);
	unsubscribe(vm->kvm);
	vm->table = INVALID_IOASID;
	KUNIT_EXPECT_FALSE(test, ioasid_put(NULL, 5));
	KUNIT_EXPECT_EQ(test, ioasid_free(vm->set, 5), 1);
	expect_story(vm->story, "iommu:FREE(5=101); device:FREE(5=101)");
	flush_work(&vm->device_work);
	KUNIT_EXPECT_EQ(test, vm->last_puts, 1);
	vm_is_clean(vm);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(guest_unbinds_and_frees),
	KUNIT_CASE(guest_frees_before_it_unbinds),
	KUNIT_CASE(vmm_dies_while_bound),
	KUNIT_CASE(kvm_goes_before_the_free),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_event_flow",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
