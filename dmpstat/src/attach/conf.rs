// SPDX-License-Identifier: GPL-2.0

//! /etc/dmp/attach.conf: which volumes are to be attached whenever they come or change.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::attach::line::Options;
use crate::escape;
use crate::selection::Choice;

/// Where it is.
pub const PATH: &str = "/etc/dmp/attach.conf";

/// The file.
#[derive(Default)]
pub struct Conf {
    /// What it asks for, in its order.
    pub rules: Vec<Rule>,
    /// Its lines that are wrong. The others hold.
    pub wrong: Vec<Wrong>,
}

/// One line.
pub struct Rule {
    /// Its number.
    pub line: usize,
    /// Which volumes.
    pub volumes: Choice,
    /// How they are attached.
    pub options: Options,
}

/// A line that is wrong.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{PATH}, line {line}: {what}")]
#[allow(missing_docs)]
pub struct Wrong {
    pub line: usize,
    pub what: String,
}

impl Conf {
    /// Reads the file's text.
    pub fn parse(text: &[u8]) -> Self {
        let mut conf = Self::default();
        for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.split(|byte| *byte == b'#').next().unwrap_or(&[]);
            let words = line.split(u8::is_ascii_whitespace);
            let mut words = words.filter(|word| !word.is_empty());
            let Some(volumes) = words.next() else {
                continue;
            };
            match rule(at + 1, volumes, words) {
                Ok(rule) => conf.rules.push(rule),
                Err(what) => conf.wrong.push(Wrong { line: at + 1, what }),
            }
        }
        conf
    }
}

fn rule<'a>(
    line: usize,
    volumes: &[u8],
    words: impl Iterator<Item = &'a [u8]>,
) -> Result<Rule, String> {
    let mut options = Options::default();
    for word in words {
        match word {
            b"latency" => options.latency = true,
            b"flush_bypass" => options.flush_bypass = true,
            other => {
                return Err(format!(
                    "\"{}\" is no option: there are latency and flush_bypass",
                    escape::show(other)
                ));
            }
        }
    }
    let volumes = OsString::from_vec(volumes.to_vec());
    let volumes = Choice::checked(&volumes).map_err(|error| {
        format!(
            "\"{}\" is no pattern: {error}",
            escape::show(volumes.as_encoded_bytes())
        )
    })?;
    Ok(Rule {
        line,
        volumes,
        options,
    })
}
