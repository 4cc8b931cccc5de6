// SPDX-License-Identifier: GPL-2.0

//! `dmpstat attach` and `detach` under load.

use crate::common::*;

/// Back and forth, while fio writes and verifies and fsx does all else that can be done to a file.
#[test]
fn nothing_is_lost_through_fifty_attaches_and_detaches() {
    let mut machine = machine_with_tools();
    create(&mut machine, "volume", "0 65536 linear /dev/vda 0");
    machine.sh(
        "mkfs.ext4 -q /dev/mapper/volume && mkdir -p /mnt && \
         mount -t ext4 /dev/mapper/volume /mnt && \
         printf '%s\\n' 'flen = 4194304' 'mapread = 10' 'mapwrite = 10' 'fsync = 0.1' >/run/fsx.toml",
    );
    // As many as one command has time for on a slow host.
    for _ in 0..5 {
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
    machine.sh("umount /mnt && e2fsck -f -n /dev/mapper/volume && dmsetup remove volume");
    finish(machine);
}
