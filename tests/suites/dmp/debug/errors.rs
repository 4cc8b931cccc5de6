// SPDX-License-Identifier: GPL-2.0

//! Failed requests: each is counted once, and the application gets the same error as without dmp.

use crate::common::*;

/// Asserts that a script fails in the same way for a dmp and a linear device in place of DEVICE.
/// Both have the table line `0 2048 TARGET disk 0`. Returns the dmp device, `proxy`, which remains.
#[track_caller]
fn assert_fails_like_linear(machine: &mut dmp_vm::Machine, disk: &str, script: &str) -> String {
    let device = create(machine, "proxy", &format!("0 2048 dmp {disk} 0"));
    create(machine, "line", &format!("0 2048 linear {disk} 0"));
    let outcome = assert_alike(machine, ["/dev/mapper/proxy", "/dev/mapper/line"], script);
    assert_ne!(outcome.status, 0, "{script}: {outcome:?}");
    machine.sh("dmsetup remove line");
    device
}

/// The first 8 sectors are good, and the rest is dm-error.
#[test]
fn each_failed_request_is_one_error_and_one_request() {
    let mut machine = machine();
    create(&mut machine, "bad", "0 8 linear /dev/vda 0\n8 2040 error");
    let device = assert_fails_like_linear(
        &mut machine,
        "/dev/mapper/bad",
        "dd if=DEVICE of=/dev/null bs=4k count=9 iflag=direct status=none; status=$?; \
         dd if=/dev/zero of=DEVICE bs=8k count=3 seek=1 oflag=direct status=none; exit $status",
    );
    // dd stops at its first error: one good read and one bad, one bad write.
    let first = [("read", 2, 8192, 1), ("write", 1, 8192, 1)];
    assert_operations(&mut machine, &device, &first);
    for n in 1..=4 {
        assert_refused(
            &mut machine,
            &format!("dd if=/dev/mapper/proxy of=/dev/null bs=4k count=1 skip={n} iflag=direct"),
            "Input/output error",
        );
    }
    // The good sectors still work.
    machine.sh("dd if=/dev/mapper/proxy of=/dev/null bs=4k count=1 iflag=direct status=none");
    let then = [("read", 7, 7 * 4096, 5), ("write", 1, 8192, 1)];
    assert_operations(&mut machine, &device, &then);
    assert_eq!(
        machine.sh("dmsetup status proxy"),
        "0 2048 dmp read 7 28672 5 write 1 8192 1 discard 0 0 0 flush 0 0 0 \
         write_zeroes 0 0 0 other 0 0 0 latency off again 0 0 0 0 0 0\n"
    );
    // Failed requests are requests in `volumes`.
    assert_counts(
        &mut machine,
        &device,
        Count::of(7, 4096),
        Count::of(1, 8192),
    );
    machine.sh(&format!("echo 1 >{STAT}/{device}/reset"));
    assert_operations(&mut machine, &device, &[]);
}

#[test]
fn a_failed_flush_is_a_flush_error() {
    let mut machine = machine();
    // An error target has no write cache, so it gets no flush. dm-flakey fails writes and flushes
    // of a disk with a write cache.
    machine.sh("modprobe dm-flakey");
    create(
        &mut machine,
        "bad",
        "0 2048 flakey /dev/vda 0 0 3600 1 error_writes",
    );
    let device = assert_fails_like_linear(
        &mut machine,
        "/dev/mapper/bad",
        "dd if=/dev/null of=DEVICE conv=fsync,notrunc status=none",
    );
    assert_operations(&mut machine, &device, &[("flush", 1, 0, 1)]);
}

#[test]
fn only_the_failing_direction_has_errors() {
    let mut machine = machine();
    machine.sh("modprobe dm-flakey");
    create(
        &mut machine,
        "bad",
        "0 2048 flakey /dev/vda 0 0 3600 1 error_reads",
    );
    let device = assert_fails_like_linear(
        &mut machine,
        "/dev/mapper/bad",
        "dd if=DEVICE of=/dev/null bs=64k count=2 iflag=direct status=none",
    );
    machine.sh(&direct_writes("proxy", 4096, 6));
    let all = [("read", 1, 65536, 1), ("write", 6, 6 * 4096, 0)];
    assert_operations(&mut machine, &device, &all);
    // The cause is removed; the device continues to work, and the errors stay counted.
    machine.sh("dmsetup reload bad --table '0 2048 linear /dev/vda 0' && dmsetup resume bad");
    machine.sh(&direct_reads("proxy", 4096, 3));
    let all = [("read", 4, 65536 + 3 * 4096, 1), ("write", 6, 6 * 4096, 0)];
    assert_operations(&mut machine, &device, &all);
}

/// dm-dust fails reads of its bad blocks until they are written. Block 5 of 4 KiB is bad.
#[test]
fn a_bad_block_is_an_error_until_it_is_written() {
    let mut machine = machine();
    machine.sh("modprobe dm-dust");
    create(&mut machine, "bad", "0 2048 dust /dev/vda 0 4096");
    machine.sh("dmsetup message bad 0 addbadblock 5 && dmsetup message bad 0 enable");
    let read = "dd if=/dev/mapper/proxy of=/dev/null bs=4k count=8 iflag=direct status=none";
    let device = assert_fails_like_linear(
        &mut machine,
        "/dev/mapper/bad",
        "dd if=DEVICE of=/dev/null bs=4k count=8 iflag=direct status=none",
    );
    assert_operations(&mut machine, &device, &[("read", 6, 6 * 4096, 1)]);
    machine.sh(
        "dd if=/dev/zero of=/dev/mapper/proxy bs=4k count=1 seek=5 oflag=direct conv=notrunc \
         status=none",
    );
    machine.sh(read);
    let all = [("read", 14, 14 * 4096, 1), ("write", 1, 4096, 0)];
    assert_operations(&mut machine, &device, &all);
}
