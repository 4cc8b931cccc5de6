// SPDX-License-Identifier: GPL-2.0

//! Modules of one target.

use super::{
    callbacks::Callbacks,
    registration::Registration,
    target::Target, //
};
use crate::wrappers::tsc;
use kernel::prelude::*;

/// A module of one target, which tables may name while the module is loaded. `module!` takes a type
/// without parameters: `type Name = TargetModule<T>;`.
pub(crate) struct TargetModule<T: Target> {
    // Fields drop in this order: the target's code uses the clock.
    _registration: Pin<KBox<Registration<T>>>,
    _clock: Option<Pin<KBox<tsc::Follower>>>,
}

impl<T: Target> kernel::Module for TargetModule<T> {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let clock = if T::MEASURES_TIME {
            // SAFETY: `module!` keeps the result of this function in a static, and drops it at the
            // module's exit. If the rest of this function fails, the follower is dropped before the
            // module goes.
            Some(KBox::pin_init(unsafe { tsc::Follower::new() }, GFP_KERNEL)?)
        } else {
            None
        };
        let context = T::context(module)?;
        let target_type = Callbacks::<T>::TARGET_TYPE;
        // SAFETY: The callbacks are those of `T`. `module!` keeps the result of this function in a
        // static, and drops it at the module's exit. Nothing that could fail comes after the
        // registration.
        let registration = unsafe { Registration::new(target_type, module, context) };
        Ok(Self {
            _registration: KBox::pin_init(registration, GFP_KERNEL)?,
            _clock: clock,
        })
    }
}
