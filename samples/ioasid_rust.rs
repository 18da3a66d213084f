// SPDX-License-Identifier: GPL-2.0

//! A driver in Rust that keeps the PASIDs of virtual machines, without hardware and without unsafe.
//!
//! `/sys/kernel/debug/ioasid_rust/` has two places for a VMM, `a` and `b`. What is written there is
//! a command, what is read is what there is:
//!
//! ```text
//! open        a set of four PASIDs for the process that writes
//! alloc 7     a PASID, which the guest knows as 7; 0 is refused
//! start 7     a queue works with it: its number is nobody else's before the end, freed or not
//! end         the queue that has worked longest comes to its end
//! free 7      what `alloc` has given; queues that work with it end by themselves
//! close       all of it
//! ```
//!
//! When the process dies its PASIDs are freed, and the queues that work with them end. The numbers
//! are nobody else's before `close`.

#![deny(unsafe_code)]

#[path = "../rust/ioasid.rs"]
#[allow(unsafe_code)]
mod ioasid;

use ioasid::{
    Event,
    Handler,
    Ioasid,
    Policy,
    Priority,
    Reference,
    Replay,
    Set,
    Subject,
    Subscription,
    Topic, //
};
use kernel::{
    debugfs::{
        Dir,
        File,
        Reader,
        Writer, //
    },
    fmt,
    new_mutex,
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Mutex,
        SpinLock, //
    },
    uaccess::UserSliceReader, //
};

module! {
    type: Sample,
    name: "ioasid_rust",
    authors: ["the IOASID developers"],
    description: "PASIDs for virtual machines, in Rust",
    license: "GPL",
}

/// How many PASIDs a virtual machine may have.
const QUOTA: u32 = 4;

/// The device sends PASIDs of 16 bits.
const LAST: u32 = u16::MAX as u32;

#[pin_data]
struct Sample {
    #[pin]
    _a: File<Place>,
    #[pin]
    _b: File<Place>,
    _dir: Dir,
}

impl kernel::InPlaceModule for Sample {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let dir = Dir::new(c"ioasid_rust");
        try_pin_init!(Self {
            _a <- dir.read_write_file(c"a", Place::new()),
            _b <- dir.read_write_file(c"b", Place::new()),
            _dir: dir,
        }? Error)
    }
}

/// The queues that work, and what was told.
#[pin_data]
struct Queues {
    // Only tasks free these PASIDs, so no handler comes in a softirq.
    #[pin]
    working: SpinLock<KVec<Reference>>,
    allocated: Atomic<u32>,
    freed: Atomic<u32>,
    bound: Atomic<u32>,
}

impl Queues {
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            working <- new_spinlock!(KVec::with_capacity(16, GFP_KERNEL)?),
            allocated: Atomic::new(0),
            freed: Atomic::new(0),
            bound: Atomic::new(0),
        }? Error)
    }

    fn start(&self, reference: Reference) -> Result {
        // A place was made beforehand: nothing is allocated under the lock.
        self.working
            .lock()
            .push_within_capacity(reference)
            .map_err(|_| ENOSPC)
    }

    /// Ends the queue that has worked longest of those with the PASID, or of all.
    fn end(&self, id: Option<u32>) -> bool {
        let ended = {
            let mut working = self.working.lock();
            let place = working
                .iter()
                .position(|reference| id.is_none_or(|id| reference.id() == id));
            place.and_then(|place| working.remove(place).ok())
        };
        // Put when the lock is free again.
        ended.is_some()
    }
}

impl Handler for Queues {
    fn told(&self, event: Event, subject: &Subject<'_>) -> Result {
        match event {
            Event::Alloc => _ = self.allocated.fetch_add(1, Relaxed),
            Event::Bind if subject.spid() == Some(0) => return Err(EPERM),
            Event::Bind => _ = self.bound.fetch_add(1, Relaxed),
            Event::Free => {
                self.freed.fetch_add(1, Relaxed);
                while self.end(subject.id()) {}
            }
            _ => (),
        }
        Ok(())
    }
}

/// What a VMM has; dropped from the first to the last.
struct Machine {
    ids: KVec<Ioasid>,
    set: Set,
    // Ends last: it is to be told of all.
    queues: Pin<KBox<Subscription<Queues>>>,
}

impl Machine {
    fn new() -> Result<Self> {
        let task = kernel::current!();
        let set = Set::for_mm(task.mm().ok_or(EPERM)?, QUOTA)?;
        let queues = KBox::pin_init(
            Subscription::new(
                Topic::Set(&set),
                Priority::Device,
                Replay::No,
                Queues::new(),
            ),
            GFP_KERNEL,
        )?;
        Ok(Self {
            ids: KVec::new(),
            set,
            queues,
        })
    }

    fn command(&mut self, verb: &str, spid: Option<u32>) -> Result {
        match (verb, spid) {
            ("alloc", Some(spid)) => {
                let id = self.set.alloc(1..=LAST, Policy::Lowest)?;
                // If it is refused, the ID is freed by itself.
                id.attach_spid(spid)?;
                self.ids.push(id, GFP_KERNEL)?;
            }
            ("start", Some(spid)) => {
                let reference = self.set.get_by_spid(spid).ok_or(ENOENT)?;
                self.queues.handler().start(reference)?;
            }
            ("end", None) => {
                if !self.queues.handler().end(None) {
                    return Err(ENOENT);
                }
            }
            ("free", Some(spid)) => {
                let place = self.ids.iter().position(|id| id.spid() == Some(spid));
                let id = self.ids.remove(place.ok_or(ENOENT)?).map_err(|_| ENOENT)?;
                pr_info!("PASID {} is freed: {:?}\n", id.id(), id.free());
            }
            _ => return Err(EINVAL),
        }
        Ok(())
    }
}

/// Where a VMM may open a machine.
#[pin_data]
struct Place {
    #[pin]
    machine: Mutex<Option<Machine>>,
}

impl Place {
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            machine <- new_mutex!(None),
        }? Error)
    }
}

impl Reader for Place {
    fn read_from_slice(&self, reader: &mut UserSliceReader) -> Result {
        let mut line = [0; 32];
        let line = line.get_mut(..reader.len()).ok_or(EINVAL)?;
        reader.read_slice(line)?;
        let line = core::str::from_utf8(line).map_err(|_| EINVAL)?;
        let mut words = line.split_ascii_whitespace();
        let verb = words.next().ok_or(EINVAL)?;
        let spid = words.next().map(str::parse).transpose();
        let spid = spid.map_err(|_| EINVAL)?;

        let mut place = self.machine.lock();
        match (verb, &mut *place) {
            ("open", Some(_)) => Err(EBUSY),
            ("open", None) => {
                *place = Some(Machine::new()?);
                Ok(())
            }
            ("close", Some(_)) => {
                *place = None;
                Ok(())
            }
            (verb, Some(machine)) => machine.command(verb, spid),
            (_, None) => Err(ENODEV),
        }
    }
}

impl Writer for Place {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.machine.lock();
        let Some(machine) = &*place else {
            return writeln!(f, "closed");
        };
        for id in &machine.ids {
            write!(f, "{}:{} ", id.spid().unwrap_or_default(), id.id())?;
        }
        let queues = machine.queues.handler();
        let working = queues.working.lock().len();
        writeln!(
            f,
            "used {} working {} allocated {} bound {} freed {}",
            machine.set.usage().map_or(0, |usage| usage.used),
            working,
            queues.allocated.load(Relaxed),
            queues.bound.load(Relaxed),
            queues.freed.load(Relaxed),
        )
    }
}
