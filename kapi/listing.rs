// SPDX-License-Identifier: GPL-2.0

//! Long tables in debugfs, written line by line. Target: `rust/kernel/debugfs.rs`, whose files are
//! written as a whole: a table of a million lines would need memory for all of them at once.
//!
//! C headers: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h),
//! [`include/linux/seq_file.h`](srctree/include/linux/seq_file.h)

use super::{
    bindings,
    compat, //
};
use core::{
    ffi::c_void,
    marker::PhantomData,
    ops::Deref,
    ptr::{
        self,
        NonNull, //
    },
};
use kernel::{
    ffi::c_int,
    fmt::{
        self,
        Write, //
    },
    prelude::*,
    sync::atomic::Atomic, //
};

/// A table about a `T`: a heading, and a line for each of what it is about, in the order of their
/// numbers. All is called in a context that may sleep.
pub(crate) trait Table<T> {
    const HEADING: &'static str;

    /// The first number at `from` or above that there is a line for.
    fn find(of: &T, from: u32) -> Option<u32>;

    /// Writes the line; nothing if what it is about has gone. It may be called again for the same
    /// line, of which nothing was shown then.
    fn line(of: &T, at: u32, out: &mut dyn Write) -> fmt::Result;
}

/// A folder in debugfs, removed with all that is in it when this is dropped.
///
/// # Invariants
///
/// `dir` was returned by `debugfs_create_dir()`, and everything below shows what outlives this.
pub(crate) struct Folder<T> {
    dir: *mut bindings::dentry,
    of: *const T,
}

// SAFETY: What debugfs makes may be removed by any thread; `T` is shared with those who read.
unsafe impl<T: Sync> Send for Folder<T> {}
// SAFETY: As above.
unsafe impl<T: Sync> Sync for Folder<T> {}

impl<T: Sync + 'static> Folder<T> {
    /// Adds a table that those may read who `mode` says.
    pub(crate) fn table<L: Table<T>>(&self, name: &CStr, mode: u16) {
        // SAFETY: By the type invariants; the name is copied, and reads of a file are over when
        // its removal returns.
        unsafe {
            bindings::ioasid_debugfs_file(
                name.as_char_ptr(),
                mode,
                self.dir,
                self.of.cast_mut().cast(),
                &Lines::<T, L>::FILE,
            )
        };
    }

    /// Adds a number that root may read and write.
    pub(crate) fn number(&self, name: &CStr, pick: impl FnOnce(&T) -> &Atomic<u32>) {
        // SAFETY: By the type invariants.
        let number = pick(unsafe { &*self.of }).as_ptr();
        // SAFETY: As above; a number is loaded and stored as a whole.
        unsafe { bindings::ioasid_debugfs_u32(name.as_char_ptr(), 0o600, self.dir, number) };
    }
}

impl<T> Drop for Folder<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe { bindings::ioasid_debugfs_remove(self.dir) };
    }
}

/// A `T` that can be looked at.
#[pin_data]
pub(crate) struct Shown<T> {
    // Dropped first.
    _folder: Folder<T>,
    #[pin]
    inner: T,
}

impl<T: Sync + 'static> Shown<T> {
    /// Makes it, with a folder of that name which `fill` fills.
    pub(crate) fn new(
        name: &'static CStr,
        inner: impl PinInit<T, Error>,
        fill: impl FnOnce(&Folder<T>),
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(&this in Self {
            inner <- inner,
            _folder: {
                // INVARIANT: The fields of an object go in their order.
                let folder = Folder {
                    // SAFETY: `name` ends with a NUL, and is copied.
                    dir: unsafe { bindings::ioasid_debugfs_dir(name.as_char_ptr()) },
                    // SAFETY: The object is pinned here.
                    of: unsafe { &raw const (*this.as_ptr()).inner },
                };
                fill(&folder);
                folder
            },
        }? Error)
    }
}

impl<T> Deref for Shown<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

/// A file that is being read.
struct Out(NonNull<bindings::seq_file>);

impl Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // What does not fit is written once more, with more room.
        // SAFETY: The file is open, and only used by this thread.
        unsafe { bindings::seq_write(self.0.as_ptr(), text.as_ptr().cast(), text.len()) };
        Ok(())
    }
}

/// What the kernel calls for a table.
struct Lines<T, L>(PhantomData<(T, L)>);

/// What stands for the heading, and for the number 0: no address is as low.
const HEADING: usize = 1;
const FIRST: usize = 2;

impl<T: Sync + 'static, L: Table<T>> Lines<T, L> {
    const FILE: bindings::file_operations = bindings::file_operations {
        owner: compat::this_module(),
        open: Some(Self::open),
        read: Some(bindings::seq_read),
        llseek: Some(bindings::seq_lseek),
        release: Some(bindings::seq_release),
        ..pin_init::zeroed()
    };

    const LINES: bindings::seq_operations = bindings::seq_operations {
        start: Some(Self::start),
        next: Some(Self::next),
        show: Some(Self::show),
        stop: Some(Self::stop),
    };

    /// The first line at a position or behind it: 0 is the heading, 1 what has the number 0.
    ///
    /// # Safety
    ///
    /// As for [`Self::start`].
    unsafe fn seek(
        file: *mut bindings::seq_file,
        pos: *mut bindings::loff_t,
        from: bindings::loff_t,
    ) -> *mut c_void {
        let Some(number) = from.checked_sub(1) else {
            return ptr::null_mut();
        };
        // SAFETY: By the safety requirements.
        unsafe { *pos = from };
        if from == 0 {
            return ptr::without_provenance_mut(HEADING);
        }
        let Ok(number) = u32::try_from(number) else {
            return ptr::null_mut();
        };
        // SAFETY: By the safety requirements; it lives for as long as the file can be read.
        let of = unsafe { &*(*file).private.cast::<T>() };
        let Some(found) = L::find(of, number) else {
            return ptr::null_mut();
        };
        // SAFETY: By the safety requirements.
        unsafe { *pos = bindings::loff_t::from(found).saturating_add(1) };
        // CAST: An address has 64 bits, see Kconfig.
        ptr::without_provenance_mut((found as usize).saturating_add(FIRST))
    }

    /// # Safety
    ///
    /// The file was opened by [`Self::open`], and `pos` is valid for reads and writes.
    unsafe extern "C" fn start(
        file: *mut bindings::seq_file,
        pos: *mut bindings::loff_t,
    ) -> *mut c_void {
        // SAFETY: By the safety requirements.
        unsafe { Self::seek(file, pos, *pos) }
    }

    /// # Safety
    ///
    /// As for [`Self::start`].
    unsafe extern "C" fn next(
        file: *mut bindings::seq_file,
        _: *mut c_void,
        pos: *mut bindings::loff_t,
    ) -> *mut c_void {
        // SAFETY: By the safety requirements.
        unsafe { Self::seek(file, pos, (*pos).saturating_add(1)) }
    }

    /// # Safety
    ///
    /// As for [`Self::start`], and `at` is what that or [`Self::next`] has returned.
    unsafe extern "C" fn show(file: *mut bindings::seq_file, at: *mut c_void) -> c_int {
        let Some(seq) = NonNull::new(file) else {
            return EINVAL.to_errno();
        };
        let mut out = Out(seq);
        let done = match at.addr().checked_sub(FIRST) {
            None => out.write_str(L::HEADING),
            Some(number) => {
                // SAFETY: As in `seek`.
                let of = unsafe { &*(*file).private.cast::<T>() };
                // CAST: It was a number before.
                L::line(of, number as u32, &mut out)
            }
        };
        done.map_or(EIO.to_errno(), |()| 0)
    }

    /// # Safety
    ///
    /// None.
    unsafe extern "C" fn stop(_: *mut bindings::seq_file, _: *mut c_void) {}

    /// # Safety
    ///
    /// The file is one that was made with [`Self::FILE`], for a `T`.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: Both are valid; `seq_open()` has made the `seq_file` if it returns 0.
        unsafe {
            let ret = bindings::seq_open(file, &Self::LINES);
            if ret == 0 {
                let seq: *mut bindings::seq_file = (*file).private_data.cast();
                (*seq).private = (*inode).i_private;
            }
            ret
        }
    }
}
