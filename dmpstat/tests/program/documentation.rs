// SPDX-License-Identifier: GPL-2.0

//! The dmpstat command lines in the book and the README. The program has to accept each.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use dmpstat::cli;

/// Returns the pages below a directory.
fn pages(directory: &Path) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages.extend(self::pages(&path));
        } else if path.extension() == Some(OsStr::new("md")) {
            pages.push(path);
        }
    }
    pages
}

/// Returns the dmpstat command lines of a page: whole lines of indented blocks, and words in backticks.
fn command_lines(page: &str) -> Vec<&str> {
    let blocks = page
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with("dmpstat "))
        // The usage has placeholders for arguments.
        .filter(|line| !line.contains("[OPTIONS]") && !line.ends_with("COMMAND"));
    let inline = page
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|words| words.starts_with("dmpstat "));
    blocks.chain(inline).collect()
}

/// Returns the words of a command line up to a redirection or the next command.
fn words(line: &str) -> Vec<String> {
    let is_word = |word: &String| !word.starts_with(['>', '|', '&', '<']);
    let words = shlex::split(line).unwrap_or_else(|| panic!("quotes of: {line}"));
    words.into_iter().take_while(is_word).collect()
}

/// Asserts that the program accepts a command line. The bare name of a command may lack arguments.
fn assert_accepted(line: &str) {
    match cli::parse(words(line)) {
        Ok(_) => {}
        Err(usage)
            if matches!(
                usage.kind(),
                ErrorKind::DisplayVersion
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                    | ErrorKind::MissingRequiredArgument
            ) => {}
        Err(usage) => panic!("{line}: {usage}"),
    }
}

#[test]
fn the_program_accepts_each_documented_command_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut paths = pages(&root.join("docs/src"));
    paths.push(root.join("README.md"));
    for path in paths {
        let page = fs::read_to_string(&path).unwrap();
        for line in command_lines(&page) {
            assert_accepted(line);
        }
    }
}

#[test]
fn command_lines_come_from_blocks_and_backticks() {
    let page = "see `dmpstat top`, `ls`\n\n    dmpstat 1\n    dmpstat [OPTIONS]\n    $ dmpstat\n";
    assert_eq!(command_lines(page), ["dmpstat 1", "dmpstat top"]);
    assert_eq!(words("dmpstat 'a b' 1 >>f # note"), ["dmpstat", "a b", "1"]);
}

#[test]
#[should_panic(expected = "dmpstat -o r/x: ")]
fn an_unknown_column_is_refused() {
    assert_accepted("dmpstat -o r/x");
}
