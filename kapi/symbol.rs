// SPDX-License-Identifier: GPL-2.0

//! Names of functions. Target: `rust/kernel/kallsyms.rs`, which is not there yet.

use super::{
    bindings,
    task::until_nul, //
};

/// The name of the function at an address, with that of its module; never the address.
pub(crate) struct Symbol([u8; Symbol::SIZE]);

impl Symbol {
    const SIZE: usize = 128;

    /// Looks an address up. It may be anything.
    pub(crate) fn at(address: usize) -> Self {
        let mut name = Self([0; Self::SIZE]);
        // SAFETY: The buffer has the size that is told.
        unsafe { bindings::ioasid_symbol(address, name.0.as_mut_ptr().cast(), Self::SIZE) };
        name
    }

    fn text(&self) -> &[u8] {
        until_nul(&self.0)
    }

    /// The function; empty if there is none.
    pub(crate) fn function(&self) -> &[u8] {
        self.text()
            .split(|byte| *byte == b' ')
            .next()
            .unwrap_or(&[])
    }

    /// Its module; empty if it is part of the kernel.
    pub(crate) fn module(&self) -> &[u8] {
        let rest = self.text().splitn(2, |byte| *byte == b'[').nth(1);
        rest.and_then(|rest| rest.split(|byte| *byte == b']').next())
            .unwrap_or(&[])
    }
}
