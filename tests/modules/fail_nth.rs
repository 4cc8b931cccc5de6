// SPDX-License-Identifier: GPL-2.0

//! A target that uses dmp's wrappers, as dmp does. `<start> <length> fail-nth <device> <n>` passes
//! everything on to the first `<length>` sectors of a device, but fails every n-th write.

#[rustfmt::skip]
#[allow(unused)] // Some of the wrappers are unused here.
#[path = "../../module/wrappers/mod.rs"]
mod wrappers;

use core::{ffi::CStr, fmt, fmt::Write, num::NonZero};
use kernel::{prelude::*, sync::Mutex};
use wrappers::{atomic::Counters, bio::*, dm::*, output::Output};

type FailModule = TargetModule<FailNth>;

module! {
    type: FailModule,
    name: "dmp_test_fail",
    description: "Device-mapper target that fails every n-th write",
    license: "GPL",
}

struct FailNth(linear::Linear, NonZero<u64>, Counters<1>);

#[vtable]
impl Target for FailNth {
    const NAME: &'static CStr = c"fail-nth";
    const VERSION: [u32; 3] = [1, 2, 3];
    const FEATURES: Features = Features::PASSES_INTEGRITY.and(Features::NOWAIT);
    type Context = ();
    type Devices<'ti> = Device<'ti>;

    fn context(_: &'static ThisModule) -> Result {
        Ok(())
    }

    fn ctr<'ti>((): &(), line: &TableLine<'ti>) -> Result<(Self, Device<'ti>), Refusal> {
        let path = line.args().next().ok_or((EINVAL, c"<device> is missing"))?;
        let n = line.args().nth(1).and_then(|n| n.to_str().ok());
        let n = n.and_then(|n| n.parse().ok());
        let n = n.ok_or((EINVAL, c"<n> is not a number above 0"))?;
        let device = line.open(path);
        let device = device.map_err(|errno| (errno, c"<device> cannot be opened"))?;
        let target = Self(linear::Linear::new(line, 0), n, Counters::new());
        Ok((target, device))
    }

    fn map<'bio>(&self, _: &DmTarget, device: &Device<'_>, bio: &mut Bio<'bio>) -> Mapped<'bio> {
        let Self(linear, n, writes) = self;
        if bio.op() == ReqOp::WRITE && bio.size() > 0 && (writes.fetch_add(0, 1) + 1) % *n == 0 {
            return Mapped::KILL;
        }
        Mapped::remapped(linear.map(device, bio))
    }

    fn status(
        &self,
        _: &DmTarget,
        device: &Device<'_>,
        kind: StatusType,
        out: &mut Output<'_>,
    ) -> fmt::Result {
        match kind {
            StatusType::Info => write!(out, "{} writes", self.2.read(0)),
            StatusType::Table => write!(out, "{} {}", device.name(), self.1),
            StatusType::Ima => target_name_and_version::<Self>(out).and(out.write_char(';')),
        }
    }

    fn iterate_devices(&self, ti: &DmTarget, dev: &Device<'_>, tell: &mut Callout<'_>) -> Iterated {
        self.0.iterate_devices(ti, dev, tell)
    }
}

/// A target could close a device in a mutex while one of its bios is in flight, so such a mutex
/// must not implement [`Devices`]. If it did, this code would be ambiguous and not compile.
const _: () = {
    trait Refused<Which> {
        const IS: () = ();
    }
    struct Otherwise;
    impl<T> Refused<()> for T {}
    impl<T: Devices> Refused<Otherwise> for T {}

    <Mutex<Option<Device<'static>>> as Refused<_>>::IS
};
