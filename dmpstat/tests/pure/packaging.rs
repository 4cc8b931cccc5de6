// SPDX-License-Identifier: GPL-2.0

//! The installed unit files, udev rule and attach.conf.

use std::fs;

use dmpstat::attach::conf::{self, Conf};
use dmpstat::attach::queue;
use dmpstat::cli;
use dmpstat::commands::record;

fn file(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Returns the values of a key in an ini file or a rule.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    text.lines()
        .filter_map(|line| line.strip_prefix(key)?.strip_prefix('='))
        .collect()
}

#[test]
fn the_path_unit_watches_the_queue() {
    let path = file("systemd/dmp-attach.path");
    assert_eq!(values(&path, "DirectoryNotEmpty"), [queue::PATH]);
    assert_eq!(values(&path, "MakeDirectory"), ["yes"]);
    assert_eq!(values(&path, "DirectoryMode"), ["0755"]);
    assert_eq!(values(&path, "WantedBy"), ["paths.target"]);
    let service = file("systemd/dmp-attach.service");
    assert_eq!(
        values(&service, "ExecStart"),
        ["/usr/bin/dmpstat attach --queued"]
    );
    // A start timeout would end a wait for LVM.
    assert_eq!(values(&service, "Type"), ["exec"]);
    assert_eq!(values(&service, "TimeoutStartSec"), [""; 0]);
    for unit in [path, service] {
        assert_eq!(values(&unit, "DefaultDependencies"), ["no"]);
        assert_eq!(values(&unit, "Before"), ["shutdown.target"]);
        assert_eq!(values(&unit, "Conflicts"), ["shutdown.target"]);
    }
}

/// A run takes three seconds or more, and a failed one is restarted after one second.
#[test]
fn only_failures_reach_the_start_limit() {
    let service = file("systemd/dmp-attach.service");
    let number = |key| -> u64 { values(&service, key)[0].parse().unwrap() };
    let (interval, burst) = (number("StartLimitIntervalSec"), number("StartLimitBurst"));
    assert!(interval < 3 * burst);
    assert!(interval > number("RestartSec") * burst);
    assert_eq!(values(&service, "Restart"), ["on-failure"]);
}

#[test]
fn the_udev_rule_queues_devices_and_starts_no_unit() {
    let rule = file("udev/90-dmp-attach.rules");
    assert_eq!(
        values(&rule, "RUN+"),
        ["\"/usr/bin/dmpstat attach --queue %k\""]
    );
    assert!(rule.contains(&format!("TEST!=\"{}\"", conf::PATH)));
    for skipped in [
        "ENV{DM_UDEV_DISABLE_OTHER_RULES_FLAG}==\"1\"",
        "ATTR{dm/suspended}==\"1\"",
        "ATTR{size}==\"0\"",
    ] {
        assert!(
            rule.contains(&format!("\n{skipped}, GOTO=\"dmp_attach_end\"\n")),
            "{skipped}"
        );
    }
    assert!(!rule.contains("systemctl"));
}

#[test]
fn the_installed_conf_lists_nothing() {
    let conf = Conf::parse(file("etc/attach.conf").as_bytes());
    assert_eq!((conf.rules.len(), conf.wrong.len()), (0, 0));
}

/// An address, the resolution of its name, or a directory may appear long after the unit's start.
#[test]
fn exporters_are_restarted_without_a_limit() {
    for unit in ["dmp-exporter", "dmp-exporter-textfile"] {
        let service = file(&format!("systemd/{unit}.service"));
        assert_eq!(values(&service, "Restart"), ["on-failure"], "{unit}");
        assert_eq!(values(&service, "RestartSec"), ["5"], "{unit}");
        assert_eq!(values(&service, "StartLimitIntervalSec"), ["0"], "{unit}");
        assert_eq!(
            values(&service, "WantedBy"),
            ["multi-user.target"],
            "{unit}"
        );
        assert_eq!(values(&service, "CapabilityBoundingSet"), [""], "{unit}");
    }
}

#[test]
fn the_recorder_is_restarted_and_takes_the_users_options() {
    let service = file("systemd/dmp-record.service");
    assert_eq!(
        values(&service, "ExecStart"),
        ["/usr/bin/dmpstat record --keep 7 --max-size 1G $DMP_RECORD_OPTIONS"]
    );
    assert_eq!(values(&service, "Environment"), ["DMP_RECORD_OPTIONS="]);
    assert_eq!(
        values(&service, "EnvironmentFile"),
        ["-/etc/default/dmp-record"]
    );
    assert_eq!(values(&service, "Restart"), ["on-failure"]);
    assert_eq!(values(&service, "StartLimitIntervalSec"), ["0"]);
    assert_eq!(values(&service, "WantedBy"), ["multi-user.target"]);
    // The command's own directory, and the boot's number in /proc/sys.
    let directory = format!("/var/log/{}", values(&service, "LogsDirectory")[0]);
    assert_eq!(directory, record::DIRECTORY);
    assert_eq!(values(&service, "ProcSubset"), [""; 0]);
    let words = [
        "dmpstat", "record", "--keep", "7", "--keep", "3", "-i", "5", "-i", "2",
    ];
    assert!(cli::parse(words).is_ok());
}

/// A user's options come after the unit's, so they override them. Numbers are the last operands.
#[test]
fn exporters_are_started_with_the_users_options() {
    let service = file("systemd/dmp-exporter.service");
    assert_eq!(
        values(&service, "ExecStart"),
        ["/usr/bin/dmpstat export --listen 10367 $DMP_EXPORTER_OPTIONS"]
    );
    let socket = file("systemd/dmp-exporter.socket");
    assert_eq!(values(&socket, "ListenStream"), ["127.0.0.1:10367"]);
    assert_eq!(values(&socket, "FreeBind"), ["yes"]);
    let service = file("systemd/dmp-exporter-textfile.service");
    assert_eq!(
        values(&service, "ExecStart"),
        [
            "/usr/bin/dmpstat export --textfile ${DMP_EXPORTER_TEXTFILE} $DMP_EXPORTER_TEXTFILE_OPTIONS \
          ${DMP_EXPORTER_TEXTFILE_INTERVAL}"
        ]
    );
    let environment = values(&service, "Environment");
    let file = "DMP_EXPORTER_TEXTFILE=/var/lib/prometheus/node-exporter/dmp.prom";
    assert_eq!(
        environment,
        [
            file,
            "DMP_EXPORTER_TEXTFILE_OPTIONS=",
            "DMP_EXPORTER_TEXTFILE_INTERVAL=15"
        ]
    );
    assert_eq!(
        values(&service, "EnvironmentFile"),
        ["-/etc/default/dmp-exporter-textfile"]
    );
}
