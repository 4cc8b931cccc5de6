// SPDX-License-Identifier: GPL-2.0

//! Attributes as data: the files of a directory, and the functions that read and write them.

use super::{
    binary::BinaryAttribute,
    kobject, //
};
use crate::wrappers::{
    bindings,
    compat,
    output::Output, //
};
use core::{
    ffi::CStr,
    marker::PhantomData,
    mem,
    ptr,
    str, //
};
use kernel::{
    error::code::{
        EINVAL,
        EIO,
        ENOSPC, //
    },
    ffi::c_char,
    page::PAGE_SIZE,
    prelude::Result, //
};

/// A function that writes a file's text.
pub(crate) type Show<T> = fn(&T, &mut Output<'_>) -> Result;

/// A function that takes the text written to a file, without the newline that may end it.
pub(crate) type Store<T> = fn(&T, &str) -> Result;

/// One file.
///
/// # Invariants
///
/// The name in `attribute` is a static string.
#[repr(C)]
pub(crate) struct Attribute<T> {
    attribute: bindings::attribute,
    show: Option<Show<T>>,
    store: Option<Store<T>>,
}

// SAFETY: Nobody writes to the attribute, and by the invariant its name is a static string.
unsafe impl<T> Sync for Attribute<T> {}

impl<T> Attribute<T> {
    /// Makes a file that everyone can read and nobody can write (0444).
    pub(crate) const fn read_only(name: &'static CStr, show: Show<T>) -> Self {
        Self::new(name, 0o444, Some(show), None)
    }

    /// Makes a file that root can write and nobody can read (0200).
    pub(crate) const fn write_only(name: &'static CStr, store: Store<T>) -> Self {
        Self::new(name, 0o200, None, Some(store))
    }

    /// Makes a file that everyone can read and root can write (0644).
    pub(crate) const fn read_write(name: &'static CStr, show: Show<T>, store: Store<T>) -> Self {
        Self::new(name, 0o644, Some(show), Some(store))
    }

    const fn new(
        name: &'static CStr,
        mode: u16,
        show: Option<Show<T>>,
        store: Option<Store<T>>,
    ) -> Self {
        // INVARIANT: The name is a static string.
        // Only lockdep adds other fields.
        #[allow(clippy::needless_update)]
        Self {
            attribute: bindings::attribute {
                name: name.as_ptr().cast(),
                mode,
                // SAFETY: The other fields are lockdep's, and zero means "not set" for them.
                ..unsafe { mem::zeroed() }
            },
            show,
            store,
        }
    }
}

/// The files of one group: a C array of pointers to them that ends in a null pointer.
///
/// # Invariants
///
/// Each pointer in `attributes` is to the first field of a static `Attribute<T>`, and `end` is null.
#[repr(C)]
pub(crate) struct AttributeList<T: 'static, const N: usize> {
    attributes: [*mut bindings::attribute; N],
    end: *mut bindings::attribute,
    files: PhantomData<&'static Attribute<T>>,
}

// SAFETY: Nobody writes to the list, and the attributes that it points to are `Sync`.
unsafe impl<T, const N: usize> Sync for AttributeList<T, N> {}

impl<T, const N: usize> AttributeList<T, N> {
    /// Lists `files`.
    pub(crate) const fn new(files: &'static [Attribute<T>; N]) -> Self {
        let mut attributes = [ptr::null_mut(); N];
        let mut i = 0;
        while i < N {
            // The pointer is to the whole `Attribute`, which `show` and `store` need.
            attributes[i] = ptr::addr_of!(files[i]).cast_mut().cast();
            i += 1;
        }
        // INVARIANT: The pointers are to the elements of `files`, which are static.
        Self {
            attributes,
            end: ptr::null_mut(),
            files: PhantomData,
        }
    }
}

/// Files in the directory itself, or in a subdirectory.
///
/// # Invariants
///
/// The name is null or a static string, and the attributes are those of a static
/// [`AttributeList`] of `T`.
#[repr(transparent)]
pub(crate) struct Group<T>(bindings::attribute_group, PhantomData<fn(&T)>);

// SAFETY: Nobody writes to the group, and the list that it points to is `Sync`.
unsafe impl<T> Sync for Group<T> {}

impl<T> Group<T> {
    /// Groups the files of `list`, in a subdirectory if there is a name.
    pub(crate) const fn new<const N: usize>(
        name: Option<&'static CStr>,
        list: &'static AttributeList<T, N>,
    ) -> Self {
        let name = match name {
            Some(name) => name.as_ptr().cast(),
            None => ptr::null(),
        };
        let attributes = ptr::addr_of!(*list).cast_mut().cast();
        // INVARIANT: The name and the list are static.
        Self(compat::attribute_group(name, attributes), PhantomData)
    }
}

/// The groups of a directory: a C array of pointers to them that ends in a null pointer.
///
/// # Invariants
///
/// Each pointer in `groups` is to a static `Group<T>`, and `end` is null.
#[repr(C)]
pub(crate) struct GroupList<T: 'static, const N: usize> {
    groups: [*const bindings::attribute_group; N],
    end: *const bindings::attribute_group,
    list: PhantomData<&'static Group<T>>,
}

// SAFETY: Nobody writes to the list, and the groups that it points to are `Sync`.
unsafe impl<T, const N: usize> Sync for GroupList<T, N> {}

impl<T, const N: usize> GroupList<T, N> {
    /// Lists `groups`.
    pub(crate) const fn new(groups: &'static [Group<T>; N]) -> Self {
        let mut pointers = [ptr::null(); N];
        let mut i = 0;
        while i < N {
            pointers[i] = ptr::addr_of!(groups[i].0);
            i += 1;
        }
        // INVARIANT: The pointers are to the elements of `groups`, which are static.
        Self {
            groups: pointers,
            end: ptr::null(),
            list: PhantomData,
        }
    }
}

/// The files of a `T`'s directory (`struct kobj_type`).
///
/// # Invariants
///
/// The groups are those of a static [`GroupList`] of `T`, and `show` and `store` are those for a `T`.
#[repr(transparent)]
pub(crate) struct Kind<T>(bindings::kobj_type, PhantomData<fn(&T)>);

// SAFETY: Nobody writes to the type, and the groups that it points to are `Sync`.
unsafe impl<T> Sync for Kind<T> {}

impl<T: 'static> Kind<T> {
    const OPS: bindings::sysfs_ops = bindings::sysfs_ops {
        show: Some(show::<T>),
        store: Some(store::<T>),
    };

    /// Makes the type of directories with these files.
    pub(crate) const fn new<const N: usize>(groups: &'static GroupList<T, N>) -> Self {
        // SAFETY: All zeros is a valid `struct kobj_type`, one without files.
        let mut kind: bindings::kobj_type = unsafe { mem::zeroed() };
        kind.release = Some(bindings::dm_kobject_release);
        kind.sysfs_ops = &Self::OPS;
        kind.default_groups = ptr::addr_of!(*groups).cast_mut().cast();
        // INVARIANT: The groups are static.
        Self(kind, PhantomData)
    }

    /// Returns the type as `kobject_init_and_add` takes it.
    pub(super) fn as_raw(&'static self) -> *const bindings::kobj_type {
        ptr::addr_of!(self.0)
    }
}

/// A value that a directory can show.
pub(crate) trait Attributes: Send + Sync + Sized + 'static {
    /// Returns the directory's files.
    fn kind() -> &'static Kind<Self>;

    /// Returns the files that may exceed a page.
    fn binary() -> &'static [BinaryAttribute<Self>] {
        &[]
    }
}

/// Writes the text of a file.
///
/// # Safety
///
/// Only sysfs may call this, for a file of a [`Directory<T>`](super::Directory).
unsafe extern "C" fn show<T: 'static>(
    kobj: *mut bindings::kobject,
    attribute: *mut bindings::attribute,
    page: *mut c_char,
) -> isize {
    // SAFETY: Sysfs passes a kobject of our type, and delays its removal until we return.
    // `attribute` is in the kobject's groups, so it is the first field of an `Attribute<T>`. `page`
    // is a page to write to.
    let (data, show, out) = unsafe {
        (
            &kobject::of::<T>(kobj).data,
            (*attribute.cast::<Attribute<T>>()).show,
            Output::new(page, PAGE_SIZE),
        )
    };
    let (Some(show), Some(mut out)) = (show, out) else {
        return EIO.to_errno() as isize;
    };
    match show(data, &mut out) {
        Ok(()) => out.len() as isize,
        Err(_) if out.is_full() => ENOSPC.to_errno() as isize,
        Err(e) => e.to_errno() as isize,
    }
}

/// Takes the text written to a file.
///
/// # Safety
///
/// Only sysfs may call this, for a file of a [`Directory<T>`](super::Directory).
unsafe extern "C" fn store<T: 'static>(
    kobj: *mut bindings::kobject,
    attribute: *mut bindings::attribute,
    text: *const c_char,
    count: usize,
) -> isize {
    // SAFETY: Sysfs passes a kobject of our type, and delays its removal until we return.
    // `attribute` is in the kobject's groups, so it is the first field of an `Attribute<T>`. `text`
    // is `count` bytes.
    let (data, store, text) = unsafe {
        (
            &kobject::of::<T>(kobj).data,
            (*attribute.cast::<Attribute<T>>()).store,
            core::slice::from_raw_parts(text.cast::<u8>(), count),
        )
    };
    let Some(store) = store else {
        return EIO.to_errno() as isize;
    };
    let Ok(text) = str::from_utf8(text) else {
        return EINVAL.to_errno() as isize;
    };
    match store(data, text.strip_suffix('\n').unwrap_or(text)) {
        Ok(()) => count as isize,
        Err(e) => e.to_errno() as isize,
    }
}
