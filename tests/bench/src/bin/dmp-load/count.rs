// SPDX-License-Identifier: GPL-2.0

//! The time of sequential requests.

use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::path::Path;

use crate::bpf::Counter;
use crate::buffer::Buffer;
use crate::clock::ticks;
use crate::request::{Operation, open};

/// Number of requests that are timed together: few, so that most batches end before a timer
/// interrupts them, and enough that each batch has the same share of rare work (such as an empty
/// magazine of the allocator).
const BATCH: usize = 32;
/// Number of timed batches.
const BATCHES: usize = 100;
/// Number of untimed batches before them, which fill caches of all kinds.
const WARM_UP: usize = 4;
/// Number of requests for each operation and size: those of all batches, and a first one to find
/// the number of bytes that it moves.
const MADE: usize = 1 + (WARM_UP + BATCHES) * BATCH;

pub fn run(path: &Path, sizes: &[usize], bpf: bool) -> io::Result<()> {
    let file = open(path)?;
    let counter = bpf.then(|| Counter::attach(&file)).transpose()?;
    let largest = sizes.iter().copied().max().unwrap_or_default();
    let mut buffer = Buffer::new(0, largest)?;
    let mut made = 0;
    for operation in Operation::ALL {
        for size in sizes {
            let mut line = format!("{} {size} {MADE} {BATCH}", operation.name());
            for took in batches(&file, operation, &mut buffer.bytes()[..*size])? {
                let _ = write!(line, " {took}");
            }
            println!("{line}");
            made += MADE as u64;
        }
    }
    match counter {
        Some(counter) => counter.must_have(made),
        None => Ok(()),
    }
}

fn batches(file: &File, operation: Operation, bytes: &mut [u8]) -> io::Result<Vec<u64>> {
    // The number of bytes that the device moves: the whole request, or none, like /dev/null.
    let expected = operation.request(file, bytes)?;
    let mut all = Vec::with_capacity(WARM_UP + BATCHES);
    for _ in 0..WARM_UP + BATCHES {
        all.push(batch(file, operation, bytes, expected)?);
    }
    Ok(all.split_off(WARM_UP))
}

fn batch(file: &File, operation: Operation, bytes: &mut [u8], expected: usize) -> io::Result<u64> {
    let mut whole = true;
    let before = ticks();
    for _ in 0..BATCH {
        whole &= operation.request(file, bytes)? == expected;
    }
    let took = ticks() - before;
    if whole {
        return Ok(took);
    }
    Err(io::Error::other("a request was cut short"))
}
