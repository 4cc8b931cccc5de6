// SPDX-License-Identifier: GPL-2.0

//! What the compilers made of the I/O path: all of dmp.ko that a request comes through, instruction
//! by instruction.

mod reach;

use iced_x86::{
    FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register,
};
use reach::{Module, Reached};

fn module() -> Module {
    let path = std::env::var_os("DMP_KO").expect("DMP_KO: the module, dmp.ko");
    Module::read(path.as_ref())
}

/// All that `map` and `end_io` reach in the module.
fn io_path() -> Reached {
    module().reach(&["::callbacks::map::<", "::callbacks::end_io::<"])
}

/// No instruction of the I/O path may be as `wrong` says.
#[track_caller]
fn assert_none(wrong: impl Fn(&Instruction) -> bool) {
    let path = io_path();
    assert!(path.instructions.len() > 100, "{:#?}", path.instructions);
    let found: Vec<String> = path
        .instructions
        .iter()
        .filter(|(_, instruction)| wrong(instruction))
        .map(|(function, instruction)| format!("{function}: {instruction}"))
        .collect();
    assert_eq!(found, [""; 0]);
}

/// What panics is a function of the kernel's, too. Where the kernel is preemptible, the end of an RCU
/// section is where another task may run.
#[test]
fn the_io_path_calls_two_functions_of_the_kernel_and_none_that_panics() {
    let mut outside = io_path().outside;
    outside.remove("preempt_schedule_thunk");
    assert!(
        outside.iter().eq(["dm_per_bio_data", "ktime_get"]),
        "{outside:?}"
    );
}

#[test]
fn the_io_path_has_no_indirect_call_or_jump() {
    assert_none(|instruction| {
        matches!(
            instruction.flow_control(),
            FlowControl::IndirectCall | FlowControl::IndirectBranch
        )
    });
}

#[test]
fn the_io_path_has_no_division() {
    assert_none(|instruction| matches!(instruction.mnemonic(), Mnemonic::Div | Mnemonic::Idiv));
}

/// Neither the prefix nor the instruction that has it always.
#[test]
fn the_io_path_locks_no_cache_line() {
    assert_none(|instruction| {
        let is_exchange = instruction.mnemonic() == Mnemonic::Xchg
            && (0..2).any(|n| instruction.op_kind(n) == OpKind::Memory);
        instruction.has_lock_prefix() || is_exchange
    });
}

/// How an instruction uses what is relative to `gs`, which is the processor's own.
fn own_memory(instruction: &Instruction) -> Option<OpAccess> {
    let mut factory = InstructionInfoFactory::new();
    let used = factory.info(instruction).used_memory();
    let own = used.iter().find(|memory| memory.segment() == Register::GS);
    own.map(|memory| memory.access())
}

/// Between a load, an addition and a store there can be another task, another processor or an
/// interrupt, and what that counted is lost; as it is where one counter is all processors'.
#[test]
fn each_counter_is_the_processors_own_and_counted_in_one_instruction() {
    let counted: Vec<String> = io_path()
        .instructions
        .into_iter()
        .filter(|(function, instruction)| {
            function.starts_with("dmp_percpu_")
                // The kernel's own are where the instruction says: how often not to preempt.
                && instruction.memory_base() != Register::RIP
                && matches!(instruction.mnemonic(), Mnemonic::Add | Mnemonic::Inc)
                && own_memory(instruction) == Some(OpAccess::ReadWrite)
        })
        .map(|(function, instruction)| format!("{function}: {instruction}"))
        .collect();
    // The bytes and the one of a size, the time and the one of a latency, and what is rare.
    assert_eq!(counted.len(), 5, "{counted:#?}");
    assert_none(|instruction| own_memory(instruction) == Some(OpAccess::Write));
}

/// Counters that others count in are read and replaced: a reset that zeroed them would lose, or keep
/// half of, what is counted meanwhile.
#[test]
fn no_counter_is_written_but_by_counting() {
    let module = module();
    let names = module.named("dmp_percpu_");
    assert!(names.len() >= 6, "{names:?}");
    let mut factory = InstructionInfoFactory::new();
    let mut found = Vec::new();
    for name in &names {
        let reached = module.reach(&[name]);
        let outside = reached.outside.iter().cloned();
        found.extend(outside.filter(|function| function.starts_with("mem")));
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
            if wrong {
                found.push(format!("{function}: {instruction}"));
            }
        }
    }
    assert_eq!(found, [""; 0]);
}
