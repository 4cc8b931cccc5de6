// SPDX-License-Identifier: GPL-2.0

//! Directories of attributes in sysfs.
//!
//! Attributes are data: a name, a mode and functions that read or write a `T`; [`attributes!`] lists them. A
//! [`Directory`] owns its `T` and the kobject that shows it.
//!
//! C headers: [`include/linux/kobject.h`](srctree/include/linux/kobject.h),
//! [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h)
//!
//! # Example
//!
//! ```ignore
//! sysfs::attributes! {
//!     Volume {
//!         c"volumes": read_only(Volume::show_volumes),
//!         // ...
//!         c"reset": write_only(Volume::store_reset),
//!         c"latency": read_write(Volume::show_latency, Volume::store_latency),
//!     }
//!     binary {
//!         c"snapshot": Volume::snapshot,
//!     }
//!     // Subdirectories, all with these files:
//!     for OPERATION: Operation = {
//!         c"read": Operation::Read,
//!         // ...
//!     } {
//!         c"requests": read_only(|volume, out| {
//!             show_number(out, counted(volume, OPERATION)?.requests())
//!         }),
//!         // ...
//!     }
//! }
//!
//! // /sys/module/<name>/stat, until it is dropped:
//! let stat = Directory::new(
//!     Parent::<All>::Module(module),
//!     c"stat",
//!     All::new(devices.clone()),
//! )?;
//! ```

mod attribute;
mod binary;
mod directory;

use super::bindings;
use kernel::error::Error;

pub(crate) use attribute::{
    attributes, Attribute, AttributeList, Attributes, Group, GroupList, Kind,
};
pub(crate) use binary::BinaryAttribute;
pub(crate) use directory::{Directory, Parent};

/// The error of a file whose value does not exist (`ENODATA`).
pub(crate) fn no_data() -> Error {
    Error::from_errno(-(bindings::ENODATA as i32))
}
