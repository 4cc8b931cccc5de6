// SPDX-License-Identifier: GPL-2.0

//! Makes docs/src/pictures/ in the test machine, as one would see it in a terminal:
//!
//!     cargo run --example pictures -- DIRECTORY DMP-VM
//!
//! DMP-VM is the program that `ci/nix build .#vm` makes. A terminal emulator draws the program's output, and
//! the emulator's cells become SVG.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use vt100::{Cell, Color, Parser, Screen};

const COLUMNS: u16 = 100;
const ROWS: u16 = 24;
/// Width and height of a cell, in pixels.
const CELL: (f64, f64) = (8.4, 18.0);
/// The longest wait: longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(120);
/// The shell's prompt.
const PROMPT: &str = "dmp:~#";
/// The end of the line that starts the load. It stays on the screen until the load runs.
const CLEAR: &str = "sleep 2; clear";

/// Volumes over one disk, with the load of a database, a log and a backup.
const LOAD: &str = "\
make() { dmsetup create $1 --table \"0 32768 dmp /dev/vda $2 1 latency\"; }; \
make db-data 0; make db-log 32768; make backup 65536; make scratch 98304; \
load() { while :; do dd \"$@\" status=none 2>/dev/null; usleep 20000; done & }; \
load if=/dev/mapper/db-data of=/dev/null bs=8k count=200 iflag=direct; \
load if=/dev/zero of=/dev/mapper/db-data bs=8k count=50 oflag=direct; \
load if=/dev/zero of=/dev/mapper/db-log bs=4k count=100 oflag=direct conv=fsync; \
load if=/dev/mapper/backup of=/dev/null bs=256k count=20 iflag=direct;";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let [directory, machine] = arguments.as_slice() else {
        return Err("name a directory for the pictures, and dmp-vm".into());
    };
    let pair = native_pty_system().openpty(PtySize {
        rows: ROWS,
        cols: COLUMNS,
        ..PtySize::default()
    })?;
    let mut child = pair.slave.spawn_command(CommandBuilder::new(machine))?;
    let mut output = pair.master.try_clone_reader()?;
    let mut keys = pair.master.take_writer()?;
    let seen = Arc::new(Mutex::new(Parser::new(ROWS, COLUMNS, 0)));
    let screen = seen.clone();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut bytes) {
            seen.lock().unwrap().process(&bytes[..length]);
        }
    });
    let contents = || screen.lock().unwrap().screen().contents();
    let wait = |wanted: &dyn Fn(&str) -> bool| {
        let began = Instant::now();
        while !wanted(contents().trim()) {
            if began.elapsed() > PATIENCE {
                return Err(format!(
                    "the expected screen did not appear:\n{}",
                    contents()
                ));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    };
    let picture = |name: &str| {
        let path = Path::new(directory).join(name);
        fs::write(path, svg(screen.lock().unwrap().screen()))
    };

    wait(&|screen| screen.ends_with(PROMPT))?;
    write!(keys, "{LOAD} {CLEAR}\r")?;
    wait(&|screen| screen.ends_with(CLEAR))?;
    wait(&|screen| screen == PROMPT)?;
    write!(keys, "dmpstat 1 3\r")?;
    wait(&|screen| screen.len() > 2 * PROMPT.len() && screen.ends_with(PROMPT))?;
    picture("table.svg")?;
    write!(keys, "dmpstat top\r")?;
    wait(&|screen| screen.contains("devices"))?;
    // After this time the history has some intervals.
    thread::sleep(Duration::from_secs(25));
    write!(keys, "\x1b[C")?;
    wait(&|screen| screen.contains("by r/s"))?;
    picture("top.svg")?;
    write!(keys, "q")?;
    wait(&|screen| screen.ends_with(PROMPT))?;
    write!(keys, "\x01x")?;
    child.wait()?;
    Ok(())
}

/// Returns the screen as SVG. Cells side by side that look alike are drawn together.
fn svg(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let used = (0..rows).rev().find(|row| {
        (0..columns).any(|column| screen.cell(*row, column).is_some_and(Cell::has_contents))
    });
    let rows = used.map_or(1, |row| row + 1);
    let (width, height) = (f64::from(columns) * CELL.0, f64::from(rows) * CELL.1);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0}\" height=\"{:.0}\" \
         font-family=\"monospace\" font-size=\"14\" fill=\"#d4d4d4\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#1e1e1e\"/>\n",
        width + 16.0,
        height + 16.0
    );
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            let Some(first) = screen.cell(row, column) else {
                break;
            };
            let begin = column;
            let mut text = String::new();
            while let Some(cell) = screen.cell(row, column).filter(|cell| alike(first, cell)) {
                let contents = cell.contents();
                text += if contents.is_empty() { " " } else { &contents };
                column += 1;
            }
            draw(&mut svg, first, text, (begin, column, row));
        }
    }
    svg += "</svg>\n";
    svg
}

fn alike(one: &Cell, other: &Cell) -> bool {
    let look = |cell: &Cell| {
        let drawn = cell.contents().chars().any(|character| character >= '▀');
        let of = (cell.bold(), cell.underline(), cell.inverse());
        (cell.fgcolor(), of, drawn)
    };
    look(one) == look(other)
}

fn draw(svg: &mut String, cell: &Cell, text: String, (begin, end, row): (u16, u16, u16)) {
    let (x, y) = (
        8.0 + f64::from(begin) * CELL.0,
        8.0 + f64::from(row) * CELL.1,
    );
    let width = f64::from(end - begin) * CELL.0;
    let colour = match cell.fgcolor() {
        Color::Idx(1 | 9) => "#f14c4c",
        Color::Idx(3 | 11) => "#e5e510",
        Color::Idx(6 | 14) => "#29b8db",
        _ => "#d4d4d4",
    };
    let colour = if cell.inverse() {
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{}\" fill=\"{colour}\"/>",
            CELL.1
        );
        "#1e1e1e"
    } else {
        colour
    };
    if text.trim().is_empty() {
        return;
    }
    // Blocks are drawn as shapes, because fonts leave gaps between them.
    if text
        .chars()
        .all(|character| ('▁'..='█').contains(&character))
    {
        // Equal blocks side by side are one shape, or there would be seams.
        let blocks: Vec<char> = text.chars().collect();
        let mut x = x;
        for alike in blocks.chunk_by(|one, next| one == next) {
            let eighths = f64::from(u32::from(alike[0]) - u32::from('▁') + 1);
            let height = (CELL.1 - 3.0) * eighths / 8.0;
            let width = alike.len() as f64 * CELL.0;
            let y = y + CELL.1 - 1.0 - height;
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>"
            );
            x += width;
        }
        return;
    }
    let mut style = format!("fill=\"{colour}\"");
    if cell.bold() {
        style += " font-weight=\"bold\"";
    }
    if cell.underline() {
        style += " text-decoration=\"underline\"";
    }
    let text = text.trim_end();
    let length = text.chars().count() as f64 * CELL.0;
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{length:.1}\" xml:space=\"preserve\" {style}>{text}</text>",
        y + 13.5
    );
}
