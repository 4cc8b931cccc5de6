// SPDX-License-Identifier: GPL-2.0

//! Directories of attributes in sysfs.
//!
//! Attributes are data: a name, a mode and functions that read or write a `T`. A [`Directory`]
//! owns its `T` and the kobject that shows it.
//!
//! C headers: [`include/linux/kobject.h`](srctree/include/linux/kobject.h),
//! [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h)
//!
//! # Example
//!
//! ```ignore
//! struct Answer(u32);
//!
//! static FILES: [Attribute<Answer>; 1] =
//!     [Attribute::read_only(c"answer", |this, out| Ok(writeln!(out, "{}", this.0)?))];
//! static FILE_LIST: AttributeList<Answer, 1> = AttributeList::new(&FILES);
//! static GROUPS: [Group<Answer>; 1] = [Group::new(None, &FILE_LIST)];
//! static GROUP_LIST: GroupList<Answer, 1> = GroupList::new(&GROUPS);
//!
//! static KIND: Kind<Answer> = Kind::new(&GROUP_LIST);
//!
//! impl Attributes for Answer {
//!     fn kind() -> &'static Kind<Self> {
//!         &KIND
//!     }
//! }
//!
//! // /sys/module/<name>/deep/answer, until `directory` is dropped
//! let directory = Directory::new(Parent::Module(module), c"deep", Answer(42))?;
//! ```

mod attribute;
mod binary;
mod directory;

pub(crate) use attribute::{Attribute, AttributeList, Attributes, Group, GroupList, Kind};
pub(crate) use binary::BinaryAttribute;
pub(crate) use directory::{Directory, Hidden, Parent, Unmade};
