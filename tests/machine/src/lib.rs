// SPDX-License-Identifier: GPL-2.0

//! The machine in which dmp is tried and tested: a QEMU guest with the project's kernel, the
//! module, and virtio disks. Commands run in it as if they were local.
//!
//! Environment variables name its parts: `DMP_VM_QEMU` (qemu-system-x86_64), `DMP_VM_KERNEL` (a
//! bzImage), `DMP_VM_INITRD` (an initramfs whose init is initramfs/init) and `DMP_VM_TOOLS` (one
//! with more tools). `DMP_VM_ACCEL` may be auto, kvm, tcg or icount. `DMP_VM_PATIENCE` is the
//! factor for the time limits of a slow kernel. `DMP_VM_STATES` is the directory of the states that
//! machines start from; if it is empty, all machines boot.

mod accel;
mod builder;
mod cache;
mod console;
mod copy;
mod disk;
mod error;
mod interactive;
mod limit;
mod link;
mod machine;
mod qemu;
mod qmp;
mod split;
mod state;
mod sysrq;
mod tsc;
mod workdir;

pub use accel::Accel;
pub use builder::Builder;
pub use console::{Console, Tail};
pub use copy::Copy;
pub use disk::{Disk, Fault};
pub use error::Error;
pub use limit::patience;
pub use machine::{Machine, Output};
pub use workdir::clean_up_on_signals;
