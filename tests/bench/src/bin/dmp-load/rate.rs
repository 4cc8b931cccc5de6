// SPDX-License-Identifier: GPL-2.0

//! The highest rate of requests on several CPUs.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::buffer::Buffer;
use crate::request::{Operation, open};

const SIZE: usize = 4096;

pub fn run(paths: &[PathBuf], cpus: usize, rounds: usize, turn: Duration) -> io::Result<()> {
    let files = paths
        .iter()
        .map(|path| open(path))
        .collect::<io::Result<Vec<_>>>()?;
    let mut buffers = (0..cpus)
        .map(|job| Buffer::new(job, SIZE))
        .collect::<io::Result<Vec<_>>>()?;
    let mut rates = vec![Vec::with_capacity(rounds); files.len()];
    for round in 0..rounds {
        for place in 0..files.len() {
            // Each round begins with another device, so that no device always follows the same one.
            let which = (round + place) % files.len();
            let rate = take_turn(&files[which], &mut buffers, turn)?;
            rates[which].push(rate.to_string());
        }
    }
    for rates in rates {
        println!("{}", rates.join(" "));
    }
    Ok(())
}

/// Returns the rate of requests of all CPUs together in one turn.
fn take_turn(file: &File, buffers: &mut [Buffer], turn: Duration) -> io::Result<u64> {
    let (over, ready) = (AtomicBool::new(false), Barrier::new(buffers.len() + 1));
    thread::scope(|scope| {
        let jobs: Vec<_> = buffers
            .iter_mut()
            .enumerate()
            .map(|(cpu, buffer)| {
                let (over, ready) = (&over, &ready);
                scope.spawn(move || {
                    let pinned = pin_to(cpu);
                    ready.wait();
                    pinned?;
                    requests_until(over, file, buffer.bytes())
                })
            })
            .collect();
        ready.wait();
        let started = Instant::now();
        thread::sleep(turn);
        over.store(true, Ordering::Relaxed);
        let took = started.elapsed();
        let mut requests = 0;
        for job in jobs {
            requests += job
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a job panicked")))?;
        }
        Ok((requests as f64 / took.as_secs_f64()) as u64)
    })
}

fn pin_to(cpu: usize) -> io::Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    Ok(sched_setaffinity(None, &cpus)?)
}

fn requests_until(over: &AtomicBool, file: &File, bytes: &mut [u8]) -> io::Result<u64> {
    let mut requests = 0;
    while !over.load(Ordering::Relaxed) {
        if Operation::Read.request(file, bytes)? != bytes.len() {
            return Err(io::Error::other("a request was cut short"));
        }
        requests += 1;
    }
    Ok(requests)
}
