// SPDX-License-Identifier: GPL-2.0

//! `dmpstat attach` and `detach` under load.

use dmp_vm::Machine;

use crate::common::*;
use crate::load::*;

/// dm-crypt's key: 512 bits.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\
                   202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";

/// Attaches and detaches `volume`, which is mounted at /mnt, ten times in each round. During this
/// fio writes and verifies files, and fsx runs all other operations on a file.
fn assert_nothing_is_lost(machine: &mut Machine, rounds: u32) {
    machine.sh(
        "printf '%s\\n' 'flen = 4194304' 'mapread = 10' 'mapwrite = 10' 'fsync = 0.1' >/run/fsx.toml",
    );
    // A round is short enough for a command's time limit on a slow host.
    for _ in 0..rounds {
        machine.sh(
            "rm -f /run/stop; load() { rounds=0; until [ -e /run/stop ]; do \
           $@ >/run/said.$1 2>&1 || { touch /run/failed.$1; exit; }; rounds=$((rounds + 1)); \
         done; echo $rounds >/run/rounds.$1; }; \
         load fio --name=v --filename=/mnt/file --size=4m --rw=randwrite --bs=4k --direct=1 \
           --ioengine=libaio --iodepth=16 --verify=crc32c --verify_backlog=64 --verify_fatal=1 & \
         load fsx -q -N 300 -f /run/fsx.toml -P /run /mnt/fsx & \
         for n in $(seq 10); do \
           dmpstat attach volume && dmpstat detach volume || break; \
         done >/run/times; touch /run/stop; wait",
        );
        assert_eq!(machine.sh("grep -c ': attached' /run/times"), "10\n");
        assert_eq!(machine.sh("grep -c ': detached' /run/times"), "10\n");
        for load in ["fio", "fsx"] {
            let said = machine.sh(&format!("cat /run/said.{load}"));
            assert_eq!(
                machine.sh(&format!("ls /run/failed.{load} 2>/dev/null; true")),
                "",
                "{said}"
            );
            let rounds: u32 = machine
                .sh(&format!("cat /run/rounds.{load}"))
                .trim()
                .parse()
                .unwrap();
            assert!(rounds > 0, "{load}: {said}");
        }
    }
}

#[test]
fn nothing_is_lost_through_fifty_attaches_and_detaches() {
    let mut machine = machine_with_tools();
    create(&mut machine, "volume", "0 65536 linear /dev/vda 0");
    machine.sh(
        "mkfs.ext4 -q /dev/mapper/volume && mkdir -p /mnt && mount -t ext4 /dev/mapper/volume /mnt",
    );
    assert_nothing_is_lost(&mut machine, 5);
    machine.sh("umount /mnt && e2fsck -f -n /dev/mapper/volume && dmsetup remove volume");
}

/// A thin and a striped volume are attached above and detached, thirty times each.
#[test]
fn nothing_is_lost_on_volumes_that_are_attached_above() {
    let mut machine = machine_with_tools();
    machine.sh("modprobe dm-thin-pool");
    create(&mut machine, "stripes", "0 65536 striped 1 8 /dev/vda 0");
    create(&mut machine, "metadata", "0 8192 linear /dev/vdb 0");
    create(&mut machine, "data", "0 65536 linear /dev/vdb 8192");
    create(
        &mut machine,
        "pool",
        "0 65536 thin-pool /dev/mapper/metadata /dev/mapper/data 128 0",
    );
    machine.sh("dmsetup message pool 0 'create_thin 0'");
    create(&mut machine, "thin", "0 65536 thin /dev/mapper/pool 0");
    for kind in ["stripes", "thin"] {
        machine.sh(&format!(
            "dmsetup rename {kind} volume && mkfs.ext4 -q /dev/mapper/volume && mkdir -p /mnt && \
             mount -t ext4 /dev/mapper/volume /mnt"
        ));
        let before = machine.sh("dmsetup ls | sort");
        assert_nothing_is_lost(&mut machine, 3);
        assert_eq!(machine.sh("dmsetup ls | sort"), before, "{kind}");
        machine.sh(
            "umount /mnt && e2fsck -f -n /dev/mapper/volume && dmsetup remove volume && rmmod dmp",
        );
    }
    machine.sh("dmsetup remove pool && dmsetup remove data && dmsetup remove metadata");
}

/// cryptsetup would map the device in this way. The attached volume is the one below.
#[test]
fn nothing_is_lost_on_the_encrypted_device_over_an_attached_volume() {
    let mut machine = machine_with_tools();
    create(&mut machine, "volume", "0 65536 linear /dev/vda 0");
    machine.sh("modprobe dm-crypt");
    create(
        &mut machine,
        "crypt",
        &format!("0 65536 crypt aes-xts-plain64 {KEY} 0 /dev/mapper/volume 0"),
    );
    assert_refused(
        &mut machine,
        "dmpstat attach crypt",
        "cannot attach crypt volumes: the key cannot be loaded again, and cryptsetup does not know dmp. \
         Attach the underlying volume: volume",
    );
    machine.sh(
        "mkfs.ext4 -q /dev/mapper/crypt && mkdir -p /mnt && mount -t ext4 /dev/mapper/crypt /mnt",
    );
    assert_nothing_is_lost(&mut machine, 5);
    machine.sh("umount /mnt && e2fsck -f -n /dev/mapper/crypt && \
         dmsetup remove crypt && dmsetup remove volume");
}

/// Each write has to be at its zone's write pointer, so fio keeps only one write in flight: a
/// resume does not send the waiting writes before new ones, with linear as with dmp. fio asks for
/// the disk's zones before it writes, because a suspended device answers EAGAIN. (btrfs asks while
/// it writes, and becomes read-only.)
#[test]
fn nothing_is_lost_on_a_zoned_disk() {
    let mut machine = boot(builder().tools(true).memory("1G"));
    machine.sh("modprobe null_blk nr_devices=1 gb=1 bs=4096 zoned=1 zone_size=4 memory_backed=1");
    create(&mut machine, "volume", "0 2097152 linear /dev/nullb0 0");
    let said = machine.sh(&format!(
        "fio --name=v --filename=/dev/mapper/volume --zonemode=zbd --size=128m --rw=randwrite --bs=4k \
           --direct=1 --verify=crc32c --verify_backlog=64 --verify_fatal=1 --time_based --runtime=1d \
           >/run/said 2>&1 & fio=$!; {}; \
         for n in $(seq 50); do \
           dmpstat attach volume && dmpstat detach volume || break; done >/run/times; \
         kill -INT $fio; wait $fio; echo $?; \
         for what in ': attached' ': detached'; do grep -c \"$what\" /run/times; done; \
         grep -c ' err= 0: ' /run/said || cat /run/said",
        until_written("nullb0")
    ));
    // The status of fio after ^C, the numbers of attaches and of detaches, and fio's only job
    // without an error.
    assert_eq!(said, "128\n50\n50\n1\n");
    machine.sh("dmsetup remove volume");
}
