// SPDX-License-Identifier: GPL-2.0

//! Writes the man pages and the shells' completions: `cargo run --features pages --bin
//! pages -- DIRECTORY`.

use std::path::PathBuf;
use std::{env, error, fs};

use clap_complete::{Shell, generate_to};
use dmpstat::manual;

fn main() -> Result<(), Box<dyn error::Error>> {
    let directory = env::args_os()
        .nth(1)
        .ok_or("name a directory for the pages")?;
    let directory = PathBuf::from(directory);
    fs::create_dir_all(&directory)?;
    let command = dmpstat::arguments::command();
    clap_mangen::generate_to(command.clone(), &directory)?;
    let page = directory.join("dmpstat.1");
    let text = fs::read_to_string(&page)? + &manual::roff();
    fs::write(page, text)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut command.clone(), "dmpstat", &directory)?;
    }
    Ok(())
}
