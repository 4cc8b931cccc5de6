// SPDX-License-Identifier: GPL-2.0

//! The I/O path in machine code: every instruction of dmp.ko on a request's path.

mod reach;

use std::collections::BTreeSet;

use iced_x86::{
    FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register,
};
use reach::{Module, Reached};

fn module() -> Module {
    let path = std::env::var_os("DMP_KO").expect("DMP_KO: the module, dmp.ko");
    Module::read(path.as_ref())
}

/// The functions at which a request enters the module.
const ROOTS: [&str; 2] = ["::callbacks::map::<", "::callbacks::end_io::<"];

/// Returns all module functions that `map` and `end_io` reach.
fn io_path() -> Reached {
    module().reach(&ROOTS)
}

/// Functions for rare requests only: rare operations, failed requests, and latencies of 0 or of
/// seconds.
const RARE: [&str; 2] = ["arrived", "completed_otherwise"];

/// Returns all functions that successful reads and writes with data reach, measured or not.
fn common_path() -> Reached {
    module().reach_but(&ROOTS, &RARE)
}

/// Asserts that a path has no instruction with `wrong`.
#[track_caller]
fn assert_none(path: &Reached, wrong: impl Fn(&Instruction) -> bool) {
    assert!(path.instructions.len() > 100, "{:#?}", path.instructions);
    let found: Vec<String> = path
        .instructions
        .iter()
        .filter(|(_, instruction)| wrong(instruction))
        .map(|(function, instruction)| format!("{function}: {instruction}"))
        .collect();
    assert_eq!(found, [""; 0]);
}

/// A panic would also be a call to a function of the kernel. On a preemptible kernel the end of a
/// section calls the scheduler, because another task may have to run.
#[test]
fn the_io_path_calls_only_the_kernels_clock_and_cannot_panic() {
    let mut external = io_path().external;
    external.retain(|name| !name.contains("preempt_schedule"));
    assert!(external.iter().eq(["ktime_get"]), "{external:?}");
}

#[test]
fn rare_functions_are_outside_the_common_path() {
    assert!(common_path().left_out.iter().eq(RARE));
}

#[test]
fn the_io_path_has_no_indirect_call_or_jump() {
    assert_none(&io_path(), |instruction| {
        matches!(
            instruction.flow_control(),
            FlowControl::IndirectCall | FlowControl::IndirectBranch
        )
    });
}

#[test]
fn the_io_path_has_no_division() {
    assert_none(&io_path(), |instruction| {
        matches!(instruction.mnemonic(), Mnemonic::Div | Mnemonic::Idiv)
    });
}

/// Finds the lock prefix, and the exchange with memory, which always locks.
#[test]
fn reads_and_writes_lock_no_cache_line() {
    assert_none(&common_path(), |instruction| {
        let is_exchange = instruction.mnemonic() == Mnemonic::Xchg
            && (0..2).any(|n| instruction.op_kind(n) == OpKind::Memory);
        instruction.has_lock_prefix() || is_exchange
    });
}

/// Returns an instruction's access to memory relative to `gs`, the base of the processor's own
/// memory.
fn own_memory(instruction: &Instruction) -> Option<OpAccess> {
    let mut factory = InstructionInfoFactory::new();
    let used = factory.info(instruction).used_memory();
    let own = used.iter().find(|memory| memory.segment() == Register::GS);
    own.map(|memory| memory.access())
}

/// Returns the functions that add to the processor's own memory, once for each addition.
fn counted(path: &Reached) -> Vec<String> {
    let mut functions: Vec<String> = path
        .instructions
        .iter()
        .filter(|(_, instruction)| {
            // The kernel's own count of preemption has a fixed address, relative to `rip`.
            instruction.memory_base() != Register::RIP
                && matches!(instruction.mnemonic(), Mnemonic::Add | Mnemonic::Inc)
                && own_memory(instruction) == Some(OpAccess::ReadWrite)
        })
        .map(|(function, _)| last_name(function))
        .collect();
    functions.sort();
    functions
}

/// Returns a function's name without its module and its types.
fn last_name(function: &str) -> String {
    let name = function.split("::<").next().unwrap();
    name.rsplit("::").next().unwrap().to_owned()
}

/// Returns the functions that store into the processor's own memory without reading it.
fn stored(path: &Reached) -> BTreeSet<String> {
    path.instructions
        .iter()
        .filter(|(_, instruction)| own_memory(instruction) == Some(OpAccess::Write))
        .map(|(function, _)| last_name(function))
        .collect()
}

/// Another task, another processor or an interrupt may count between a load, an addition and a
/// store, and its count would be lost. A counter that all processors share would also lose counts.
#[test]
fn each_counter_is_per_cpu_and_changed_by_one_instruction() {
    let path = common_path();
    // An arrival adds to the bytes and to the bucket of a size, and with latencies also to the
    // three words of a tally. An end adds to the three words of the other tally, to the sum of
    // times, and to the bucket of a latency.
    let expected: Vec<&str> = [
        &["arrived_by_ktime"; 5][..],
        // An arrival with a distance adds to one of five words, by the place where its count is found.
        &["arrived_in_pattern"; 2 + 5],
        &["completed"; 5],
        &["completed_by_ktime"; 5],
        &["measured_arrived"; 5],
        &["measured_arrived_in_pattern"; 5 + 5],
    ]
    .concat();
    let (map, found): (Vec<_>, Vec<_>) = counted(&path).into_iter().partition(|name| name == "map");
    assert_eq!(map, ["map"; 2]);
    assert_eq!(found, expected);
    // Only the ends of requests with a distance are stored as a whole: they are no counts.
    let with_distance = ["arrived_in_pattern", "measured_arrived_in_pattern"];
    assert!(stored(&path).iter().eq(with_distance));
    let with_rare = [
        "arrived",
        "arrived_in_pattern",
        "measured_arrived_in_pattern",
    ];
    assert!(stored(&io_path()).iter().eq(with_rare));
}

/// Counters in use are only read and replaced. A reset that zeroed them would lose a concurrent
/// count, or keep half of it.
#[test]
fn counters_are_written_only_by_counting() {
    let module = module();
    let names = module.named("dmp_percpu_");
    assert!(names.len() >= 6, "{names:?}");
    let mut sums = Vec::new();
    let mut factory = InstructionInfoFactory::new();
    let mut found = Vec::new();
    for name in &names {
        let reached = module.reach(&[name]);
        let external = reached.external.iter().cloned();
        found.extend(external.filter(|function| function.starts_with("mem")));
        for (function, instruction) in &reached.instructions {
            let wrong = factory
                .info(instruction)
                .used_memory()
                .iter()
                .any(|memory| {
                    let reads = matches!(
                        memory.access(),
                        OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess
                    );
                    !reads && memory.segment() != Register::GS && memory.base() != Register::RSP
                });
            if wrong && ["dmp_percpu_sums", "dmp_percpu_tallies"].contains(&&**function) {
                sums.push(instruction.mnemonic());
            } else if wrong {
                found.push(format!("{function}: {instruction}"));
            }
        }
    }
    assert_eq!(found, [""; 0]);
    // The two functions only add to the caller's sums.
    assert_eq!(sums, [Mnemonic::Add; 5]);
}

/// A module may be unloaded as soon as the last reference to a kobject is reported released. If the
/// module's own code reported it, that code would continue in freed memory. drivers/md/dm-builtin.c
/// has the steps.
#[test]
fn the_kernels_own_code_reports_a_directorys_release() {
    let undefined = module().undefined();
    assert!(undefined.contains("dm_kobject_release"), "{undefined:?}");
    let says: Vec<_> = undefined
        .iter()
        .filter(|name| name.starts_with("complete"))
        .collect();
    assert_eq!(says, [""; 0]);
}

/// The kernel's C compiler warns of larger frames (`CONFIG_FRAME_WARN`), but rustc does not. A
/// stack is 16 KiB, and can have both the load of a table and the writeback of reclaimed memory on
/// it.
#[test]
fn no_function_exceeds_the_kernels_frame_limit() {
    let frames = module().frames();
    assert!(frames.len() > 20, "{frames:?}");
    let wide: Vec<_> = frames.iter().filter(|(_, bytes)| *bytes > 2048).collect();
    assert!(wide.is_empty(), "{wide:#?}");
}

/// Panics and names of locks show these paths. The other paths belong to the kernel's Rust and to
/// Rust's own library.
#[test]
fn the_modules_own_files_have_paths_below_dmp() {
    let files = module().source_files();
    assert!(
        files.iter().any(|file| file.ends_with("dmp/registry.rs")),
        "{files:?}"
    );
    let others: Vec<_> = files
        .iter()
        .filter(|file| {
            !["dmp/", "rust/", "library/"]
                .iter()
                .any(|folder| file.contains(folder))
        })
        .collect();
    assert_eq!(others, [""; 0]);
}

#[test]
fn modinfo_has_the_author_the_version_and_device_mappers_alias() {
    let info = module().info();
    for line in [
        "alias=dm-dmp",
        "author=The dmp authors",
        "license=GPL",
        "name=dmp",
        concat!("version=", include_str!("../../../module/VERSION")).trim_ascii_end(),
    ] {
        assert_eq!(
            info.iter().filter(|other| *other == line).count(),
            1,
            "{line} in {info:?}"
        );
    }
}
