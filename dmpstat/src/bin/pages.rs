// SPDX-License-Identifier: GPL-2.0

//! Writes the man pages and the shells' completions: `cargo run --features pages --bin
//! pages -- DIRECTORY`.

use std::path::PathBuf;
use std::{env, error, fs};

use clap_complete::env::Shells;
use dmpstat::cli::manual;

/// Files of completions: shell, file and last line. At the first completion zsh runs the file as the body of
/// a function, so the last line has to compute that completion.
const COMPLETIONS: [(&str, &str, &str); 3] = [
    ("bash", "dmpstat.bash", ""),
    (
        "zsh",
        "_dmpstat",
        "[[ $funcstack[1] == _dmpstat ]] && _clap_dynamic_completer_dmpstat\n",
    ),
    ("fish", "dmpstat.fish", ""),
];

fn main() -> Result<(), Box<dyn error::Error>> {
    let directory = env::args_os()
        .nth(1)
        .ok_or("name a directory for the pages")?;
    let directory = PathBuf::from(directory);
    fs::create_dir_all(&directory)?;
    let command = dmpstat::cli::command();
    clap_mangen::generate_to(command, &directory)?;
    let page = directory.join("dmpstat.1");
    let text = fs::read_to_string(&page)? + &manual::roff();
    fs::write(page, text)?;
    let shells = Shells::builtins();
    for (shell, file, last) in COMPLETIONS {
        let shell = shells.completer(shell).ok_or(shell)?;
        let mut text = Vec::new();
        shell.write_registration("COMPLETE", "dmpstat", "dmpstat", "dmpstat", &mut text)?;
        text.extend(last.as_bytes());
        fs::write(directory.join(file), text)?;
    }
    Ok(())
}
