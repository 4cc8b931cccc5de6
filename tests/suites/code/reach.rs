// SPDX-License-Identifier: GPL-2.0

//! The code that a function of a kernel module reaches: x86-64, from the object file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};
use object::read::{File, Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionIndex};
use object::{SymbolKind, SymbolSection};
use rustc_demangle::demangle;

/// A module, as an unlinked object file.
pub struct Module(Vec<u8>);

/// The code that some functions reach.
#[derive(Default)]
pub struct Reached {
    /// Each instruction, with its function.
    pub instructions: Vec<(String, Instruction)>,
    /// The functions of the kernel and of other modules.
    pub external: BTreeSet<String>,
    /// The functions that were reached but not followed.
    pub left_out: BTreeSet<String>,
}

/// A place in the file: a section's number, and an offset in the section.
type Place = (usize, u64);

struct Function {
    name: String,
    end: u64,
}

impl Module {
    pub fn read(path: &Path) -> Self {
        Self(std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// Returns the names of all symbols of the kernel and of other modules that the module uses.
    pub fn undefined(&self) -> BTreeSet<String> {
        let file = File::parse(&*self.0).unwrap();
        let undefined = file.symbols().filter(|symbol| symbol.is_undefined());
        undefined
            .map(|symbol| format!("{:#}", demangle(symbol.name().unwrap())))
            .collect()
    }

    /// Returns modinfo's lines about the module: `key=value` each.
    pub fn info(&self) -> Vec<String> {
        let file = File::parse(&*self.0).unwrap();
        let section = file.section_by_name(".modinfo").unwrap();
        let text = String::from_utf8(section.data().unwrap().to_vec()).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    /// Returns the paths of Rust's files in the read-only data. A path may begin with a text that
    /// comes directly before it.
    pub fn source_files(&self) -> BTreeSet<String> {
        let file = File::parse(&*self.0).unwrap();
        let is_path = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./".contains(byte);
        let mut files = BTreeSet::new();
        for section in file.sections() {
            if !section.name().unwrap().starts_with(".rodata") {
                continue;
            }
            let mut rest = section.data().unwrap();
            while let Some(end) = rest.windows(3).position(|text| text == b".rs") {
                let path = rest[..end].rsplit(|byte| !is_path(byte)).next().unwrap();
                files.insert(format!("{}.rs", String::from_utf8_lossy(path)));
                rest = &rest[end + 3..];
            }
        }
        files
    }

    /// Returns the names of the functions that begin with `begin`.
    pub fn named(&self, begin: &str) -> Vec<String> {
        let file = File::parse(&*self.0).unwrap();
        let names = functions(&file).into_values().map(|f| f.name);
        names.filter(|name| name.starts_with(begin)).collect()
    }

    /// Returns the functions, with the number of stack bytes that each reserves by one subtraction.
    pub fn frames(&self) -> Vec<(String, u64)> {
        let file = File::parse(&*self.0).unwrap();
        let mut frames = Vec::new();
        for (start, function) in functions(&file) {
            for instruction in decode(&file, start, function.end) {
                if instruction.mnemonic() == Mnemonic::Sub
                    && instruction.op0_register() == Register::RSP
                    && instruction.op_kind(1) != OpKind::Register
                {
                    frames.push((function.name.clone(), instruction.immediate(1)));
                }
            }
        }
        frames
    }

    /// Returns the code that the functions whose names contain one of `roots` reach by calls and
    /// jumps.
    pub fn reach(&self, roots: &[&str]) -> Reached {
        self.reach_but(roots, &[])
    }

    /// Returns the reached code without the functions named in `left_out`, and without code that
    /// only they reach.
    pub fn reach_but(&self, roots: &[&str], left_out: &[&str]) -> Reached {
        let file = File::parse(&*self.0).unwrap();
        let functions = functions(&file);
        let mut todo: Vec<Place> = Vec::new();
        for root in roots {
            let mut found = functions.iter().filter(|(_, f)| f.name.contains(root));
            let (place, _) = found.next().unwrap_or_else(|| panic!("there is no {root}"));
            assert!(found.next().is_none(), "there are several {root}");
            todo.push(*place);
        }

        let mut reached = Reached::default();
        let mut done = BTreeSet::new();
        while let Some(place) = todo.pop() {
            let (start, function) = functions
                .range(..=place)
                .next_back()
                .filter(|(start, f)| start.0 == place.0 && place.1 < f.end)
                .unwrap_or_else(|| panic!("no function is at {place:?}"));
            if !done.insert(*start) {
                continue;
            }
            let name = function.name.rsplit("::").next().unwrap();
            if left_out.contains(&name) {
                reached.left_out.insert(name.to_owned());
                continue;
            }
            for instruction in decode(&file, *start, function.end) {
                match target(&file, start.0, &instruction) {
                    Some(Target::External(name)) => _ = reached.external.insert(name),
                    Some(Target::Inside(place)) => todo.push(place),
                    None => {}
                }
                reached
                    .instructions
                    .push((function.name.clone(), instruction));
            }
        }
        reached
    }
}

/// Returns the functions by address.
fn functions(file: &File<'_>) -> BTreeMap<Place, Function> {
    file.symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0)
        .filter_map(|symbol| match symbol.section() {
            SymbolSection::Section(section) => {
                let name = format!("{:#}", demangle(symbol.name().unwrap()));
                let end = symbol.address() + symbol.size();
                Some(((section.0, symbol.address()), Function { name, end }))
            }
            _ => None,
        })
        .collect()
}

fn decode(file: &File<'_>, start: Place, end: u64) -> Vec<Instruction> {
    let section = file.section_by_index(SectionIndex(start.0)).unwrap();
    let bytes = section.data_range(start.1, end - start.1).unwrap().unwrap();
    let instructions: Vec<Instruction> = Decoder::with_ip(64, bytes, start.1, DecoderOptions::NONE)
        .into_iter()
        .collect();
    assert!(instructions.iter().all(|i| !i.is_invalid()));
    instructions
}

enum Target {
    Inside(Place),
    External(String),
}

/// Returns the target of a call or a jump, if it is in the file.
fn target(file: &File<'_>, section: usize, instruction: &Instruction) -> Option<Target> {
    if !matches!(
        instruction.flow_control(),
        FlowControl::Call | FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch
    ) {
        return None;
    }
    // The distance is the instruction's last four bytes, relative to its end.
    let at = instruction.next_ip() - 4;
    let relocation = file
        .section_by_index(SectionIndex(section))
        .unwrap()
        .relocations()
        .find(|(offset, _)| *offset == at);
    let Some((_, relocation)) = relocation else {
        return Some(Target::Inside((section, instruction.near_branch_target())));
    };
    let RelocationTarget::Symbol(symbol) = relocation.target() else {
        panic!("{instruction}: {relocation:?}");
    };
    let symbol = file.symbol_by_index(symbol).unwrap();
    match symbol.section() {
        SymbolSection::Section(section) => {
            let place = symbol
                .address()
                .wrapping_add_signed(relocation.addend() + 4);
            Some(Target::Inside((section.0, place)))
        }
        _ => Some(Target::External(format!(
            "{:#}",
            demangle(symbol.name().unwrap())
        ))),
    }
}
