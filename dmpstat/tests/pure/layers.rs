// SPDX-License-Identifier: GPL-2.0

//! Layers of the sources: `src/lib.rs` lists them.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the sources below a directory.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .collect()
}

#[test]
fn only_the_command_line_knows_clap() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut knowing = sources(&root);
    knowing.retain(|path| fs::read_to_string(path).unwrap().contains("clap::"));
    let outside = knowing
        .iter()
        .filter(|path| !path.starts_with(root.join("cli")));
    assert_eq!(outside.collect::<Vec<_>>(), [&root; 0]);
    assert!(!knowing.is_empty());
}
