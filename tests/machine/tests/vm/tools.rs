// SPDX-License-Identifier: GPL-2.0

//! Tools in the guest: each name runs the program of that name.

use crate::common::*;

fn run_with_tools(script: &str) -> std::process::Output {
    run(["--tools", "--", "sh", "-c", script])
}

#[test]
fn tools_have_their_usual_names() {
    let output = run_with_tools(
        "for name in lvs lvcreate pvs pvmove vgs vgcreate fsck.ext4 mkfs.ext3 mke2fs btrfsck \
             thin_check thin_ls thin_metadata_size cache_check era_dump dmstats; do
             type $name >/dev/null 2>&1 || echo $name is not there
         done
         vgcreate --version | grep -c 'LVM version'
         thin_ls --version | grep -c '^[0-9]'",
    );
    assert_output(&output, 0, "1\n1\n", "");
}

#[test]
fn a_real_tool_comes_before_an_applet_of_its_name() {
    let output = run_with_tools(
        "blkdiscard --version | cut -d ' ' -f 1-3
         echo --version | xargs blkdiscard | cut -d ' ' -f 1-3
         mke2fs -V 2>&1 | cut -d ' ' -f 1 | head -n 1
         blkdiscard -z /dev/vda && echo zeroed",
    );
    let said = "blkdiscard from util-linux\nblkdiscard from util-linux\nmke2fs\nzeroed\n";
    assert_output(&output, 0, said, "");
}
