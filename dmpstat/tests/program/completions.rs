// SPDX-License-Identifier: GPL-2.0

//! A shell's completion of a command line.

use std::process::Command;

use dmpstat::cli;

use crate::common::{Root, SNAPSHOT, named};

/// Makes mapped devices: one of LVM's and others that dmp counts, one that dmp does not count, and parts of
/// volumes.
fn root() -> Root {
    let root = Root::new();
    for (number, name, uuid) in [
        (0, "my--vg-data", "LVM-0123"),
        (1, "db-1", "mine"),
        (2, "12", ""),
        (3, "-x", ""),
        (10, "web\\x20log", ""),
    ] {
        let device = format!("dm-{number}");
        root.write(&device, named(SNAPSHOT, &device, name));
        attributes(&root, &device, name, uuid);
    }
    let uuid = format!("LVM-{}", "0".repeat(64));
    attributes(&root, "dm-5", "vg-slow", &uuid);
    attributes(&root, "dm-6", "vg-raid_rimage_0", &uuid);
    attributes(&root, "dm-7", "dmp-1", "stratis-1-private-dmp-1");
    root
}

fn attributes(root: &Root, device: &str, name: &str, uuid: &str) {
    root.file(&format!("sys/block/{device}/dm/name"), &format!("{name}\n"));
    root.file(&format!("sys/block/{device}/dm/uuid"), &format!("{uuid}\n"));
}

fn program(root: &Root, shell: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dmpstat"));
    command.env("DMPSTAT_ROOT", root.path());
    command.env("COMPLETE", shell);
    command
}

fn output(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns fish's completions of the last word, each with its help.
fn completed(root: &Root, words: &[&str]) -> Vec<String> {
    let mut command = program(root, "fish");
    command.args(["--", "dmpstat"]).args(words);
    output(command).lines().map(str::to_owned).collect()
}

/// Returns fish's completions of the last word, without options.
fn operands(root: &Root, words: &[&str]) -> Vec<String> {
    let mut all = completed(root, words);
    all.retain(|line| !line.starts_with('-'));
    all
}

#[test]
fn devices_are_completed_by_their_usual_names() {
    let root = root();
    let all = [
        "my-vg/data\tdm-0",
        "db-1\tdm-1",
        "/dev/mapper/12\tdm-2",
        "/dev/mapper/-x\tdm-3",
        // This device's name has a space.
        "dm-10\tdm-10",
    ];
    for command in ["show", "detach", "reset", "top", "export", "check"] {
        assert_eq!(operands(&root, &[command, ""]), all, "{command}");
    }
    assert_eq!(operands(&root, &["latency", "on", ""]), all);
    assert_eq!(operands(&root, &["hist", "size", "db-1", ""]), all);
    assert_eq!(
        operands(&root, &["-x", "d"]),
        [
            "detach\tStop counting the requests of attached volumes (root only)",
            "db-1\tdm-1",
            "dm-10\tdm-10"
        ]
    );
    for (word, name) in [
        ("dm-1", ["dm-1\tdm-1", "dm-10\tdm-10"].as_slice()),
        ("my--vg", &["my--vg-data\tdm-0"]),
        ("/dev/my", &["/dev/my-vg/data\tdm-0"]),
        ("/dev/mapper/my", &["/dev/mapper/my--vg-data\tdm-0"]),
        ("none", &[]),
    ] {
        assert_eq!(operands(&root, &["show", word]), name, "{word}");
    }
}

#[test]
fn an_attach_completes_volumes_that_are_not_counted() {
    let root = root();
    assert_eq!(
        operands(&root, &["attach", "--keep", ""]),
        ["vg/slow\tdm-5"]
    );
    // Without the module no volume is counted.
    let root = Root::without_module();
    attributes(&root, "dm-1", "db-1", "mine");
    assert_eq!(operands(&root, &["attach", ""]), ["db-1\tdm-1"]);
    assert_eq!(operands(&root, &["show", ""]), [""; 0]);
}

#[test]
fn columns_and_files_are_completed() {
    let root = root();
    let columns = completed(&root, &["-o", "r/s,r_p99"]);
    let names = columns.iter().map(|line| line.split('\t').next().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["r/s,r_p99", "r/s,r_p99.9"]);
    root.file("metrics.prom", "");
    let file = root.path().join("metrics");
    let file = file.to_str().unwrap();
    let files = completed(&root, &["export", "--textfile", file]);
    assert_eq!(files, [format!("{file}.prom")]);
}

#[test]
fn all_options_and_commands_are_completed() {
    let root = root();
    let mut command = cli::command();
    command.build();
    let mut commands: Vec<&str> = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| command.get_name())
        .collect();
    commands.push("");
    for name in commands {
        let of = command.find_subcommand(name).unwrap_or(&command);
        let words: &[&str] = if name.is_empty() {
            &["--"]
        } else {
            &[name, "--"]
        };
        let completed = completed(&root, words);
        let options = of.get_arguments().filter(|option| !option.is_hide_set());
        for option in options.filter_map(|option| option.get_long()) {
            let option = format!("--{option}");
            let mut all = completed.iter().map(|line| line.split('\t').next());
            assert!(
                all.any(|one| one == Some(&option)),
                "{name} {option}: {completed:?}"
            );
        }
    }
    let all = operands(&root, &[""]);
    for name in ["hist", "top", "attach", "help"] {
        assert!(
            all.iter()
                .any(|line| line.starts_with(&format!("{name}\t"))),
            "{all:?}"
        );
    }
    assert!(!all.iter().any(|line| line.starts_with("guard")), "{all:?}");
}

#[test]
fn bash_completes_a_device() {
    let root = root();
    // The variables and the call of a completion in bash.
    let script = "
        eval \"$($0)\"
        COMP_WORDS=(dmpstat latency on my) COMP_CWORD=3 COMP_TYPE=9
        _clap_complete_dmpstat \"$0\" my on 2>/dev/null
        complete -p dmpstat | grep -o -- '-F .*'
        printf '<%s>' \"${COMPREPLY[@]}\"";
    let mut command = program(&root, "bash");
    let program = command.get_program().to_owned();
    command = {
        let mut bash = Command::new("bash");
        bash.envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        bash.args(["-c", script]).arg(program);
        bash
    };
    assert_eq!(
        output(command),
        "-F _clap_complete_dmpstat dmpstat\n<my-vg/data>"
    );
}

#[test]
fn columns_of_limits_are_completed_up_to_the_number() {
    let root = root();
    let help = "upper bound of the 99th percentile of the latencies of reads";
    for option in ["-w", "-c"] {
        assert_eq!(
            completed(&root, &["check", option, "r_p99"]),
            [
                format!("r_p99=\t{help}"),
                format!("r_p99.9=\t{}", help.replace("99th", "99.9th"))
            ]
        );
        assert_eq!(
            completed(&root, &["check", option, "r_p99=20ms,errs"]),
            ["r_p99=20ms,errs=\tfailed requests"]
        );
    }
}
