// SPDX-License-Identifier: GPL-2.0

//! The names of the files, and the functions that show and store their values.

use super::{counted, measured, show_number, Volume};
use crate::{
    histogram::{Latencies, Sizes},
    operation::Operation,
    wrappers::sysfs,
};

sysfs::attributes! {
    Volume {
        c"volumes": read_only(Volume::show_volumes),
        c"name": read_only(Volume::show_name),
        c"uuid": read_only(Volume::show_uuid),
        c"reset": write_only(Volume::store_reset),
        c"latency": read_write(Volume::show_latency, Volume::store_latency),
    }
    binary {
        c"snapshot": Volume::snapshot,
    }
    for OPERATION: Operation = [
        Operation::Read,
        Operation::Write,
        Operation::Discard,
        Operation::Flush,
        Operation::WriteZeroes,
        Operation::Other,
    ] {
        c"requests": read_only(|volume, out| {
            show_number(out, counted(volume, OPERATION)?.requests())
        }),
        c"bytes": read_only(|volume, out| {
            show_number(out, counted(volume, OPERATION)?.bytes)
        }),
        c"avg_size": read_only(|volume, out| {
            show_number(out, counted(volume, OPERATION)?.sum().avg_size())
        }),
        c"errors": read_only(|volume, out| {
            show_number(out, counted(volume, OPERATION)?.errors)
        }),
        c"again": read_only(|volume, out| {
            show_number(out, counted(volume, OPERATION)?.again)
        }),
        c"inflight": read_only(|volume, out| {
            show_number(out, measured(volume, OPERATION)?.inflight)
        }),
        c"size_histogram": read_only(|volume, out| {
            let sizes = counted(volume, OPERATION)?.sizes;
            Ok(Sizes::write(out, sizes.into_iter())?)
        }),
        c"latency_ns": read_only(|volume, out| {
            show_number(out, measured(volume, OPERATION)?.latency_sum)
        }),
        c"latency_max_ns": read_only(|volume, out| {
            show_number(out, measured(volume, OPERATION)?.latency_max)
        }),
        c"latency_histogram": read_only(|volume, out| {
            let latencies = measured(volume, OPERATION)?.latencies;
            Ok(Latencies::write(out, latencies.into_iter())?)
        }),
    }
}
