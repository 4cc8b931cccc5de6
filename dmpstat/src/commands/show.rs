// SPDX-License-Identifier: GPL-2.0

//! All counters of a device, in words and units.

use std::ffi::OsString;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::environment::Environment;
use crate::error::Error;
use crate::model::column::Quantity;
use crate::model::escape;
use crate::model::histogram::INFINITE;
use crate::model::interval::{Interval, State};
use crate::model::operation::Operation;
use crate::model::snapshot::{Lines, Snapshot};
use crate::model::statistic::Statistic;
use crate::model::units;
use crate::source::selection::Selection;

const NAME: Style = Style::new().bold();
const STUCK: Style = AnsiColor::Red.on_default().bold();
const FLUSH_BYPASS: &str = "not counted (flush_bypass)";

/// Shows these devices.
pub fn run(devices: &[OsString], environment: &mut Environment<'_>) -> Result<(), Error> {
    let readings = Selection::new(devices).first(environment.devices(), false)?;
    let readings = readings.with_disks(environment.devices());
    let devices = &readings.snapshots;
    environment.print(|text| devices.iter().try_for_each(|device| write(text, device)))?;
    readings.whole().map(|_| ())
}

fn write(out: &mut dyn Write, device: &Snapshot) -> io::Result<()> {
    let name = device.shown_name();
    let interval = Interval::since_reset(device);
    writeln!(out, "{NAME}{name}{NAME:#}")?;
    writeln!(out, "  device       {}", device.device)?;
    if !device.uuid.is_empty() {
        writeln!(out, "  uuid         {}", escape::show(&device.uuid))?;
    }
    writeln!(out, "  diskseq      {}", device.diskseq)?;
    if let Some(lines) = device.lines {
        write_lines(out, lines)?;
    }
    writeln!(out, "  counted for  {:.1} s", interval.length.as_secs_f64())?;
    match (device.latency, device.latency_since) {
        (true, Some(_)) => {
            let time = interval.latency_length.unwrap_or_default();
            writeln!(
                out,
                "  latencies    measured for {:.1} s",
                time.as_secs_f64()
            )?;
        }
        (true, None) => writeln!(out, "  latencies    measured")?,
        (false, _) => writeln!(
            out,
            "  latencies    not measured; enable with \"dmpstat latency on {}\"",
            device.device
        )?,
    }
    if let Some(time) = interval.pattern_length {
        let time = time.as_secs_f64();
        writeln!(out, "  distances    measured for {time:.1} s")?;
    }
    match interval.state {
        State::Running => {}
        state => writeln!(out, "  state        {STUCK}{}{STUCK:#}", state.word())?,
    }
    let bypass = device
        .lines
        .is_some_and(|lines| lines.live.bypass_flushes());
    for operation in Operation::ALL {
        let unmeasured = match operation {
            Operation::Flush if bypass => FLUSH_BYPASS,
            _ => "not counted by this module",
        };
        write_operation(out, operation, &interval, unmeasured)?;
    }
    writeln!(out)
}

fn write_lines(out: &mut dyn Write, lines: Lines) -> io::Result<()> {
    let Lines { live, loaded } = lines;
    writeln!(
        out,
        "  dmp lines    {} live, {} loaded",
        live.all, loaded.all
    )?;
    let of = |part: u64, [none, all]: [&str; 2]| match part {
        0 => none.to_owned(),
        part if part == live.all => all.to_owned(),
        part => format!("{all} for {part} of {} live lines", live.all),
    };
    if live.all > 0 {
        let table = of(live.as_linear, ["shows dmp", "shows linear"]);
        writeln!(out, "  table        {table}")?;
        let words = ["counted", FLUSH_BYPASS];
        writeln!(out, "  flushes      {}", of(live.flush_bypass, words))?;
    }
    Ok(())
}

fn write_operation(
    out: &mut dyn Write,
    operation: Operation,
    interval: &Interval,
    unmeasured: &str,
) -> io::Result<()> {
    let name = operation.name();
    let Some(counters) = interval.of(operation) else {
        return writeln!(out, "  {name:<12} {unmeasured}");
    };
    if counters.is_idle() {
        return writeln!(out, "  {name:<12} none");
    }
    write!(out, "  {name:<12} {} requests", counters.requests())?;
    if let Some(rate) = Quantity::Rate(operation).value(interval) {
        write!(out, ", {rate:.2} a second")?;
    }
    let (bytes, size) = (counters.bytes(), Quantity::Size(operation).value(interval));
    let amount = units::bytes(bytes as f64);
    writeln!(
        out,
        "\n{:15}{bytes} bytes ({amount}B), {}B on average",
        "",
        size.map_or_else(String::new, units::bytes)
    )?;
    let others = [
        (Statistic::Errors, "failed"),
        (Statistic::Again, "to retry"),
        (Statistic::Inflight, "in flight"),
    ];
    let others = others
        .into_iter()
        .filter_map(|(statistic, what)| Some(format!("{} {what}", counters.of(statistic)?)));
    let age = counters.of(Statistic::AgeSum);
    let age = age.zip(counters.of(Statistic::Inflight));
    let age = age.filter(|(_, inflight)| *inflight > 0);
    let age = age.map(|(age, inflight)| {
        let age = units::duration(age as f64 / inflight as f64);
        format!("mean age {age}")
    });
    let others: Vec<String> = others.chain(age).collect();
    if !others.is_empty() {
        writeln!(out, "{:15}{}", "", others.join(", "))?;
    }
    if let Some(sequential) = Quantity::Sequential(operation).value(interval) {
        writeln!(out, "{:15}{sequential:.2}% sequential", "")?;
    }
    let Some(timing) = counters
        .timing
        .as_ref()
        .filter(|timing| timing.latencies.count() > 0)
    else {
        return Ok(());
    };
    let count = timing.latencies.count();
    let average = timing.sum() as f64 / count as f64;
    writeln!(
        out,
        "{:15}{count} latencies, {} on average, {} at most",
        "",
        units::duration(average),
        units::duration_up(timing.max() as f64)
    )?;
    let parts = [(500, "half"), (990, "99%"), (999, "99.9%")];
    let parts: Vec<String> = parts
        .into_iter()
        .filter_map(|(permille, part)| {
            let bound = timing.latencies.percentile(permille)?;
            let up_to = units::duration_up(bound.min(timing.max()) as f64);
            Some(match bound {
                INFINITE => format!("{part} above the last bound, up to {up_to}"),
                _ => format!("{part} up to {up_to}"),
            })
        })
        .collect();
    writeln!(out, "{:15}{}", "", parts.join(", "))
}
