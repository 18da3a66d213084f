/* SPDX-License-Identifier: GPL-2.0 */
/* What tracers can see of IOASIDs: each transition of an ID, of a set and of the allocators. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ioasid

#if !defined(IOASID_EVENTS_H) || defined(TRACE_HEADER_MULTI_READ)
#define IOASID_EVENTS_H

#include <linux/device.h>
#include <linux/tracepoint.h>

#define show_ioasid_event(event)			\
	__print_symbolic(event,				\
			 { 0, "ALLOC" },		\
			 { 1, "FREE" },			\
			 { 2, "BIND" },			\
			 { 3, "UNBIND" },		\
			 { 4, "SET_ALLOC" },		\
			 { 5, "SET_FREE" })

TRACE_EVENT(ioasid_alloc,
	TP_PROTO(u32 ioasid, u32 set, u32 min, u32 max, int ret),
	TP_ARGS(ioasid, set, min, max, ret),
	TP_STRUCT__entry(
		__field(u32, ioasid)
		__field(u32, set)
		__field(u32, min)
		__field(u32, max)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->ioasid = ioasid;
		__entry->set = set;
		__entry->min = min;
		__entry->max = max;
		__entry->ret = ret;
	),
	TP_printk("ioasid=%d set=%u min=%u max=%u ret=%d", __entry->ioasid, __entry->set,
		  __entry->min, __entry->max, __entry->ret)
);

/* How many references are left besides the owner's, and whether that is still there. */
DECLARE_EVENT_CLASS(ioasid_ref,
	TP_PROTO(u32 ioasid, u32 set, u32 refs, int ret),
	TP_ARGS(ioasid, set, refs, ret),
	TP_STRUCT__entry(
		__field(u32, ioasid)
		__field(u32, set)
		__field(u32, refs)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->ioasid = ioasid;
		__entry->set = set;
		__entry->refs = refs;
		__entry->ret = ret;
	),
	TP_printk("ioasid=%u set=%u refs=%u ret=%d", __entry->ioasid, __entry->set,
		  __entry->refs, __entry->ret)
);

DEFINE_EVENT(ioasid_ref, ioasid_get,
	TP_PROTO(u32 ioasid, u32 set, u32 refs, int ret),
	TP_ARGS(ioasid, set, refs, ret)
);

/* @ret: 1 if it was the last reference. */
DEFINE_EVENT(ioasid_ref, ioasid_put,
	TP_PROTO(u32 ioasid, u32 set, u32 refs, int ret),
	TP_ARGS(ioasid, set, refs, ret)
);

/* @ret: 0 reclaimed or about to be, 1 pending. */
DEFINE_EVENT(ioasid_ref, ioasid_free,
	TP_PROTO(u32 ioasid, u32 set, u32 refs, int ret),
	TP_ARGS(ioasid, set, refs, ret)
);

TRACE_EVENT(ioasid_reclaim,
	TP_PROTO(u32 ioasid, u32 set),
	TP_ARGS(ioasid, set),
	TP_STRUCT__entry(
		__field(u32, ioasid)
		__field(u32, set)
	),
	TP_fast_assign(
		__entry->ioasid = ioasid;
		__entry->set = set;
	),
	TP_printk("ioasid=%u set=%u", __entry->ioasid, __entry->set)
);

DECLARE_EVENT_CLASS(ioasid_spid,
	TP_PROTO(u32 ioasid, u32 spid, int ret),
	TP_ARGS(ioasid, spid, ret),
	TP_STRUCT__entry(
		__field(u32, ioasid)
		__field(u32, spid)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->ioasid = ioasid;
		__entry->spid = spid;
		__entry->ret = ret;
	),
	TP_printk("ioasid=%u spid=%d ret=%d", __entry->ioasid, __entry->spid, __entry->ret)
);

DEFINE_EVENT(ioasid_spid, ioasid_attach,
	TP_PROTO(u32 ioasid, u32 spid, int ret),
	TP_ARGS(ioasid, spid, ret)
);

/* @spid: what it was, -1 if it had none. */
DEFINE_EVENT(ioasid_spid, ioasid_detach,
	TP_PROTO(u32 ioasid, u32 spid, int ret),
	TP_ARGS(ioasid, spid, ret)
);

/* @count: how often the device is bound to it. */
DECLARE_EVENT_CLASS(ioasid_bond,
	TP_PROTO(struct device *dev, u32 ioasid, u32 count, int ret),
	TP_ARGS(dev, ioasid, count, ret),
	TP_STRUCT__entry(
		__string(dev, dev_name(dev))
		__field(u32, ioasid)
		__field(u32, count)
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->ioasid = ioasid;
		__entry->count = count;
		__entry->ret = ret;
	),
	TP_printk("dev=%s ioasid=%d count=%u ret=%d", __get_str(dev), __entry->ioasid,
		  __entry->count, __entry->ret)
);

DEFINE_EVENT(ioasid_bond, ioasid_bind,
	TP_PROTO(struct device *dev, u32 ioasid, u32 count, int ret),
	TP_ARGS(dev, ioasid, count, ret)
);

DEFINE_EVENT(ioasid_bond, ioasid_unbind,
	TP_PROTO(struct device *dev, u32 ioasid, u32 count, int ret),
	TP_ARGS(dev, ioasid, count, ret)
);

/* @ioasid: -1 for the events of a set. */
TRACE_EVENT(ioasid_notify_start,
	TP_PROTO(u32 event, u32 ioasid, u32 set, unsigned long subscriber),
	TP_ARGS(event, ioasid, set, subscriber),
	TP_STRUCT__entry(
		__field(u32, event)
		__field(u32, ioasid)
		__field(u32, set)
		__field(void *, subscriber)
	),
	TP_fast_assign(
		__entry->event = event;
		__entry->ioasid = ioasid;
		__entry->set = set;
		__entry->subscriber = (void *)subscriber;
	),
	TP_printk("event=%s ioasid=%d set=%u subscriber=%ps",
		  show_ioasid_event(__entry->event), __entry->ioasid, __entry->set,
		  __entry->subscriber)
);

TRACE_EVENT(ioasid_notify_end,
	TP_PROTO(u32 event, u32 ioasid, u32 set, unsigned long subscriber, int ret),
	TP_ARGS(event, ioasid, set, subscriber, ret),
	TP_STRUCT__entry(
		__field(u32, event)
		__field(u32, ioasid)
		__field(u32, set)
		__field(void *, subscriber)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->event = event;
		__entry->ioasid = ioasid;
		__entry->set = set;
		__entry->subscriber = (void *)subscriber;
		__entry->ret = ret;
	),
	TP_printk("event=%s ioasid=%d set=%u subscriber=%ps ret=%d",
		  show_ioasid_event(__entry->event), __entry->ioasid, __entry->set,
		  __entry->subscriber, __entry->ret)
);

TRACE_EVENT(ioasid_set_create,
	TP_PROTO(u32 set, u32 quota, u32 pid, int ret),
	TP_ARGS(set, quota, pid, ret),
	TP_STRUCT__entry(
		__field(u32, set)
		__field(u32, quota)
		__field(u32, pid)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->set = set;
		__entry->quota = quota;
		__entry->pid = pid;
		__entry->ret = ret;
	),
	TP_printk("set=%d quota=%u pid=%u ret=%d", __entry->set, __entry->quota, __entry->pid,
		  __entry->ret)
);

TRACE_EVENT(ioasid_set_destroy,
	TP_PROTO(u32 set),
	TP_ARGS(set),
	TP_STRUCT__entry(
		__field(u32, set)
	),
	TP_fast_assign(
		__entry->set = set;
	),
	TP_printk("set=%u", __entry->set)
);

/* @provider: the number of the allocators that give numbers from now on. */
TRACE_EVENT(ioasid_allocator_switch,
	TP_PROTO(u32 provider, unsigned long function),
	TP_ARGS(provider, function),
	TP_STRUCT__entry(
		__field(u32, provider)
		__field(void *, function)
	),
	TP_fast_assign(
		__entry->provider = provider;
		__entry->function = (void *)function;
	),
	TP_printk("provider=%u function=%ps", __entry->provider, __entry->function)
);

#endif /* IOASID_EVENTS_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE ioasid_events
/* This part must be outside protection. */
#include <trace/define_trace.h>
