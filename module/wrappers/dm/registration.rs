// SPDX-License-Identifier: GPL-2.0

//! Registered target types.

use super::target::Target;
use crate::wrappers::bindings;
use core::{
    ffi::CStr,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*,
    types::Opaque, //
};

/// A target type, which tables may name while this exists. If a registration were leaked, device
/// mapper would call the module's code after its exit, so only
/// [`TargetModule`](super::TargetModule) has one.
///
/// # Invariants
///
/// `target_type` is registered with device mapper, in the name of `module`. `alias` differs from it
/// only in the name, and is not registered.
#[pin_data(PinnedDrop)]
#[repr(C)]
pub(super) struct Registration<T: Target> {
    // This field is first: every `struct dm_target` points to the `struct target_type`, which leads
    // to the context.
    #[pin]
    target_type: TargetType,
    // Targets point to this field, so it never moves.
    alias: Option<TargetType>,
    pub(super) context: T::Context,
}

/// A target type of device mapper, followed by the callbacks that `helpers/device_mapper.c` needs.
#[pin_data]
#[repr(transparent)]
struct TargetType {
    raw: Opaque<bindings::dmp_target_type>,
}

impl TargetType {
    /// Returns the type as `dm_register_target` takes it.
    fn as_raw(&self) -> *mut bindings::target_type {
        // The `struct target_type` is the first field.
        self.raw.get().cast()
    }
}

// SAFETY: The target type belongs to device mapper, whose lock protects it; the context is `Send`.
unsafe impl<T: Target> Send for Registration<T> {}

// SAFETY: A shared `Registration` gives access to nothing but the context, which is `Sync`.
unsafe impl<T: Target> Sync for Registration<T> {}

impl<T: Target + 'static> Registration<T> {
    /// Registers a target type (`dm_register_target`).
    ///
    /// # Safety
    ///
    /// `target_type` must have the callbacks and features of `T`. The registration must be dropped
    /// at the exit of `module`. It must not be leaked, nor be dropped by an init that fails.
    pub(super) unsafe fn new(
        target_type: bindings::dmp_target_type,
        module: &'static ThisModule,
        context: T::Context,
    ) -> impl PinInit<Self, Error> {
        // INVARIANT: `target_type` is registered if this succeeds. The context and the alias exist
        // by then, and `alias` differs only in the name, as both are from `named`.
        try_pin_init!(Self {
            context,
            alias: T::ALIAS.map(|name| TargetType {
                raw: Opaque::new(named(target_type, name, module)),
            }),
            target_type <- register(named(target_type, T::NAME, module)),
        })
    }

    /// Returns the registration of a target's type.
    ///
    /// # Safety
    ///
    /// `ti` must be a target of the type `T` that is in its constructor for `'a`, and that does not
    /// show the alias yet.
    pub(super) unsafe fn of<'a>(ti: *mut bindings::dm_target) -> &'a Self {
        // SAFETY: The caller guarantees a target of a registered type, which is the first field of
        // its registration. The registration stays as long as the target's reference to the module.
        unsafe { &*(*ti).type_.cast() }
    }

    /// Returns the target type that shows [`Target::ALIAS`], if there is one.
    pub(super) fn alias(&self) -> Option<NonNull<bindings::target_type>> {
        let alias = self.alias.as_ref()?;
        NonNull::new(alias.as_raw())
    }
}

/// Gives a target type its name. An alias needs the module as well: device mapper releases a
/// target's module reference through the type that the target has at its destruction.
fn named(
    mut target_type: bindings::dmp_target_type,
    name: &'static CStr,
    module: &'static ThisModule,
) -> bindings::dmp_target_type {
    target_type.type_.name = name.as_ptr().cast();
    target_type.type_.module = module.as_ptr().cast();
    target_type
}

/// Initialises and registers the field of a `Registration`, whose drop unregisters it.
fn register(target_type: bindings::dmp_target_type) -> impl PinInit<TargetType, Error> {
    try_pin_init!(TargetType {
        raw: Opaque::new(target_type),
    })
    .pin_chain(|target_type| {
        // SAFETY: The target type is initialised and pinned, and stays until `Registration::drop`
        // unregisters it.
        to_result(unsafe { bindings::dm_register_target(target_type.as_raw()) })
    })
}

#[pinned_drop]
impl<T: Target> PinnedDrop for Registration<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the invariant the target type is registered, and no new table finds it after
        // this call. Device mapper holds a reference to the module throughout its use of a target
        // type, which ends with a table's destruction. This includes a target with the alias, which
        // names the same module. By the contract of `new` this is the module's exit, so all
        // references have been put, and nothing points to either type.
        unsafe { bindings::dm_unregister_target(self.target_type.as_raw()) }
    }
}
