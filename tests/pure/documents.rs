// SPDX-License-Identifier: GPL-2.0

//! The sysfs files and the documents, which are not generated from the table of statistics, have
//! each statistic.

use std::fs;

use crate::statistic::{Description, Statistic};

/// Returns the text of a file of the repository.
fn file(path: &str) -> String {
    fs::read_to_string(format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn sysfs_has_a_file_for_each_statistic_with_has_file() {
    let (files, document) = (
        file("module/stat/files.rs"),
        file("module/docs/sysfs-module-dmp"),
    );
    for statistic in Statistic::ALL {
        let Description { name, has_file, .. } = statistic.description();
        let line = format!(
            "c\"{name}\": read_only(|volume, out| show(out, volume, OPERATION, {statistic:?})),\n"
        );
        assert_eq!(files.contains(&line), has_file, "{line}");
        let path = format!("/sys/module/dmp/stat/dm-<num>/<operation>/{name}\n");
        assert_eq!(document.contains(&path), has_file, "{path}");
    }
}

/// Returns the table of the words of an operation's line.
fn table() -> String {
    let title = ["Word", "Unit", "Kind", "Measured", "Meaning"].map(str::to_owned);
    let rows = Statistic::ALL.map(|statistic| {
        let description = statistic.description();
        [
            format!("``{}``", description.name),
            format!("{:?}", description.unit).to_lowercase(),
            format!("{:?}", description.kind).to_lowercase(),
            match description.needs_latency {
                true => "with latency",
                false => "always",
            }
            .to_owned(),
            description.meaning.to_owned(),
        ]
    });
    let lines = [&[title][..], &rows].concat();
    let widths: [usize; 5] =
        std::array::from_fn(|column| lines.iter().map(|line| line[column].len()).max().unwrap());
    let rule = widths.map(|width| "=".repeat(width)).join(" ") + "\n";
    let mut table = rule.clone();
    for (at, line) in lines.iter().enumerate() {
        let cells: Vec<String> = line
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        table += cells.join(" ").trim_end();
        table += "\n";
        if at == 0 {
            table += &rule;
        }
    }
    table + &rule
}

#[test]
fn the_document_has_the_table_of_statistics() {
    let (document, table) = (file("module/docs/dmp.rst"), table());
    assert!(
        document.contains(&table),
        "module/docs/dmp.rst does not have this table:\n{table}"
    );
}
