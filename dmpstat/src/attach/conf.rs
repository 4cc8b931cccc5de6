// SPDX-License-Identifier: GPL-2.0

//! /etc/dmp/attach.conf: the volumes to attach whenever they are activated or changed.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::attach::files;
use crate::attach::request::{Options, Shown};
use crate::model::escape;
use crate::source::lvm;
use crate::source::selection::{self, Choice};
use crate::source::sysfs::Machine;

/// The file.
pub const PATH: &str = "/etc/dmp/attach.conf";

/// The rules of the file.
#[derive(Default)]
pub struct Conf {
    /// The valid lines, in their order. The first one that names a volume applies.
    pub rules: Vec<Rule>,
    /// The invalid lines. The others apply.
    pub wrong: Vec<Wrong>,
}

/// One line.
#[derive(Debug)]
pub struct Rule {
    /// Line number, from 1.
    pub line: usize,
    /// The volumes.
    pub volumes: Choice,
    /// The options of their dmp lines.
    pub options: Options,
}

/// An invalid line.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{PATH}, line {line}: {what}")]
#[allow(missing_docs)]
pub struct Wrong {
    pub line: usize,
    pub what: String,
}

/// The result of [`Conf::keep`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// A line was added.
    Added,
    /// The line of this number had other options and was changed.
    Changed(usize),
    /// The line of this number names the volume with these options.
    Already(usize),
}

impl Conf {
    /// Reads attach.conf.
    pub fn read(machine: &Machine) -> io::Result<Self> {
        fs::read(machine.path(PATH)).map(|text| Self::parse(&text))
    }

    /// Reads the file's text.
    pub fn parse(text: &[u8]) -> Self {
        let mut conf = Self::default();
        for (at, line) in text.split(is_newline).enumerate() {
            match rule(at + 1, line) {
                Ok(rule) => conf.rules.extend(rule),
                Err(what) => conf.wrong.push(Wrong { line: at + 1, what }),
            }
        }
        conf
    }

    /// Lists a volume with these options: adds a line at the end of the file, or changes the volume's own
    /// line. An earlier pattern with other options would win over a line at the end, so the new line goes
    /// before the pattern's.
    ///
    /// All other bytes stay, and so do the file's mode and owner. A reader sees the old text or the new one,
    /// never a part.
    pub fn keep(path: &Path, volume: &OsStr, options: Options) -> io::Result<Kept> {
        let line = written(volume, options)?;
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_symlink() => return Err(is_link(path)),
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let text = match &metadata {
            Some(_) => fs::read(path)?,
            None => Vec::new(),
        };
        let (text, kept) = kept(text, volume, options, line);
        if !matches!(kept, Kept::Already(_)) {
            if let Some(directory) = path.parent() {
                files::make_directory(directory, files::DIRECTORY)?;
            }
            files::replace_like(path, &text, metadata.as_ref())?;
        }
        Ok(kept)
    }
}

fn is_newline(byte: &u8) -> bool {
    *byte == b'\n'
}

/// Returns the part of a line before its comment.
fn before_comment(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b'#').next().unwrap_or(&[])
}

/// Reads the rule of a line; `None` if the line is empty.
fn rule(number: usize, line: &[u8]) -> Result<Option<Rule>, String> {
    let words = before_comment(line).split(u8::is_ascii_whitespace);
    let mut words = words.filter(|word| !word.is_empty());
    let Some(volumes) = words.next() else {
        return Ok(None);
    };
    let options = options(words)?;
    let volumes = OsString::from_vec(volumes.to_vec());
    let volumes = Choice::checked(&volumes).map_err(|error| {
        format!(
            "\"{}\" is not a valid pattern: {error}",
            escape::show(volumes.as_encoded_bytes())
        )
    })?;
    Ok(Some(Rule {
        line: number,
        volumes,
        options,
    }))
}

fn options<'a>(words: impl Iterator<Item = &'a [u8]>) -> Result<Options, String> {
    let (mut latency, mut shown) = (None, None);
    let mut options = Options::default();
    for word in words {
        match word {
            b"latency" => set(&mut latency, true, ["latency", "no_latency"])?,
            b"no_latency" => set(&mut latency, false, ["latency", "no_latency"])?,
            b"as_dmp" => set(&mut shown, Shown::Dmp, ["as_dmp", "as_linear"])?,
            b"as_linear" => set(&mut shown, Shown::Linear, ["as_dmp", "as_linear"])?,
            b"flush_bypass" => options.flush_bypass = true,
            b"pattern" => options.measurements.pattern = true,
            other => {
                return Err(format!(
                    "\"{}\" is not an option: expected latency, no_latency, pattern, flush_bypass, \
                     as_dmp or as_linear",
                    escape::show(other)
                ));
            }
        }
    }
    options.measurements.latency = latency.unwrap_or(true);
    options.shown = shown.unwrap_or_default();
    Ok(options)
}

/// Sets an option to one of its two values. `words` are the words for the two.
fn set<T: PartialEq>(option: &mut Option<T>, to: T, words: [&str; 2]) -> Result<(), String> {
    match option.replace(to) {
        before if before.is_none() || before == *option => Ok(()),
        _ => Err(format!("{} and {} exclude each other", words[0], words[1])),
    }
}

/// Returns the line of a volume and its options. Fails if the file cannot have the volume's name.
fn written(volume: &OsStr, options: Options) -> io::Result<Vec<u8>> {
    let words = [
        (!options.measurements.latency, "no_latency"),
        (options.measurements.pattern, "pattern"),
        (options.flush_bypass, "flush_bypass"),
        (options.shown == Shown::Dmp, "as_dmp"),
        (options.shown == Shown::Linear, "as_linear"),
    ];
    let mut line = volume.as_bytes().to_vec();
    for (_, word) in words.iter().filter(|(is_set, _)| *is_set) {
        line.push(b' ');
        line.extend(word.bytes());
    }
    match rule(1, &line) {
        Ok(Some(rule)) if rule.volumes.written == volume => Ok(line),
        _ => Err(io::Error::new(
            ErrorKind::InvalidInput,
            format!(
                "a line cannot hold the name \"{}\": write a pattern, with ? for each blank, \"#\" \
                 and \"[\"",
                escape::show(volume.as_bytes())
            ),
        )),
    }
}

fn is_link(path: &Path) -> io::Error {
    let target = fs::read_link(path).unwrap_or_default();
    io::Error::other(format!(
        "the file is a link to {}, written by another program. Add the volume to the other \
         program's settings (on NixOS services.dmp.attach)",
        escape::show(target.as_os_str().as_bytes())
    ))
}

/// Returns the text with the volume's line.
fn kept(text: Vec<u8>, volume: &OsStr, options: Options, new: Vec<u8>) -> (Vec<u8>, Kept) {
    let name = device_name(volume.as_bytes());
    let names = selection::names("", &name);
    let names_volume = |rule: &&Rule| match rule.volumes.is_pattern() {
        true => !lvm::has_inner_name(&name) && rule.volumes.is("", &names, None),
        false => device_name(rule.volumes.written.as_bytes()) == name,
    };
    let conf = Conf::parse(&text);
    let Some(rule) = conf.rules.iter().find(names_volume) else {
        let newline: &[u8] = if text.is_empty() || text.ends_with(b"\n") {
            b""
        } else {
            b"\n"
        };
        return ([&text, newline, &new, b"\n"].concat(), Kept::Added);
    };
    if rule.options == options {
        return (text, Kept::Already(rule.line));
    }
    let mut lines: Vec<Vec<u8>> = text.split(is_newline).map(<[u8]>::to_vec).collect();
    let at = rule.line - 1;
    if rule.volumes.is_pattern() && rule.volumes.written != volume {
        lines.insert(at, new);
        return (lines.join(&b'\n'), Kept::Added);
    }
    // Keeps the indentation, the name as written there, and the rest of the line after its last word.
    let line = &lines[at];
    let words = before_comment(line);
    let begin = words.len() - words.trim_ascii_start().len();
    let end = words.trim_ascii_end().len();
    let written = rule.volumes.written.as_bytes();
    let options = &new[volume.len()..];
    lines[at] = [&line[..begin], written, options, &line[end..]].concat();
    (lines.join(&b'\n'), Kept::Changed(rule.line))
}

/// Returns the device-mapper name of a volume that is written in one of the forms of [`selection::names`].
fn device_name(written: &[u8]) -> Vec<u8> {
    if let Some(name) = written.strip_prefix(b"/dev/mapper/") {
        return name.to_vec();
    }
    let volume = written.strip_prefix(b"/dev/").unwrap_or(written);
    lvm::device_name(volume).unwrap_or_else(|| written.to_vec())
}
