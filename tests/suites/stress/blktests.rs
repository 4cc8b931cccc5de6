// SPDX-License-Identifier: GPL-2.0

//! Cases of the kernel's blktests (groups `block` and `dm`) that apply to a mapped device. Each
//! also runs with a linear device of the same sectors, and must have the same outcome.
//!
//! Other tests cover: offline processors (block/008), in `races`; a removed disk (001, 011, 019,
//! 027), in `faults`; protection information (028), in `dmp::transparent`; dm-dust (dm/002), in
//! `dmp::errors`; zones, in `dmp::zoned`. A mapped device has no request queue of its own with tags
//! and a driver, so these cases do not apply: 006, 007, 010, 014, 015, 020, 022, 023, 029 to 031.

use dmp_vm::Machine;

use crate::common::*;
use crate::load::*;

/// Runs fio with these options on each of the two devices. Asserts that fio and the disk counted
/// the same for both, and returns both counts.
#[track_caller]
fn fio_on_both(machine: &mut Machine, options: &str, loops: &[&str]) -> (Totals, DiskStat) {
    let [linear, dmp] = BOTH.map(|device| {
        let before = disk_stat(machine, "vda");
        let totals = fio_against(machine, &format!("--filename={device} {options}"), loops);
        (totals, disk_stat(machine, "vda") - before)
    });
    assert_eq!(linear, dmp, "{options}");
    dmp
}

/// block/002: a traced device is removed. The trace has the arrival and the end of each earlier
/// request.
#[test]
fn a_traced_device_shows_its_requests_and_is_removed() {
    let mut machine = machine();
    create_both(&mut machine, "/dev/vda", 65536);
    machine.sh("mount -t tracefs trace /sys/kernel/tracing");
    let outcome = assert_alike(
        &mut machine,
        BOTH,
        "set -- $(dmsetup info -c --noheadings -o minor TARGET); cd /sys/kernel/tracing; \
         echo blk >current_tracer; echo 1 >/sys/block/dm-$1/trace/enable; \
         dd if=DEVICE of=/dev/null bs=4k count=7 iflag=direct status=none; \
         dmsetup remove TARGET; echo $?; [ -e /sys/block/dm-$1 ]; echo $?; \
         grep -c ' Q ' trace; grep -c ' C ' trace; echo nop >current_tracer; echo >trace",
    );
    assert_eq!(outcome.stdout, "0\n1\n7\n7\n");
}

/// block/003: discards of many sizes.
#[test]
fn discards_of_all_sizes_reach_the_disk_unchanged() {
    let mut machine = machine_of(1);
    let device = create_both(&mut machine, "/dev/vda", 131_072);
    let (totals, disk) = fio_on_both(
        &mut machine,
        "--rw=randtrim --bssplit=512/20:4k/20:12k/20:1m/30:16m/10 --blockalign=512 --number_ios=300 \
         --norandommap --size=64m --io_size=4g --ioengine=psync",
        &[],
    );
    assert_eq!(totals.trims.requests, 300);
    assert_eq!(disk.discards, totals.trims);
    let discards = ("discard", totals.trims.requests, totals.trims.bytes, 0);
    assert_operations(&mut machine, &device, &[discards]);
}

/// block/009: a discard drops its range from the page cache.
#[test]
fn the_page_cache_agrees_with_the_disk_after_a_discard() {
    let mut machine = machine();
    create_both(&mut machine, "/dev/vda", 131_072);
    let read = "dd if=DEVICE bs=64k count=16 status=none";
    let outcome = assert_alike(
        &mut machine,
        BOTH,
        &format!(
            "yes DATA | dd of=DEVICE bs=64k count=16 iflag=fullblock conv=notrunc status=none; \
             {read} | md5sum; blkdiscard -o 65536 -l 131072 DEVICE; {read} | md5sum; \
             echo 3 >/proc/sys/vm/drop_caches; {read} | md5sum; {read} iflag=direct | md5sum"
        ),
    );
    let sums: Vec<&str> = outcome.stdout.lines().collect();
    let [before, after, again, direct] = sums[..] else {
        panic!("{outcome:?}");
    };
    assert_ne!(before, after);
    assert_eq!([again, direct], [after; 2]);
}

/// block/025: a discard larger than one request can be, which is 4 GiB minus a sector, or here
/// minus 4 KiB.
#[test]
fn a_huge_discard_is_counted_to_the_byte() {
    let mut machine = machine();
    machine.sh("modprobe null_blk bs=4096 gb=16 memory_backed=1 discard=1");
    let device = create_both(&mut machine, "/dev/nullb0", 16 << 21);
    let discarded = BOTH.map(|device| {
        let before = disk_stat(&mut machine, "nullb0");
        machine.sh(&format!("blkdiscard {device}"));
        disk_stat(&mut machine, "nullb0") - before
    });
    assert_eq!(discarded[0], discarded[1]);
    assert_eq!(discarded[0].discards.bytes, 16 << 30);
    assert_operations(&mut machine, &device, &[("discard", 5, 16 << 30, 0)]);
}

/// block/004: a flush after each write.
#[test]
fn each_of_many_flushes_reaches_the_disk() {
    let mut machine = machine_of(1);
    let device = create_both(&mut machine, "/dev/vda", 131_072);
    let (totals, disk) = fio_on_both(
        &mut machine,
        "--rw=randwrite --bs=4k --fsync=1 --number_ios=400 --size=64m --direct=1 --ioengine=psync",
        &[],
    );
    assert_eq!(totals.writes, Count::of(400, 4096));
    // fio does not flush after the last write. The disk also counts each flush as a write without
    // bytes.
    assert_eq!((disk.writes.requests, disk.flushes), (400 + 399, 399));
    let all = [("write", 400, 400 * 4096, 0), ("flush", 399, 0, 0)];
    assert_operations(&mut machine, &device, &all);
}

/// block/005: the scheduler of the disk below changes all the time.
#[test]
fn a_scheduler_change_below_loses_no_request() {
    let mut machine = machine_of(2);
    let device = create_both(&mut machine, "/dev/vda", 131_072);
    let (totals, _) = fio_on_both(
        &mut machine,
        &format!(
            "--rw=randrw --bs=4k --direct=1 --ioengine=libaio --iodepth=16 --numjobs=2 \
             --io_size={}k --size=64m",
            256 * seconds()
        ),
        &["for name in mq-deadline kyber none; do \
             echo $name >/sys/block/vda/queue/scheduler || exit; done"],
    );
    assert_counts(&mut machine, &device, totals.reads, totals.writes);
    assert_all_goes(machine);
}

/// block/012 and block/013, and dm/001: a read-only device, partitions, and a device over itself.
#[test]
fn refused_commands_fail_as_on_linear() {
    let mut machine = machine();
    create_both(&mut machine, "/dev/vda", 65536);
    let write = "dd if=/dev/zero of=DEVICE bs=4k count=1 oflag=direct conv=notrunc status=none";
    for script in [
        // A process that has the device open may or may not continue to write.
        &format!(
            "exec 5<>DEVICE; blockdev --setro DEVICE; blockdev --getro DEVICE; {write}; \
             dd if=/dev/zero bs=4k count=1 oflag=direct status=none >&5; \
             blkdiscard -o 0 -l 4096 DEVICE; dd if=DEVICE of=/dev/null bs=4k count=1 iflag=direct status=none; \
             blockdev --setrw DEVICE; blockdev --getro DEVICE; {write}"
        ),
        "head -c 4096 /dev/zero >DEVICE; \
         printf 'o\nn\np\n1\n\n\nw\n' | fdisk DEVICE >/dev/null; blockdev --rereadpt DEVICE; \
         grep -c dm- /proc/partitions",
        "mke2fs DEVICE >/dev/null; mkdir -p /mnt; mount -t ext4 DEVICE /mnt; \
         blockdev --rereadpt DEVICE; dmsetup remove TARGET; umount /mnt",
        "dmsetup reload TARGET --table '0 8 TARGET DEVICE 0'; dmsetup info -c -o attr TARGET; \
         dmsetup create TARGET --table '0 8 TARGET /dev/vda 0'",
    ] {
        assert_alike(&mut machine, BOTH, script);
    }
}

/// block/021, and the queue's other settings.
#[test]
fn every_queue_setting_accepts_the_same_values_as_linears() {
    let mut machine = machine();
    let device = create_both(&mut machine, "/dev/vda", 65536);
    assert_eq!(device, "dm-1");
    let outcome = assert_alike(
        &mut machine,
        BOTH,
        "set -- $(dmsetup info -c --noheadings -o minor TARGET); cd /sys/block/dm-$1/queue; \
         for file in $(find . -type f -perm -200 | sort); do for value in 0 1 64 4096 -1 none x; do \
           echo $value >$file; echo $file $value $? $(cat $file); done; done 2>&1",
    );
    for line in ["./max_sectors_kb 64 0 64\n", "./read_ahead_kb x 1 "] {
        assert!(outcome.stdout.contains(line), "{line}: {outcome:?}");
    }
    machine.sh(&direct_reads("dmp", 4096, 5));
    assert_counts(&mut machine, &device, Count::of(5, 4096), Count::default());
}

/// block/017 and block/018: two reads and a write are in flight for a second, and dmp's counters
/// show it.
#[test]
fn requests_in_flight_are_counted_and_timed() {
    let mut machine = machine();
    create(&mut machine, "disk", "0 65536 linear /dev/vda 0");
    let device = create_both(&mut machine, "/dev/mapper/disk", 65536);
    machine.sh("dmsetup message dmp 0 latency on");
    let outcome = assert_alike(
        &mut machine,
        BOTH,
        &format!(
            "set -- $(dmsetup info -c --noheadings -o minor TARGET); cd /sys/block/dm-$1; \
             numbers() {{ echo $(cat inflight) $(awk '{{ print $9 }}' stat); }}; \
             numbers; dmsetup suspend disk; {read} & {read} & {write} & \
             for n in $(seq 1 100); do [ \"$(numbers)\" = '2 1 3' ] && break; usleep 50000; done; \
             numbers; sleep 1; dmsetup resume disk; wait; numbers; \
             awk '{{ print $1, ($4 >= 1990), ($4 < 20000), $5, ($8 >= 995), ($8 < 10000), ($10 >= 995) }}' stat",
            read = "dd if=DEVICE of=/dev/null bs=4k count=1 iflag=direct status=none",
            write = "dd if=/dev/zero of=DEVICE bs=4k count=1 oflag=direct conv=notrunc status=none",
        ),
    );
    assert_eq!(outcome.stdout, "0 0 0\n2 1 3\n0 0 0\n2 1 1 1 1 1 1\n");
    for (operation, least) in [("read", 1990), ("write", 995)] {
        let file = format!("{device}/{operation}/latency_ns");
        let took = number(&mut machine, &file) / 1_000_000;
        assert!((least..20_000).contains(&took), "{operation}: {took} ms");
    }
}

/// block/016: a signal to a process that waits for a suspended device. The process's request still
/// completes.
#[test]
fn a_process_waiting_for_a_suspended_device_is_killed_at_its_resume() {
    let mut machine = machine();
    let device = create_both(&mut machine, "/dev/vda", 65536);
    let outcome = assert_alike(
        &mut machine,
        BOTH,
        "dmsetup suspend TARGET; dd if=DEVICE of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null & \
         state() { grep ^State /proc/$!/status; }; \
         for n in $(seq 1 100); do state | grep -q D && break; usleep 50000; done; \
         kill -9 $!; usleep 200000; state; dmsetup resume TARGET; wait $! 2>/dev/null; echo $?",
    );
    assert_eq!(outcome.stdout, "State:\tD (disk sleep)\n137\n");
    assert_operations(&mut machine, &device, &[("read", 1, 4096, 0)]);
}
