// SPDX-License-Identifier: GPL-2.0

//! Directories of attributes in sysfs.
//!
//! Attributes are data: a name, a mode and functions that read or write a `T`; [`attributes!`] lists them. A
//! [`Directory`] owns its `T` and the kobject that shows it.
//!
//! C headers: [`include/linux/kobject.h`](srctree/include/linux/kobject.h),
//! [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h)
//!
//! # Examples
//!
//! ```ignore
//! sysfs::attributes! {
//!     Volume {
//!         c"volumes": read_only(Volume::show_volumes),
//!         // ...
//!         c"reset": write_only(Volume::store_reset),
//!         // ...
//!         c"pattern": read_write(
//!             |volume, out| show_measurement(out, volume, Measurement::Pattern),
//!             |volume, text| store_measurement(text, volume, Measurement::Pattern),
//!         ),
//!     }
//!     binary {
//!         c"snapshot": Volume::snapshot,
//!     }
//!     // Subdirectories, all with these files:
//!     for OPERATION: Operation = [
//!         Operation::Read,
//!         // ...
//!     ] {
//!         c"requests": read_only(|volume, out| show(out, volume, OPERATION, Requests)),
//!         // ...
//!     }
//! }
//!
//! // /sys/module/<name>/stat, until it is dropped:
//! let stat = Directory::new(Parent::<All>::Module(module), c"stat", All(devices.clone()))?;
//! ```

mod attribute;
mod binary;
mod directory;
mod kobject;

use super::bindings;
use kernel::error::Error;

pub(crate) use attribute::{
    Attribute,
    AttributeList,
    Attributes,
    Group,
    GroupList,
    Kind, //
};
pub(crate) use binary::BinaryAttribute;
pub(crate) use directory::{
    Directory,
    Parent, //
};

/// The error of a file without a value (`ENODATA`).
pub(crate) fn no_data() -> Error {
    Error::from_errno(-(bindings::ENODATA as i32))
}

/// Implements [`Attributes`] for a type. Takes the files of its directory, each with its mode (the
/// constructors of [`Attribute`]) and its functions; then the binary files, which may exceed a
/// page; then a value for each subdirectory. All subdirectories have the same files, whose
/// functions find the value in a constant. The values are all of their type (`ALL`), and its
/// constant method `directory` names the subdirectories.
macro_rules! attributes {
    (@one $name:literal) => { 1 };
    (@list $of:ident, { $($name:literal: $kind:ident($($function:expr),+ $(,)?)),* $(,)? }) => {{
        use $crate::wrappers::sysfs::{
            attributes,
            Attribute,
            AttributeList, //
        };
        const FILES: usize = 0 $(+ attributes!(@one $name))*;
        static FILE: [Attribute<$of>; FILES] = [$(Attribute::$kind($name, $($function),+)),*];
        static LIST: AttributeList<$of, FILES> = AttributeList::new(&FILE);
        &LIST
    }};
    (
        $of:ident $files:tt
        $(binary { $($binary:literal: $make:expr),* $(,)? })?
        $(for $which:ident: $type:ty = [$($value:expr),* $(,)?] $each:tt)?
    ) => {
        impl $crate::wrappers::sysfs::Attributes for $of {
            fn kind() -> &'static $crate::wrappers::sysfs::Kind<Self> {
                use $crate::wrappers::sysfs::{
                    attributes,
                    Group,
                    GroupList,
                    Kind, //
                };
                const GROUPS: usize = 1 $(+ <$type>::ALL.len())?;
                static GROUP: [Group<$of>; GROUPS] = [
                    Group::new(None, attributes!(@list $of, $files)),
                    $($({
                        const $which: $type = $value;
                        Group::new(Some($which.directory()), attributes!(@list $of, $each))
                    }),*)?
                ];
                static LIST: GroupList<$of, GROUPS> = GroupList::new(&GROUP);
                static KIND: Kind<$of> = Kind::new(&LIST);
                &KIND
            }

            $(fn binary() -> &'static [$crate::wrappers::sysfs::BinaryAttribute<Self>] {
                use $crate::wrappers::sysfs::BinaryAttribute;
                static FILES: &[BinaryAttribute<$of>] =
                    &[$(BinaryAttribute::new($binary, $make)),*];
                FILES
            })?
        }
    };
}
pub(crate) use attributes;
