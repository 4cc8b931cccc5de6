// SPDX-License-Identifier: GPL-2.0

//! `dmpstat report`: the page of a recording.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::system::uname;
use tempfile::TempDir;

use crate::common::Root;
use crate::recordings::Recording;

/// Runs the command over a recording, on a machine without the module, and returns the page.
fn page(recording: &Recording, arguments: &[&str]) -> String {
    let arguments = [&["report", &recording.path], arguments].concat();
    Root::without_module().run(&arguments).output()
}

/// Returns the texts between two words.
fn between<'a>(page: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    let parts = page.split(begin).skip(1);
    parts.map(|part| part.split(end).next().unwrap()).collect()
}

/// Returns the cells of the summary's row with this title.
fn row<'a>(page: &'a str, title: &str) -> Vec<&'a str> {
    let begin = format!("<th scope=\"row\">{title}</th>");
    let rows = between(page, &begin, "</tr>");
    between(rows.first().unwrap(), "<td>", "</td>")
}

#[test]
fn a_page_has_the_machine_the_time_and_each_volume() {
    let recording = Recording::new();
    let page = page(&recording, &[]);
    let system = uname();
    let title = format!(
        "<h1>Volumes of {}, Linux {}</h1>",
        system.nodename().to_str().unwrap(),
        system.release().to_str().unwrap()
    );
    assert!(page.contains(&title), "{title}");
    assert!(
        page.contains("from 2026-11-26 21:00:00 to 2026-11-26 21:00:07, in columns of a second.")
    );
    assert_eq!(between(&page, "<h2>", "</h2>"), ["vg-data", "db-1"]);
    // 33 reads in each of the first three seconds. Then the device goes, returns as another one with 25
    // reads, is itself again with 698, and has the last 33.
    let count = |name: &str| {
        let begin = format!("<h2>{name}</h2>");
        let section = between(&page, &begin, "</section>")[0];
        between(section, "alt=\"Size of reads: ", " requests.")[0].to_owned()
    };
    assert_eq!(count("vg-data"), (3 * 33 + 25 + 698 + 33).to_string());
    // The 40 reads before the recording do not count.
    assert_eq!(count("db-1"), "50");
}

#[test]
fn a_page_goes_to_a_file_or_a_pipe_but_to_no_terminal() {
    let recording = Recording::new();
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("page.html");
    let path = file.to_str().unwrap();
    let whole = page(&recording, &[]);
    assert!(whole.ends_with("</html>\n"));
    assert_eq!(page(&recording, &["-o", path]), "");
    assert_eq!(fs::read_to_string(&file).unwrap(), whole);
    let terminal = Root::without_module().on_terminal(80);
    let message = terminal.run(&["report", &recording.path]).message();
    assert_eq!(
        message,
        "the page is HTML, and standard output is a terminal: name a file with -o"
    );
    let ran = terminal.run(&["report", &recording.path, "-o", path]);
    assert_eq!(ran.output(), "");
    let message = terminal.run(&["report", &recording.path, "-o", "/no-such/page"]);
    assert_eq!(
        message.message(),
        "cannot write /no-such/page: No such file or directory (os error 2)"
    );
}

#[test]
fn a_pipe_with_a_name_is_written_to_and_stays() {
    let recording = Recording::new();
    let directory = TempDir::new().unwrap();
    let root = Root::with_device();
    for (arguments, end) in [
        (&["report", &recording.path, "-o"][..], "</html>\n"),
        (&["export", "--textfile"], "\n"),
    ] {
        let pipe = directory.path().join(arguments[0]);
        let made = Command::new("mkfifo")
            .args(["-m", "600"])
            .arg(&pipe)
            .status();
        assert!(made.unwrap().success());
        let mut reader = Command::new("cat")
            .arg(&pipe)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let ran = root.run(&[arguments, &[pipe.to_str().unwrap()]].concat());
        assert_eq!(ran.output(), "");
        let metadata = fs::metadata(&pipe).unwrap();
        if !metadata.file_type().is_fifo() {
            reader.kill().unwrap();
        }
        let read = reader.wait_with_output().unwrap();
        assert!(metadata.file_type().is_fifo(), "{arguments:?}");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert!(String::from_utf8(read.stdout).unwrap().ends_with(end));
    }
}

#[test]
fn devices_and_times_choose_a_part() {
    let recording = Recording::new();
    let names = |arguments: &[&str]| {
        let page = page(&recording, arguments);
        let names = between(&page, "<h2>", "</h2>").into_iter();
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&["dm-4"]), ["db-1"]);
    assert_eq!(names(&["db-*", "vg/data"]), ["vg-data", "db-1"]);
    // It comes a second after the start.
    assert_eq!(names(&["--to", "21:00"]), ["vg-data"]);
    let page = page(&recording, &["--from", "21:00:02", "--to", "21:00:04"]);
    assert!(
        page.contains("from 2026-11-26 21:00:02 to 2026-11-26 21:00:04, in columns of a second.")
    );

    let directory = TempDir::new().unwrap();
    let file = directory.path().join("page.html");
    let fails = |arguments: &[&str]| {
        let output = ["report", &recording.path, "-o", file.to_str().unwrap()];
        let arguments = [&output, arguments].concat();
        Root::without_module().run(&arguments).message()
    };
    let message = fails(&["vg-date"]);
    assert!(
        message.starts_with("there is no dmp device \"vg-date\"") && message.contains("vg-data"),
        "{message}"
    );
    let message = fails(&["--from", "21:01"]);
    assert!(
        message.ends_with("has no sample between --from and --to"),
        "{message}"
    );
    let message = fails(&["--compare", "/no-such/file"]);
    assert_eq!(
        message,
        "cannot read /no-such/file: No such file or directory (os error 2)"
    );
    assert!(!file.exists());
}

#[test]
fn a_comparison_is_with_another_time_or_another_recording() {
    let recording = Recording::new();
    let other = Recording::new();
    let page = |arguments: &[&str]| page(&recording, arguments);
    // 33 reads in a second, and 66 in two seconds.
    let range = page(&[
        "vg-data",
        "--from",
        "21:00:00",
        "--to",
        "21:00:01",
        "--compare-range",
        "21:00:01",
        "21:00:03",
    ]);
    assert_eq!(row(&range, "vg-data, A")[0], "33.0");
    assert_eq!(row(&range, "vg-data, B")[0], "33.0");
    assert_eq!(row(&range, "B compared with A")[0], "0 %");
    let map = "alt=\"Latency of reads, A: ";
    assert_eq!(between(&range, map, " requests."), ["33"]);
    let map = "alt=\"Latency of reads, B: ";
    assert_eq!(between(&range, map, " requests."), ["66"]);
    let with_other = page(&[
        "--compare",
        &other.path,
        "--compare-range",
        "21:00:01",
        "21:00:03",
    ]);
    let with_itself = page(&["--compare-range", "21:00:01", "21:00:03"]);
    assert_eq!(with_other, with_itself);
    assert!(with_other.contains("B: "));
}

#[test]
fn a_page_of_a_torn_recording_has_the_rest_and_a_note() {
    let recording = Recording::new();
    let whole = page(&recording, &[]);
    let bytes = fs::read(&recording.path).unwrap();
    fs::write(&recording.path, [&bytes[..], &bytes[..20]].concat()).unwrap();
    let ran = Root::without_module().run(&["report", &recording.path]);
    ran.result.unwrap();
    assert_eq!(ran.out, whole);
    let note = format!("dmpstat: {} ends within a block", recording.path);
    assert!(ran.notes.starts_with(&note), "{}", ran.notes);
    assert!(Path::new(&recording.path).exists());
}
