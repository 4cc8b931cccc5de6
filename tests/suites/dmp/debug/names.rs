// SPDX-License-Identifier: GPL-2.0

//! Names and UUIDs of devices, and open files of removed devices.

use crate::common::*;
use crate::held_sysfs::while_sysfs_is_held;

/// dmsetup writes characters that udev forbids as `\xNN` into the kernel's name. With --manglename
/// none it does not escape them. `name` shows the kernel's name.
#[test]
fn name_shows_the_kernels_name_with_any_characters() {
    let mut machine = machine();
    for (options, name, shown) in [
        ("", "a-b_c.d+e:f@g#h=i", "a-b_c.d+e:f@g#h=i"),
        ("", "two words", "two\\x20words"),
        ("", "per%cent", "per\\x25cent"),
        ("", "grün", "gr\\xc3\\xbcn"),
        ("--manglename none", "two words", "two words"),
        ("--manglename none", "%s%n%p", "%s%n%p"),
        ("--manglename none", "back\\slash", "back\\slash"),
        (
            "--manglename none",
            "\"quoted\" & $HOME",
            "\"quoted\" & $HOME",
        ),
    ] {
        machine.sh(&format!(
            "dmsetup {options} create '{name}' --table '0 8 dmp /dev/vda 0'"
        ));
        assert_eq!(
            machine.sh(&format!("cat {STAT}/dm-0/name")),
            format!("{shown}\n"),
            "{name}"
        );
        machine.sh(&format!("dmsetup {options} remove '{name}'"));
        assert_eq!(machine.sh(&format!("ls {STAT}")), "volumes\n");
    }
    // The longest name: 127 bytes.
    let longest = "n".repeat(127);
    create(&mut machine, &longest, "0 8 dmp /dev/vda 0");
    assert_eq!(
        machine.sh(&format!("cat {STAT}/dm-0/name")),
        format!("{longest}\n")
    );
}

#[test]
fn uuid_shows_the_uuid_and_is_empty_without() {
    let (mut machine, device) = machine_with_device("0 8 dmp /dev/vda 0");
    let uuid = format!("cat {STAT}/{device}/uuid");
    assert_eq!(machine.sh(&uuid), "\n");
    machine.sh("dmsetup rename d --setuuid LVM-0123456789");
    assert_eq!(machine.sh(&uuid), "LVM-0123456789\n");
    assert_eq!(machine.sh(&format!("cat {STAT}/{device}/name")), "d\n");
    machine.sh("dmsetup remove d");
    // The longest UUID: 128 bytes.
    let longest = "u".repeat(128);
    machine.sh(&format!(
        "dmsetup create d --uuid {longest} --table '0 8 dmp /dev/vda 0'"
    ));
    assert_eq!(machine.sh(&uuid), format!("{longest}\n"));
}

/// All files were read and are open at the device's removal, which does not wait for their close.
#[test]
fn an_open_file_of_a_removed_device_reads_enodev() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0 2 latency pattern");
    let output = machine
        .run(&format!(
            "cd {STAT}/{device} && find . -type f ! -name reset \
               \\( ! -name seek_histogram -o -path '*/read/*' -o -path '*/write/*' \\) | xargs cat >/dev/null && \
             exec 3<volumes 4<name 5<read/requests 6<write/latency_histogram 7<latency && \
             cd / && dmsetup remove d || exit 9; \
             for fd in 3 4 5 6 7; do cat <&$fd; echo $?; done; ls {STAT}; \
             exec 3<&- 4<&- 5<&- 6<&- 7<&-; rmmod dmp"
        ))
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "1\n1\n1\n1\n1\nvolumes\n",
        "{stderr}"
    );
    assert_eq!(stderr.matches("No such device").count(), 5, "{stderr}");
    assert_eq!(output.status, 0, "{stderr}");
}

/// While sysfs is held, a device's directory outlives the mapped device. Files that need the mapped
/// device fail, and counters can still be read.
#[test]
fn name_uuid_and_snapshot_of_a_device_being_removed_read_enxio() {
    let (mut machine, device) = with_device(machine_with_tools(), "0 2048 dmp /dev/vda 0");
    let open = format!(
        "cd {STAT}/{device} && exec 3<name 4<uuid 5<snapshot 6<read/requests && cd / || exit"
    );
    let steps = format!(
        "dmsetup remove d & \n\
         {}\n\
         for fd in 3 4 5 6; do cat <&$fd 2>&1; done\n\
         kill -0 $! && echo held",
        until_asleep("$!", "kernfs_")
    );
    assert_eq!(
        while_sysfs_is_held(&mut machine, &open, &steps, "wait"),
        "cat: read error: No such device or address\n\
         cat: read error: No such device or address\n\
         cat: read error: No such device or address\n\
         0\n\
         held\n"
    );
}

/// A shell whose working directory is the device's delays neither the device's nor the module's
/// removal.
#[test]
fn a_directory_in_use_delays_neither_device_nor_module() {
    let (mut machine, device) = machine_with_device("0 2048 dmp /dev/vda 0");
    machine.sh(&format!(
        "cd {STAT}/{device}/read && dmsetup remove d && ! cat requests 2>/dev/null && rmmod dmp"
    ));
    machine.sh("modprobe dmp");
    let device = create(&mut machine, "d", "0 2048 dmp /dev/vda 0");
    assert_counts(&mut machine, &device, Count::default(), Count::default());
}
