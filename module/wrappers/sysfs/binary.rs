// SPDX-License-Identifier: GPL-2.0

//! Files of any length, of which each open file has a text of its own.
//!
//! C headers: [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h),
//! [`include/linux/seq_file.h`](srctree/include/linux/seq_file.h)

use super::super::{bindings, compat, text::Text};
use super::directory;
use core::{ffi::CStr, marker::PhantomData, mem, ptr::NonNull, slice};
use kernel::{
    error::{
        code::{EINVAL, EIO},
        to_result,
    },
    ffi::c_char,
    prelude::*,
};

/// Makes a file's text. May sleep.
pub(crate) type Make<T> = fn(&T) -> Result<Text>;

/// A file whose text need not fit a page, that everyone can read and nobody write.
///
/// The first read of an open file makes its text, and so does each further one at position 0. All other reads
/// give parts of that text: whoever opens the file has one text, in however many pieces, and then its end.
/// Those who share an open file share its text as they share its position.
#[repr(C)]
pub(crate) struct BinaryAttribute<T> {
    attribute: bindings::bin_attribute,
    make: Make<T>,
    of: PhantomData<fn(&T)>,
}

// SAFETY: the attribute is only read, and its name is a static string.
unsafe impl<T> Sync for BinaryAttribute<T> {}

impl<T: 'static> BinaryAttribute<T> {
    /// A file of this name.
    pub(crate) const fn new(name: &'static CStr, make: Make<T>) -> Self {
        // SAFETY: all zeros is an attribute of no name, size and functions; lockdep's fields are "not
        // set".
        let mut attribute: bindings::bin_attribute = unsafe { mem::zeroed() };
        attribute.attr.name = name.as_ptr().cast();
        attribute.attr.mode = 0o444;
        attribute.read = Some(read::<T>);
        Self {
            attribute,
            make,
            of: PhantomData,
        }
    }

    pub(super) fn as_raw(&'static self) -> *const bindings::bin_attribute {
        &self.attribute
    }
}

/// The text of an open file, which is in the buffer of its `struct seq_file`.
///
/// An attribute is not told of opens and closes, and no other memory of a module's lives as long as the open
/// file. So a text is its reader's, as those of all other files in sysfs are: no other reader has to do with it,
/// the reader's memory control group pays for it, and it goes when the file is closed, also where the module has
/// gone before.
///
/// # Invariants
///
/// `seq` is the `struct seq_file` of an open binary attribute. Nobody else uses it meanwhile. Its buffer is null,
/// or has `count` bytes.
struct OpenText(NonNull<bindings::seq_file>);

impl OpenText {
    /// Finds the text of `file`, or a place for one. `None` if the kernel keeps open files in another way.
    ///
    /// # Safety
    ///
    /// `file` must be what sysfs gave a binary attribute's `read`, which must not have returned before the result
    /// is dropped.
    unsafe fn of(file: *mut bindings::file) -> Option<Self> {
        // SAFETY: by this function's contract it is an open file of kernfs.
        let seq = unsafe { bindings::dmp_open_file_text(file) };
        // INVARIANT: it is what kernfs made for the open file, whose reads kernfs has wait for each other. Only
        // `set` changes its buffer.
        NonNull::new(seq).map(Self)
    }

    /// Returns the text, if there is one.
    fn get(&self) -> Option<&[u8]> {
        // SAFETY: by the invariant nobody changes it meanwhile.
        let (buffer, count) = unsafe { ((*self.0.as_ptr()).buf, (*self.0.as_ptr()).count) };
        if buffer.is_null() {
            return None;
        }
        // SAFETY: by the invariant the buffer has so many bytes. It stays until `set`.
        Some(unsafe { slice::from_raw_parts(buffer.cast::<u8>(), count) })
    }

    /// Takes a copy of `text`, of just its length, in the place of what is there. May sleep.
    fn set(&mut self, text: &[u8]) -> Result {
        let (first, length) = (text.as_ptr().cast(), text.len());
        // SAFETY: by the invariant the buffer is ours to replace; the text has so many bytes.
        // INVARIANT: the new buffer has `count` bytes.
        to_result(unsafe { bindings::dmp_set_open_file_text(self.0.as_ptr(), first, length) })
    }
}

compat::bin_attribute_read! {
    /// Gives a part of the text.
    ///
    /// # Safety
    ///
    /// To be called by sysfs for a file of a [`Directory<T>`](super::Directory).
    fn read<T: 'static>(file, kobj, attribute, buffer, position, count) -> isize {
        // SAFETY: sysfs calls this with a kobject of our type, which it keeps from being removed until
        // we return, with a `BinaryAttribute<T>` of which `attribute` is the first field, with the open file,
        // and with a buffer of `count` bytes, which are initialised below.
        let (directory, make, open, buffer) = unsafe {
            buffer.write_bytes(0, count);
            (
                directory::of::<T>(kobj),
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

/// Copies what the open file's text has from `position` on, and makes the text before that where there is none yet
/// or the reader begins again.
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
