// SPDX-License-Identifier: GPL-2.0

//! /etc/dmp/attach.conf.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use dmpstat::attach::conf::{Conf, Kept};
use dmpstat::attach::request::{Options, Shown};
use dmpstat::model::measurement::{Measurement, Measurements};
use tempfile::TempDir;

use crate::attach::LATENCY;
use crate::{mode, under_umasks};

/// Options of a line without words.
const PLAIN: Options = Options {
    measurements: LATENCY,
    flush_bypass: false,
    shown: Shown::Auto,
};

const BYPASS: Options = Options {
    flush_bypass: true,
    ..PLAIN
};

fn options(words: &str) -> Result<Options, String> {
    let conf = Conf::parse(format!("vg/data {words}").as_bytes());
    match conf.rules.as_slice() {
        [rule] => Ok(rule.options),
        _ => Err(conf.wrong[0].to_string()),
    }
}

#[test]
fn words_set_options() {
    for (words, expected) in [
        ("", PLAIN),
        ("latency", PLAIN),
        (
            "no_latency",
            Options {
                measurements: Measurements::NONE,
                ..PLAIN
            },
        ),
        (
            "pattern",
            Options {
                measurements: LATENCY.with(Measurement::Pattern, true),
                ..PLAIN
            },
        ),
        ("flush_bypass", BYPASS),
        ("latency\tflush_bypass flush_bypass", BYPASS),
        (
            "as_dmp",
            Options {
                shown: Shown::Dmp,
                ..PLAIN
            },
        ),
        (
            "as_linear no_latency",
            Options {
                measurements: Measurements::NONE,
                shown: Shown::Linear,
                ..PLAIN
            },
        ),
    ] {
        assert_eq!(options(words).unwrap(), expected, "{words}");
    }
    assert_eq!(Options::default().measurements, Measurements::NONE);
}

#[test]
fn contradicting_words_are_refused() {
    for (words, what) in [
        ("latency no_latency", "latency and no_latency"),
        ("no_latency flush_bypass latency", "latency and no_latency"),
        ("as_dmp as_linear", "as_dmp and as_linear"),
    ] {
        assert_eq!(
            options(words).unwrap_err(),
            format!("/etc/dmp/attach.conf, line 1: {what} exclude each other")
        );
    }
}

#[test]
fn an_invalid_line_is_named_by_its_number_and_the_others_apply() {
    let conf = Conf::parse(
        b"# volumes\n\nvg/data latency  # and why\nvg/[ \n  db-*\tflush_bypass no_latency\nlog fast\n",
    );
    let rules: Vec<_> = conf
        .rules
        .iter()
        .map(|rule| {
            let options = rule.options;
            (
                rule.line,
                options.measurements.latency,
                options.flush_bypass,
            )
        })
        .collect();
    assert_eq!(rules, [(3, true, false), (5, false, true)]);
    let wrong: Vec<String> = conf.wrong.iter().map(ToString::to_string).collect();
    assert_eq!(wrong.len(), 2);
    assert!(
        wrong[0].starts_with("/etc/dmp/attach.conf, line 4: \"vg/[\" is not a valid pattern: "),
        "{wrong:?}"
    );
    assert_eq!(
        wrong[1],
        "/etc/dmp/attach.conf, line 6: \"fast\" is not an option: expected latency, no_latency, \
         pattern, flush_bypass, as_dmp or as_linear"
    );
}

/// Makes a file attach.conf with this text, in a directory of its own.
fn file(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("attach.conf");
    fs::write(&path, text).unwrap();
    (directory, path)
}

fn keep(path: &Path, volume: &str, options: Options) -> io::Result<Kept> {
    Conf::keep(path, OsStr::new(volume), options)
}

/// Lists a volume in a file with this text. Returns the new text, and the result.
fn kept(text: &str, volume: &str, options: Options) -> (String, Kept) {
    let (directory, path) = file(text);
    let kept = keep(&path, volume, options).unwrap();
    let names = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(names, 1, "a temporary file stayed");
    (fs::read_to_string(path).unwrap(), kept)
}

#[test]
fn a_new_volume_is_appended_and_all_else_stays() {
    for (text, expected) in [
        ("", "vg/data\n"),
        (
            "# volumes\r\n\n  vg/a*\t\n",
            "# volumes\r\n\n  vg/a*\t\nvg/data\n",
        ),
        // The last newline is missing.
        ("vg/home", "vg/home\nvg/data\n"),
        // The text has a comment and invalid lines.
        (
            "# vg/data\nvg/data fast\n",
            "# vg/data\nvg/data fast\nvg/data\n",
        ),
        ("vg/data2\nvg2/data\n", "vg/data2\nvg2/data\nvg/data\n"),
    ] {
        let added = (expected.to_owned(), Kept::Added);
        assert_eq!(kept(text, "vg/data", PLAIN), added);
    }
    let all = Options {
        measurements: Measurements::NONE.with(Measurement::Pattern, true),
        flush_bypass: true,
        shown: Shown::Dmp,
    };
    let line = "vg/data no_latency pattern flush_bypass as_dmp\n".to_owned();
    assert_eq!(kept("", "vg/data", all), (line, Kept::Added));
    let linear = Options {
        shown: Shown::Linear,
        ..PLAIN
    };
    let line = "a as_linear\n".to_owned();
    assert_eq!(kept("", "a", linear), (line, Kept::Added));
}

#[test]
fn a_volume_listed_with_the_same_options_stays_unchanged() {
    for (text, line) in [
        ("vg/data\n", 1),
        ("# x\n\nvg/data latency\n", 3),
        ("vg-data", 1),
        ("/dev/vg/data\n", 1),
        ("/dev/mapper/vg-data\n", 1),
        ("log\nvg/*\n", 2),
        ("*\nvg/data flush_bypass\n", 1),
    ] {
        for volume in ["vg/data", "vg-data", "/dev/vg/data", "/dev/mapper/vg-data"] {
            let already = (text.to_owned(), Kept::Already(line));
            assert_eq!(kept(text, volume, PLAIN), already);
        }
    }
}

#[test]
fn other_options_replace_those_of_the_volumes_line() {
    for (text, expected) in [
        ("vg/data\n", "vg/data flush_bypass\n"),
        (
            "a\n  vg-data  no_latency\t# why\nb",
            "a\n  vg-data flush_bypass\t# why\nb",
        ),
        (
            "vg/data latency\r\nvg/*\n",
            "vg/data flush_bypass\r\nvg/*\n",
        ),
        ("/dev/vg/data", "/dev/vg/data flush_bypass"),
    ] {
        let line = 1 + usize::from(text.starts_with('a'));
        let changed = (expected.to_owned(), Kept::Changed(line));
        assert_eq!(kept(text, "vg/data", BYPASS), changed);
    }
}

#[test]
fn a_volume_is_listed_before_a_pattern_that_matches_it() {
    let (text, result) = kept(
        "a\nvg/* no_latency\nvg/data flush_bypass\n",
        "vg/data",
        BYPASS,
    );
    assert_eq!(
        text,
        "a\nvg/data flush_bypass\nvg/* no_latency\nvg/data flush_bypass\n"
    );
    assert_eq!(result, Kept::Added);
    // A pattern matches no inner device of LVM's.
    let (text, result) = kept("vg*\n", "vg-data-real", PLAIN);
    assert_eq!(
        (text.as_str(), result),
        ("vg*\nvg-data-real\n", Kept::Added)
    );
    // A pattern's own line is changed.
    let (text, result) = kept("vg/*\n", "vg/*", BYPASS);
    assert_eq!(
        (text.as_str(), result),
        ("vg/* flush_bypass\n", Kept::Changed(1))
    );
}

#[test]
fn keeping_a_volume_twice_changes_nothing() {
    for text in [
        "",
        "x",
        "vg/*\n",
        "vg/data as_dmp\n",
        "*\n* no_latency\nvg-data",
    ] {
        for options in [PLAIN, BYPASS] {
            let (text, _) = kept(text, "vg/data", options);
            let (again, result) = kept(&text, "vg/data", options);
            assert_eq!(again, text);
            assert!(matches!(result, Kept::Already(_)), "{text:?}");
        }
    }
}

#[test]
fn a_name_that_would_read_differently_is_refused() {
    for volume in ["", "a b", "a#b", "#", "a\nb", "a["] {
        let (_directory, path) = file("x\n");
        let error = keep(&path, volume, PLAIN).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{volume}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "x\n");
    }
}

#[test]
fn mode_and_owner_stay() {
    let (_directory, path) = file("x\n");
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let before = fs::metadata(&path).unwrap();
    // Only root can give files away.
    let given = std::os::unix::fs::chown(&path, Some(1), Some(2)).is_ok();
    keep(&path, "vg/data", PLAIN).unwrap();
    let after = fs::metadata(&path).unwrap();
    assert_eq!(mode(&path), 0o640);
    let owner = if given {
        (1, 2)
    } else {
        (before.uid(), before.gid())
    };
    assert_eq!((after.uid(), after.gid()), owner);
    assert_ne!(after.ino(), before.ino(), "a reader could see a part");
}

#[test]
fn a_link_is_not_replaced() {
    let (directory, target) = file("x\n");
    let path = directory.path().join("link");
    symlink(&target, &path).unwrap();
    let error = keep(&path, "vg/data", PLAIN).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the file is a link to {}, written by another program. Add the volume to the other \
             program's settings (on NixOS services.dmp.attach)",
            target.display()
        )
    );
    assert_eq!(fs::read_to_string(&target).unwrap(), "x\n");
}

#[test]
fn a_failed_replacement_leaves_the_file_unchanged() {
    let (directory, path) = file("x\n");
    // The new text would first be written to this path.
    fs::create_dir(directory.path().join(".attach.conf.new")).unwrap();
    keep(&path, "vg/data", PLAIN).unwrap_err();
    assert_eq!(fs::read_to_string(&path).unwrap(), "x\n");
}

#[test]
fn a_missing_file_is_created_under_any_umask() {
    under_umasks("conf::creates_a_missing_file");
}

#[test]
#[ignore = "a_missing_file_is_created_under_any_umask runs it"]
fn creates_a_missing_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("etc/dmp/attach.conf");
    assert_eq!(keep(&path, "vg/data", PLAIN).unwrap(), Kept::Added);
    assert_eq!(fs::read_to_string(&path).unwrap(), "vg/data\n");
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o644, 0o755));
}
