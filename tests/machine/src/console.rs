// SPDX-License-Identifier: GPL-2.0

//! The guest's console: its end for error messages, and the kernel's complaints.

use std::fmt;
use std::path::Path;

/// The end of a console, as text for users.
#[derive(Debug, Clone, Default)]
pub struct Tail(String);

impl Tail {
    const LINES: usize = 60;

    /// Keeps the text from this line on.
    fn of(text: &str, first: usize) -> Self {
        let kept: Vec<&str> = text.lines().skip(first).collect();
        Self(kept.join("\n"))
    }
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return write!(f, "(the guest's console is empty)");
        }
        write!(f, "--- the end of the guest's console:\n{}\n---", self.0)
    }
}

/// The text of a console so far.
#[derive(Debug, Clone, Default)]
pub struct Console(String);

impl Console {
    /// Reads QEMU's file of the console at `path`. A missing file is an empty console.
    pub(crate) fn read(path: &Path) -> Self {
        Self::new(&std::fs::read(path).unwrap_or_default())
    }

    /// Makes a console with these bytes on it.
    pub fn new(bytes: &[u8]) -> Self {
        Self(String::from_utf8_lossy(bytes).replace('\r', ""))
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Returns the last lines.
    pub fn tail(&self) -> Tail {
        self.tail_since(self)
    }

    /// Returns the text after that of `before`.
    pub(crate) fn since(&self, before: &Self) -> &str {
        self.0.get(before.0.len()..).unwrap_or_default()
    }

    /// Returns the last lines of `before`, and all later text. The result begins at the kernel's
    /// first complaint if that is further up, because the first one shows the cause, and later ones
    /// its effects.
    pub(crate) fn tail_since(&self, before: &Self) -> Tail {
        let last = before.0.lines().count().saturating_sub(Tail::LINES);
        let complaint = before.numbered_complaints().next();
        Tail::of(
            &self.0,
            complaint.map_or(last, |(first, _)| first.min(last)),
        )
    }

    /// Tells if the console has output of a kernel.
    pub(crate) fn has_booted(&self) -> bool {
        self.0.contains("Linux version ")
    }

    /// Tells if the kernel has reached its first program.
    pub(crate) fn has_reached_init(&self) -> bool {
        self.0.contains(" as init process")
    }

    /// Tells if the kernel panicked.
    pub(crate) fn has_panicked(&self) -> bool {
        self.0.contains("Kernel panic - not syncing")
    }

    /// Returns the lines with complaints of the kernel; none in a good run.
    pub fn complaints(&self) -> Vec<String> {
        self.numbered_complaints()
            .map(|(_, line)| line.to_owned())
            .collect()
    }

    /// Returns the complaints with the numbers of their lines.
    fn numbered_complaints(&self) -> impl Iterator<Item = (usize, &str)> {
        without_known_reports(&self.0)
            .into_iter()
            .filter(|(_, line)| is_complaint(line))
    }
}

/// Returns the lines of a console, numbered, without the reports of a [known](KNOWN) fault.
fn without_known_reports(text: &str) -> Vec<(usize, &str)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut kept = Vec::new();
    let mut next = 0;
    while let Some(line) = lines.get(next) {
        if let Some(length) = KNOWN.iter().find_map(|known| known.length(&lines[next..])) {
            next += length;
        } else {
            kept.push((next, *line));
            next += 1;
        }
    }
    kept
}

/// A kernel's report of a fault: parts of its first and last line, and two texts within.
struct Report {
    first: &'static str,
    last: &'static str,
    says: [&'static str; 2],
}

impl Report {
    /// Returns the number of lines of the report, if these lines begin with it.
    fn length(&self, lines: &[&str]) -> Option<usize> {
        if !lines.first()?.contains(self.first) {
            return None;
        }
        let length = lines.iter().position(|line| line.contains(self.last))? + 1;
        let says = |words: &&str| lines[..length].iter().any(|line| line.contains(words));
        self.says.iter().all(says).then_some(length)
    }
}

/// Reports of a fault in the kernel itself, which any mapped device can cause. The kobject of a
/// disk's queue is a part of `struct gendisk`, but the gendisk does not wait for the kobject's
/// release. With `DEBUG_KOBJECT_RELEASE` releases are delayed by one to four seconds, so the
/// gendisk may be freed first, with a timer or, a little later, a work item in it. The kernel then
/// cancels the work, which may sleep, in atomic context.
const KNOWN: [Report; 2] = [
    Report {
        first: "[ cut here ]",
        last: "[ end trace ",
        says: ["hint: kobject_delayed_cleanup", " bdev_free_inode+"],
    },
    Report {
        first: "BUG: sleeping function called from invalid context at kernel/workqueue.c",
        last: " </TASK>",
        says: [" work_fixup_free+", " bdev_free_inode+"],
    },
];

/// Texts that the kernel prints after a fault in itself or in a module.
const COMPLAINTS: &[&str] = &[
    "WARNING: ",
    "BUG: ",
    "kernel BUG at ",
    "Oops: ",
    "Call Trace:",
    "Kernel panic",
    "general protection fault",
    "rust_kernel: panicked at",
    // Locking and RCU.
    "possible recursive locking detected",
    "possible circular locking dependency",
    "possible irq lock inversion",
    "inconsistent lock state",
    "suspicious RCU usage",
    "detected stall",
    "detected expedited stall",
    "self-detected stall",
    "bad unlock balance",
    "held lock freed",
    "still has locks held",
    "blocked for more than ",
    "hard LOCKUP",
    // The sanitizers, and structures that check themselves.
    "UBSAN: ",
    "KASAN: ",
    "KCSAN: ",
    "KFENCE: ",
    "refcount_t: ",
    "corruption",
    "ODEBUG: ",
    "DEBUG_LOCKS_WARN_ON",
    "Objects remaining",
    // kobject and sysfs.
    "tried to init an initialized object",
    "is not initialized, yet kobject_",
    "does not have a release() function",
    "kobject_add_internal failed",
    "cannot create duplicate filename",
    // Device mapper, which then closes a device that a target left open.
    "dm_put_device call missing",
];

/// Lines with one of the words above that are not about the code under test: a processor's known
/// vulnerabilities depend on the host.
const HARMLESS: &[&str] = &["Spectre V2 : WARNING: ", "MDS: WARNING: "];

fn is_complaint(line: &str) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
    has(COMPLAINTS) && !has(HARMLESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line of each kind of complaint, as kernels print it.
    const BAD: &[&str] = &[
        "[    2.113817] WARNING: CPU: 0 PID: 61 at lib/refcount.c:28 refcount_warn_saturate+0xba/0x110",
        "[    2.1] refcount_t: underflow; use-after-free.",
        "[    2.1] BUG: kernel NULL pointer dereference, address: 0000000000000008",
        "[    2.1] BUG: unable to handle page fault for address: ffffffffc0000000",
        "[    2.1] BUG: sleeping function called from invalid context at mm/slab.h:330",
        "[    2.1] BUG: scheduling while atomic: dd/71/0x00000002",
        "[   30.1] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [dd:71]",
        "[   30.1] watchdog: Watchdog detected hard LOCKUP on cpu 0",
        "[    2.1] kernel BUG at drivers/md/dm.c:1234!",
        "[    2.1] Oops: 0000 [#1] PREEMPT SMP",
        "[    2.1] Oops: general protection fault, probably for non-canonical address 0xdead",
        "[    2.1]  Call Trace:",
        "[    2.1] Kernel panic - not syncing: Fatal exception",
        "[    2.1] rust_kernel: panicked at module/table.rs:12:9:",
        "[    2.1] WARNING: possible recursive locking detected",
        "[    2.1] WARNING: possible circular locking dependency detected",
        "[    2.1] WARNING: suspicious RCU usage",
        "[   23.1] rcu: INFO: rcu_preempt self-detected stall on CPU",
        "[   23.1] rcu: INFO: rcu_sched detected stalls on CPUs/tasks:",
        "[  123.1] INFO: task dmsetup:77 blocked for more than 60 seconds.",
        "[    2.1] UBSAN: array-index-out-of-bounds in drivers/md/dm.c:3:4",
        "[    2.1] BUG: KASAN: slab-use-after-free in dmp_map+0x10/0x20 [dmp]",
        "[    2.1] list_add corruption. next->prev should be prev",
        "[    2.1] kobject: 'dm-0' (00000000cafe): tried to init an initialized object, something is seriously wrong.",
        "[    2.1] kobject: 'dm-0' (00000000cafe): is not initialized, yet kobject_put() is being called.",
        "[    2.1] kobject: 'dm-0' (00000000cafe): does not have a release() function, it is broken and must be fixed.",
        "[    2.1] kobject: kobject_add_internal failed for dm-0 with -EEXIST, don't try to register things with the same name in the same directory.",
        "[    2.1] sysfs: cannot create duplicate filename '/module/dmp/stat/dm-0'",
        "[    2.1] device-mapper: table: 252:0: dm_table_destroy: dm_put_device call missing for 254:0",
        "[    2.1] BUG dmp_stat (Tainted: G           O      ): Objects remaining in dmp_stat on __kmem_cache_shutdown()",
    ];

    /// Lines of a good run.
    const GOOD: &[&str] = &[
        "[    0.000000] Linux version 6.12.0 (nix@dmp) (gcc 14.2.0) #1 SMP",
        "[    0.000000] Kernel command line: console=ttyS0 ignore_loglevel panic=-1 -- agent",
        "[    0.100000] Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on",
        "[    0.100000] rcu: Hierarchical RCU implementation.",
        "[    0.200000] Oops messages are on",
        "[    0.900000] dmp: loading out-of-tree module taints kernel.",
        "[    1.000000] device-mapper: table: 252:0: dmp: x is not a sector number",
        "[    1.000000] device-mapper: ioctl: error adding target to table",
        "[    1.100000] reboot: Power down",
    ];

    #[test]
    fn every_kind_of_complaint_is_found() {
        for line in BAD {
            let log = format!("{}\n{line}\n{}\n", GOOD[0], GOOD[8]);
            assert_eq!(Console::new(log.as_bytes()).complaints(), [*line]);
        }
    }

    #[test]
    fn a_good_log_has_no_complaint() {
        let log = GOOD.join("\r\n");
        assert_eq!(Console::new(log.as_bytes()).complaints(), [""; 0]);
    }

    /// Returns the debug kernel's reports of an object that `freer` frees while its work is queued.
    fn freed_while_active(freer: &str) -> String {
        format!(
            "[  132.0] ------------[ cut here ]------------\n\
             [  132.0] ODEBUG: free active (active state 0) object: (____ptrval____) object type: \
             work_struct hint: kobject_delayed_cleanup+0x0/0x100\n\
             [  132.0] WARNING: CPU: 1 PID: 41 at lib/debugobjects.c:517 debug_check_no_obj_freed\n\
             [  132.0] Call Trace:\n\
             [  132.0]  kfree+0x146/0x320\n\
             [  132.0]  {freer}+0xfd/0x190\n\
             [  132.0]  </TASK>\n\
             [  132.0] ---[ end trace 0000000000000000 ]---\n\
             [  132.1] BUG: sleeping function called from invalid context at kernel/workqueue.c:4393\n\
             [  132.1] in_atomic(): 1, irqs_disabled(): 0, non_block: 0, pid: 41, name: kworker/1:1\n\
             [  132.1] Call Trace:\n\
             [  132.1]  __might_sleep+0x7d/0xe0\n\
             [  132.1]  work_fixup_free+0x55/0xc0\n\
             [  132.1]  kfree+0x146/0x320\n\
             [  132.1]  {freer}+0xfd/0x190\n\
             [  132.1]  </TASK>\n"
        )
    }

    #[test]
    fn a_known_kernel_fault_is_ignored_unless_dmp_causes_it() {
        let known = freed_while_active("bdev_free_inode");
        let other = freed_while_active("dmp_release [dmp]");
        let complaints = |log: &str| Console::new(log.as_bytes()).complaints().len();
        assert_eq!(complaints(&known), 0);
        // A little earlier the object has a timer.
        assert_eq!(complaints(&known.replace("work_struct", "timer_list")), 0);
        assert_eq!(complaints(&other), 5);
        assert_eq!(complaints(&[&*known, &other, &known, BAD[1]].concat()), 6);
        // A truncated report does not match a known one.
        assert_eq!(complaints(known.split("---[ end").next().unwrap()), 3);
    }

    #[test]
    fn the_tail_is_the_last_lines() {
        let lines: Vec<String> = (0..100).map(|n| format!("line {n}")).collect();
        let log = lines.join("\n");
        let tail = Console::new(log.as_bytes()).tail().to_string();
        assert!(tail.contains("\nline 40\n") && tail.ends_with("line 99\n---"));
        assert!(!tail.contains("line 39\n"));
        // All text after `before` is included.
        let before = Console::new(lines[..80].join("\n").as_bytes());
        let tail = Console::new(log.as_bytes()).tail_since(&before).to_string();
        assert!(tail.contains(":\nline 20\n") && tail.ends_with("line 99\n---"));
    }

    #[test]
    fn the_tail_begins_with_the_first_complaint() {
        let lines: Vec<String> = (0..100).map(|n| format!("line {n}")).collect();
        let log = [GOOD[0], BAD[7], &lines.join("\n")].join("\n");
        let tail = Console::new(log.as_bytes()).tail().to_string();
        assert!(tail.contains(&format!(":\n{}\nline 0\n", BAD[7])), "{tail}");
        // The tail begins neither at a known report nor at one after `before`.
        let known = [&freed_while_active("bdev_free_inode"), &*lines.join("\n")].concat();
        let before = Console::new(known.as_bytes());
        let asked = Console::new([&known, "\n", BAD[7]].concat().as_bytes());
        let tail = asked.tail_since(&before).to_string();
        assert!(tail.contains(":\nline 40\n") && tail.ends_with(&format!("{}\n---", BAD[7])));
    }
}
