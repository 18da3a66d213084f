// SPDX-License-Identifier: GPL-2.0

//! Processes as a person knows them. Target: `rust/kernel/task.rs`.

use super::bindings;
use kernel::mm::Mm;

/// A text of C, without what pads it.
pub(crate) fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or(&[])
}

/// The name of a program, as in `/proc/PID/comm`. Every process can choose its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Comm([u8; Comm::SIZE]);

impl Comm {
    const SIZE: usize = 16;

    const NONE: Self = Self([0; Self::SIZE]);

    /// The name, without what pads it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        until_nul(&self.0)
    }
}

/// A process, as a record that stays when it has gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who {
    /// As seen from the initial namespace; 0 is none.
    pub(crate) pid: u32,
    pub(crate) comm: Comm,
}

impl Who {
    pub(crate) const NOBODY: Self = Self {
        pid: 0,
        comm: Comm::NONE,
    };

    /// One that is gone, and its name with it.
    pub(crate) fn gone(pid: u32) -> Self {
        Self {
            pid,
            comm: Comm::NONE,
        }
    }

    /// The process that runs.
    pub(crate) fn current() -> Self {
        let mut who = Self::NOBODY;
        // SAFETY: The buffer has the size that is told.
        who.pid = unsafe { bindings::ioasid_current(who.comm.0.as_mut_ptr().cast(), Comm::SIZE) };
        who
    }

    /// The process that an mm belongs to; the one that runs if this is not known.
    pub(crate) fn of_mm(mm: &Mm) -> Self {
        let mut who = Self::NOBODY;
        // SAFETY: The mm is valid, and the buffer has the size that is told.
        who.pid = unsafe {
            bindings::ioasid_mm_owner(mm.as_raw(), who.comm.0.as_mut_ptr().cast(), Comm::SIZE)
        };
        if who.pid == 0 {
            Self::current()
        } else {
            who
        }
    }

    /// The process with a number, if it lives and is no younger than so many seconds: who is, got
    /// the number from one that is gone.
    pub(crate) fn of_pid(pid: u32, secs: u32) -> Option<Self> {
        let mut who = Self {
            pid,
            comm: Comm::NONE,
        };
        // SAFETY: The buffer has the size that is told.
        let is_there = unsafe {
            bindings::ioasid_pid_comm(pid, secs, who.comm.0.as_mut_ptr().cast(), Comm::SIZE)
        };
        is_there.then_some(who)
    }
}

/// The number of the process that runs, as seen from the initial namespace.
#[inline]
pub(crate) fn current_pid() -> u32 {
    // SAFETY: No preconditions.
    unsafe { bindings::ioasid_current_pid() }
}

/// Lets others run. Not in atomic context.
pub(crate) fn cond_resched() {
    // SAFETY: No preconditions but a context that may sleep; elsewhere it is reported.
    unsafe { bindings::ioasid_cond_resched() };
}
