// SPDX-License-Identifier: GPL-2.0

//! Staging room: wrappers for kernel facilities that the `kernel` crate does not offer yet.
//!
//! Together with `ffi` the only place for `unsafe` and `bindings`. Nothing here knows what an
//! IOASID is; each file names where in `rust/kernel/` it would go.

pub(crate) mod age;
pub(crate) mod bindings;
pub(crate) mod bus;
pub(crate) mod compat;
pub(crate) mod context;
pub(crate) mod deferred;
pub(crate) mod device;
pub(crate) mod id_array;
pub(crate) mod iommu;
pub(crate) mod irq_lock;
pub(crate) mod listing;
pub(crate) mod marked;
pub(crate) mod mm;
pub(crate) mod mm_map;
pub(crate) mod module;
pub(crate) mod number_map;
pub(crate) mod rcu_cell;
pub(crate) mod rcu_list;
pub(crate) mod reader;
pub(crate) mod report;
pub(crate) mod srcu;
pub(crate) mod symbol;
pub(crate) mod task;
pub(crate) mod trace;
pub(crate) mod wait;
