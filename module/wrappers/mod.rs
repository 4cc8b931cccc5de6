// SPDX-License-Identifier: GPL-2.0

//! Safe wrappers of the kernel's C interfaces that dmp needs and the `kernel` crate lacks.
//!
//! All of the module's `unsafe` is below here.

mod bindings;
mod compat;

pub(crate) mod atomic;
pub(crate) mod bio;
pub(crate) mod compiler;
pub(crate) mod dm;
pub(crate) mod memalloc;
pub(crate) mod output;
pub(crate) mod percpu;
pub(crate) mod preempt;
pub(crate) mod rcu;
pub(crate) mod sched;
pub(crate) mod sysfs;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod timeline;
pub(crate) mod tsc;
