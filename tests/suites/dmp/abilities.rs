// SPDX-License-Identifier: GPL-2.0

//! Requests and abilities that no emulated disk has, compared between dmp and linear. The disk
//! below is the tests' own (`tests/modules`), and records the arriving requests.

use dmp_vm::Machine;

use crate::common::*;
use crate::description::description;

/// The start of both devices on the disk, in sectors.
const OFFSET: u64 = 2048;
const LENGTH: u64 = 16384;
const DEVICES: [&str; 2] = ["/dev/mapper/plain", "/dev/mapper/proxy"];

/// Boots a machine with the disk, and makes both devices over the same range of it. Returns the dmp
/// device's name.
#[track_caller]
fn machine_with_able_disk() -> (Machine, String) {
    let mut machine = machine_with_tools();
    machine.sh("insmod /lib/dmp-tests/dmp_test_disk.ko && insmod /lib/dmp-tests/dmp_test_ask.ko");
    let proxy = over(&mut machine, "/dev/dmptest", OFFSET, LENGTH);
    (machine, proxy)
}

#[track_caller]
fn over(machine: &mut Machine, disk: &str, offset: u64, length: u64) -> String {
    let range = |target: &str| format!("0 {length} {target} {disk} {offset}");
    create(machine, "plain", &range("linear"));
    create(machine, "proxy", &range("dmp"))
}

/// Returns a script that puts a question to `dmp_test_ask`, which sends requests that no program
/// can send.
fn ask(question: &str) -> String {
    format!("echo '{question}' >/proc/dmp_test_ask && cat /proc/dmp_test_ask")
}

/// Runs a script for each device in place of DEVICE, and asserts that both runs print the same and
/// send the same requests to the disk. Returns the lines of the requests, without the priority and
/// hint that each request has.
#[track_caller]
fn arrives(machine: &mut Machine, script: &str) -> Vec<String> {
    let seen = DEVICES.map(|device| {
        let script = script.replace("DEVICE", device);
        machine.sh(&format!(
            "echo >/proc/dmp_test_disk; {{ {script}; }} >/run/said 2>&1; \
             echo \"ended: $?\"; sed s,{device},DEVICE,g /run/said; \
             echo arrived:; cat /proc/dmp_test_disk"
        ))
    });
    assert_eq!(seen[0], seen[1], "{script}");
    let (said, arrived) = seen[0].split_once("arrived:\n").unwrap();
    assert!(said.starts_with("ended: 0\n"), "{script}: {said}");
    arrived
        .lines()
        .map(|line| line.replace(" prio 4004 hint 0", ""))
        .collect()
}

#[test]
fn disk_limits_and_features_are_the_same_as_through_linear() {
    let (mut machine, _) = machine_with_able_disk();
    // The disk's limits in the kernel: more than sysfs shows.
    let limits = DEVICES.map(|device| machine.sh(&ask(&format!("limits {device}"))));
    assert_eq!(limits[0], limits[1]);
    for ability in ["number bytes: 8", "mode 1: 4608", "mode 3: 1024"] {
        assert!(
            limits[1].contains(&format!("{ability}\n")),
            "{ability}: {}",
            limits[1]
        );
    }
    let [plain, proxy] = ["plain", "proxy"].map(|name| description(&mut machine, name));
    assert_eq!(plain, proxy);
    for line in [
        "queue/crypto/modes/AES-256-XTS: 0x1200",
        "queue/dax: 1",
        "queue/fua: 1",
        "queue/stable_writes: 1",
        "queue/rotational: 1",
        "queue/minimum_io_size: 8192",
        "queue/virt_boundary_mask: 4095",
        "queue/max_segments: 99",
        "queue/discard_granularity: 8192",
    ] {
        assert!(proxy.contains(&format!("{line}\n")), "{line}: {proxy}");
    }
}

/// Covers each request of `blkdiscard`, and requests with the flags that programs set.
#[test]
fn each_request_arrives_with_its_flags_and_is_counted_by_its_operation() {
    let (mut machine, proxy) = machine_with_able_disk();
    for (script, expected) in [
        (
            "/usr/local/bin/blkdiscard -f -o 8192 -l 65536 DEVICE",
            vec!["DISCARD 2064+65536 sync"],
        ),
        (
            "/usr/local/bin/blkdiscard -f -s -o 1048576 -l 131072 DEVICE",
            vec!["SECURE_ERASE 4096+131072 sync"],
        ),
        (
            "/usr/local/bin/blkdiscard -f -z -o 2097152 -l 65536 DEVICE",
            vec!["WRITE_ZEROES 6144+65536 sync nounmap"],
        ),
        (
            "ionice -c 1 -n 2 dd if=/dev/zero of=DEVICE bs=8k count=1 seek=1 oflag=direct \
             conv=notrunc status=none",
            vec!["WRITE 2064+8192 sync prio 2002 hint 0"],
        ),
        (
            "ionice -c 3 dd if=DEVICE of=/dev/null bs=4k count=1 skip=1 iflag=direct status=none",
            vec!["READ 2056+4096 sync prio 6000 hint 0"],
        ),
        (
            "dd if=/dev/null of=DEVICE conv=fsync,notrunc status=none",
            vec!["WRITE 0+0 sync preflush"],
        ),
    ] {
        assert_eq!(arrives(&mut machine, script), expected, "{script}");
    }
    let all = [
        ("read", 1, 4096, 0),
        ("write", 1, 8192, 0),
        ("discard", 1, 65536, 0),
        ("flush", 1, 0, 0),
        ("write_zeroes", 1, 65536, 0),
        ("other", 1, 131_072, 0),
    ];
    assert_operations(&mut machine, &proxy, &all);
    let sizes = histogram(&mut machine, &format!("{proxy}/other/size_histogram"));
    assert_eq!(sizes, [("131072".to_owned(), 1)]);
    // The disk fills a discarded range with D, and an erased one with E.
    let left = "dd if=/dev/dmptest bs=512 skip=SECTOR count=1 iflag=direct status=none | head -c 3";
    for (sector, letters) in [(2064 + 16, "DDD"), (4096, "EEE"), (4096 + 255, "EEE")] {
        let found = machine.sh(&left.replace("SECTOR", &sector.to_string()));
        assert_eq!(found, letters, "sector {sector}");
    }
}

#[test]
fn fua_and_nowait_writes_arrive_with_their_flags() {
    let (mut machine, proxy) = machine_with_able_disk();
    let fio = "fio --name=flags --filename=DEVICE --rw=write --bs=4k --size=8k --direct=1 \
               --ioengine=pvsync2 --output=/dev/null";
    for (flag, expected) in [("--sync=dsync", "sync fua"), ("--nowait=1", "sync nowait")] {
        let arrived = arrives(&mut machine, &format!("{fio} {flag}"));
        let writes: Vec<_> = arrived
            .iter()
            .filter(|line| line.starts_with("WRITE 20"))
            .collect();
        assert_eq!(
            writes,
            [
                &format!("WRITE 2048+4096 {expected}"),
                &format!("WRITE 2056+4096 {expected}")
            ],
            "{flag}"
        );
    }
    // O_DSYNC on a block device adds a flush after each write.
    let all = [("write", 4, 16384, 0), ("flush", 2, 0, 0)];
    assert_operations(&mut machine, &proxy, &all);
}

/// The disk xors data with the key's bytes and with the low byte of the data unit's number, here
/// 77.
#[test]
fn the_disk_encrypts_with_the_key_and_number_of_the_request() {
    let (mut machine, proxy) = machine_with_able_disk();
    let wrote = arrives(&mut machine, &ask("write DEVICE 8 7"));
    assert_eq!(wrote, ["WRITE 2056+4096 sync key 0707 unit 4096 number 77"]);
    let read = arrives(&mut machine, &ask("read DEVICE 8 7"));
    assert_eq!(read, ["READ 2056+4096 sync key 0707 unit 4096 number 77"]);
    assert_eq!(
        arrives(&mut machine, &ask("evict DEVICE 7")),
        ["evict 0707"]
    );
    // The written data are zeros. A read with the key returns zeros; a read without it returns 7 ^
    // 77, the disk's bytes.
    assert_eq!(machine.sh(&ask("read /dev/mapper/proxy 8 7")), "0 00 00\n");
    assert_eq!(
        machine.sh(
            "dd if=/dev/mapper/proxy bs=4k skip=1 count=1 iflag=direct status=none | \
                    od -A n -t x1 -N 4096 | sort | uniq -c | tr -s ' '"
        ),
        " 1 4a 4a 4a 4a 4a 4a 4a 4a 4a 4a 4a 4a 4a 4a 4a 4a\n *\n".replace(" *\n", " 1 *\n")
    );
    let all = [("read", 3, 12288, 0), ("write", 1, 4096, 0)];
    assert_operations(&mut machine, &proxy, &all);
}

/// Covers all calls of a filesystem, also over a partition that begins 1024 sectors into the disk.
#[test]
fn direct_access_goes_to_the_same_pages_as_through_linear() {
    let (mut machine, _) = machine_with_able_disk();
    let expected = |page: u64| {
        [
            format!("direct access {page}+3 mode 0"),
            format!("direct access {page}+1 mode 1"),
            format!("zero pages {page}+1"),
            format!("recovery write {page}+64 of 64"),
        ]
    };
    let asked = arrives(&mut machine, &ask("dax DEVICE 5"));
    assert_eq!(asked, expected(OFFSET / 8 + 5));
    machine.sh("dmsetup remove plain && dmsetup remove proxy");
    machine.sh(&partition("/dev/dmptest"));
    over(&mut machine, "/dev/dmptest1", 64, 4096);
    let asked = arrives(&mut machine, &ask("dax DEVICE 5"));
    assert_eq!(asked, expected((1024 + 64) / 8 + 5));
    // The second of two lines begins where the first ends.
    machine.sh("dmsetup remove plain && dmsetup remove proxy");
    for (name, target) in [("plain", "linear"), ("proxy", "dmp")] {
        let table =
            format!("0 4096 {target} /dev/dmptest1 64\n4096 4096 {target} /dev/dmptest1 8192");
        create(&mut machine, name, &table);
    }
    let asked = arrives(&mut machine, &ask("dax DEVICE 514"));
    assert_eq!(asked, expected((1024 + 8192) / 8 + 2));
}

#[test]
fn reservations_are_made_and_released_as_through_linear() {
    let (mut machine, _) = machine_with_able_disk();
    assert_eq!(
        arrives(&mut machine, &ask("reserve DEVICE")),
        ["register 0 abc 0", "reserve abc 2 0", "release abc 2"]
    );
    assert_eq!(
        machine.sh(&ask("reserve /dev/mapper/proxy")),
        "register 0\nreserve 0\nrelease -16\n"
    );
}

/// Each status is a `blk_status_t`. The list lacks the statuses that device mapper or the block
/// layer handles itself.
#[test]
fn each_error_of_the_disk_is_returned_unchanged_and_counted_once() {
    let (mut machine, proxy) = machine_with_able_disk();
    let knob = "/sys/module/dmp_test_disk/parameters/status";
    let mut errors = 0;
    for (status, message) in [
        (1, "Operation not supported"),
        (2, "Connection timed out"),
        (3, "No space left on device"),
        (4, "Link has been severed"),
        (5, "Remote I/O error"),
        (6, "Invalid exchange"),
        (7, "No data available"),
        (8, "Invalid or incomplete multibyte or wide character"),
        (9, "Cannot allocate memory"),
        (10, "Input/output error"),
        (14, "Too many references"),
        (15, "Value too large for defined data type"),
        (16, "No such device"),
    ] {
        machine.sh(&format!("echo {status} >{knob}"));
        for script in [
            "dd if=DEVICE of=/dev/null bs=4k count=1 iflag=direct status=none",
            "dd if=/dev/zero of=DEVICE bs=4k count=1 oflag=direct conv=notrunc status=none",
        ] {
            let outcome = assert_alike(&mut machine, DEVICES, script);
            let said = outcome.stderr;
            assert!(
                outcome.status == 1 && said.contains(message),
                "{status}: {said}"
            );
        }
        errors += 1;
        let failed = [
            ("read", errors, errors * 4096, errors),
            ("write", errors, errors * 4096, errors),
        ];
        assert_operations(&mut machine, &proxy, &failed);
    }
    machine.sh(&format!("echo 0 >{knob}"));
    machine.sh(&direct_reads("proxy", 4096, 1));
}

/// The kernel itself writes zeros instead, on each call: these requests count as writes.
#[test]
fn unsupported_write_zeroes_become_writes_as_through_linear() {
    let (mut machine, proxy) = machine_with_able_disk();
    let knobs = "/sys/module/dmp_test_disk/parameters";
    machine.sh(&format!("echo 9 >{knobs}/only && echo 1 >{knobs}/status"));
    let zeros = "/usr/local/bin/blkdiscard -f -z -o 8192 -l 65536 DEVICE";
    let arrived = arrives(&mut machine, zeros);
    assert_eq!(arrived[0], "WRITE_ZEROES 2064+65536 sync nounmap");
    assert!(
        arrived[1..].iter().all(|line| line.starts_with("WRITE 2")),
        "{arrived:?}"
    );
    let writes = u64::try_from(arrived.len()).unwrap() - 1;
    let all = [("write", writes, 65536, 0), ("write_zeroes", 1, 65536, 1)];
    assert_operations(&mut machine, &proxy, &all);
    // A discard that the disk does not support succeeds for the caller, and counts as an error.
    machine.sh(&format!("echo 3 >{knobs}/only"));
    let discard = "/usr/local/bin/blkdiscard -f -o 8192 -l 65536 DEVICE";
    assert_eq!(arrives(&mut machine, discard), ["DISCARD 2064+65536 sync"]);
    let [requests, errors] =
        ["requests", "errors"].map(|file| number(&mut machine, &format!("{proxy}/discard/{file}")));
    assert_eq!((requests, errors), (1, 1));
}
