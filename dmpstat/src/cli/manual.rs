// SPDX-License-Identifier: GPL-2.0

//! Sections of the manual besides the options.

/// Environment variables.
pub const ENVIRONMENT: [(&str, &str); 4] = [
    ("NO_COLOR", "switches colours off if set and not empty."),
    (
        "DMPSTAT_ROOT",
        "is the directory with sys and dev, instead of /: for example a copy from another machine, or a \
         host's root directory in a container.",
    ),
    (
        "TERM",
        "must name a terminal with a movable cursor for dmpstat top; dumb has none.",
    ),
    ("TZ", "is the time zone of printed times."),
];

/// Files that are read or written.
pub const FILES: [(&str, &str); 8] = [
    (
        "/sys/module/dmp/stat/dm-N/snapshot",
        "holds the counters of a device (Documentation/ABI: sysfs-module-dmp).",
    ),
    (
        "/sys/block/dm-N/inflight, stat, dm/suspended",
        "hold the kernel's own numbers of a device.",
    ),
    (
        "/etc/dmp/attach.conf",
        "lists the volumes to attach at each activation and change.",
    ),
    (
        "/run/dmp",
        "holds the states of attached volumes, and the queue of waiting ones.",
    ),
    ("/var/log/dmpstat", "holds the day files of dmpstat record."),
    (
        "/run/dmpstat, $XDG_RUNTIME_DIR/dmpstat",
        "holds the counters of the last call of each dmpstat check.",
    ),
    ("/run/lock/lvm", "holds LVM's locks, which an attach takes."),
    (
        "/dev/mapper/control",
        "is the device for exchanges of tables.",
    ),
];

/// Commands, each with its purpose.
pub const EXAMPLES: [(&str, &str); 9] = [
    ("dmpstat 1", "Shows all devices each second."),
    (
        "dmpstat -x vg/data 'db-*' 5",
        "Shows all columns of these devices every five seconds.",
    ),
    (
        "dmpstat -o r/s,r_p99,r_max,inflight,errs -S r_p99 -z 1",
        "Shows the slowest device first, without idle ones.",
    ),
    (
        "dmpstat -o inflight,aqu-sz,age -S age 1",
        "Shows requests in flight and their age: a hanging device comes first.",
    ),
    (
        "dmpstat -j --counts 10 >log",
        "Writes counts and histograms for programs, which add up over intervals.",
    ),
    (
        "dmpstat hist latency vg/data",
        "Shows the latencies of a volume since the last reset.",
    ),
    (
        "dmpstat -f /var/log/dmpstat -x --from 14:00 60",
        "Shows the minutes since 14:00 of the recording.",
    ),
    (
        "dmpstat check vg/data -w r_p99=20ms,errs=0 -c r_p99=50ms,age=30s",
        "Compares the time since the last call with limits, for Nagios.",
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
        // troff reads a line that begins with one of these as a request.
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
