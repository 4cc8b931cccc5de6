// SPDX-License-Identifier: GPL-2.0

//! A module whose init fails after it has registered a target, when a table has been made with it: `late`,
//! which fails all I/O.

#[rustfmt::skip]
#[allow(unused)] // Not all of them is used here.
#[path = "../../module/wrappers/mod.rs"]
mod wrappers;

use core::ffi::CStr;
use kernel::{prelude::*, sync::Arc};
use wrappers::{atomic::Counters, bio::Bio, dm::*, rcu};

module! {
    type: Late,
    name: "dmp_test_late",
    description: "Device-mapper target whose module's init fails",
    license: "GPL",
}

struct Late;

impl kernel::Module for Late {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let tables = Arc::new(Counters::new(), GFP_KERNEL)?;
        let registration = Registration::<Nothing>::new(module, tables.clone());
        let _registration = KBox::pin_init(registration, GFP_KERNEL)?;
        while tables.read(0) == 0 {
            rcu::synchronize();
        }
        Err(ENODEV)
    }
}

struct Nothing;

#[vtable]
impl Target for Nothing {
    const NAME: &'static CStr = c"late";
    const VERSION: [u32; 3] = [1, 0, 0];
    type Context = Arc<Counters<1>>;
    type Devices<'ti> = ();

    fn ctr<'ti>(tables: &Arc<Counters<1>>, _: &TableLine<'ti>) -> Result<(Self, ()), Refusal> {
        tables.add(0, 1);
        Ok((Self, ()))
    }

    fn map<'bio>(&self, _: &DmTarget, (): &(), _: &mut Bio<'bio>) -> Mapped<'bio> {
        Mapped::Kill
    }
}
