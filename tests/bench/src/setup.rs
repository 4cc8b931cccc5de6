// SPDX-License-Identifier: GPL-2.0

//! The compared setups: each makes a device, and possibly counts its requests.

/// The beginning of every script: null_blk, the disk under all setups. null_blk has no bio mode in
/// 6.12, so its requests go through blk-mq. They complete at once, and no data is moved.
pub const PREPARE: &str = "
    [ -b /dev/nullb0 ] || {
        mount -t tracefs tracefs /sys/kernel/tracing
        modprobe null_blk queue_mode=2 irqmode=0 memory_backed=0 no_sched=1 submit_queues=$(nproc)
    }
    size=$(cat /sys/block/nullb0/size)
    tracing=/sys/kernel/tracing
    # The name of a mapped device in /sys.
    node() { dmsetup info -c --noheadings -o blkdevname $1; }
    device=bench
";

/// The name of the setup that all others are compared with.
pub const LINEAR: &str = "linear";

/// One setup.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The name in tables, files and limits.
    pub name: String,
    /// The sh script that makes the setup: a mapped device named `$device`, if it has one. `$size`
    /// is the size of /dev/nullb0 in sectors.
    pub make: String,
    /// The sh script that prints the number of requests that the setup has counted, if it counts.
    pub counted: String,
    /// The sh script that removes the whole setup.
    pub unmake: String,
    /// The device or file for reads and writes, and options of `dmp-load count`.
    pub path: String,
}

impl Setup {
    /// Makes a setup of an existing file.
    fn plain(name: &str, path: &str) -> Self {
        Self {
            name: name.into(),
            make: String::new(),
            counted: String::new(),
            unmake: String::new(),
            path: path.into(),
        }
    }

    /// Makes a setup of a mapped device over null_blk.
    fn mapped(name: &str, target: &str, arguments: &str) -> Self {
        Self {
            make: format!(
                "dmsetup create $device --table \"0 $size {target} /dev/nullb0 {arguments}\"\n"
            ),
            unmake: "dmsetup remove $device\n".into(),
            ..Self::plain(name, "/dev/mapper/$device")
        }
    }

    fn linear(name: &str) -> Self {
        Self::mapped(name, "linear", "0")
    }

    fn dmp(name: &str, arguments: &str) -> Self {
        Self {
            counted: "cd /sys/module/dmp/stat/$(node $device)
                echo $(($(cat read/requests) + $(cat write/requests)))\n"
                .into(),
            ..Self::mapped(name, "dmp", arguments)
        }
    }

    /// Makes a dm-linear device with device mapper's own statistics of the whole device.
    fn dm_stats(name: &str, options: &str) -> Self {
        let linear = Self::linear(name);
        Self {
            make: linear.make
                + "dmsetup message $device 0 @stats_create - /1 "
                + options
                + ">/run/id\n",
            counted: "dmsetup message $device 0 @stats_print 0 | awk '{ print $2 + $6 }'\n".into(),
            ..linear
        }
    }

    /// Makes a dm-linear device with blktrace's events in the kernel's ring buffer. No program
    /// reads the events, as blktrace would: this is the minimal cost of tracing.
    fn blktrace(name: &str) -> Self {
        let linear = Self::linear(name);
        Self {
            make: linear.make
                + "echo blk >$tracing/current_tracer
                echo 1 >/sys/block/$(node $device)/trace/enable\n",
            // A request has an event when it is queued and one at its end.
            counted: "awk '/^(entries|overrun):/ { n += $2 } END { print n / 2 }' \
                $tracing/per_cpu/cpu*/stats\n"
                .into(),
            unmake: "echo 0 >/sys/block/$(node $device)/trace/enable
                echo nop >$tracing/current_tracer\n"
                .to_owned()
                + &linear.unmake,
            ..linear
        }
    }

    /// Makes a dm-linear device with an eBPF program on it, which dmp-load attaches.
    fn ebpf(name: &str) -> Self {
        let linear = Self::linear(name);
        Self {
            path: format!("--bpf {}", linear.path),
            ..linear
        }
    }

    /// Makes a twin of dmp, in C: tests/bench/twin.
    fn twin(name: &str, target: &str) -> Self {
        let twin = Self::mapped(name, target, "");
        Self {
            make: "[ -d /sys/module/dmp_twin ] || insmod /lib/dmp-bench/dmp_twin.ko\n".to_owned()
                + &twin.make,
            counted: "dmsetup status $device | awk '{ print $4 + $6 }'\n".into(),
            ..twin
        }
    }

    /// Makes this number of devices of a target, stacked.
    fn stack(target: &str, depth: u32) -> Self {
        Self {
            make: format!(
                "below=/dev/nullb0
                for level in $(seq {depth}); do
                    dmsetup create s$level --table \"0 $size {target} $below 0\"
                    below=/dev/mapper/s$level
                done\n"
            ),
            unmake: format!("for level in $(seq {depth} -1 1); do dmsetup remove s$level; done\n"),
            ..Self::plain(&stack_name(target, depth), &format!("/dev/mapper/s{depth}"))
        }
    }
}

/// Returns all setups that are compared individually.
pub fn all() -> Vec<Setup> {
    vec![
        Setup::plain("no I/O", "/dev/null"),
        Setup::plain("null_blk", "/dev/nullb0"),
        Setup::linear(LINEAR),
        Setup::dmp("dmp", "0"),
        Setup::dmp("dmp latency", "0 1 latency"),
        Setup::dmp("dmp pattern", "0 1 pattern"),
        Setup::dmp("dmp latency pattern", "0 2 latency pattern"),
        Setup::twin("C twin, shared atomics", "twin_atomic"),
        Setup::twin("C twin, per CPU", "twin_percpu"),
        Setup::dm_stats("dm-stats", ""),
        Setup::dm_stats("dm-stats precise", "1 precise_timestamps"),
        Setup::dm_stats(
            "dm-stats precise histogram",
            "2 precise_timestamps histogram:1000,10000,100000,1000000",
        ),
        Setup::ebpf("eBPF"),
        Setup::blktrace("blktrace"),
    ]
}

/// Depths of stacks.
pub const DEPTHS: std::ops::RangeInclusive<u32> = 1..=8;

/// Targets of stacks.
pub const STACKED: [&str; 2] = ["linear", "dmp"];

/// Returns the name of a stack.
pub fn stack_name(target: &str, depth: u32) -> String {
    format!("{target} x{depth}")
}

/// Tells if a setup of this name is a stack.
pub fn is_stack(name: &str) -> bool {
    STACKED.iter().any(|target| {
        let mut names = DEPTHS.map(|depth| stack_name(target, depth));
        names.any(|stack| stack == name)
    })
}

/// Returns the stacks of dm-linear and of dmp.
pub fn stacks() -> Vec<Setup> {
    STACKED
        .iter()
        .flat_map(|target| DEPTHS.map(|depth| Setup::stack(target, depth)))
        .collect()
}

/// Returns the setups for several CPUs, dm-linear first.
pub fn scaled() -> Vec<Setup> {
    const NAMES: [&str; 6] = [
        LINEAR,
        "dmp",
        "dmp latency",
        "C twin, shared atomics",
        "C twin, per CPU",
        "dm-stats",
    ];
    let all = all();
    NAMES
        .iter()
        .filter_map(|name| all.iter().find(|setup| setup.name == *name).cloned())
        .collect()
}
