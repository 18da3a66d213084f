// SPDX-License-Identifier: GPL-2.0

//! Asking about a device that no driver is bound to: what its IOMMU knows of it may go meanwhile.

use kernel::sync::aref::ARef;

fn example(device: ARef<kernel::device::Device>) {
    let _ = Sva::why(&device);
    //~ error[E0308]: mismatched types
}
