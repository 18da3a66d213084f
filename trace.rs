// SPDX-License-Identifier: GPL-2.0

//! What tracers are told, see `ioasid_events.h`. None of it costs more than a branch that is not
//! taken while nobody traces.

use crate::{
    audience::{
        Event,
        Subject, //
    },
    entry::Entry,
    id::{
        IdRange,
        INVALID, //
    },
    kapi::{
        id_array::Node,
        trace, //
    },
    set::Owner,
};
use kernel::prelude::*;

pub(crate) use crate::kapi::trace::{
    bind,
    unbind, //
};

fn errno<T>(result: &Result<T>) -> i32 {
    result.as_ref().map_or_else(|err| err.to_errno(), |_| 0)
}

/// References besides the owner's, which are no more than fit.
fn refs(entry: &Entry) -> u32 {
    u32::try_from(entry.life.word().count()).unwrap_or(u32::MAX)
}

#[inline(always)]
pub(crate) fn alloc(owner: Owner, range: IdRange, result: Result<u32>) {
    trace::alloc(move || {
        let (min, max) = (range.min(), range.max());
        let id = result.unwrap_or(INVALID);
        (id, owner.set, min, max, errno(&result))
    });
}

#[inline(always)]
pub(crate) fn get(entry: &Node<Entry>, result: Result) {
    trace::get(move || (entry.id(), entry.owner().set, refs(entry), errno(&result)));
}

/// Whether it was the last one.
#[inline(always)]
pub(crate) fn put(entry: &Node<Entry>, result: Result<bool>) {
    let ret = result.map_or_else(Error::to_errno, i32::from);
    trace::put(move || (entry.id(), entry.owner().set, refs(entry), ret));
}

/// A put that gives the ID up if there is no reference: whether it was given up before.
pub(crate) fn put_any(entry: &Node<Entry>, was_pending: bool, is_done: bool) {
    let word = entry.life.word();
    if !is_done {
        put(entry, Err(EINVAL));
    } else if word.is_pending() && !was_pending {
        free(entry);
    } else {
        put(entry, Ok(word.is_dead()));
    }
}

#[inline(always)]
pub(crate) fn free(entry: &Node<Entry>) {
    trace::free(move || {
        let refs = refs(entry);
        (entry.id(), entry.owner().set, refs, i32::from(refs != 0))
    });
}

#[inline(always)]
pub(crate) fn reclaim(entry: &Node<Entry>) {
    trace::reclaim(move || (entry.id(), entry.owner().set));
}

pub(crate) fn attach(id: u32, spid: u32, result: &Result) {
    trace::attach(|| (id, spid, errno(result)));
}

pub(crate) fn detach<T>(id: u32, spid: Option<u32>, result: &Result<T>) {
    trace::detach(|| (id, spid.unwrap_or(INVALID), errno(result)));
}

fn number(event: Event) -> u32 {
    match event {
        Event::Alloc => 0,
        Event::Free => 1,
        Event::Bind => 2,
        Event::Unbind => 3,
        Event::SetAlloc => 4,
        Event::SetFree => 5,
    }
}

/// The kernel's own set, and those without a handle, are 0.
fn set_of(subject: &Subject) -> u32 {
    subject.set.index().unwrap_or(0)
}

#[inline]
pub(crate) fn notify_start(event: Event, subject: &Subject, code: impl FnOnce() -> Option<usize>) {
    trace::notify_start(|| {
        let (event, set) = (number(event), set_of(subject));
        (event, subject.id, set, code().unwrap_or(0))
    });
}

#[inline]
pub(crate) fn notify_end(
    event: Event,
    subject: &Subject,
    code: impl FnOnce() -> Option<usize>,
    result: &Result,
) {
    trace::notify_end(|| {
        let (event, set, ret) = (number(event), set_of(subject), errno(result));
        (event, subject.id, set, code().unwrap_or(0), ret)
    });
}

pub(crate) fn set_create(quota: u32, pid: u32, result: &Result<Owner>) {
    trace::set_create(|| {
        let set = result.as_ref().map_or(INVALID, |owner| owner.set);
        (set, quota, pid, errno(result))
    });
}

pub(crate) fn set_destroy(set: u32) {
    trace::set_destroy(|| (set,));
}

pub(crate) fn allocator_switch(provider: u32, code: Option<usize>) {
    trace::allocator_switch(|| (provider, code.unwrap_or(0)));
}
