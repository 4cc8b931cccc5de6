// SPDX-License-Identifier: GPL-2.0

//! The file `snapshot`: all values of a device in one read.

use std::collections::BTreeMap;

use dmp_vm::Machine;

use crate::common::*;

/// The words of a snapshot's lines, by keyword. An operation's sizes and latencies have a keyword
/// of two words.
pub type Snapshot = BTreeMap<String, Vec<String>>;

pub fn parse(text: &str) -> Snapshot {
    text.lines()
        .map(|line| {
            let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let mut keyword = words.remove(0);
            if OPERATIONS.contains(&&*keyword) && words[0] != "requests" {
                keyword = format!("{keyword} {}", words.remove(0));
            }
            (keyword, words)
        })
        .collect()
}

/// Parses the numbers of an operation. Each follows its name.
pub fn numbers(words: &[String]) -> BTreeMap<String, u64> {
    words
        .chunks(2)
        .map(|pair| (pair[0].clone(), pair[1].parse().unwrap()))
        .collect()
}

pub fn snapshot(machine: &mut Machine, device: &str) -> Snapshot {
    parse(&machine.sh(&format!("cat {STAT}/{device}/snapshot")))
}

#[test]
fn the_snapshot_agrees_with_all_other_files() {
    let mut machine = machine();
    // The kernel gets the name unmangled: dmsetup would replace the space.
    machine.sh(
        "dmsetup create --manglename none 'my vol\\' --table '0 2048 dmp /dev/vda 0 1 latency'",
    );
    let device = "dm-0".to_owned();
    let node = format!("/dev/{device}");
    machine.sh(&format!(
        "dd if={node} of=/dev/null bs=4k count=9 iflag=direct status=none && \
         dd if=/dev/zero of={node} bs=64k count=3 oflag=direct conv=fsync status=none && \
         blkdiscard -o 0 -l 65536 {node}"
    ));
    let shown = snapshot(&mut machine, &device);
    assert_eq!(shown["dmp"], ["1"]);
    assert_eq!(shown["device"], [&*device]);
    assert_eq!(shown["name"], ["my\\x20vol\\x5c"]);
    assert!(!shown.contains_key("uuid"));
    let diskseq = machine.sh(&format!("cat /sys/block/{device}/diskseq"));
    assert_eq!(shown["diskseq"], [diskseq.trim()]);
    assert_eq!(shown["latency"], ["on"]);
    for operation in OPERATIONS {
        let found = numbers(&shown[operation]);
        let names = [
            "requests",
            "bytes",
            "errors",
            "again",
            "inflight",
            "latency_ns",
            "latency_max_ns",
        ];
        // These have no file of their own.
        let also = ["age_ns", "rest_ns", "rest"];
        assert_eq!(found.len(), names.len() + also.len(), "{found:?}");
        assert_eq!(also.map(|name| found[name]), [0, 0, 0], "{found:?}");
        for name in names {
            let file = format!("{device}/{operation}/{name}");
            assert_eq!(found[name], number(&mut machine, &file), "{file}");
        }
        for (word, file) in [
            ("sizes", "size_histogram"),
            ("latencies", "latency_histogram"),
        ] {
            let file = format!("{device}/{operation}/{file}");
            let expected: Vec<String> = histogram(&mut machine, &file)
                .iter()
                .map(|(bound, count)| format!("{bound}:{count}"))
                .collect();
            assert_eq!(shown[&format!("{operation} {word}")], expected, "{file}");
        }
    }
    assert_eq!(shown["read sizes"], ["4096:9"]);
    assert_eq!(shown["write sizes"], ["65536:3"]);
}

#[test]
fn unmeasured_values_are_left_out() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0");
    machine.sh(&direct_reads("d", 4096, 2));
    let shown = snapshot(&mut machine, &device);
    assert_eq!(shown["latency"], ["off"]);
    let expected: Vec<&str> = "requests 2 bytes 8192 errors 0 again 0"
        .split(' ')
        .collect();
    assert_eq!(shown["read"], expected);
    assert!(!shown.keys().any(|keyword| keyword.contains("latencies")));
}

/// Both times are by the clock of /proc/uptime, which includes suspends to memory.
#[test]
fn the_snapshot_has_the_times_of_the_reset_and_of_the_read() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0 1 latency");
    let mut times = |script: &str| {
        machine.sh(script);
        let uptime = |machine: &mut Machine| -> u64 {
            let text = machine.sh("cat /proc/uptime");
            let seconds = text.split(' ').next().unwrap();
            seconds.replace('.', "").parse::<u64>().unwrap() * 10_000_000
        };
        let before = uptime(&mut machine);
        let shown = snapshot(&mut machine, &device);
        let after = uptime(&mut machine) + 10_000_000;
        let [since, taken] = ["since", "taken"].map(|word| shown[word][0].parse::<u64>().unwrap());
        assert!(
            (before..=after).contains(&taken),
            "{before} {taken} {after}"
        );
        assert!(since < taken);
        since
    };
    let made = times("true");
    assert_eq!(times("usleep 20000"), made);
    let reset = times(&format!("echo 1 >{STAT}/{device}/reset"));
    assert!(reset > made + 20_000_000);
    // A switch is not a reset.
    let switch = format!("echo 0 >{STAT}/{device}/latency; echo 1 >{STAT}/{device}/latency");
    assert_eq!(times(&switch), reset);
    let again = times("dmsetup message d 0 reset");
    assert!(again > reset);
}

#[test]
fn a_name_and_a_uuid_of_any_bytes_are_complete() {
    let mut machine = machine();
    let name = "n".repeat(126);
    let uuid = "$ \\é".repeat(25);
    machine.sh(&format!(
        "dmsetup create --manglename none {name} --uuid '{uuid}' --table '0 2048 dmp /dev/vda 0'"
    ));
    let shown = snapshot(&mut machine, "dm-0");
    assert_eq!(shown["name"], [name]);
    assert_eq!(shown["uuid"], ["$\\x20\\x5c\\xc3\\xa9".repeat(25)]);
}

/// The reads are small. Between them requests are counted and the counters reset.
#[test]
fn a_reader_gets_one_snapshot_in_any_number_of_reads() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0 1 latency");
    machine.sh(&direct_reads("d", 4096, 5));
    let file = format!("{STAT}/{device}/snapshot");
    let taken = |text: &str| parse(text)["taken"].clone();
    let (pieces, more) = (
        format!(
            "dd bs=7 count=4 <&5 2>/dev/null; {}; dd bs=100 count=1 <&5 2>/dev/null; \
                 echo 1 >{STAT}/{device}/reset; cat {file} >/dev/null; cat <&5",
            direct_reads("d", 512, 3)
        ),
        "cat <&5",
    );
    let first = machine.sh(&format!("exec 5<{file}; {pieces}; exec 5<&-"));
    let shown = parse(&first);
    assert_eq!(numbers(&shown["read"])["requests"], 5, "{first}");
    assert_eq!(shown["read sizes"], ["4096:5"]);
    assert!(first.ends_with("\nother latencies\n"), "{first}");
    // A read at the end returns nothing more. Another open file has a new snapshot.
    let twice = machine.sh(&format!("exec 5<{file}; cat <&5; {more}; exec 5<&-"));
    assert_eq!(twice.matches("dmp 1\n").count(), 1, "{twice}");
    assert_ne!(taken(&first), taken(&twice));
    // The end stays the same, even if a new snapshot would be longer.
    let end = machine.sh(&format!(
        "exec 5<{file}; dd bs=64k count=1 <&5 >/dev/null 2>&1; {}; cat <&5; echo $?; exec 5<&-",
        direct_reads("d", 4096, 100)
    ));
    assert_eq!(end, "0\n");
}

/// Returns a script that starts reader `n` in the background. The reader opens the file as
/// descriptor 5, runs `begin`, waits until /run/go exists, and then reads the rest. Its text is in
/// /run/N, and its last status in /run/statusN.
fn reader(file: &str, n: u32, begin: &str) -> String {
    format!(
        "( exec 5<{file}; {begin} >/run/{n} 2>/dev/null; touch /run/started{n}; \
         while ! [ -e /run/go ]; do usleep 1000; done; \
         cat <&5 >>/run/{n} 2>/run/error{n}; echo $? >/run/status{n} ) & \
         while ! [ -e /run/started{n} ]; do usleep 1000; done; "
    )
}

/// Each reader has its own open file. All have read a part when the counters are reset.
#[test]
fn a_reader_keeps_its_snapshot_while_others_read_and_reset() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0 1 latency");
    machine.sh(&direct_reads("d", 4096, 5));
    let file = format!("{STAT}/{device}/snapshot");
    let whole = machine.sh(&format!("grep -v ^taken {file}"));
    assert!(whole.len() > 600, "{whole}");
    let begin = |n| match n {
        1 => "dd bs=600 count=1 <&5",
        _ => "dd bs=8 count=1 <&5",
    };
    let open: Vec<String> = (1..=20).map(|n| reader(&file, n, begin(n))).collect();
    machine.sh(&format!(
        "{} echo 1 >{STAT}/{device}/reset; cat {file} >/dev/null; touch /run/go; wait",
        open.concat()
    ));
    for n in 1..=20 {
        let read = machine.sh(&format!("cat /run/status{n}; grep -v ^taken /run/{n}"));
        assert_eq!(read, format!("0\n{whole}"), "{n}");
    }
    // The next snapshot is from after the reset.
    let shown = snapshot(&mut machine, &device);
    assert_eq!(numbers(&shown["read"])["requests"], 0);
}

/// A user without privileges opens a file a hundred times, and leaves each partly read.
#[test]
fn no_user_disturbs_anothers_snapshot() {
    let mut machine = machine();
    machine.sh(MAKE_USER);
    let device = create(&mut machine, "d", "0 2048 dmp /dev/vda 0");
    let file = format!("{STAT}/{device}/snapshot");
    let whole = machine.sh(&format!("grep -v ^taken {file}"));
    machine.sh(&format!(
        "cat >/run/many <<'END'\n\
         for n in $(seq 100); do\n\
           {{ dd bs=8 count=1 >/dev/null 2>&1; touch /run/user/$n; while ! [ -e /run/go ]; do usleep 100000; done; }} <{file} &\n\
         done; wait\nEND\n\
         mkdir -m 777 /run/user && {} {{ su user -c 'sh /run/many' & }}; \
         while [ $(ls /run/user | wc -l) -lt 100 ]; do usleep 10000; done; touch /run/go; wait",
        reader(&file, 1, "dd bs=8 count=1 <&5"),
    ));
    let read = machine.sh("cat /run/status1; grep -v ^taken /run/1");
    assert_eq!(read, format!("0\n{whole}"));
}

/// Many readers are at the end, with or without the empty read there. One before them has read a
/// part.
#[test]
fn a_reader_at_the_end_disturbs_no_other() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0");
    let file = format!("{STAT}/{device}/snapshot");
    let whole = machine.sh(&format!("grep -v ^taken {file}"));
    let begin = |n| match n {
        1 => "dd bs=8 count=1 <&5",
        // In pieces, with the empty read at the end; then all at once, without that read.
        2..=9 => "dd bs=100 <&5",
        _ => "dd bs=64k count=1 <&5",
    };
    let open: Vec<String> = (1..=18).map(|n| reader(&file, n, begin(n))).collect();
    machine.sh(&format!("{} touch /run/go; wait", open.concat()));
    for n in 1..=18 {
        let read = machine.sh(&format!("cat /run/status{n}; grep -v ^taken /run/{n}"));
        assert_eq!(read, format!("0\n{whole}"), "{n}");
    }
}

/// The first read of an open file may be at any position, and later reads continue the same
/// snapshot.
#[test]
fn a_first_read_at_any_position_returns_the_rest() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0 1 latency");
    machine.sh(&direct_reads("d", 4096, 5));
    let file = format!("{STAT}/{device}/snapshot");
    let whole = machine.sh(&format!("grep -v ^taken {file}"));
    let (first, rest) = whole.split_at("dmp 1\n".len());
    assert_eq!(first, "dmp 1\n");
    let from = |skip: usize, size: &str| {
        format!("dd if={file} iflag=skip_bytes skip={skip} bs={size} status=none")
    };
    for size in ["64k", "100", "7"] {
        let read = machine.sh(&format!("{} | grep -v ^taken", from(first.len(), size)));
        assert_eq!(read, rest, "{size}");
    }
    // A reset comes between the first two reads.
    let read = machine.sh(&format!(
        "exec 5<{file}; dd iflag=skip_bytes skip={} bs=7 count=1 <&5 2>/dev/null; \
         echo 1 >{STAT}/{device}/reset; cat <&5; exec 5<&-",
        first.len()
    ));
    let lines: Vec<&str> = read
        .lines()
        .filter(|line| !line.starts_with("taken "))
        .collect();
    assert_eq!(lines, rest.lines().collect::<Vec<_>>());
    // A read past the end returns nothing, and no error.
    assert_eq!(machine.sh(&from(65536, "64k")), "");
}

#[test]
fn only_a_read_at_the_begin_makes_a_new_snapshot() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0");
    let file = format!("{STAT}/{device}/snapshot");
    for (begin, requests) in [(8, 3), (16, 0)] {
        let text = machine.sh(&format!(
            "echo 1 >{STAT}/{device}/reset; exec 5<{file}; dd bs={begin} count=1 <&5 >/dev/null 2>&1; {}; \
             {}; cat <&5; exec 5<&-",
            direct_reads("d", 4096, 3),
            read_back(5)
        ));
        let text = "dmp 1\ndevice dm-0"[..begin - 8].to_owned() + &text;
        let shown = parse(&text);
        assert_eq!(shown["device"], [&*device]);
        assert_eq!(numbers(&shown["read"])["requests"], requests, "{begin}");
    }
}

/// The kernel may give an open file the memory of one that was closed before.
#[test]
fn no_reader_gets_anothers_unread_rest() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0");
    let file = format!("{STAT}/{device}/snapshot");
    let left = format!("dd if={file} of=/dev/null bs=8 count=1 status=none");
    let read = direct_reads("d", 4096, 1);
    let expected: Vec<String> = (1..=12)
        .map(|n| format!("read requests {n} bytes {} errors 0 again 0", n * 4096))
        .collect();
    // Reads from the begin, and from past it.
    for skip in [0, 6] {
        machine.sh(&format!("echo 1 >{STAT}/{device}/reset"));
        let all = format!("dd if={file} bs=64 iflag=skip_bytes skip={skip} status=none");
        let seen = machine.sh(&format!(
            "for n in $(seq 12); do {left} && {read} && {all} | grep '^read requests' || exit; done"
        ));
        assert_eq!(seen.lines().collect::<Vec<_>>(), expected, "{skip}");
    }
}
