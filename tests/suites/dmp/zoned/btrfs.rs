// SPDX-License-Identifier: GPL-2.0

//! btrfs, which appends to zones. The debug kernel lacks it.

use super::*;

/// btrfs writes data to zones with REQ_OP_ZONE_APPEND, and learns the data's sector from the
/// completed request: the sector has to be relative to btrfs' device. Appends are writes, for the
/// disk and for dmp.
#[test]
fn appends_of_btrfs_return_their_sector_and_are_counted_as_writes() {
    let mut machine = machine_with_tools();
    machine.sh("modprobe btrfs && modprobe null_blk nr_devices=1 gb=1 bs=4096 zoned=1 zone_size=4 memory_backed=1");
    let device = create(
        &mut machine,
        "d",
        "0 1048576 dmp /dev/nullb0 65536 1 pattern",
    );
    let before = disk_stat(&mut machine, "nullb0").writes.bytes;
    machine.sh(
        "mkfs.btrfs -q -d single -m single /dev/mapper/d && mkdir /mnt && \
         mount -t btrfs /dev/mapper/d /mnt && \
         for n in 1 2 3 4; do dd if=/dev/urandom of=/run/noise$n bs=64k count=32 status=none && \
           cp /run/noise$n /mnt/file$n || exit; done && sync && umount /mnt",
    );
    for operation in ["read", "write", "other"] {
        let requests = number(&mut machine, &format!("{device}/{operation}/requests"));
        let errors = number(&mut machine, &format!("{device}/{operation}/errors"));
        assert!(
            requests > 0 && errors == 0,
            "{operation}: {requests}, {errors}"
        );
    }
    let bytes = |machine: &mut Machine, operation: &str| {
        number(machine, &format!("{device}/{operation}/bytes"))
    };
    let written = disk_stat(&mut machine, "nullb0").writes.bytes - before;
    assert_eq!(bytes(&mut machine, "write"), written);
    assert!(written > 8 * MIB, "{written}");
    // An append counts as sequential, so each request has a distance.
    for operation in ["read", "write"] {
        let requests = number(&mut machine, &format!("{device}/{operation}/requests"));
        let seeks = histogram(
            &mut machine,
            &format!("{device}/{operation}/seek_histogram"),
        );
        assert_eq!(seeks.iter().map(|(_, count)| count).sum::<u64>(), requests);
    }
    // Zone management has no bytes.
    assert_eq!(bytes(&mut machine, "other"), 0);
    machine.sh("dmsetup remove d");
    create(&mut machine, "d", "0 1048576 linear /dev/nullb0 65536");
    machine.sh("mount -t btrfs /dev/mapper/d /mnt && \
         for n in 1 2 3 4; do cmp /run/noise$n /mnt/file$n || exit; done; umount /mnt");
}
