// SPDX-License-Identifier: GPL-2.0

//! Text forms of metrics: [OpenMetrics 1.0](https://prometheus.io/docs/specs/om/open_metrics_spec/), and the
//! [form before OpenMetrics](https://prometheus.io/docs/instrumenting/exposition_formats/), which all programs
//! read.
//!
//! prometheus-client writes both, but formats the labels of a volume again for each bucket: that took nine
//! tenths of a scrape.

use std::io::{self, Write};

use itoa::Buffer;

/// A text form of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The text form from before OpenMetrics.
    Classic,
}

impl Form {
    /// Returns the form's media type in HTTP.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// A family of metrics.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name, without unit and suffix.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its unit, which is also the end of its name.
    pub unit: Option<Unit>,
    /// Its description, on one line.
    pub help: &'static str,
}

/// A type of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// A unit of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Unit {
    Seconds,
    Bytes,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
        }
    }
}

/// A value of a metric.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// A number of things.
    Count(u64),
    /// A time in nanoseconds, shown in seconds.
    Nanoseconds(u64),
    /// Any number.
    Number(f64),
}

/// The labels of a metric, as text without the closing brace.
#[derive(Clone, Debug, Default)]
pub struct Labels(String);

impl Labels {
    /// Makes the text of these labels.
    pub fn new<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut text = String::new();
        for (name, value) in labels {
            text.push(if text.is_empty() { '{' } else { ',' });
            text.push_str(name);
            text.push_str("=\"");
            for letter in value.chars() {
                match letter {
                    '\\' => text.push_str("\\\\"),
                    '"' => text.push_str("\\\""),
                    '\n' => text.push_str("\\n"),
                    letter => text.push(letter),
                }
            }
            text.push('"');
        }
        Self(text)
    }

    fn end(&self) -> &'static str {
        if self.0.is_empty() { "" } else { "}" }
    }
}

/// The bounds of a histogram's buckets, as text. The last one is infinite.
#[derive(Clone, Debug)]
pub struct Bounds(Vec<String>);

impl Bounds {
    /// Makes the text of these bounds, and of the infinite one.
    pub fn new(bounds: impl IntoIterator<Item = f64>, form: Form) -> Self {
        let label = |bound: String| format!(",le=\"{bound}\"}} ");
        let finite = bounds
            .into_iter()
            .map(|bound| label(shown_bound(bound, form)));
        Self(finite.chain([label("+Inf".to_owned())]).collect())
    }
}

/// Returns a bound in the text of Prometheus' own libraries. OpenMetrics has a decimal point in each number, and
/// the older form has an exponent in small and large ones.
fn shown_bound(bound: f64, form: Form) -> String {
    let decimal = bound.to_string();
    if form == Form::OpenMetrics {
        let end = if decimal.contains('.') { "" } else { ".0" };
        return decimal + end;
    }
    let scientific = format!("{bound:e}");
    let parts = scientific.split_once('e');
    let parts = parts.and_then(|(digits, power)| Some((digits, power.parse::<i32>().ok()?)));
    match parts {
        Some((digits, power @ ..-4)) => format!("{digits}e-{:02}", -power),
        Some((digits, power @ 6..)) => format!("{digits}e+{power:02}"),
        _ => decimal,
    }
}

/// The size of a piece of text, in bytes, that is passed on.
const PIECE: usize = 32 << 10;

/// A writer of metrics.
pub struct Text<'a> {
    out: &'a mut dyn Write,
    form: Form,
    /// The end of the text, which was not passed on yet.
    piece: String,
    /// The description of the current family, which its first metric writes: a family without metrics is left
    /// out.
    header: String,
    /// The name of the current family, with its unit.
    family: String,
    /// The end of the name of the current family's metrics.
    suffix: &'static str,
}

impl<'a> Text<'a> {
    /// Makes a writer of this form.
    pub fn new(form: Form, out: &'a mut dyn Write) -> Self {
        Self {
            out,
            form,
            piece: String::with_capacity(2 * PIECE),
            header: String::new(),
            family: String::new(),
            suffix: "",
        }
    }

    /// Begins a family.
    pub fn family(&mut self, family: &Family) {
        self.family = match family.unit {
            Some(unit) => format!("{}_{}", family.name, unit.name()),
            None => family.name.to_owned(),
        };
        self.suffix = match family.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        let open = self.form == Form::OpenMetrics;
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
            Kind::Info if open => "info",
            Kind::Gauge | Kind::Info => "gauge",
        };
        // The older form describes each metric by its whole name.
        let suffix = if open { "" } else { self.suffix };
        let name = &self.family;
        let help = family.help;
        self.header = format!("# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n");
        if let Some(unit) = family.unit.filter(|_| open) {
            self.header += &format!("# UNIT {name} {}\n", unit.name());
        }
    }

    /// Writes a metric of the current family. Only OpenMetrics has the time at which it was created, in seconds
    /// since 1970.
    pub fn metric(
        &mut self,
        labels: &Labels,
        value: Value,
        created: Option<f64>,
    ) -> io::Result<()> {
        self.begin();
        let suffix = self.suffix;
        self.line(suffix, labels, value);
        self.end(labels, created)
    }

    /// Writes a histogram of the current family: the number of values in each bucket of `bounds`, and the sum of
    /// all values.
    pub fn histogram(
        &mut self,
        labels: &Labels,
        bounds: &Bounds,
        counts: &[u64],
        sum: Value,
        created: Option<f64>,
    ) -> io::Result<()> {
        self.begin();
        let mut below = 0_u64;
        let mut digits = Buffer::new();
        for (bound, count) in bounds.0.iter().zip(counts) {
            below = below.saturating_add(*count);
            for part in [
                &self.family,
                "_bucket",
                &labels.0,
                bound,
                digits.format(below),
                "\n",
            ] {
                self.piece.push_str(part);
            }
        }
        self.line("_sum", labels, sum);
        self.line("_count", labels, Value::Count(below));
        self.end(labels, created)
    }

    /// Writes the description of the family, unless an earlier metric has.
    fn begin(&mut self) {
        self.piece.push_str(&self.header);
        self.header.clear();
    }

    fn end(&mut self, labels: &Labels, created: Option<f64>) -> io::Result<()> {
        if let Some(created) = created.filter(|_| self.form == Form::OpenMetrics) {
            let (family, end) = (&self.family, labels.end());
            self.piece += &format!("{family}_created{}{end} {created:.3}\n", labels.0);
        }
        if self.piece.len() < PIECE {
            return Ok(());
        }
        self.flush()
    }

    /// Writes the end of all metrics.
    pub fn finish(mut self) -> io::Result<()> {
        if self.form == Form::OpenMetrics {
            self.piece.push_str("# EOF\n");
        }
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(self.piece.as_bytes())?;
        self.piece.clear();
        Ok(())
    }

    fn line(&mut self, suffix: &str, labels: &Labels, value: Value) {
        for part in [&self.family, suffix, &labels.0, labels.end(), " "] {
            self.piece.push_str(part);
        }
        let mut digits = Buffer::new();
        match value {
            Value::Count(count) => self.piece.push_str(digits.format(count)),
            Value::Nanoseconds(time) => {
                self.piece.push_str(digits.format(time / 1_000_000_000));
                let fraction = format!("{:09}", time % 1_000_000_000);
                self.piece.push('.');
                self.piece.push_str(match fraction.trim_end_matches('0') {
                    "" => "0",
                    digits => digits,
                });
            }
            Value::Number(number) => self.piece += &number.to_string(),
        }
        self.piece.push('\n');
    }
}
