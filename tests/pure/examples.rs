// SPDX-License-Identifier: GPL-2.0

//! Every example in the documentation of the wrappers is compiled code: the module's own, or that
//! of tests.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns all Rust files below a folder of the repository.
fn files(below: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let repository = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut folders = vec![repository.join(below)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "{below}");
    found
}

/// Returns the words of some lines: line breaks do not matter.
fn words<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let words = lines.into_iter().flat_map(str::split_whitespace);
    words.collect::<Vec<_>>().join(" ")
}

/// Returns the examples of a file. A comment in an example stands for omitted code, and splits the
/// example.
fn examples(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut part: Option<Vec<&str>> = None;
    for line in text.lines() {
        let Some(line) = line.trim().strip_prefix("//!") else {
            continue;
        };
        let line = line.trim();
        match &mut part {
            None if line.starts_with("```") => part = Some(Vec::new()),
            None => {}
            Some(lines) if line.starts_with("```") || line.starts_with("//") => {
                found.push(words(lines.drain(..)));
                if line.starts_with("```") {
                    part = None;
                }
            }
            Some(lines) => lines.push(line),
        }
    }
    found.retain(|example| !example.is_empty());
    found
}

#[test]
fn the_examples_in_the_wrappers_documentation_are_compiled() {
    let code: Vec<String> = ["module", "tests/modules", "tests/pure"]
        .iter()
        .flat_map(|folder| files(folder))
        .map(|path| {
            let text = fs::read_to_string(path).unwrap();
            words(text.lines().filter(|line| !line.trim().starts_with("//")))
        })
        .collect();
    let mut examined = 0;
    for path in files("module/wrappers") {
        for example in examples(&fs::read_to_string(&path).unwrap()) {
            let compiled = code.iter().any(|code| code.contains(&example));
            assert!(compiled, "{}: {example}", path.display());
            examined += 1;
        }
    }
    assert!(examined >= 5, "{examined} examples");
}
