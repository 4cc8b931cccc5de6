// SPDX-License-Identifier: GPL-2.0

use proptest::prelude::*;

use crate::lines::{Count, DeviceLines, Shown, TableLines, bypass_flushes};
use crate::table_line;

/// The options of a line: `as_linear` and `flush_bypass`.
type Options = (bool, bool);

/// A device whose tables are numbered like their memory: the next table gets the lowest free
/// number.
struct Device {
    counted: DeviceLines<usize>,
    tables: Vec<Option<Table>>,
    live: Option<usize>,
}

#[derive(Default)]
struct Table {
    counted: TableLines,
    lines: Vec<Options>,
    resumed: bool,
}

#[derive(Clone, Debug)]
enum Step {
    /// Loads a table of these lines, one or more.
    Load(Vec<Options>),
    /// Adds a line to one of the tables, if it is still loaded.
    Add(prop::sample::Index, Options),
    /// Resumes one of the tables.
    Resume(prop::sample::Index),
    /// Destroys a line of one of the tables.
    Remove(prop::sample::Index),
}

fn count((as_linear, flush_bypass): Options) -> Count {
    Count::line(table_line::Options {
        flush_bypass,
        as_linear,
        ..table_line::Options::default()
    })
}

impl Device {
    fn new() -> Self {
        Self {
            counted: DeviceLines::NONE,
            tables: Vec::new(),
            live: None,
        }
    }

    fn load(&mut self, lines: &[Options]) -> usize {
        let free = self.tables.iter().position(Option::is_none);
        let id = free.unwrap_or_else(|| {
            self.tables.push(None);
            self.tables.len() - 1
        });
        self.tables[id] = Some(Table::default());
        lines.iter().for_each(|line| self.add(id, *line));
        id
    }

    fn add(&mut self, id: usize, line: Options) {
        let table = self.tables[id].as_mut().unwrap();
        if !table.resumed {
            table.lines.push(line);
            let count = count(line);
            self.counted.add(&mut table.counted, count);
        }
    }

    fn resume(&mut self, id: usize) {
        let table = self.tables[id].as_mut().unwrap();
        self.counted.resume(id, &mut table.counted);
        if !table.resumed {
            table.resumed = true;
            self.live = Some(id);
        }
    }

    fn remove(&mut self, id: usize) {
        let table = self.tables[id].as_mut().unwrap();
        let line = table.lines.pop().unwrap();
        let count = count(line);
        self.counted.remove(id, &mut table.counted, count);
        if table.lines.is_empty() {
            self.tables[id] = None;
            self.live = self.live.filter(|live| *live != id);
        }
    }

    fn step(&mut self, step: Step) {
        let ids: Vec<usize> = (0..self.tables.len())
            .filter(|id| self.tables[*id].is_some())
            .collect();
        match step {
            Step::Load(lines) => drop(self.load(&lines)),
            _ if ids.is_empty() => {}
            Step::Add(index, line) => self.add(*index.get(&ids), line),
            Step::Resume(index) => self.resume(*index.get(&ids)),
            Step::Remove(index) => self.remove(*index.get(&ids)),
        }
    }

    /// Counts the tables' lines one by one.
    fn expected(&self) -> Shown {
        let mut shown = Shown::default();
        for (id, table) in self.tables.iter().enumerate() {
            let Some(table) = table else { continue };
            let column = match table.resumed {
                false => 1,
                true if self.live == Some(id) => 0,
                true => continue,
            };
            for (as_linear, flush_bypass) in &table.lines {
                shown[column] += 1;
                shown[2 + column] += u64::from(*as_linear);
                shown[4 + column] += u64::from(*flush_bypass);
            }
        }
        shown
    }
}

fn step() -> impl Strategy<Value = Step> {
    let index = || any::<prop::sample::Index>();
    prop_oneof![
        2 => prop::collection::vec(any::<Options>(), 1..4).prop_map(Step::Load),
        1 => (index(), any::<Options>()).prop_map(|(table, line)| Step::Add(table, line)),
        2 => index().prop_map(Step::Resume),
        4 => index().prop_map(Step::Remove),
    ]
}

#[test]
fn a_reload_moves_lines_from_loaded_to_live() {
    let mut device = Device::new();
    let first = device.load(&[(true, false), (false, true), (true, true)]);
    assert_eq!(device.counted.shown(), [0, 3, 0, 2, 0, 2]);
    device.resume(first);
    assert_eq!(device.counted.shown(), [3, 0, 2, 0, 2, 0]);
    // Suspended and resumed again.
    device.resume(first);
    assert_eq!(device.counted.shown(), [3, 0, 2, 0, 2, 0]);
    let second = device.load(&[(false, false)]);
    assert_eq!(device.counted.shown(), [3, 1, 2, 0, 2, 0]);
    device.resume(second);
    assert_eq!(device.counted.shown(), [1, 0, 0, 0, 0, 0]);
    // The replaced lines are destroyed only now.
    (0..3).for_each(|_| device.remove(first));
    assert_eq!(device.counted.shown(), [1, 0, 0, 0, 0, 0]);
    device.remove(second);
    assert_eq!(device.counted.shown(), [0; 6]);
}

#[test]
fn flushes_bypass_the_counters_while_all_live_lines_have_the_option() {
    for (shown, expected) in [
        // There is no live line: a loaded table changes nothing yet.
        ([0, 2, 0, 0, 0, 2], false),
        ([2, 0, 0, 0, 2, 0], true),
        ([2, 0, 0, 0, 1, 0], false),
        ([2, 0, 2, 0, 0, 0], false),
        ([2, 1, 2, 0, 2, 0], true),
        ([1, 0, 0, 0, 0, 1], false),
    ] {
        assert_eq!(bypass_flushes(&shown), expected, "{shown:?}");
    }
}

/// A table without dmp lines replaces the live one, whose memory is reused.
#[test]
fn a_table_that_reuses_a_number_is_counted_as_loaded() {
    let mut device = Device::new();
    let first = device.load(&[(true, false)]);
    device.resume(first);
    device.remove(first);
    assert_eq!(device.load(&[(false, true)]), first);
    assert_eq!(device.counted.shown(), [0, 1, 0, 0, 0, 1]);
    device.remove(first);
    assert_eq!(device.counted.shown(), [0; 6]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn counts_match_the_existing_lines_after_any_steps(
        steps in prop::collection::vec(step(), 0..40)
    ) {
        let mut device = Device::new();
        for step in steps {
            device.step(step);
            prop_assert_eq!(device.counted.shown(), device.expected());
        }
    }
}
