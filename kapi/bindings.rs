// SPDX-License-Identifier: GPL-2.0

//! What bindgen made of `ioasid_bindings.h`; every other type is the kernel crate's own.
//!
//! Only for `kapi` and `ffi`.

#![allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    dead_code,
    unreachable_pub,
    unsafe_op_in_unsafe_fn
)]

pub(crate) use kernel::bindings::*;
use kernel::ffi;
use pin_init::MaybeZeroable;

include!(concat!(env!("IOASID_OBJ"), "/ioasid_bindings.rs"));
