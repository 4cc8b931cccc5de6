// SPDX-License-Identifier: GPL-2.0

//! Blocks: samples of at most a minute, volume by volume and column by column.
//!
//! A block has checksums of its header's names and of its boot, the number of samples, their times of day and
//! since boot, the volumes, and the unreadable devices. A volume has its identity, a column with 1 for each
//! sample with the volume, the keys of its other columns, and these columns.

use std::collections::HashMap;

use crate::model::operation::Operation;
use crate::model::snapshot::{Disk, Snapshot};
use crate::record::cells::{self, Key};
use crate::record::column::{self, Column, length, take, text, varint, write_text, write_varint};
use crate::record::header::Header;
use crate::record::sample::{Failure, Sample};

/// The most samples of a block.
const SAMPLES: usize = 1 << 16;

/// Samples that become a block.
#[derive(Debug)]
pub struct Writer {
    header: Header,
    cells: cells::Writer,
    realtime: Vec<u64>,
    boottime: Vec<u64>,
    volumes: Vec<Volume>,
    /// The last volume with each kernel name.
    places: HashMap<String, usize>,
    /// Unreadable devices, and the samples of each.
    failures: Vec<(Failure, Vec<usize>)>,
    size: usize,
}

#[derive(Debug)]
struct Volume {
    identity: Identity,
    /// The samples with the volume.
    present: Vec<usize>,
    /// The columns in the order of their keys. A column without the last values ends with zeros.
    columns: Vec<(Key, Vec<u64>)>,
}

#[derive(Clone, Debug)]
struct Identity {
    device: String,
    name: Vec<u8>,
    uuid: Vec<u8>,
    diskseq: u64,
}

impl Identity {
    fn of(snapshot: &Snapshot) -> Self {
        Self {
            device: snapshot.device.clone(),
            name: snapshot.name.clone(),
            uuid: snapshot.uuid.clone(),
            diskseq: snapshot.diskseq,
        }
    }

    fn is(&self, snapshot: &Snapshot) -> bool {
        self.diskseq == snapshot.diskseq
            && self.device == snapshot.device
            && self.name == snapshot.name
            && self.uuid == snapshot.uuid
    }
}

impl Writer {
    /// Makes a writer of blocks under a header.
    pub fn new(header: Header) -> Self {
        Self {
            cells: cells::Writer::new(&header),
            header,
            realtime: Vec::new(),
            boottime: Vec::new(),
            volumes: Vec::new(),
            places: HashMap::new(),
            failures: Vec::new(),
            size: 0,
        }
    }

    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        self.boottime.len()
    }

    /// Returns whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.boottime.is_empty()
    }

    /// Returns the boot time of the first sample.
    pub fn first_boottime(&self) -> Option<u64> {
        self.boottime.first().copied()
    }

    /// Returns the number of numbers, of 8 bytes each.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Adds a sample.
    pub fn add(&mut self, sample: &Sample) {
        let at = self.len();
        self.realtime.push(sample.realtime as u64);
        self.boottime.push(sample.boottime);
        for snapshot in &sample.snapshots {
            let place = self.places.get(&snapshot.device).copied();
            let place = place.filter(|place| self.volumes[*place].identity.is(snapshot));
            let place = place.unwrap_or_else(|| {
                self.volumes.push(Volume {
                    identity: Identity::of(snapshot),
                    present: Vec::new(),
                    columns: Vec::new(),
                });
                let place = self.volumes.len() - 1;
                self.places.insert(snapshot.device.clone(), place);
                place
            });
            let cells = self.cells.cells(snapshot, sample.boottime);
            self.size += cells.len();
            self.volumes[place].add(at, cells);
        }
        for failure in &sample.failures {
            match self.failures.iter_mut().find(|(of, _)| of == failure) {
                Some((_, samples)) => samples.push(at),
                None => self.failures.push((failure.clone(), vec![at])),
            }
        }
    }

    /// Returns the header of the next block.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Adds new bounds to the header. Returns whether there are any: then the header comes before the block.
    pub fn update(&mut self) -> bool {
        self.cells.update(&mut self.header)
    }

    /// Writes the plain payload of a frame, and begins the next block.
    pub fn finish(&mut self) -> Vec<u8> {
        let count = self.len();
        let mut out = Vec::new();
        out.extend_from_slice(&self.header.names().to_le_bytes());
        out.extend_from_slice(&self.header.boot().to_le_bytes());
        write_varint(count as u64, &mut out);
        column::write(&self.realtime, &mut out);
        column::write(&self.boottime, &mut out);
        write_varint(self.volumes.len() as u64, &mut out);
        for volume in &mut self.volumes {
            volume.write(count, &mut out);
        }
        write_varint(self.failures.len() as u64, &mut out);
        for (failure, samples) in &self.failures {
            write_text(failure.device.as_bytes(), &mut out);
            write_text(&failure.name, &mut out);
            write_text(failure.message.as_bytes(), &mut out);
            write_presence(samples, count, &mut out);
        }
        self.realtime.clear();
        self.boottime.clear();
        self.volumes.clear();
        self.places.clear();
        self.failures.clear();
        self.size = 0;
        out
    }
}

impl Volume {
    fn add(&mut self, at: usize, cells: &[(Key, u64)]) {
        let rank = self.present.len();
        self.present.push(at);
        let mut place = 0;
        for (key, value) in cells {
            while self.columns.get(place).is_some_and(|(of, _)| of < key) {
                place += 1;
            }
            if self.columns.get(place).is_none_or(|(of, _)| of != key) {
                self.columns.insert(place, (*key, Vec::new()));
            }
            let (_, values) = &mut self.columns[place];
            values.resize(rank, 0);
            values.push(*value);
        }
    }

    fn write(&mut self, count: usize, out: &mut Vec<u8>) {
        let identity = &self.identity;
        for text in [identity.device.as_bytes(), &identity.name, &identity.uuid] {
            write_text(text, out);
        }
        write_varint(identity.diskseq, out);
        write_presence(&self.present, count, out);
        write_varint(self.columns.len() as u64, out);
        // The keys come before the columns, because neighbours have the same keys.
        for (key, _) in &self.columns {
            for number in [key.operation, key.kind, key.place] {
                write_varint(number.into(), out);
            }
        }
        for (_, values) in &mut self.columns {
            values.resize(self.present.len(), 0);
            column::write(values, out);
        }
    }
}

/// Writes a column with 1 for these samples, and 0 for the others.
fn write_presence(samples: &[usize], count: usize, out: &mut Vec<u8>) {
    let mut presence = vec![0; count];
    for sample in samples {
        presence[*sample] = 1;
    }
    column::write(&presence, out);
}

/// A block that was read.
#[derive(Debug)]
pub struct Block {
    times: Times,
    volumes: Vec<ReadVolume>,
    failures: Vec<(Failure, Column)>,
}

/// The begin of a block: its header, and the times of its samples.
#[derive(Clone, Debug)]
pub struct Times {
    /// [`Header::names`] of its header.
    pub names: u32,
    /// [`Header::boot`] of its header.
    pub boot: u32,
    /// The number of samples.
    pub count: usize,
    realtime: Column,
    boottime: Column,
}

impl Times {
    /// Reads the times at the begin of a block's plain payload.
    pub fn read(plain: &[u8]) -> Option<Self> {
        Self::take(&mut &*plain)
    }

    fn take(input: &mut &[u8]) -> Option<Self> {
        let mut number = || Some(u32::from_le_bytes(take(input, 4)?.try_into().ok()?));
        let (names, boot) = (number()?, number()?);
        let count = usize::try_from(varint(input)?).ok()?;
        let count = Some(count).filter(|count| (1..=SAMPLES).contains(count))?;
        Some(Self {
            names,
            boot,
            count,
            realtime: Column::read(input, count)?,
            boottime: Column::read(input, count)?,
        })
    }

    /// Returns the time of day of a sample, in nanoseconds since 1970.
    pub fn realtime(&self, sample: usize) -> i64 {
        self.realtime.at(sample) as i64
    }

    /// Returns the time of a sample since boot, in nanoseconds.
    pub fn boottime(&self, sample: usize) -> u64 {
        self.boottime.at(sample)
    }
}

#[derive(Debug)]
struct ReadVolume {
    identity: Identity,
    /// For each sample the place of the volume's numbers in its columns, if it is present.
    places: Vec<Option<usize>>,
    columns: Vec<(Key, Column)>,
}

impl Block {
    /// Reads a block from its plain payload; `None` if it is malformed.
    pub fn read(plain: &[u8]) -> Option<Self> {
        let mut input = plain;
        let times = Times::take(&mut input)?;
        let volumes = length(&mut input)?;
        let volumes: Option<Vec<ReadVolume>> = (0..volumes)
            .map(|_| ReadVolume::take(&mut input, times.count))
            .collect();
        let volumes = volumes?;
        let failures = length(&mut input)?;
        let failure = |_| {
            let failure = Failure {
                device: String::from_utf8(text(&mut input)?).ok()?,
                name: text(&mut input)?,
                message: String::from_utf8(text(&mut input)?).ok()?,
            };
            Some((failure, Column::read(&mut input, times.count)?))
        };
        let failures: Option<Vec<_>> = (0..failures).map(failure).collect();
        Some(Self {
            times,
            volumes,
            failures: failures?,
        })
    }

    /// Returns the times of the samples.
    pub fn times(&self) -> &Times {
        &self.times
    }

    /// Returns a sample, with the devices in the order of their numbers.
    pub fn sample(&self, at: usize, cells: &cells::Reader) -> Sample {
        let boottime = self.times.boottime(at);
        let volumes = self.volumes.iter();
        let snapshots = volumes.filter_map(|volume| volume.snapshot(at, boottime, cells));
        let failures = self.failures.iter();
        let failures = failures.filter(|(_, presence)| presence.at(at) == 1);
        let mut sample = Sample {
            realtime: self.times.realtime(at),
            boottime,
            snapshots: snapshots.collect(),
            failures: failures.map(|(of, _)| of.clone()).collect(),
        };
        sample.sort();
        sample
    }
}

impl ReadVolume {
    fn take(input: &mut &[u8], count: usize) -> Option<Self> {
        let identity = Identity {
            device: String::from_utf8(text(input)?).ok()?,
            name: text(input)?,
            uuid: text(input)?,
            diskseq: varint(input)?,
        };
        let presence = Column::read(input, count)?;
        let mut present = 0;
        let mut place = |at| {
            let is_present = presence.at(at) == 1;
            present += usize::from(is_present);
            is_present.then(|| present - 1)
        };
        let places: Vec<Option<usize>> = (0..count).map(&mut place).collect();
        let columns = length(input)?;
        let mut number = || u32::try_from(varint(input)?).ok();
        let keys: Option<Vec<Key>> = (0..columns)
            .map(|_| {
                Some(Key {
                    operation: number()?,
                    kind: number()?,
                    place: number()?,
                })
            })
            .collect();
        let columns: Option<Vec<_>> = keys?
            .into_iter()
            .map(|key| Some((key, Column::read(input, present)?)))
            .collect();
        Some(Self {
            identity,
            places,
            columns: columns?,
        })
    }

    fn snapshot(&self, at: usize, boottime: u64, reader: &cells::Reader) -> Option<Snapshot> {
        let place = self.places.get(at).copied().flatten()?;
        let Identity {
            device,
            name,
            uuid,
            diskseq,
        } = self.identity.clone();
        let mut snapshot = Snapshot {
            device,
            name,
            uuid,
            diskseq,
            since: 0,
            taken: 0,
            latency: false,
            latency_since: None,
            pattern_since: None,
            lines: None,
            operations: [const { None }; Operation::COUNT],
            disk: Disk::default(),
        };
        let columns = self.columns.iter();
        let cells = columns.map(|(key, column)| (*key, column.at(place)));
        reader.fill(&mut snapshot, boottime, cells);
        Some(snapshot)
    }
}
