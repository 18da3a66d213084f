// SPDX-License-Identifier: GPL-2.0

//! A driver in Rust of the test device (`tools/testing/qemu`), without unsafe: it has the device
//! read in the memory of the process that loads it, by the process's own address, and says what it
//! has read.
//!
//! The queue is left running. It is stopped, and the process's memory unbound, when the driver
//! goes.

#![deny(unsafe_code)]

#[path = "../rust/ioasid.rs"]
#[allow(unsafe_code)]
mod ioasid;

use core::borrow::Borrow;
use ioasid::{
    Limits,
    Queue,
    Running,
    Sva, //
};
use kernel::{
    device::Core,
    io::Io,
    new_mutex, pci,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
};

/// Of `ioasid_dma_regs.h`.
mod regs {
    pub(super) const DEVICE: u32 = 0x10a5;
    pub(super) const BAR_SIZE: usize = 0x20000;
    /// Control page and portal of queue 0.
    const CONTROL: usize = 0x1000;
    const PORTAL: usize = 0x10000;

    pub(super) const PASID: usize = CONTROL;
    pub(super) const COMMAND: usize = CONTROL + 0x08;
    pub(super) const STATE: usize = CONTROL + 0x10;
    pub(super) const DONE_COUNT: usize = CONTROL + 0x40;
    pub(super) const DONE_STATUS: usize = CONTROL + 0x50;
    pub(super) const DONE_RESULT: usize = CONTROL + 0x60;
    pub(super) const DONE_TAKE: usize = CONTROL + 0x70;

    pub(super) const OPERATION: usize = PORTAL;
    pub(super) const SOURCE: usize = PORTAL + 0x08;
    pub(super) const LENGTH: usize = PORTAL + 0x18;
    pub(super) const SUBMIT: usize = PORTAL + 0x28;

    pub(super) const START: u64 = 1;
    pub(super) const STOP: u64 = 2;
    pub(super) const FORGET: u64 = 3;

    pub(super) const STATE_OFF: u64 = 0;
    pub(super) const STATE_RUNNING: u64 = 1;
    pub(super) const STATE_STOPPED: u64 = 3;

    pub(super) const CHECKSUM: u64 = 3;
}

type Bar<'bound> = pci::Bar<'bound, { regs::BAR_SIZE }>;

/// One of eight queues of the device, the only one that is used.
///
/// Registers of 64 bits are checked when they are used: the type of a BAR promises less alignment.
struct Engine<'bound>(Arc<Bar<'bound>>);

impl Engine<'_> {
    /// The sum of some bytes, and what became of the job.
    fn checksum(&self, address: u64, length: u64) -> Result<(u64, u64)> {
        let bar = &self.0;
        bar.try_write64(regs::CHECKSUM, regs::OPERATION)?;
        bar.try_write64(address, regs::SOURCE)?;
        bar.try_write64(length, regs::LENGTH)?;
        bar.try_write64(1, regs::SUBMIT)?;
        for _ in 0..10_000 {
            if bar.try_read64(regs::DONE_COUNT)? != 0 {
                let status = bar.try_read64(regs::DONE_STATUS)?;
                let sum = bar.try_read64(regs::DONE_RESULT)?;
                bar.try_write64(0, regs::DONE_TAKE)?;
                return Ok((sum, status));
            }
            fsleep(Delta::from_micros(500));
        }
        Err(ETIMEDOUT)
    }
}

impl Queue for Engine<'_> {
    fn start(&mut self, pasid: u32) -> Result {
        self.0.try_write64(u64::from(pasid), regs::PASID)?;
        self.0.try_write64(regs::START, regs::COMMAND)?;
        if self.0.try_read64(regs::STATE)? != regs::STATE_RUNNING {
            self.0.try_write64(0, regs::PASID)?;
            return Err(EIO);
        }
        Ok(())
    }

    fn stop(&mut self) -> Result {
        self.0.try_write64(regs::STOP, regs::COMMAND)?;
        for _ in 0..20_000 {
            match self.0.try_read64(regs::STATE)? {
                // The last one is what a device reads as that was pulled out.
                regs::STATE_OFF | regs::STATE_STOPPED | u64::MAX => {
                    self.0.try_write64(regs::FORGET, regs::COMMAND)?;
                    return Ok(());
                }
                _ => fsleep(Delta::from_micros(500)),
            }
        }
        Err(ETIMEDOUT)
    }
}

struct Driver;

#[pin_data]
struct Data<'bound> {
    #[pin]
    running: Mutex<Option<Running<'bound, Engine<'bound>>>>,
}

// Linux 7.2 wants a name for what modpost reads, and always has an info.
#[cfg(linux_7_2)]
macro_rules! pci_device_table {
    ($table:ident, $($rest:tt)*) => {
        kernel::pci_device_table!($table, MODULE_PCI_TABLE, $($rest)*);
    };
}
#[cfg(linux_7_2)]
type Info<'bound> = &'bound ();
#[cfg(not(linux_7_2))]
use kernel::pci_device_table;
#[cfg(not(linux_7_2))]
type Info<'bound> = Option<&'bound ()>;

pci_device_table!(
    PCI_TABLE,
    <Driver as pci::Driver>::IdInfo,
    [(
        pci::DeviceId::from_id(pci::Vendor::REDHAT, regs::DEVICE),
        ()
    )]
);

impl pci::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Data<'bound>;

    const ID_TABLE: pci::IdTable<Self::IdInfo> = &PCI_TABLE;

    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
        _info: Info<'bound>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        pin_init::pin_init_scope(move || {
            pdev.enable_device_mem()?;
            pdev.set_master();
            let bar = Arc::new(
                pdev.iomap_region_sized::<{ regs::BAR_SIZE }>(0, c"ioasid_rust_dma")?,
                GFP_KERNEL,
            )?;

            let sva = Sva::enable(pdev.as_ref(), Limits::default()).inspect_err(|_| {
                let why = Sva::why(pdev.as_ref()).unwrap_or(c"no reason is known");
                dev_err!(pdev, "no address space can be bound: {why:?}\n");
            })?;
            let task = kernel::current!();
            let bond = sva.bind(task.mm().ok_or(EPERM)?)?;
            let running = bond.start(Engine(bar))?;

            let address: u64 = *Borrow::borrow(&module_parameters::address.value());
            let length: u64 = *Borrow::borrow(&module_parameters::length.value());
            let (sum, status) = running.queue().checksum(address, length)?;
            dev_info!(
                pdev,
                "PASID {}: status {status}, checksum {sum:#018x}\n",
                running.pasid()
            );
            Ok(try_pin_init!(Data {
                running <- new_mutex!(Some(running)),
            }? Error))
        })
    }

    fn unbind<'bound>(pdev: &'bound pci::Device<Core<'_>>, this: Pin<&Self::Data<'bound>>) {
        let running = this.running.lock().take();
        if let Some(running) = running {
            match running.stop() {
                // Both are dropped here: the address space is unbound.
                Ok(_) => dev_info!(pdev, "stopped\n"),
                Err(err) => dev_err!(pdev, "the queue does not stop: {err:?}\n"),
            }
        }
    }
}

kernel::module_pci_driver! {
    type: Driver,
    name: "ioasid_rust_dma",
    authors: ["the IOASID developers"],
    description: "DMA in the memory of a process, in Rust",
    license: "GPL",
    params: {
        address: u64 {
            default: 0,
            description: "Where in the memory of the process that loads the driver",
        },
        length: u64 {
            default: 4,
            description: "How many bytes are read",
        },
    },
}
