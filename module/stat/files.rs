// SPDX-License-Identifier: GPL-2.0

//! The names of the files, and the functions that show and store their values.

use super::{
    counted,
    measured,
    show,
    show_measurement,
    show_number,
    store_measurement,
    Volume, //
};
use crate::{
    histogram::{
        Latencies,
        Seeks,
        Sizes, //
    },
    measurement::Measurement,
    operation::Operation,
    statistic::Statistic::{
        Again,
        Bytes,
        Errors,
        Inflight,
        LatencyMax,
        LatencySum,
        Requests, //
    },
    wrappers::sysfs, //
};

sysfs::attributes! {
    Volume {
        c"volumes": read_only(Volume::show_volumes),
        c"name": read_only(Volume::show_name),
        c"uuid": read_only(Volume::show_uuid),
        c"reset": write_only(Volume::store_reset),
        c"latency": read_write(
            |volume, out| show_measurement(out, volume, Measurement::Latency),
            |volume, text| store_measurement(text, volume, Measurement::Latency),
        ),
        c"pattern": read_write(
            |volume, out| show_measurement(out, volume, Measurement::Pattern),
            |volume, text| store_measurement(text, volume, Measurement::Pattern),
        ),
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
        c"requests": read_only(|volume, out| show(out, volume, OPERATION, Requests)),
        c"bytes": read_only(|volume, out| show(out, volume, OPERATION, Bytes)),
        c"avg_size": read_only(|volume, out| {
            show_number(out, counted(volume, OPERATION)?.sum().avg_size())
        }),
        c"errors": read_only(|volume, out| show(out, volume, OPERATION, Errors)),
        c"again": read_only(|volume, out| show(out, volume, OPERATION, Again)),
        c"inflight": read_only(|volume, out| show(out, volume, OPERATION, Inflight)),
        c"size_histogram": read_only(|volume, out| {
            let sizes = counted(volume, OPERATION)?.sizes;
            Ok(Sizes::write(out, &sizes)?)
        }),
        c"latency_ns": read_only(|volume, out| show(out, volume, OPERATION, LatencySum)),
        c"latency_max_ns": read_only(|volume, out| show(out, volume, OPERATION, LatencyMax)),
        c"latency_histogram": read_only(|volume, out| {
            let latencies = measured(volume, OPERATION, Measurement::Latency)?.latencies;
            Ok(Latencies::write(out, &latencies)?)
        }),
        c"seek_histogram": read_only(|volume, out| {
            let seeks = measured(volume, OPERATION, Measurement::Pattern)?.seeks;
            Ok(Seeks::write(out, &seeks.ok_or(sysfs::no_data())?)?)
        }),
    }
}
