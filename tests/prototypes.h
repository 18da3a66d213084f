/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All of the interface as pointers of the types that it is to have. A function that is missing or
 * has other types does not compile; one that is not exported does not link.
 */
#ifndef IOASID_TESTS_PROTOTYPES_H
#define IOASID_TESTS_PROTOTYPES_H

#include <linux/ioasid.h>
#include <linux/ioasid_sva.h>

struct prototypes {
	ioasid_t (*alloc)(struct ioasid_set *set, ioasid_t min, ioasid_t max, void *private);
	int (*alloc_range)(struct ioasid_set *set, ioasid_t min, ioasid_t max,
			   enum ioasid_alloc_policy policy, void *private, ioasid_t *ioasid);
	int (*free)(struct ioasid_set *set, ioasid_t ioasid);
	int (*get)(struct ioasid_set *set, ioasid_t ioasid);
	bool (*put)(struct ioasid_set *set, ioasid_t ioasid);
	int (*get_named)(struct ioasid_set *set, ioasid_t ioasid, const char *name);
	bool (*put_named)(struct ioasid_set *set, ioasid_t ioasid, const char *name);
	void *(*find)(struct ioasid_set *set, ioasid_t ioasid, bool (*getter)(void *));
	struct ioasid_set *(*alloc_set)(void *token, ioasid_t quota, int type);
	int (*set_free)(struct ioasid_set *set);
	int (*set_get)(struct ioasid_set *set);
	void (*set_put)(struct ioasid_set *set);
	int (*adjust_set)(struct ioasid_set *set, ioasid_t quota);
	int (*set_policy)(struct ioasid_set *set, enum ioasid_alloc_policy policy);
	int (*set_query)(struct ioasid_set *set, struct ioasid_set_usage *usage);
	struct ioasid_set *(*find_mm_set)(struct mm_struct *mm);
	struct ioasid_set *(*find_set)(ioasid_t ioasid);
	void (*free_all_in_set)(struct ioasid_set *set);
	int (*set_for_each_ioasid)(struct ioasid_set *set, void (*fn)(ioasid_t ioasid, void *data),
				   void *data);
	int (*get_if_owned_by)(ioasid_t ioasid, struct mm_struct *mm);
	int (*get_if_owned)(ioasid_t ioasid);
	bool (*is_active)(ioasid_t ioasid);
	int (*attach_spid)(ioasid_t ioasid, ioasid_t spid);
	int (*detach_spid)(ioasid_t ioasid);
	ioasid_t (*find_spid)(ioasid_t ioasid);
	ioasid_t (*find_by_spid)(struct ioasid_set *set, ioasid_t spid, bool get);
	int (*attach_data)(ioasid_t ioasid, void *data);
	int (*detach_data)(ioasid_t ioasid);
	int (*wait_reclaimed)(ioasid_t ioasid, unsigned int timeout_ms);
	int (*set_wait_reclaimed)(struct ioasid_set *set, unsigned int timeout_ms);
	int (*reserve_capacity)(ioasid_t nr);
	int (*cancel_capacity)(ioasid_t nr);
	int (*register_allocator)(struct ioasid_allocator_ops *ops);
	void (*unregister_allocator)(struct ioasid_allocator_ops *ops);
	int (*install_capacity)(ioasid_t total);
	ioasid_t (*get_capacity)(void);
	int (*register_notifier)(struct ioasid_set *set, struct notifier_block *nb);
	int (*register_notifier_replay)(struct ioasid_set *set, struct notifier_block *nb);
	void (*unregister_notifier)(struct ioasid_set *set, struct notifier_block *nb);
	int (*register_notifier_mm)(struct mm_struct *mm, struct notifier_block *nb);
	int (*register_notifier_mm_replay)(struct mm_struct *mm, struct notifier_block *nb);
	void (*unregister_notifier_mm)(struct mm_struct *mm, struct notifier_block *nb);
	int (*notify)(ioasid_t ioasid, enum ioasid_notify_val cmd, unsigned int flags);
	bool (*queue_work)(struct work_struct *work);
	int (*get_locked)(struct ioasid_set *set, ioasid_t ioasid);
	bool (*put_locked)(struct ioasid_set *set, ioasid_t ioasid);
	void (*set_get_locked)(struct ioasid_set *set);
	void (*set_put_locked)(struct ioasid_set *set);
	struct ioasid_set *(*set_alloc)(void *token, ioasid_t quota, int type);
	int (*sva_enable_device)(struct device *dev, const struct ioasid_sva_params *params);
	int (*sva_disable_device)(struct device *dev);
	const char *(*sva_why)(struct device *dev);
	struct ioasid_bond *(*sva_bind_device)(struct device *dev, struct mm_struct *mm,
					       void *drvdata);
	void (*sva_unbind_device)(struct ioasid_bond *bond);
	ioasid_t (*sva_get_pasid)(struct ioasid_bond *bond);
	struct mm_struct *(*sva_find)(ioasid_t pasid);
	int (*add_device)(struct device *dev);
	int (*remove_device)(struct device *dev);
};

static const struct prototypes interface = {
	.alloc = ioasid_alloc,
	.alloc_range = ioasid_alloc_range,
	.free = ioasid_free,
	.get = ioasid_get,
	.put = ioasid_put,
	.get_named = ioasid_get_named,
	.put_named = ioasid_put_named,
	.find = ioasid_find,
	.alloc_set = ioasid_alloc_set,
	.set_free = ioasid_set_free,
	.set_get = ioasid_set_get,
	.set_put = ioasid_set_put,
	.adjust_set = ioasid_adjust_set,
	.set_policy = ioasid_set_policy,
	.set_query = ioasid_set_query,
	.find_mm_set = ioasid_find_mm_set,
	.find_set = ioasid_find_set,
	.free_all_in_set = ioasid_free_all_in_set,
	.set_for_each_ioasid = ioasid_set_for_each_ioasid,
	.get_if_owned_by = ioasid_get_if_owned_by,
	.get_if_owned = ioasid_get_if_owned,
	.is_active = ioasid_is_active,
	.attach_spid = ioasid_attach_spid,
	.detach_spid = ioasid_detach_spid,
	.find_spid = ioasid_find_spid,
	.find_by_spid = ioasid_find_by_spid,
	.attach_data = ioasid_attach_data,
	.detach_data = ioasid_detach_data,
	.wait_reclaimed = ioasid_wait_reclaimed,
	.set_wait_reclaimed = ioasid_set_wait_reclaimed,
	.reserve_capacity = ioasid_reserve_capacity,
	.cancel_capacity = ioasid_cancel_capacity,
	.register_allocator = ioasid_register_allocator,
	.unregister_allocator = ioasid_unregister_allocator,
	.install_capacity = ioasid_install_capacity,
	.get_capacity = ioasid_get_capacity,
	.register_notifier = ioasid_register_notifier,
	.register_notifier_replay = ioasid_register_notifier_replay,
	.unregister_notifier = ioasid_unregister_notifier,
	.register_notifier_mm = ioasid_register_notifier_mm,
	.register_notifier_mm_replay = ioasid_register_notifier_mm_replay,
	.unregister_notifier_mm = ioasid_unregister_notifier_mm,
	.notify = ioasid_notify,
	.queue_work = ioasid_queue_work,
	.get_locked = ioasid_get_locked,
	.put_locked = ioasid_put_locked,
	.set_get_locked = ioasid_set_get_locked,
	.set_put_locked = ioasid_set_put_locked,
	.set_alloc = ioasid_set_alloc,
	.sva_enable_device = ioasid_sva_enable_device,
	.sva_disable_device = ioasid_sva_disable_device,
	.sva_why = ioasid_sva_why,
	.sva_bind_device = ioasid_sva_bind_device,
	.sva_unbind_device = ioasid_sva_unbind_device,
	.sva_get_pasid = ioasid_sva_get_pasid,
	.sva_find = ioasid_sva_find,
	.add_device = ioasid_add_device,
	.remove_device = ioasid_remove_device,
};

#endif /* IOASID_TESTS_PROTOTYPES_H */
