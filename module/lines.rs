// SPDX-License-Identifier: GPL-2.0

//! Counts of a device's dmp lines, as `snapshot` shows them.
//!
//! A table counts as loaded until its first resume. It is live from then on, until the first resume of
//! another table of the device. Lines of a replaced table are not counted, because their destruction has
//! begun.
//!
//! Plain Rust without kernel types.

use crate::table_line::{
    Options,
    NAMES, //
};

/// The kinds of counted lines: all lines, and those with each of these options.
pub(crate) const KINDS: [&str; 3] = ["lines", NAMES.as_linear, NAMES.flush_bypass];

/// Number of counts: two for each of [`KINDS`].
pub(crate) const COUNTS: usize = 2 * KINDS.len();

/// The counts of one device: for each kind, the lines in the live table and those in a loaded one.
pub(crate) type Shown = [u64; COUNTS];

/// Tells if flushes bypass the counters: all live dmp lines have `flush_bypass`. Lines of other targets are
/// unknown here.
pub(crate) fn bypass_flushes(shown: &Shown) -> bool {
    let [lines, _, _, _, flush_bypass, _] = *shown;
    lines > 0 && lines == flush_bypass
}

/// Numbers of lines, by [`KINDS`].
#[derive(Clone, Copy, Default)]
pub(crate) struct Count([u32; KINDS.len()]);

impl Count {
    /// Counts one line with these options.
    pub(crate) fn line(options: Options) -> Self {
        Self([1, options.as_linear.into(), options.flush_bypass.into()])
    }

    fn add(&mut self, Self(other): Self) {
        for (number, more) in self.0.iter_mut().zip(other) {
            *number = number.wrapping_add(more);
        }
    }

    fn sub(&mut self, Self(other): Self) {
        for (number, less) in self.0.iter_mut().zip(other) {
            *number = number.wrapping_sub(less);
        }
    }
}

/// The lines of one table.
#[derive(Default)]
pub(crate) struct TableLines {
    count: Count,
    resumed: bool,
}

/// The lines of one device. No two of its existing tables have the same `Id`.
pub(crate) struct DeviceLines<Id> {
    /// The table with the latest first resume. It may be destroyed already.
    live_table: Option<Id>,
    live: Count,
    loaded: Count,
}

impl<Id: PartialEq> DeviceLines<Id> {
    /// A device without lines.
    pub(crate) const NONE: Self = Self {
        live_table: None,
        live: Count([0; KINDS.len()]),
        loaded: Count([0; KINDS.len()]),
    };

    /// Adds a line to a table that is being loaded.
    pub(crate) fn add(&mut self, table: &mut TableLines, line: Count) {
        table.count.add(line);
        self.loaded.add(line);
    }

    /// Makes a table the live one, at its first resume.
    pub(crate) fn resume(&mut self, id: Id, table: &mut TableLines) {
        if !table.resumed {
            table.resumed = true;
            self.loaded.sub(table.count);
            self.live = table.count;
            self.live_table = Some(id);
        }
    }

    /// Removes a line that is being destroyed.
    pub(crate) fn remove(&mut self, id: Id, table: &mut TableLines, line: Count) {
        table.count.sub(line);
        if !table.resumed {
            self.loaded.sub(line);
        } else if self.live_table == Some(id) {
            self.live.sub(line);
        }
    }

    /// Returns the counts in the order of the text.
    pub(crate) fn shown(&self) -> Shown {
        let mut shown = Shown::default();
        let pairs = self.live.0.into_iter().zip(self.loaded.0);
        for (place, (live, loaded)) in shown.chunks_exact_mut(2).zip(pairs) {
            place.copy_from_slice(&[live.into(), loaded.into()]);
        }
        shown
    }
}
