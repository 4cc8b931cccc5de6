// SPDX-License-Identifier: GPL-2.0

//! Sections of the manual besides the options.

/// Environment variables.
pub const ENVIRONMENT: [(&str, &str); 4] = [
    (
        "NO_COLOR",
        "switches colours off if it is set and not empty.",
    ),
    (
        "DMPSTAT_ROOT",
        "is the directory in which sys and dev are looked for, in the place of /: another machine's, as copied, or \
         a host's within a container.",
    ),
    (
        "TERM",
        "must name a terminal with a movable cursor for dmpstat top, so not dumb.",
    ),
    ("TZ", "is the time zone of times."),
];

/// Files that are read or written.
pub const FILES: [(&str, &str); 6] = [
    (
        "/sys/module/dmp/stat/dm-N/snapshot",
        "has the counters of a device (Documentation/ABI: sysfs-module-dmp).",
    ),
    (
        "/sys/block/dm-N/inflight, stat, dm/suspended",
        "have the kernel's own numbers of it.",
    ),
    (
        "/etc/dmp/attach.conf",
        "lists the volumes that are attached whenever they come.",
    ),
    (
        "/run/dmp",
        "has the states of attached volumes, and the queue of those that wait.",
    ),
    ("/run/lock/lvm", "has LVM's locks, which an attach takes."),
    ("/dev/mapper/control", "is how an attach exchanges tables."),
];

/// Commands, each with its purpose.
pub const EXAMPLES: [(&str, &str); 7] = [
    ("dmpstat 1", "All devices, each second."),
    (
        "dmpstat -x vg/data 'db-*' 5",
        "All columns of these devices, each five seconds.",
    ),
    (
        "dmpstat -o r/s,r_p99,r_max,inflight,errs -S r_p99 -z 1",
        "The slowest device first, without idle ones.",
    ),
    (
        "dmpstat -o inflight,aqu-sz,age -S age 1",
        "Requests in flight and their age: the device that hangs comes first.",
    ),
    (
        "dmpstat -j --counts 10 >log",
        "Counts and histograms for programs, which can be added up over intervals.",
    ),
    (
        "dmpstat hist latency vg/data",
        "The latencies of a volume since the last reset.",
    ),
    (
        "dmpstat attach --keep vg/data",
        "Counts a volume from now on, also after the next boot.",
    ),
];

/// The sections: titles and entries.
const SECTIONS: [(&str, &[(&str, &str)]); 3] = [
    ("ENVIRONMENT", &ENVIRONMENT),
    ("FILES", &FILES),
    ("EXAMPLES", &EXAMPLES),
];

/// Returns the sections as text.
pub fn text() -> String {
    let mut text = String::new();
    for (title, entries) in SECTIONS {
        text += &format!("{title}:\n");
        for (term, meaning) in entries {
            text += &format!("  {term}\n          {meaning}\n");
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

/// Returns the sections for a man page.
pub fn roff() -> String {
    let escaped = |text: &str| {
        let text = text.replace('\\', "\\e").replace('-', "\\-");
        // troff takes a line that begins with one of these for a request.
        match text.starts_with(['.', '\'']) {
            true => format!("\\&{text}"),
            false => text,
        }
    };
    let mut roff = String::new();
    for (title, entries) in SECTIONS {
        roff += &format!(".SH {title}\n");
        for (term, meaning) in entries {
            roff += &format!(".TP\n\\fB{}\\fR\n{}\n", escaped(term), escaped(meaning));
        }
    }
    roff
}
