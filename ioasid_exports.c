// SPDX-License-Identifier: GPL-2.0
/* Only C can export: the functions themselves are Rust, in ffi/. */
#include <linux/export.h>
#include <linux/ioasid.h>
#include <linux/ioasid_compat.h>
#include <linux/ioasid_sva.h>
#include <linux/rcupdate.h>

#include "ioasid_helpers.h"

/* To enter the section in Rust is a call of a C function, as expensive as the lookup. */

int ioasid_free(struct ioasid_set *set, ioasid_t ioasid)
{
	guard(rcu)();
	return ioasid_rs_free(set, ioasid);
}

int ioasid_get(struct ioasid_set *set, ioasid_t ioasid)
{
	guard(rcu)();
	return ioasid_rs_get(set, ioasid);
}

bool ioasid_put(struct ioasid_set *set, ioasid_t ioasid)
{
	guard(rcu)();
	return ioasid_rs_put(set, ioasid);
}

void *ioasid_find(struct ioasid_set *set, ioasid_t ioasid, bool (*getter)(void *))
{
	guard(rcu)();
	return ioasid_rs_find(set, ioasid, getter);
}

EXPORT_SYMBOL_GPL(ioasid_alloc);
EXPORT_SYMBOL_GPL(ioasid_alloc_range);
EXPORT_SYMBOL_GPL(ioasid_free);
EXPORT_SYMBOL_GPL(ioasid_get);
EXPORT_SYMBOL_GPL(ioasid_put);
EXPORT_SYMBOL_GPL(ioasid_get_named);
EXPORT_SYMBOL_GPL(ioasid_put_named);
EXPORT_SYMBOL_GPL(ioasid_find);
EXPORT_SYMBOL_GPL(ioasid_attach_data);
EXPORT_SYMBOL_GPL(ioasid_detach_data);
EXPORT_SYMBOL_GPL(ioasid_alloc_set);
EXPORT_SYMBOL_GPL(ioasid_set_free);
EXPORT_SYMBOL_GPL(ioasid_set_get);
EXPORT_SYMBOL_GPL(ioasid_set_put);
EXPORT_SYMBOL_GPL(ioasid_adjust_set);
EXPORT_SYMBOL_GPL(ioasid_set_policy);
EXPORT_SYMBOL_GPL(ioasid_set_query);
EXPORT_SYMBOL_GPL(ioasid_find_mm_set);
EXPORT_SYMBOL_GPL(ioasid_find_set);
EXPORT_SYMBOL_GPL(ioasid_free_all_in_set);
EXPORT_SYMBOL_GPL(ioasid_set_for_each_ioasid);
EXPORT_SYMBOL_GPL(ioasid_get_if_owned_by);
EXPORT_SYMBOL_GPL(ioasid_get_if_owned);
EXPORT_SYMBOL_GPL(ioasid_is_active);
EXPORT_SYMBOL_GPL(ioasid_attach_spid);
EXPORT_SYMBOL_GPL(ioasid_detach_spid);
EXPORT_SYMBOL_GPL(ioasid_find_spid);
EXPORT_SYMBOL_GPL(ioasid_find_by_spid);
EXPORT_SYMBOL_GPL(ioasid_wait_reclaimed);
EXPORT_SYMBOL_GPL(ioasid_set_wait_reclaimed);
EXPORT_SYMBOL_GPL(ioasid_reserve_capacity);
EXPORT_SYMBOL_GPL(ioasid_cancel_capacity);
EXPORT_SYMBOL_GPL(ioasid_register_notifier);
EXPORT_SYMBOL_GPL(ioasid_register_notifier_replay);
EXPORT_SYMBOL_GPL(ioasid_unregister_notifier);
EXPORT_SYMBOL_GPL(ioasid_register_notifier_mm);
EXPORT_SYMBOL_GPL(ioasid_register_notifier_mm_replay);
EXPORT_SYMBOL_GPL(ioasid_unregister_notifier_mm);
EXPORT_SYMBOL_GPL(ioasid_notify);
EXPORT_SYMBOL_GPL(ioasid_queue_work);
EXPORT_SYMBOL_GPL(ioasid_register_allocator);
EXPORT_SYMBOL_GPL(ioasid_unregister_allocator);
EXPORT_SYMBOL_GPL(ioasid_install_capacity);
EXPORT_SYMBOL_GPL(ioasid_get_capacity);

EXPORT_SYMBOL_GPL(ioasid_sva_enable_device);
EXPORT_SYMBOL_GPL(ioasid_sva_disable_device);
EXPORT_SYMBOL_GPL(ioasid_sva_why);
EXPORT_SYMBOL_GPL(ioasid_sva_bind_device);
EXPORT_SYMBOL_GPL(ioasid_sva_unbind_device);
EXPORT_SYMBOL_GPL(ioasid_sva_get_pasid);
EXPORT_SYMBOL_GPL(ioasid_sva_find);
EXPORT_SYMBOL_GPL(ioasid_add_device);
EXPORT_SYMBOL_GPL(ioasid_remove_device);

EXPORT_SYMBOL_GPL(ioasid_compat_alloc);
EXPORT_SYMBOL_GPL(ioasid_compat_put);
EXPORT_SYMBOL_GPL(ioasid_compat_free);
EXPORT_SYMBOL_GPL(ioasid_compat_get);
EXPORT_SYMBOL_GPL(ioasid_compat_find);
EXPORT_SYMBOL_GPL(ioasid_compat_set_data);
EXPORT_SYMBOL_GPL(ioasid_compat_register_allocator);
EXPORT_SYMBOL_GPL(ioasid_compat_unregister_allocator);
