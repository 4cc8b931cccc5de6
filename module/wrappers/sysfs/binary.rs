// SPDX-License-Identifier: GPL-2.0

//! Files of any length, whose text is made when it is read from its begin.

use super::super::{bindings, compat, text::Text};
use super::directory;
use core::{ffi::CStr, marker::PhantomData, mem, slice};
use kernel::{
    error::code::{EAGAIN, EINVAL},
    ffi::c_char,
    prelude::*,
};

/// Makes a file's text. May sleep.
pub(crate) type Make<T> = fn(&T) -> Result<Text>;

/// A file whose text need not fit a page, that everyone can read and nobody write.
///
/// A read from its begin makes the text. What of it does not fit is what the reads behind it give, so
/// that a reader has one text, in however many pieces.
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

/// The texts of which a part has been read, each with who reads it.
pub(super) struct Unfinished {
    texts: [Option<(Reader, Text)>; Self::MOST],
    /// Which one has to go next if there is no room.
    oldest: usize,
    /// Whether any had to go.
    lost: bool,
}

/// An open file, as long as it is open.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Reader(usize);

impl Unfinished {
    /// How many there can be at once. Whoever leaves a file half read leaves a text here.
    const MOST: usize = 8;

    pub(super) const fn new() -> Self {
        Self {
            texts: [const { None }; Self::MOST],
            oldest: 0,
            lost: false,
        }
    }

    fn find(&mut self, reader: Reader) -> Option<&mut Option<(Reader, Text)>> {
        let is_its = |text: &&mut Option<(Reader, Text)>| {
            text.as_ref().is_some_and(|(other, _)| *other == reader)
        };
        self.texts.iter_mut().find(is_its)
    }

    /// Keeps a text; gives the one that has to go.
    fn keep(&mut self, reader: Reader, text: Text) -> Option<(Reader, Text)> {
        let free = self.texts.iter_mut().find(|text| text.is_none());
        if let Some(free) = free {
            *free = Some((reader, text));
            return None;
        }
        let oldest = self.oldest;
        self.oldest = (oldest + 1) % Self::MOST;
        self.lost = true;
        self.texts[oldest].replace((reader, text))
    }
}

/// Copies what there is from `position` on.
fn copy(text: &Text, position: usize, buffer: &mut [u8]) -> usize {
    let rest = text.as_bytes().get(position..).unwrap_or(&[]);
    let length = rest.len().min(buffer.len());
    buffer[..length].copy_from_slice(&rest[..length]);
    length
}

compat::bin_attribute_read! {
    /// Gives a part of the text.
    ///
    /// # Safety
    ///
    /// To be called by sysfs for a file of a [`Directory<T>`](super::Directory).
    fn read<T: 'static>(file, kobj, attribute, buffer, position, count) -> isize {
        // SAFETY: sysfs calls this with a kobject of our type, which it keeps from being removed until
        // we return, with a `BinaryAttribute<T>` of which `attribute` is the first field, and with a
        // buffer of `count` bytes, which are initialised below.
        let (directory, make, buffer) = unsafe {
            buffer.write_bytes(0, count);
            (
                directory::of::<T>(kobj),
                (*attribute.cast::<BinaryAttribute<T>>()).make,
                slice::from_raw_parts_mut(buffer.cast::<u8>(), count),
            )
        };
        let read = usize::try_from(position)
            .map_err(|_| EINVAL)
            .and_then(|position| directory.read(make, Reader(file as usize), position, buffer));
        match read {
            Ok(length) => length as isize,
            Err(e) => e.to_errno() as isize,
        }
    }
}

impl<T> directory::Inner<T> {
    fn read(
        &self,
        make: Make<T>,
        reader: Reader,
        position: usize,
        buffer: &mut [u8],
    ) -> Result<usize> {
        if position == 0 {
            let text = make(&self.data)?;
            let length = copy(&text, 0, buffer);
            let mut unfinished = self.unfinished.lock();
            let before = unfinished.find(reader).and_then(Option::take);
            let gone = if length < text.as_bytes().len() {
                unfinished.keep(reader, text)
            } else {
                None
            };
            drop(unfinished);
            drop((before, gone));
            return Ok(length);
        }
        let mut unfinished = self.unfinished.lock();
        let lost = unfinished.lost;
        if let Some(kept) = unfinished.find(reader) {
            let length = kept
                .as_ref()
                .map_or(0, |(_, text)| copy(text, position, buffer));
            let read = if length == 0 { kept.take() } else { None };
            drop(unfinished);
            drop(read);
            return Ok(length);
        }
        drop(unfinished);
        // Usually it was all read at once, and this is its end. Else the rest may have had to go.
        if lost && position < make(&self.data)?.as_bytes().len() {
            return Err(EAGAIN);
        }
        Ok(0)
    }
}
