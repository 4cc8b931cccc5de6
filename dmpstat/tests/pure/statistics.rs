// SPDX-License-Identifier: GPL-2.0

//! The documents that are not generated from the module's table of statistics name each of them.

use dmpstat::cli;
use dmpstat::format::report::Count;
use dmpstat::model::statistic::{Kind, Shown, Statistic, Unit};

/// Joins words as a sentence does: "a, b and c".
fn listed(words: &[&str]) -> String {
    let (last, others) = words.split_last().unwrap();
    format!("{} and {last}", others.join(", "))
}

#[test]
fn the_manual_names_all_counts_and_the_nonadditive_ones() {
    let manual = cli::command().get_after_long_help().unwrap().to_string();
    let names: Vec<&str> = Count::all().map(Count::name).collect();
    let sentence = format!("the interval's {}, and the histograms", listed(&names));
    assert!(manual.contains(&sentence), "{sentence}");
    let others: Vec<&str> = Count::all()
        .filter(|count| match count {
            Count::Statistic(statistic) => statistic.description().kind != Kind::Counter,
            Count::Latencies => false,
        })
        .map(Count::name)
        .collect();
    let sentence = format!("All but {} add up over intervals.", listed(&others));
    assert!(manual.contains(&sentence), "{sentence}");
}

#[test]
fn the_page_and_the_manual_name_each_statistics_metric() {
    let page = include_str!("../../../docs/src/reference/prometheus.md");
    let command = cli::command();
    let export = command.find_subcommand("export").unwrap();
    let manual = export.get_after_long_help().unwrap().to_string();
    for statistic in Statistic::ALL {
        let description = statistic.description();
        let Some(metric) = description.metric else {
            continue;
        };
        let (kind, total) = match description.kind {
            Kind::Counter => ("counter", "_total"),
            _ => ("gauge", ""),
        };
        let (suffix, unit) = match description.unit {
            Unit::Requests => ("", "requests"),
            Unit::Bytes => ("_bytes", "bytes"),
            Unit::Nanoseconds => ("_seconds", "seconds"),
        };
        let name = format!("{}{suffix}{total}", metric.name);
        assert!(manual.contains(&name), "{name}");
        let operations = match metric.shown {
            Shown::Always => "all",
            Shown::CommonOperations => "read, write",
            Shown::Full => "`--full`",
        };
        let row = format!("| `{name}` | {kind} | {unit} | {operations} | ");
        assert!(page.contains(&row), "{row}");
    }
}
