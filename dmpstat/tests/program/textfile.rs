// SPDX-License-Identifier: GPL-2.0

//! The text file of `dmpstat export`.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::common::{BUILD_INFO, Root, SNAPSHOT};
use crate::export::lines;

#[test]
fn the_file_is_replaced_each_interval_and_open_readers_see_it_whole() {
    let root = Root::with_device();
    let directory = root.path().join("textfile");
    fs::create_dir(&directory).unwrap();
    let file = directory.join("dmp.prom");
    let mut first = None;
    let ran = root.run_while(
        &[
            "export",
            "--textfile",
            file.to_str().unwrap(),
            "vg-*",
            "15",
            "3",
        ],
        |step| {
            if step == 1 {
                first = Some(File::open(&file).unwrap());
            }
            let errors = format!("errors {step}");
            root.write("dm-3", SNAPSHOT.replacen("errors 0", &errors, 1));
        },
    );
    assert_eq!(ran.output(), "");
    let errors = |text: &str| {
        lines(text, "dmp_request_errors_total")[0]
            .rsplit_once(' ')
            .unwrap()
            .1
            .to_owned()
    };
    let now = fs::read_to_string(&file).unwrap();
    assert_eq!(errors(&now), "2");
    assert!(now.ends_with(BUILD_INFO));
    let mut before = String::new();
    first.unwrap().read_to_string(&mut before).unwrap();
    assert_eq!(errors(&before), "0");
    assert!(before.ends_with(BUILD_INFO));
    // node_exporter runs as another user, and reads all files that end in .prom.
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o644
    );
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
}

/// node_exporter runs as another user, so the mode has to be 0644 under any umask.
#[test]
fn the_file_has_mode_644_under_any_umask() {
    let root = Root::with_device();
    let file = root.path().join("dmp.prom");
    for umask in ["000", "022", "077", "777"] {
        let script = format!("umask {umask} && exec \"$0\" export --textfile \"$1\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_dmpstat")]);
        let status = command.arg(&file).env("DMPSTAT_ROOT", root.path()).status();
        assert!(status.unwrap().success());
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o644, "{umask}");
        fs::remove_file(&file).unwrap();
    }
}

/// The new file is created beside the old one: no file can be created in /proc.
#[test]
fn the_file_is_in_the_current_directory_or_another() {
    let root = Root::with_device();
    let file = root.path().join("dmp.prom");
    for (directory, written) in [
        (root.path(), Path::new("dmp.prom")),
        ("/proc".into(), file.as_path()),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dmpstat"));
        command.args(["export", "--textfile"]).arg(written);
        command.current_dir(directory);
        let status = command.env("DMPSTAT_ROOT", root.path()).status();
        assert!(status.unwrap().success());
        fs::remove_file(&file).unwrap();
    }
}

#[test]
fn an_unwritable_file_is_named_at_the_start() {
    let root = Root::with_device();
    let nowhere = root.path().join("nowhere/dmp.prom");
    for interval in [&[][..], &["15"]] {
        let arguments = ["export", "--textfile", nowhere.to_str().unwrap()];
        let message = root.run(&[&arguments, interval].concat()).message();
        let path = nowhere.display();
        assert_eq!(
            message,
            format!("cannot write {path}: No such file or directory (os error 2)")
        );
    }
}

#[test]
fn a_missing_directory_is_reported_once_and_used_after_its_return() {
    let root = Root::with_device();
    let directory = root.path().join("textfile");
    let file = directory.join("dmp.prom");
    fs::create_dir(&directory).unwrap();
    let ran = root.run_while(
        &["export", "--textfile", file.to_str().unwrap(), "15", "5"],
        |step| match step {
            1 => fs::remove_dir_all(&directory).unwrap(),
            4 => fs::create_dir(&directory).unwrap(),
            _ => {}
        },
    );
    let path = file.display();
    assert_eq!(
        ran.notes,
        format!("dmpstat: cannot write {path}: No such file or directory (os error 2)\n")
    );
    ran.result.unwrap();
    assert!(file.exists());
}

#[test]
fn a_failed_single_export_still_writes_the_readable_metrics() {
    let root = Root::with_device();
    let file = root.path().join("dmp.prom");
    fs::write(&file, "old").unwrap();
    root.write("dm-4", "no snapshot");
    let arguments = ["export", "--textfile", file.to_str().unwrap()];
    let message = root.run(&arguments).message();
    let path = root.stat().join("dm-4/snapshot");
    assert_eq!(
        message,
        format!(
            "cannot parse {}: the first line is not \"dmp 1\"",
            path.display()
        )
    );
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(lines(&text, "dmp_request_size_bytes_count").len(), 2);
    fs::remove_dir_all(root.stat()).unwrap();
    let message = root.run(&arguments).message();
    assert_eq!(
        message,
        "the dmp module is not loaded: run \"modprobe dmp\""
    );
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(
        lines(&text, "dmp_exporter_module_loaded"),
        ["dmp_exporter_module_loaded 0"]
    );
}

#[test]
fn a_module_reload_is_reported_once_and_shown_in_the_file() {
    let root = Root::with_device();
    let file = root.path().join("dmp.prom");
    let mut files = Vec::new();
    let ran = root.run_while(
        &[
            "export",
            "--textfile",
            file.to_str().unwrap(),
            "vg/data",
            "15",
            "6",
        ],
        |step| {
            let text = fs::read_to_string(&file).unwrap();
            let reads = lines(&text, "dmp_request_size_bytes_count").len();
            files.push((lines(&text, "dmp_exporter_module_loaded")[0].clone(), reads));
            match step {
                1 => fs::remove_dir_all(root.stat()).unwrap(),
                3 => fs::create_dir_all(root.stat()).unwrap(),
                4 => root.write("dm-3", SNAPSHOT),
                _ => {}
            }
        },
    );
    ran.result.unwrap();
    let (on, off) = (
        "dmp_exporter_module_loaded 1",
        "dmp_exporter_module_loaded 0",
    );
    let files: Vec<(&str, usize)> = files
        .iter()
        .map(|(line, reads)| (line.as_str(), *reads))
        .collect();
    assert_eq!(files, [(on, 2), (off, 0), (off, 0), (on, 0), (on, 2)]);
    assert_eq!(
        ran.notes,
        "dmpstat: the dmp module is not loaded: run \"modprobe dmp\"\n\
         dmpstat: the dmp device \"vg/data\" is gone; dmpstat waits for its return\n"
    );
}

#[test]
fn export_waits_for_the_module_but_not_for_an_unknown_name() {
    let root = Root::without_module();
    let file = root.path().join("dmp.prom");
    let file = file.to_str().unwrap();
    let ran = root.run_while(&["export", "--textfile", file, "15", "3"], |step| {
        if step == 2 {
            root.write("dm-3", SNAPSHOT);
        }
    });
    ran.result.unwrap();
    assert_eq!(
        ran.notes,
        "dmpstat: the dmp module is not loaded: run \"modprobe dmp\"\n"
    );
    let text = fs::read_to_string(file).unwrap();
    assert_eq!(lines(&text, "dmp_request_size_bytes_count").len(), 2);
    let message = root
        .run(&["export", "--textfile", file, "vg-dats", "15"])
        .message();
    assert_eq!(
        message,
        "there is no dmp device \"vg-dats\"; similar names: vg-data"
    );
}

#[test]
fn an_unreadable_volume_is_reported_once_and_all_others_are_in_the_file() {
    let root = Root::with_device();
    let file = root.path().join("dmp.prom");
    let mut counts = Vec::new();
    let ran = root.run_while(
        &["export", "--textfile", file.to_str().unwrap(), "15", "4"],
        |step| {
            if step == 1 {
                root.write("dm-4", "no snapshot");
            }
            let text = fs::read_to_string(&file).unwrap();
            let reads = lines(&text, "dmp_request_size_bytes_count").len();
            counts.push((lines(&text, "dmp_exporter_read_errors")[0].clone(), reads));
        },
    );
    ran.result.unwrap();
    let with = |errors: u32| (format!("dmp_exporter_read_errors {errors}"), 2);
    assert_eq!(counts, [with(0), with(1), with(1)]);
    assert_eq!(ran.notes.lines().count(), 1, "{}", ran.notes);
    // The file has no metrics of dmpstat's process, because node_exporter would show them as its own.
    assert!(!fs::read_to_string(&file).unwrap().contains("process_"));
}
