/* SPDX-License-Identifier: GPL-2.0 */
/* What C offers the Rust code: inline functions and macros of the kernel, out of line. */
#ifndef IOASID_HELPERS_H
#define IOASID_HELPERS_H

#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/ioasid.h>
#include <linux/iommu.h>
#include <linux/irq_work.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

/* For the exported functions of these names, which enter an RCU section. */
int ioasid_rs_free(struct ioasid_set *set, ioasid_t ioasid);
int ioasid_rs_get(struct ioasid_set *set, ioasid_t ioasid);
bool ioasid_rs_put(struct ioasid_set *set, ioasid_t ioasid);
void *ioasid_rs_find(struct ioasid_set *set, ioasid_t ioasid, bool (*getter)(void *));

void ioasid_array_lock_init(spinlock_t *lock, const char *name, struct lock_class_key *key);
void ioasid_array_lock(spinlock_t *lock);
void ioasid_array_unlock(spinlock_t *lock);

void ioasid_init_reaper(struct delayed_work *work, work_func_t fn);
void ioasid_queue_reaper(struct delayed_work *work, unsigned int ms);
void ioasid_numbers_init(struct xarray *xa);
int ioasid_numbers_reserve(struct xarray *xa, unsigned long index);
void ioasid_numbers_release(struct xarray *xa, unsigned long index);
int ioasid_numbers_set(struct xarray *xa, unsigned long index, unsigned long value);

void ioasid_wait_init(struct wait_queue_head *head);
void ioasid_wake_all(struct wait_queue_head *head);
long ioasid_wait_until(struct wait_queue_head *head, unsigned int ms, bool (*done)(void *data),
		       void *data);

int ioasid_notifier_to_errno(int said);

struct mm_struct *ioasid_current_mm(void);

unsigned int ioasid_current_pid(void);
unsigned int ioasid_current(char *comm, size_t size);
unsigned int ioasid_mm_owner(struct mm_struct *mm, char *comm, size_t size);
bool ioasid_pid_comm(unsigned int pid, unsigned int secs, char *comm, size_t size);
void ioasid_cond_resched(void);
void ioasid_symbol(unsigned long addr, char *name, size_t size);

struct dentry *ioasid_debugfs_dir(const char *name);
void ioasid_debugfs_file(const char *name, umode_t mode, struct dentry *dir, void *data,
			 const struct file_operations *ops);
void ioasid_debugfs_u32(const char *name, umode_t mode, struct dentry *dir, u32 *value);
void ioasid_debugfs_remove(struct dentry *dir);

struct kmem_cache *ioasid_cache_create(const char *name, unsigned int size, unsigned int align);

int ioasid_srcu_init(struct srcu_struct *srcu);
int ioasid_srcu_read_lock(struct srcu_struct *srcu);
void ioasid_srcu_read_unlock(struct srcu_struct *srcu, int idx);

unsigned long ioasid_spin_lock(spinlock_t *lock);
void ioasid_spin_unlock(spinlock_t *lock, unsigned long flags);

struct workqueue_struct *ioasid_alloc_ordered_queue(const char *name);
struct workqueue_struct *ioasid_alloc_queue(const char *name);
void ioasid_init_delayed_work(struct delayed_work *work, work_func_t fn);
void ioasid_init_slow_work(struct work_struct *work, work_func_t fn);
void ioasid_init_waiting_work(struct work_struct *work, work_func_t fn);
void ioasid_init_late_work(struct work_struct *work, work_func_t fn);
void ioasid_init_watch_work(struct delayed_work *work, work_func_t fn);
void ioasid_init_irq_work(struct irq_work *work, void (*fn)(struct irq_work *work));

bool ioasid_must_defer(void);
bool ioasid_is_rt(void);
void ioasid_spin_section_enter(void);
void ioasid_spin_section_leave(void);
unsigned long ioasid_now(void);
unsigned int ioasid_jiffies_to_ms(unsigned int count);
extern const unsigned int ioasid_hz;
unsigned int ioasid_jiffies_to_secs(u64 count);
unsigned long ioasid_ms_to_jiffies(unsigned int ms);

bool ioasid_pin_module(void);
void ioasid_unpin_module(void);
bool ioasid_within_module(unsigned long addr, const struct module *module);

void ioasid_mms_init(struct xarray *xa);
int ioasid_mms_insert(struct xarray *xa, unsigned long index, struct mm_struct *mm);

struct iommu_sva *ioasid_iommu_bind(struct device *dev, struct mm_struct *mm);
u32 ioasid_iommu_pasid(struct iommu_sva *handle);
void ioasid_iommu_unbind(struct iommu_sva *handle);
bool ioasid_iommu_has_sva(void);

struct iommu_group *ioasid_dev_group(struct device *dev);
unsigned int ioasid_dev_pasids(struct device *dev);
bool ioasid_dev_can_share(struct device *dev);
bool ioasid_dev_may_have_pasids(struct device *dev);
bool ioasid_dev_has_driver(struct device *dev);
int ioasid_bus_watch(struct device *dev, struct notifier_block *block);
void ioasid_bus_unwatch(struct device *dev, struct notifier_block *block);

#ifdef CONFIG_IOASID_KUNIT_TEST
struct mm_struct *ioasid_test_mm(void);
int ioasid_test_mm_count(struct mm_struct *mm);
#endif

void ioasid_complain(const char *what, unsigned int id, unsigned long culprit);
bool ioasid_may_say(void);

#endif /* IOASID_HELPERS_H */
