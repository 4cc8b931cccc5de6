// SPDX-License-Identifier: GPL-2.0

//! The man pages, which are made from the program's own definitions.

use std::collections::BTreeSet;

use clap::Command;
use clap_mangen::Man;
use dmpstat::cli;
use dmpstat::cli::manual::{self, EXAMPLES};
use dmpstat::model::column::COLUMNS;

/// Returns the options of a command, in the form of the command line.
fn options(command: &Command) -> BTreeSet<String> {
    let mut options = BTreeSet::new();
    for argument in command
        .get_arguments()
        .filter(|argument| !argument.is_positional() && !argument.is_hide_set())
    {
        options.extend(argument.get_long().map(|long| format!("--{long}")));
        options.extend(argument.get_short().map(|short| format!("-{short}")));
    }
    options
}

/// Returns the words of a text that look like options.
fn written(text: &str) -> BTreeSet<String> {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '-';
    text.split(|character: char| !is_part(character))
        .map(|word| word.trim_end_matches('-'))
        .filter(|word| word.starts_with('-') && !word.trim_start_matches('-').is_empty())
        .map(str::to_owned)
        .collect()
}

/// Returns the text of a page, without troff's fonts.
fn page(command: &Command) -> String {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    let page = page.replace("\\-", "-");
    ["\\fB", "\\fI", "\\fR"]
        .iter()
        .fold(page, |page, font| page.replace(font, " "))
}

fn all(command: &Command) -> Vec<Command> {
    let commands = command
        .get_subcommands()
        .filter(|command| command.get_name() != "help" && !command.is_hide_set());
    commands.flat_map(all).chain([command.clone()]).collect()
}

fn built() -> Command {
    let mut command = dmpstat::cli::command();
    command.build();
    command
}

#[test]
fn man_pages_have_exactly_the_options_of_the_program() {
    let commands = all(&built());
    assert_eq!(commands.len(), 15);
    for command in &commands {
        assert_eq!(
            written(&page(command)),
            options(command),
            "{}",
            command.get_name()
        );
    }
    assert!(
        options(commands.last().unwrap())
            .is_superset(&written("-x -o -S -z -k -m -h -t -N -y -j -J -c"))
    );
}

#[test]
fn every_example_is_a_command_line() {
    for (example, _) in EXAMPLES {
        let words = example.split(" >").next().unwrap().split(' ');
        let words = words.map(|word| word.trim_matches('\''));
        cli::parse(words).unwrap_or_else(|error| panic!("{example}: {error}"));
    }
    let mut options = options(&built());
    // Options of other commands.
    options.extend(["--keep", "-w"].map(str::to_owned));
    let roff = manual::roff().replace("\\-", "-");
    assert!(options.is_superset(&written(&roff)), "{roff}");
    for title in ["ENVIRONMENT", "FILES", "EXAMPLES"] {
        assert!(roff.contains(&format!(".SH {title}\n.TP\n\\fB")), "{roff}");
        assert!(manual::text().contains(&format!("{title}:\n  ")));
    }
}

#[test]
fn the_page_about_columns_explains_each_column() {
    let page = include_str!("../../../docs/src/reference/columns.md");
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let expected = COLUMNS.iter();
    let expected = expected.map(|column| format!("| `{}` | {} | ", column.name, column.help));
    for (row, begin) in rows.iter().zip(expected) {
        assert!(row.starts_with(&begin), "{row} is not of {begin}");
    }
    assert_eq!(rows.len(), COLUMNS.len());
}

#[test]
fn the_page_explains_percentiles_marks_and_json_keys() {
    let page = page(&built());
    for mark in ["new", "reset", "latency", "hung", "suspended"] {
        assert!(page.contains(&format!("\"{mark}\"")), "{mark}");
    }
    for key in [
        "anew",
        "seconds",
        "latency_seconds",
        "since",
        "taken",
        "state",
        "counts",
    ] {
        assert!(page.contains(&format!("\"{key}\"")), "{key}");
    }
    assert!(page.contains("the true value is more than half of the percentile"));
}
