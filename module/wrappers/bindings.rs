// SPDX-License-Identifier: GPL-2.0

//! The output of bindgen for `bindings.h`. Only the wrappers use it.

#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unknown_lints, // rustc before 1.88 does not know unnecessary_transmutes
    unnecessary_transmutes,
    unreachable_pub,
    unsafe_op_in_unsafe_fn
)]

include!(env!("DMP_BINDINGS"));
