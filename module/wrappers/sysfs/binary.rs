// SPDX-License-Identifier: GPL-2.0

//! Files of any length. Each open file has a text of its own.
//!
//! C headers: [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h),
//! [`include/linux/seq_file.h`](srctree/include/linux/seq_file.h)

use super::kobject;
use crate::wrappers::{
    bindings,
    compat,
    text::Text, //
};
use core::{
    ffi::CStr,
    marker::PhantomData,
    mem,
    ptr::NonNull,
    slice, //
};
use kernel::{
    error::{
        code::{
            EINVAL,
            EIO, //
        },
        to_result, //
    },
    ffi::c_char,
    prelude::*, //
};

/// A function that makes a file's text. May sleep.
pub(crate) type Make<T> = fn(&T) -> Result<Text>;

/// A file whose text may exceed a page. Everyone can read it and nobody can write it.
///
/// The first read of an open file makes its text, and so does each later read at position 0. All
/// other reads return parts of that text. So a program that opens the file reads one text, in any
/// number of pieces, and then its end. Tasks that share an open file share its text, as they share
/// its position.
///
/// # Invariants
///
/// The name in `attribute` is a static string.
#[repr(C)]
pub(crate) struct BinaryAttribute<T> {
    attribute: bindings::bin_attribute,
    make: Make<T>,
    of: PhantomData<fn(&T)>,
}

// SAFETY: Nobody writes to the attribute, and by the invariant its name is a static string.
unsafe impl<T> Sync for BinaryAttribute<T> {}

impl<T: 'static> BinaryAttribute<T> {
    /// Makes a file with this name.
    pub(crate) const fn new(name: &'static CStr, make: Make<T>) -> Self {
        // SAFETY: All zeros is a valid `struct bin_attribute`, without name, size and functions.
        // For lockdep's fields it means "not set".
        let mut attribute: bindings::bin_attribute = unsafe { mem::zeroed() };
        attribute.attr.name = name.as_ptr().cast();
        attribute.attr.mode = 0o444;
        attribute.read = Some(read::<T>);
        // INVARIANT: The name is a static string.
        Self {
            attribute,
            make,
            of: PhantomData,
        }
    }

    /// Returns the attribute as `sysfs_create_bin_file` takes it.
    pub(super) fn as_raw(&'static self) -> *const bindings::bin_attribute {
        &self.attribute
    }
}

/// The text of an open file, in the buffer of its `struct seq_file`.
///
/// A module is not told when an attribute is opened and closed, and has no other memory with the
/// lifetime of an open file. So a text belongs to its reader, as with all other files in sysfs. No
/// other reader affects it, and the reader's memory control group is charged for it. The text is
/// freed when the file is closed, even after the module's exit.
///
/// # Invariants
///
/// `seq` is the `struct seq_file` of an open binary attribute, and nobody else uses it during that
/// time. Its buffer is null, or has `count` bytes.
struct OpenText(NonNull<bindings::seq_file>);

impl OpenText {
    /// Returns the text of `file`, or an empty place for one. Returns `None` if the kernel stores
    /// open files in another way.
    ///
    /// # Safety
    ///
    /// `file` must be the argument of a binary attribute's `read`, which must not return before the
    /// result is dropped.
    unsafe fn of(file: *mut bindings::file) -> Option<Self> {
        // SAFETY: The caller guarantees an open file of kernfs.
        let seq = unsafe { bindings::dmp_open_file_text(file) };
        // INVARIANT: Kernfs made `seq` for the open file, and lets one read of that file wait for
        // another. Only `set` changes its buffer.
        NonNull::new(seq).map(Self)
    }

    /// Returns the text, if there is one.
    fn get(&self) -> Option<&[u8]> {
        // SAFETY: By the invariant nobody else uses `seq` meanwhile.
        let (buffer, count) = unsafe { ((*self.0.as_ptr()).buf, (*self.0.as_ptr()).count) };
        if buffer.is_null() {
            return None;
        }
        // SAFETY: By the invariant the buffer has `count` bytes. It stays until `set`.
        Some(unsafe { slice::from_raw_parts(buffer.cast::<u8>(), count) })
    }

    /// Stores a copy of `text`, of exactly its length, and frees the former text. May sleep.
    fn set(&mut self, text: &[u8]) -> Result {
        let (first, length) = (text.as_ptr().cast(), text.len());
        // SAFETY: By the invariant the buffer is ours to replace. `first` points to `length` bytes.
        // INVARIANT: The new buffer has `count` bytes.
        to_result(unsafe { bindings::dmp_set_open_file_text(self.0.as_ptr(), first, length) })
    }
}

compat::bin_attribute_read! {
    /// Returns a part of the text.
    ///
    /// # Safety
    ///
    /// Only sysfs may call this, for a file of a [`Directory<T>`](super::Directory).
    fn read<T: 'static>(file, kobj, attribute, buffer, position, count) -> isize {
        // SAFETY: Sysfs passes a kobject of our type, and delays its removal until we return.
        // `attribute` is the first field of a `BinaryAttribute<T>`, and `file` is the open file.
        // `buffer` has `count` bytes, which are initialised here.
        let (directory, make, open, buffer) = unsafe {
            buffer.write_bytes(0, count);
            (
                kobject::of::<T>(kobj),
                (*attribute.cast::<BinaryAttribute<T>>()).make,
                OpenText::of(file),
                slice::from_raw_parts_mut(buffer.cast::<u8>(), count),
            )
        };
        let read = open
            .ok_or(EIO)
            .and_then(|open| read_at(open, || make(&directory.data), position, buffer));
        match read {
            Ok(length) => length as isize,
            Err(e) => e.to_errno() as isize,
        }
    }
}

/// Copies the open file's text from `position` on. Makes the text first if there is none yet, or if
/// the reader starts again at 0.
fn read_at(
    mut open: OpenText,
    make: impl FnOnce() -> Result<Text>,
    position: bindings::loff_t,
    buffer: &mut [u8],
) -> Result<usize> {
    let position = usize::try_from(position).map_err(|_| EINVAL)?;
    if position == 0 || open.get().is_none() {
        open.set(make()?.as_bytes())?;
    }
    let rest = open.get().and_then(|text| text.get(position..));
    let rest = rest.unwrap_or_default();
    let length = rest.len().min(buffer.len());
    buffer[..length].copy_from_slice(&rest[..length]);
    Ok(length)
}
