// SPDX-License-Identifier: GPL-2.0
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/kallsyms.h>
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/math64.h>
#include <linux/notifier.h>
#include <linux/pci-ats.h>
#include <linux/pci.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/stacktrace.h>
#include <linux/string.h>

#include "ioasid_helpers.h"

void ioasid_array_lock_init(spinlock_t *lock, const char *name, struct lock_class_key *key)
{
	spin_lock_init(lock);
	lockdep_set_class_and_name(lock, key, name);
}

void ioasid_array_lock(spinlock_t *lock) __acquires(lock)
{
	lockdep_assert_irqs_enabled();
	spin_lock_irq(lock);
}

void ioasid_array_unlock(spinlock_t *lock) __releases(lock)
{
	spin_unlock_irq(lock);
}

void ioasid_init_reaper(struct delayed_work *work, work_func_t fn)
{
	INIT_DELAYED_WORK(work, fn);
}

void ioasid_queue_reaper(struct delayed_work *work, unsigned int ms)
{
	queue_delayed_work(system_dfl_wq, work, msecs_to_jiffies(ms));
}

void ioasid_numbers_init(struct xarray *xa)
{
	/* Taken inside the lock of another array. */
	static struct lock_class_key key;

	xa_init_flags(xa, XA_FLAGS_LOCK_IRQ | XA_FLAGS_ACCOUNT);
	lockdep_set_class_and_name(&xa->xa_lock, &key, "NumberMap::xa");
}

int ioasid_numbers_reserve(struct xarray *xa, unsigned long index)
{
	unsigned long flags;
	void *old;

	xa_lock_irqsave(xa, flags);
	old = __xa_cmpxchg(xa, index, NULL, XA_ZERO_ENTRY, GFP_NOWAIT | __GFP_NOWARN);
	xa_unlock_irqrestore(xa, flags);
	return xa_err(old);
}

void ioasid_numbers_release(struct xarray *xa, unsigned long index)
{
	unsigned long flags;

	xa_lock_irqsave(xa, flags);
	__xa_cmpxchg(xa, index, XA_ZERO_ENTRY, NULL, 0);
	xa_unlock_irqrestore(xa, flags);
}

int ioasid_numbers_set(struct xarray *xa, unsigned long index, unsigned long value)
{
	unsigned long flags;
	void *old;

	xa_lock_irqsave(xa, flags);
	old = __xa_store(xa, index, (void *)value, __GFP_NOWARN);
	xa_unlock_irqrestore(xa, flags);
	return xa_err(old);
}

void ioasid_wait_init(struct wait_queue_head *head)
{
	init_waitqueue_head(head);
}

void ioasid_wake_all(struct wait_queue_head *head)
{
	if (wq_has_sleeper(head))
		wake_up_all(head);
}

long ioasid_wait_until(struct wait_queue_head *head, unsigned int ms, bool (*done)(void *data),
		       void *data)
{
	return wait_event_killable_timeout(*head, done(data), msecs_to_jiffies(ms));
}

/* Handlers return what they like; what is no errno is a refusal all the same. */
int ioasid_notifier_to_errno(int said)
{
	int err = notifier_to_errno(said);

	return err && !IS_ERR_VALUE((long)err) ? -EINVAL : err;
}

struct mm_struct *ioasid_current_mm(void)
{
	return current->mm;
}

unsigned int ioasid_current_pid(void)
{
	return task_tgid_nr(current);
}

static unsigned int ioasid_name(struct task_struct *task, char *comm, size_t size)
{
	strscpy_pad(comm, task->comm, size);
	return task_tgid_nr(task);
}

unsigned int ioasid_current(char *comm, size_t size)
{
	return ioasid_name(current->group_leader, comm, size);
}

/* 0 if it is not known. */
unsigned int ioasid_mm_owner(struct mm_struct *mm, char *comm, size_t size)
{
	unsigned int pid = 0;
#ifdef CONFIG_MEMCG
	struct task_struct *task;

	rcu_read_lock();
	task = rcu_dereference(mm->owner);
	if (task)
		pid = ioasid_name(task, comm, size);
	rcu_read_unlock();
#endif
	return pid;
}

/* Whether there is a process with this number that began at least @secs seconds ago, or about. */
bool ioasid_pid_comm(unsigned int pid, unsigned int secs, char *comm, size_t size)
{
	struct task_struct *task;
	bool found = false;

	rcu_read_lock();
	task = pid_task(find_pid_ns(pid, &init_pid_ns), PIDTYPE_TGID);
	/* The clock of the one and the jiffies of the other are read a moment apart. */
	if (task && div_u64(ktime_get_ns() - task->start_time, NSEC_PER_SEC) + 2 >= secs)
		found = ioasid_name(task, comm, size) != 0;
	rcu_read_unlock();
	return found;
}

void ioasid_cond_resched(void)
{
	cond_resched();
}

/* The name of a function and that of its module in brackets, or nothing: never the address. */
void ioasid_symbol(unsigned long addr, char *name, size_t size)
{
	char *symbol = kzalloc(KSYM_SYMBOL_LEN, GFP_KERNEL);

	*name = '\0';
	if (!symbol)
		return;
	sprint_symbol_no_offset(symbol, addr);
	if (!str_has_prefix(symbol, "0x"))
		strscpy(name, symbol, size);
	kfree(symbol);
}

struct dentry *ioasid_debugfs_dir(const char *name)
{
	return debugfs_create_dir(name, NULL);
}

void ioasid_debugfs_file(const char *name, umode_t mode, struct dentry *dir, void *data,
			 const struct file_operations *ops)
{
	debugfs_create_file(name, mode, dir, data, ops);
}

void ioasid_debugfs_u32(const char *name, umode_t mode, struct dentry *dir, u32 *value)
{
	debugfs_create_u32(name, mode, dir, value);
}

void ioasid_debugfs_remove(struct dentry *dir)
{
	debugfs_remove(dir);
}

struct kmem_cache *ioasid_cache_create(const char *name, unsigned int size, unsigned int align)
{
	return kmem_cache_create(name, size, align, SLAB_ACCOUNT | SLAB_NO_MERGE, NULL);
}

int ioasid_srcu_init(struct srcu_struct *srcu)
{
	return init_srcu_struct(srcu);
}

int ioasid_srcu_read_lock(struct srcu_struct *srcu) __acquires(srcu)
{
	return srcu_read_lock(srcu);
}

void ioasid_srcu_read_unlock(struct srcu_struct *srcu, int idx) __releases(srcu)
{
	srcu_read_unlock(srcu, idx);
}

unsigned long ioasid_spin_lock(spinlock_t *lock)
{
	unsigned long flags;

	spin_lock_irqsave(lock, flags);
	return flags;
}

void ioasid_spin_unlock(spinlock_t *lock, unsigned long flags)
{
	spin_unlock_irqrestore(lock, flags);
}

struct workqueue_struct *ioasid_alloc_ordered_queue(const char *name)
{
	return alloc_ordered_workqueue("%s", 0, name);
}

struct workqueue_struct *ioasid_alloc_queue(const char *name)
{
	/* No WQ_MEM_RECLAIM: callbacks of others may wait for work on any queue. */
	return alloc_workqueue("%s", WQ_UNBOUND, 0, name);
}

void ioasid_init_delayed_work(struct delayed_work *work, work_func_t fn)
{
	INIT_DELAYED_WORK(work, fn);
}

/* One function for each, or lockdep would take them for one. */
void ioasid_init_slow_work(struct work_struct *work, work_func_t fn)
{
	INIT_WORK(work, fn);
}

void ioasid_init_waiting_work(struct work_struct *work, work_func_t fn)
{
	INIT_WORK(work, fn);
}

void ioasid_init_late_work(struct work_struct *work, work_func_t fn)
{
	INIT_WORK(work, fn);
}

void ioasid_init_watch_work(struct delayed_work *work, work_func_t fn)
{
	INIT_DELAYED_WORK(work, fn);
}

void ioasid_init_irq_work(struct irq_work *work, void (*fn)(struct irq_work *work))
{
	init_irq_work(work, fn);
}

/*
 * Whether a spinlock_t that is also taken with interrupts on must not be taken here. On
 * PREEMPT_RT it sleeps, and a caller may come with preemption off.
 */
bool ioasid_must_defer(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return !preemptible();
	return irqs_disabled() || in_hardirq();
}

#ifdef CONFIG_PROVE_LOCKING

static DEFINE_WAIT_OVERRIDE_MAP(ioasid_spin_section, LD_WAIT_CONFIG);

void ioasid_spin_section_enter(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		lock_map_acquire_try(&ioasid_spin_section);
}

void ioasid_spin_section_leave(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		lock_map_release(&ioasid_spin_section);
}

#endif

bool ioasid_is_rt(void)
{
	return IS_ENABLED(CONFIG_PREEMPT_RT);
}

unsigned long ioasid_now(void)
{
	return jiffies;
}

unsigned int ioasid_jiffies_to_ms(unsigned int count)
{
	return jiffies_to_msecs(count);
}

/* For who reads the memory of a machine that has crashed. */
const unsigned int ioasid_hz = HZ;

unsigned int ioasid_jiffies_to_secs(u64 count)
{
	return div_u64(count, HZ);
}

unsigned long ioasid_ms_to_jiffies(unsigned int ms)
{
	return msecs_to_jiffies(ms);
}

bool ioasid_pin_module(void)
{
	return try_module_get(THIS_MODULE);
}

void ioasid_unpin_module(void)
{
	module_put(THIS_MODULE);
}

bool ioasid_within_module(unsigned long addr, const struct module *module)
{
	return within_module(addr, module);
}

#ifdef CONFIG_STACKTRACE

static bool ioasid_is_ours(unsigned long addr)
{
#ifdef MODULE
	return within_module(addr, THIS_MODULE);
#else
	char name[KSYM_SYMBOL_LEN];

	sprint_symbol_no_offset(name, addr);
	return str_has_prefix(name, "ioasid_") || strstr(name, "ioasid_rs");
#endif
}

static unsigned long ioasid_caller(void)
{
	unsigned long stack[16];
	unsigned int i, n;

	n = stack_trace_save(stack, ARRAY_SIZE(stack), 1);
	for (i = 0; i < n; i++) {
		if (!ioasid_is_ours(stack[i]))
			return stack[i];
	}
	return 0;
}

#else

static unsigned long ioasid_caller(void)
{
	return 0;
}

#endif

/* Of whom was told lately, and of what, which is compared by its address. */
struct ioasid_told {
	const char *what;
	unsigned long culprit;
	unsigned long at;
	unsigned int more;
};

static DEFINE_RAW_SPINLOCK(ioasid_told_lock);
static struct ioasid_told ioasid_told[8];

/* The one that was told of; else the one that was told of least lately. */
static struct ioasid_told *ioasid_told_of(const char *what, unsigned long culprit)
{
	struct ioasid_told *one, *oldest = ioasid_told;

	for (one = ioasid_told; one < ioasid_told + ARRAY_SIZE(ioasid_told); one++) {
		if (one->what == what && one->culprit == culprit)
			return one;
		if (oldest->what && (!one->what || time_before(one->at, oldest->at)))
			oldest = one;
	}
	*oldest = (struct ioasid_told){ .culprit = culprit };
	return oldest;
}

/* Whether to tell, and of how many that were not told of before. */
static bool ioasid_may_tell(const char *what, unsigned long culprit, unsigned int *more)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL, 4);
	struct ioasid_told *one;
	unsigned long flags;
	bool may;

	/* Who does not get in has company that is told of. */
	if (!raw_spin_trylock_irqsave(&ioasid_told_lock, flags))
		return false;
	one = ioasid_told_of(what, culprit);
	may = !one->what || !time_in_range(jiffies, one->at, one->at + DEFAULT_RATELIMIT_INTERVAL);
	*more = one->more;
	if (may && __ratelimit(&limit)) {
		one->what = what;
		one->at = jiffies;
		one->more = 0;
	} else {
		may = false;
		if (one->what)
			one->more++;
	}
	raw_spin_unlock_irqrestore(&ioasid_told_lock, flags);
	return may;
}

/* @culprit: code to blame, or 0 for the first caller outside this module. */
void ioasid_complain(const char *what, unsigned int id, unsigned long culprit)
{
	char name[KSYM_SYMBOL_LEN];
	unsigned int more;

	if (!culprit)
		culprit = ioasid_caller();
	if (!ioasid_may_tell(what, culprit, &more))
		return;
	/* What is no symbol would be an address. */
	sprint_symbol(name, culprit);
	if (!*name || str_has_prefix(name, "0x"))
		strscpy(name, "somebody without a name");
	if (more)
		pr_warn("ioasid: %s (ID %u) by %s, and %u times before\n", what, id, name, more);
	else
		pr_warn("ioasid: %s (ID %u) by %s\n", what, id, name);
}

/* Whether there is room for a line that a user may have a driver cause. */
bool ioasid_may_say(void)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);

	return __ratelimit(&limit);
}

void ioasid_mms_init(struct xarray *xa)
{
	/* The index is locked in softirqs as well, this is not. */
	static struct lock_class_key key;

	xa_init_flags(xa, XA_FLAGS_ACCOUNT);
	lockdep_set_class_and_name(&xa->xa_lock, &key, "MmMap::xa");
}

int ioasid_mms_insert(struct xarray *xa, unsigned long index, struct mm_struct *mm)
{
	return xa_insert(xa, index, mm, GFP_KERNEL);
}

struct iommu_sva *ioasid_iommu_bind(struct device *dev, struct mm_struct *mm)
{
	return iommu_sva_bind_device(dev, mm);
}

u32 ioasid_iommu_pasid(struct iommu_sva *handle)
{
	return iommu_sva_get_pasid(handle);
}

void ioasid_iommu_unbind(struct iommu_sva *handle)
{
	iommu_sva_unbind_device(handle);
}

bool ioasid_iommu_has_sva(void)
{
	return IS_ENABLED(CONFIG_IOMMU_SVA);
}

struct iommu_group *ioasid_dev_group(struct device *dev)
{
	return dev->iommu_group;
}

/* How many PASIDs the IOMMU has switched on for a device, 0 included. */
unsigned int ioasid_dev_pasids(struct device *dev)
{
	return dev->iommu ? dev->iommu->max_pasids : 0;
}

bool ioasid_dev_can_share(struct device *dev)
{
	return dev->iommu && dev->iommu->iommu_dev &&
	       dev->iommu->iommu_dev->ops->domain_alloc_sva;
}

/* False only if it is known that it has none. */
bool ioasid_dev_may_have_pasids(struct device *dev)
{
	return !dev_is_pci(dev) || pci_max_pasids(to_pci_dev(dev)) > 0;
}

bool ioasid_dev_has_driver(struct device *dev)
{
	return READ_ONCE(dev->driver);
}

int ioasid_bus_watch(struct device *dev, struct notifier_block *block)
{
	return dev->bus ? bus_register_notifier(dev->bus, block) : 0;
}

void ioasid_bus_unwatch(struct device *dev, struct notifier_block *block)
{
	if (dev->bus)
		bus_unregister_notifier(dev->bus, block);
}

#ifdef CONFIG_IOASID_KUNIT_TEST

struct mm_struct *ioasid_test_mm(void)
{
	return mm_alloc();
}

int ioasid_test_mm_count(struct mm_struct *mm)
{
	return atomic_read(&mm->mm_count);
}

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");

#endif
