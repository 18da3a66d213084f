// SPDX-License-Identifier: GPL-2.0

//! The tracepoints of `ioasid_events.h`. Target: none, but `declare_trace!` finds those of the
//! kernel proper only.
//!
//! One that is off costs a branch that is never taken: its arguments are closures where they cost
//! anything.

use super::{
    bindings,
    device, //
};
use kernel::{
    device::Device,
    ffi::{
        c_int,
        c_ulong, //
    }, //
};

/// Declares a tracepoint: a safe function that calls `args` only if it is on.
macro_rules! tracepoint {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),*) = $event:ident;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub(crate) fn $name(args: impl FnOnce() -> ($($type,)*)) {
            #[cfg(CONFIG_TRACEPOINTS)]
            {
                kernel::macros::paste! {
                    #[allow(improper_ctypes)]
                    extern "C" {
                        static mut [<__tracepoint_ $event>]: bindings::tracepoint;
                        fn [<rust_do_trace_ $event>]($($arg: $type),*);
                    }

                    // SAFETY: It is a tracepoint of this module, so its key is initialised.
                    let is_on = unsafe {
                        kernel::jump_label::static_branch_unlikely!(
                            [<__tracepoint_ $event>],
                            bindings::tracepoint,
                            key
                        )
                    };
                    if is_on {
                        #[cold]
                        #[inline(never)]
                        fn fire(args: impl FnOnce() -> ($($type,)*)) {
                            let ($($arg,)*) = args();
                            // SAFETY: The prototype is that of the header; pointers are to what
                            // the caller of the safe function has a reference to.
                            unsafe { [<rust_do_trace_ $event>]($($arg),*) };
                        }
                        // What does not fit in registers is put on the stack here, not while it is
                        // off.
                        fire(move || args());
                    }
                }
            }
            #[cfg(not(CONFIG_TRACEPOINTS))]
            drop(args);
        }
    )*};
}

tracepoint! {
    /// An allocation has ended: the ID, its set, the range, 0 or an errno.
    fn alloc(id: u32, set: u32, min: u32, max: u32, ret: c_int) = ioasid_alloc;
    /// Somebody asked for a reference to an ID of that set: how many there are, 0 or an errno.
    fn get(id: u32, set: u32, refs: u32, ret: c_int) = ioasid_get;
    /// Somebody dropped one: how many there are, 1 if it was the last one, 0, or an errno.
    fn put(id: u32, set: u32, refs: u32, ret: c_int) = ioasid_put;
    /// An owner gave an ID up: how many references there are, and whether they are waited for.
    fn free(id: u32, set: u32, refs: u32, ret: c_int) = ioasid_free;
    /// An ID is gone from that set.
    fn reclaim(id: u32, set: u32) = ioasid_reclaim;
    /// An ID was to get an SPID.
    fn attach(id: u32, spid: u32, ret: c_int) = ioasid_attach;
    /// An ID was to lose its SPID.
    fn detach(id: u32, spid: u32, ret: c_int) = ioasid_detach;
    /// A subscriber is about to be told.
    fn notify_start(event: u32, id: u32, set: u32, subscriber: c_ulong) = ioasid_notify_start;
    /// A subscriber was told, and what it has said.
    fn notify_end(event: u32, id: u32, set: u32, subscriber: c_ulong, ret: c_int)
        = ioasid_notify_end;
    /// A set was to be made for a process.
    fn set_create(set: u32, quota: u32, pid: u32, ret: c_int) = ioasid_set_create;
    /// A set is gone.
    fn set_destroy(set: u32) = ioasid_set_destroy;
    /// Who names numbers from now on, by this function.
    fn allocator_switch(provider: u32, function: c_ulong) = ioasid_allocator_switch;
}

/// The two that are told of a device.
mod of_device {
    use super::*;

    tracepoint! {
        fn bind(dev: *mut bindings::device, id: u32, count: u32, ret: c_int) = ioasid_bind;
        fn unbind(dev: *mut bindings::device, id: u32, count: u32, ret: c_int) = ioasid_unbind;
    }
}

/// A device was to be bound to what the ID stands for, so many times by now.
#[inline]
pub(crate) fn bind(device: &Device, id: u32, count: u32, ret: c_int) {
    of_device::bind(|| (device::raw(device), id, count, ret));
}

/// A device was unbound once, and is bound so many times yet.
#[inline]
pub(crate) fn unbind(device: &Device, id: u32, count: u32, ret: c_int) {
    of_device::unbind(|| (device::raw(device), id, count, ret));
}
