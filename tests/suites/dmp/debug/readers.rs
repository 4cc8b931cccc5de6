// SPDX-License-Identifier: GPL-2.0

//! Slow readers of one device's files: only that device waits for them.

use dmp_vm::patience;

use crate::common::*;

/// Returns a script that holds a reader in the midst of a read of the device's file until rmmod, or
/// for 20 seconds. A slow kernel gets longer, because it drops each directory seconds late.
fn hold(device: &str, file: &str) -> String {
    let seconds = 20 * patience();
    format!(
        "insmod /lib/dmp-tests/dmp_test_hold.ko seconds={seconds} file=module/dmp/stat/{device}/{file}"
    )
}

/// Returns a script of all commands that create, change and remove a device, for one with this
/// name.
fn all_of(name: &str) -> String {
    format!(
        "dmsetup create {name} --table '0 2048 dmp /dev/vdb 0 1 latency' && \
         dmsetup suspend {name} && dmsetup resume {name} && \
         dmsetup reload {name} --table '0 2048 dmp /dev/vdb 8' && dmsetup resume {name} && \
         dmsetup reload {name} --table '0 2048 linear /dev/vdb 0' && dmsetup resume {name} && \
         dmsetup reload {name} --table '0 2048 dmp /dev/vdb 0' && dmsetup clear {name} && \
         dmsetup remove {name}"
    )
}

/// The device is removed during a read of one of its files, and then during a read of a file in a
/// subdirectory.
#[test]
fn a_reader_of_one_device_delays_no_other() {
    let mut machine = machine_with_tools();
    for file in ["snapshot", "read/requests"] {
        let device = create(&mut machine, "held", "0 2048 dmp /dev/vda 0");
        let other = create(&mut machine, "other", "0 2048 dmp /dev/vda 2048");
        machine.sh(&direct_reads("other", 4096, 3));
        let shown = machine.sh(&format!(
            "{}; dmsetup remove held & \n{}\n{} && echo done; \
             cat {STAT}/{other}/read/requests; kill -0 $! && echo held; \
             rmmod dmp_test_hold; wait $! && dmsetup info -c --noheadings -o name",
            hold(&device, file),
            until_asleep("$!", "kernfs_drain"),
            all_of("new"),
        ));
        assert_eq!(shown, "done\n3\nheld\nother\n", "{file}");
        machine.sh("dmsetup remove other");
        assert_nothing_left(&mut machine, file);
    }
}

/// The device's next table gets its first dmp line while the last line of the former table is being
/// removed.
#[test]
fn a_load_waits_for_its_devices_slow_reader_and_can_be_interrupted() {
    let (mut machine, device) = with_device(machine_with_tools(), "0 2048 dmp /dev/vda 0");
    machine.sh(&direct_reads("d", 4096, 3));
    let load = "dmsetup reload d --table '0 2048 dmp /dev/vda 8'";
    let shown = machine.sh(&format!(
        "{}; dmsetup reload d --table '0 2048 linear /dev/vda 0'; dmsetup resume d & resume=$!\n{}\n\
         {load} & load=$!\n{}\n\
         kill -TERM $load; wait $load; echo $?; \
         {load} & load=$!\n{}\n\
         kill -STOP $load; kill -CONT $load\n{}\n\
         {} && echo done; kill -0 $resume && kill -0 $load && echo held; \
         rmmod dmp_test_hold; wait $resume && wait $load && echo $?; \
         dmsetup resume d && cat {STAT}/{device}/read/requests",
        hold(&device, "read/requests"),
        until_asleep("$resume", "kernfs_drain"),
        until_asleep("$load", "dm_table_add_target"),
        until_asleep("$load", "dm_table_add_target"),
        until_asleep("$load", "dm_table_add_target"),
        all_of("new"),
    ));
    // 143 is 128 + SIGTERM. SIGSTOP and SIGCONT only delay the load, and the counters are new ones.
    assert_eq!(shown, "143\ndone\nheld\n0\n0\n");
}
