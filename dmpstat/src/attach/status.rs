// SPDX-License-Identifier: GPL-2.0

//! `dmpstat status`: which volumes are attached, since when, how often again.

use std::fs;
use std::io::Write;

use unicode_width::UnicodeWidthStr;

use crate::attach::conf::{self, Conf};
use crate::attach::state::{self, State};
use crate::attach::volume;
use crate::error::Error;
use crate::escape;
use crate::outside::Outside;
use crate::selection;
use crate::sysfs;

/// Of one volume.
type Row = [String; 5];

/// Shows it. It needs no root.
pub fn run(outside: &mut Outside<'_>) -> Result<(), Error> {
    let rows = rows(outside);
    let heading = ["Volume", "Device", "State", "Since", "Again"].map(str::to_owned);
    let rows: Vec<Row> = std::iter::once(heading).chain(rows).collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].width())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..5).map(width).collect();
    outside.print(|out| {
        for row in &rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let pad = width - cell.width() + 2;
                line.push_str(&format!("{cell}{:pad$}", ""));
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    })
}

fn rows(outside: &mut Outside<'_>) -> Vec<Row> {
    let machine = outside.machine;
    let conf = fs::read(machine.path(conf::PATH)).map(|text| Conf::parse(&text));
    let conf = conf.unwrap_or_default();
    for wrong in &conf.wrong {
        outside.note(wrong);
    }
    let counted = machine.devices().unwrap_or_default();
    let mut devices: Vec<(u32, String)> = fs::read_dir(machine.path("/sys/block"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|name| Some((sysfs::minor(&name)?, name)))
        .collect();
    devices.sort_unstable();
    let mut rows = Vec::new();
    for (_, device) in devices {
        let Ok(name) = fs::read(machine.path(format!("/sys/block/{device}/dm/name"))) else {
            continue;
        };
        let name = name.strip_suffix(b"\n").unwrap_or(&name);
        let names = selection::names(&device, name);
        let is_listed = || {
            let mut rules = conf.rules.iter();
            rules.any(|rule| {
                let target = rule.volumes.target(machine);
                rule.volumes.is(&device, &names, target.as_deref())
            })
        };
        let state = State::read(&machine.path(state::DIRECTORY), &device)
            .filter(|state| state.diskseq == volume::diskseq(&device, machine));
        let is_counted = counted.contains(&device);
        let (word, state) = match (is_counted, state) {
            (true, Some(state)) if !state.detached => ("attached", Some(state)),
            // By hand, with dmsetup.
            (true, _) => ("dmp", None),
            (false, Some(state)) if state.detached => ("detached", Some(state)),
            (false, state) if is_listed() => (
                "not attached",
                state.map(|state| State { since: 0, ..state }),
            ),
            (false, _) => continue,
        };
        let since = state
            .as_ref()
            .and_then(|state| state.since_by(outside.clock));
        let since = since.map(|since| since.strftime("%Y-%m-%d %H:%M:%S").to_string());
        let again = state
            .filter(|state| !state.detached)
            .map(|state| state.again.to_string());
        rows.push([
            escape::shown(name),
            device,
            word.to_owned(),
            since.unwrap_or_else(|| "-".to_owned()),
            again.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    rows
}
