// SPDX-License-Identifier: GPL-2.0

//! The file `snapshot` of a device: all of its counters at one time.
//!
//! Later modules may add words at the end of a line and lines at the end of the file. So unknown words and
//! lines are skipped, and a missing counter is an unmeasured one.

use crate::model::escape;
use crate::model::histogram::{Histogram, INFINITE, from_signed};
use crate::model::measurement::Measurements;
use crate::model::operation::Operation;
use crate::model::statistic::{Statistic, Values};

/// The version of the file's format.
const FORM: u64 = 1;

/// A device and its counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its kernel name: dm-3; empty for the sum of a group of devices.
    pub device: String,
    /// Its name in device mapper, with libdevmapper's escapes.
    pub name: Vec<u8>,
    /// Its uuid in device mapper; empty if it has none.
    pub uuid: Vec<u8>,
    /// Its diskseq: a later device with the same kernel name has another one.
    pub diskseq: u64,
    /// Time at which counting began, in nanoseconds since boot.
    pub since: u64,
    /// Time of the snapshot, in nanoseconds since boot.
    pub taken: u64,
    /// Latencies are measured.
    pub latency: bool,
    /// Time at which latencies began at zero, in nanoseconds since boot: when they were last switched on, or
    /// at a later reset. `None` while latencies are off, or if the module does not report it.
    pub latency_since: Option<u64>,
    /// Time at which `pattern` began at zero, in nanoseconds since boot: when it was last switched on, or at a
    /// later reset. `None` while it is off.
    pub pattern_since: Option<u64>,
    /// The device's dmp lines; `None` if the module does not report them.
    pub lines: Option<Lines>,
    /// Counters of each measured operation.
    pub operations: [Option<Counters>; Operation::COUNT],
    /// The kernel's own numbers of the mapped device, if they were read.
    pub disk: Disk,
}

/// The kernel's own numbers of a mapped device
/// (Documentation/ABI/stable/sysfs-block, Documentation/ABI/testing/sysfs-block-dm).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// The device is suspended: its requests are deferred, and not in flight.
    pub suspended: bool,
    /// Reads and writes in flight, if the kernel reports them.
    pub inflight: Option<[u64; 2]>,
    /// Completed requests, if the kernel reports them.
    pub completed: Option<u64>,
}

/// The dmp lines of a device, which its table may show as linear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Those of the live table.
    pub live: LineCount,
    /// Those of a loaded table that was never live.
    pub loaded: LineCount,
}

/// Numbers of dmp lines in a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineCount {
    /// All of them.
    pub all: u64,
    /// Those that the table shows as linear.
    pub as_linear: u64,
    /// Those with uncounted flushes.
    pub flush_bypass: u64,
}

impl LineCount {
    /// Returns whether no flush through these lines is counted.
    pub fn bypass_flushes(self) -> bool {
        self.all > 0 && self.flush_bypass == self.all
    }
}

/// The counters of one operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// All statistics but those in `timing`.
    pub values: Values,
    /// Sizes of the requests that arrived.
    pub sizes: Histogram,
    /// Latencies; `None` while they are off.
    pub timing: Option<Timing>,
    /// Signed distances of the requests from earlier ones, in sectors; `None` while they are not measured.
    pub seeks: Option<Histogram>,
}

/// The latencies of one operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// The statistics that begin at zero when latencies are switched on. The highest latency of an interval
    /// is an upper bound, which is exact if it grew in the interval.
    pub values: Values,
    /// Latencies of the requests that succeeded.
    pub latencies: Histogram,
}

/// Reasons that a text is not a snapshot.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Malformed {
    #[error("the first line is not \"dmp {FORM}\"")]
    NotASnapshot,
    #[error("the form \"dmp {0}\" needs a newer dmpstat")]
    Newer(u64),
    #[error("the line \"{0}\" is missing")]
    Missing(&'static str),
    #[error("line {line}: {what} is not a number")]
    Number { line: usize, what: String },
}

impl Snapshot {
    /// Reads a snapshot from the file's text.
    pub fn parse(text: &[u8]) -> Result<Self, Malformed> {
        let mut lines = text.split(|byte| *byte == b'\n').enumerate();
        let first = lines
            .next()
            .and_then(|(_, line)| line.strip_prefix(b"dmp "));
        match first.and_then(|words| number(words.split(is_space).next()?)) {
            Some(FORM) => {}
            Some(form) => return Err(Malformed::Newer(form)),
            None => return Err(Malformed::NotASnapshot),
        }

        let (mut device, mut name, mut uuid) = (None, None, Vec::new());
        let (mut diskseq, mut since, mut taken) = (None, None, None);
        let (mut latency, mut latency_since, mut pattern_since) = (false, None, None);
        let mut dmp_lines = None;
        let mut operations = [const { None }; Operation::COUNT];
        let mut counted = [false; Operation::COUNT];
        for (at, line) in lines {
            let mut line = Line {
                at: at + 1,
                words: words(line),
            };
            let Some(keyword) = line.words.next() else {
                continue;
            };
            match keyword {
                b"device" => device = line.text(),
                b"name" => name = line.text(),
                b"uuid" => uuid = line.text().unwrap_or_default(),
                b"diskseq" => diskseq = line.number()?,
                b"since" => since = line.number()?,
                b"taken" => taken = line.number()?,
                b"latency" => latency = line.words.next() == Some(b"on"),
                b"latency_since" => latency_since = line.number()?,
                b"pattern_since" => pattern_since = line.number()?,
                b"lines" => dmp_lines = Some(line.lines()?),
                keyword => {
                    let mut all = Operation::ALL.into_iter();
                    if let Some(operation) = all.find(|of| of.name().as_bytes() == keyword) {
                        let counters = operations[operation as usize].get_or_insert_default();
                        counted[operation as usize] |= line.counters(counters)?;
                    }
                }
            }
        }
        // Older modules write zeros for flushes that bypass the counters.
        if dmp_lines.is_some_and(|lines| lines.live.bypass_flushes()) {
            counted[Operation::Flush as usize] = false;
        }
        for (counters, counted) in operations.iter_mut().zip(counted) {
            counters.take_if(|_| !counted);
        }
        let device = device.ok_or(Malformed::Missing("device"))?;
        Ok(Self {
            name: name.ok_or(Malformed::Missing("name"))?,
            device: escape::show(&device),
            uuid,
            diskseq: diskseq.ok_or(Malformed::Missing("diskseq"))?,
            since: since.ok_or(Malformed::Missing("since"))?,
            taken: taken.ok_or(Malformed::Missing("taken"))?,
            latency,
            latency_since: latency_since.filter(|_| latency),
            pattern_since,
            lines: dmp_lines,
            operations,
            disk: Disk::default(),
        })
    }

    /// Returns whether this is the sum of a group of devices, which has no kernel name, uuid or diskseq.
    pub fn is_group(&self) -> bool {
        self.device.is_empty()
    }

    /// Returns the measurements that are on.
    pub fn measurements(&self) -> Measurements {
        Measurements {
            latency: self.latency,
            pattern: self.pattern_since.is_some(),
        }
    }

    /// Returns the device's name without escapes.
    pub fn plain_name(&self) -> Vec<u8> {
        escape::undo(&self.name)
    }

    /// Returns the device's name in the form for people.
    pub fn shown_name(&self) -> String {
        escape::shown(&self.name)
    }

    /// Returns the counters of an operation, if it is measured.
    pub fn of(&self, operation: Operation) -> Option<&Counters> {
        self.operations[operation as usize].as_ref()
    }
}

/// A line that is being read.
struct Line<I> {
    at: usize,
    words: I,
}

impl<'a, I: Iterator<Item = &'a [u8]>> Line<I> {
    /// Returns the next word, without the file's escapes.
    fn text(&mut self) -> Option<Vec<u8>> {
        self.words.next().map(escape::undo)
    }

    /// Returns the next word as a number; `None` at the end of the line. Fails if the word is not a number.
    fn number(&mut self) -> Result<Option<u64>, Malformed> {
        self.words
            .next()
            .map(|word| number(word).ok_or_else(|| self.no_number(word)))
            .transpose()
    }

    fn no_number(&self, word: &[u8]) -> Malformed {
        Malformed::Number {
            line: self.at,
            what: format!("\"{}\"", escape::show(word)),
        }
    }

    /// Reads `<live> <loaded>` for all lines, and `<name> <live> <loaded>` for the lines of each kind.
    fn lines(mut self) -> Result<Lines, Malformed> {
        let mut lines = Lines::default();
        lines.live.all = self.number()?.unwrap_or(0);
        lines.loaded.all = self.number()?.unwrap_or(0);
        while let Some(name) = self.words.next() {
            let count: fn(&mut LineCount) -> &mut u64 = match name {
                b"as_linear" => |count| &mut count.as_linear,
                b"flush_bypass" => |count| &mut count.flush_bypass,
                // This name comes from a later module. Its two numbers follow.
                _ => {
                    self.words.nth(1);
                    continue;
                }
            };
            *count(&mut lines.live) = self.number()?.unwrap_or(0);
            *count(&mut lines.loaded) = self.number()?.unwrap_or(0);
        }
        Ok(lines)
    }

    /// Reads the rest of an operation's line. Returns whether the line has the number of requests.
    fn counters(mut self, counters: &mut Counters) -> Result<bool, Malformed> {
        let kind = self.words.next();
        match kind {
            Some(b"sizes") => counters.sizes = self.histogram(number)?,
            Some(b"latencies") => counters.timing().latencies = self.histogram(number)?,
            Some(b"seeks") => counters.seeks = Some(self.histogram(signed_bound)?),
            mut word @ Some(b"requests") => {
                while let Some(name) = word {
                    let mut all = Statistic::ALL.into_iter();
                    match all.find(|of| of.name().as_bytes() == name) {
                        Some(statistic) => counters.set(statistic, self.number()?),
                        // This name comes from a later module. Its number follows.
                        None => drop(self.words.next()),
                    }
                    word = self.words.next();
                }
            }
            // This line comes from a later module.
            _ => {}
        }
        Ok(kind == Some(b"requests"))
    }

    /// Reads words `<bound>:<count>`, up to the first word of another form.
    fn histogram(&mut self, read: fn(&[u8]) -> Option<u64>) -> Result<Histogram, Malformed> {
        let mut buckets = Vec::new();
        for word in self.words.by_ref() {
            let Some(colon) = word.iter().position(|byte| *byte == b':') else {
                break;
            };
            let (bound, count) = (&word[..colon], &word[colon + 1..]);
            let bound = if bound == b"inf" {
                Some(INFINITE)
            } else {
                read(bound)
            };
            match bound.zip(number(count)) {
                Some(bucket) => buckets.push(bucket),
                None => return Err(self.no_number(word)),
            }
        }
        Ok(Histogram::new(buckets))
    }
}

impl Timing {
    /// Returns the sum of the latencies, in nanoseconds.
    pub fn sum(&self) -> u64 {
        self.values.get(Statistic::LatencySum).unwrap_or(0)
    }

    /// Returns the highest latency, in nanoseconds.
    pub fn max(&self) -> u64 {
        self.values.get(Statistic::LatencyMax).unwrap_or(0)
    }
}

impl Counters {
    /// Returns a statistic, if it was measured.
    pub fn of(&self, statistic: Statistic) -> Option<u64> {
        match statistic.begins_with_latency() {
            true => self.timing.as_ref()?.values.get(statistic),
            false => self.values.get(statistic),
        }
    }

    /// Returns the number of requests that arrived.
    pub fn requests(&self) -> u64 {
        self.of(Statistic::Requests).unwrap_or(0)
    }

    /// Returns the bytes of these requests.
    pub fn bytes(&self) -> u64 {
        self.of(Statistic::Bytes).unwrap_or(0)
    }

    fn set(&mut self, statistic: Statistic, value: Option<u64>) {
        let values = match statistic.begins_with_latency() {
            true => &mut self.timing().values,
            false => &mut self.values,
        };
        values.set(statistic, value);
    }

    fn timing(&mut self) -> &mut Timing {
        self.timing.get_or_insert_default()
    }
}

fn is_space(byte: &u8) -> bool {
    *byte == b' '
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(is_space).filter(|word| !word.is_empty())
}

/// Reads a signed number as the bound of a bucket.
fn signed_bound(word: &[u8]) -> Option<u64> {
    let value = match word.strip_prefix(b"-") {
        Some(digits) => 0_i64.checked_sub_unsigned(number(digits)?)?,
        None => number(word)?.try_into().ok()?,
    };
    Some(from_signed(value))
}

/// Reads a number of decimal digits only; `None` for all other words.
fn number(word: &[u8]) -> Option<u64> {
    let (first, rest) = word.split_first()?;
    let digit = |digit: &u8| char::from(*digit).to_digit(10).map(u64::from);
    rest.iter().try_fold(digit(first)?, |number, next| {
        number.checked_mul(10)?.checked_add(digit(next)?)
    })
}
