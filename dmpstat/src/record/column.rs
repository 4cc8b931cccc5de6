// SPDX-License-Identifier: GPL-2.0

//! One number over time, in few bits.
//!
//! A column is a byte for its form, and then:
//!
//! - form 0: the value of all samples, as a varint.
//! - forms 1 to 64: the first value, as a varint; the least difference of neighbours, as a zigzag varint; for
//!   each further sample its difference, less the least one, in Rice's code with `form - 1` low bits.
//! - forms 65 to 128: the least value, as a varint; for each sample its value, less the least one, in Rice's
//!   code with `form - 65` low bits.
//!
//! All arithmetic wraps, so each sequence of `u64` is exact. Rice's code is a number of ones, a zero, and the
//! low bits; a byte is filled from its lowest bit. [`ESCAPE`] ones stand for 64 bits that follow.

/// The number of ones that announces a whole number, because a code without a limit could be long.
const ESCAPE: u32 = 24;
/// The first form with values instead of differences.
const PLAIN: u8 = 65;
/// The last form.
const LAST: u8 = 128;

/// The values of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// The value of all samples.
    Constant(u64),
    /// The value of each sample.
    Varying(Vec<u64>),
}

impl Column {
    /// Returns the value of a sample.
    pub fn at(&self, sample: usize) -> u64 {
        match self {
            Self::Constant(value) => *value,
            Self::Varying(values) => values.get(sample).copied().unwrap_or(0),
        }
    }

    /// Reads a column of `count` samples; `None` if the bytes are malformed.
    pub fn read(input: &mut &[u8], count: usize) -> Option<Self> {
        let form = *take(input, 1)?.first()?;
        let base = varint(input)?;
        if form == 0 {
            return Some(Self::Constant(base));
        }
        // Each code has one bit or more, so a short input has no room for many samples.
        if form > LAST || count == 0 || count - 1 > input.len().saturating_mul(8) {
            return None;
        }
        let mut values = Vec::with_capacity(count);
        if form < PLAIN {
            let least = unzigzag(varint(input)?);
            let mut bits = Bits::new(input);
            let mut value = base;
            values.push(value);
            for _ in 1..count {
                let step = bits.rice(u32::from(form - 1))?.wrapping_add(least);
                value = value.wrapping_add(step);
                values.push(value);
            }
            *input = bits.rest();
        } else {
            let mut bits = Bits::new(input);
            for _ in 0..count {
                values.push(bits.rice(u32::from(form - PLAIN))?.wrapping_add(base));
            }
            *input = bits.rest();
        }
        Some(Self::Varying(values))
    }
}

/// Writes a column.
pub fn write(values: &[u64], out: &mut Vec<u8>) {
    let first = values.first().copied().unwrap_or(0);
    if values.iter().all(|value| *value == first) {
        out.push(0);
        return write_varint(first, out);
    }
    let steps = || values.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    let least_step = steps().min_by_key(|step| *step as i64).unwrap_or(0);
    let above_steps: Vec<u64> = steps().map(|step| step.wrapping_sub(least_step)).collect();
    let least = values.iter().copied().min().unwrap_or(0);
    let above: Vec<u64> = values.iter().map(|value| value - least).collect();
    let (low_of_steps, length_of_steps) = shortest(&above_steps);
    let (low, length) = shortest(&above);
    // The first value of differences takes about as many bits as it has itself.
    let of_first = u64::from(u64::BITS - first.leading_zeros());
    if length_of_steps + of_first <= length {
        out.push(1 + low_of_steps as u8);
        write_varint(first, out);
        write_varint(zigzag(least_step), out);
        write_rice(&above_steps, low_of_steps, out);
    } else {
        out.push(PLAIN + low as u8);
        write_varint(least, out);
        write_rice(&above, low, out);
    }
}

/// Returns the number of low bits with the shortest code, and the length of the code in bits.
fn shortest(values: &[u64]) -> (u32, u64) {
    let length = |low: u32| -> u64 {
        let of = |value: &u64| match value >> low {
            high if high < u64::from(ESCAPE) => high + 1 + u64::from(low),
            _ => u64::from(ESCAPE) + 64,
        };
        values.iter().map(of).sum()
    };
    let sum: u128 = values.iter().map(|value| u128::from(*value)).sum();
    let mean = sum / (values.len().max(1) as u128);
    let mut low = (u128::BITS - mean.leading_zeros()).min(u64::BITS - 1);
    let mut best = length(low);
    // Large values that are rare raise the mean, and take the escape with fewer bits.
    while low > 0 {
        let next = length(low - 1);
        if next > best {
            break;
        }
        (low, best) = (low - 1, next);
    }
    (low, best)
}

fn write_rice(values: &[u64], low: u32, out: &mut Vec<u8>) {
    let mut bits = Pending::new(out);
    for value in values {
        let high = value >> low;
        if high < u64::from(ESCAPE) {
            bits.put((1 << high) - 1, high as u32 + 1);
            bits.put(value & ((1 << low) - 1), low);
        } else {
            bits.put((1 << ESCAPE) - 1, ESCAPE);
            bits.put(*value, 64);
        }
    }
    bits.finish();
}

/// Bits that do not fill a byte yet.
struct Pending<'a> {
    out: &'a mut Vec<u8>,
    bits: u128,
    count: u32,
}

impl<'a> Pending<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            bits: 0,
            count: 0,
        }
    }

    fn put(&mut self, bits: u64, count: u32) {
        self.bits |= u128::from(bits) << self.count;
        self.count += count;
        while self.count >= 8 {
            self.out.push(self.bits as u8);
            self.bits >>= 8;
            self.count -= 8;
        }
    }

    fn finish(self) {
        if self.count > 0 {
            self.out.push(self.bits as u8);
        }
    }
}

/// Bits of bytes that are being read.
struct Bits<'a> {
    bytes: &'a [u8],
    bits: u128,
    count: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            bits: 0,
            count: 0,
        }
    }

    fn get(&mut self, count: u32) -> Option<u64> {
        while self.count < count {
            let (byte, rest) = self.bytes.split_first()?;
            self.bits |= u128::from(*byte) << self.count;
            self.count += 8;
            self.bytes = rest;
        }
        let mask = u64::MAX.checked_shr(u64::BITS - count).unwrap_or(0);
        let bits = self.bits as u64 & mask;
        self.bits >>= count;
        self.count -= count;
        Some(bits)
    }

    fn rice(&mut self, low: u32) -> Option<u64> {
        let mut high = 0;
        while self.get(1)? == 1 {
            high += 1;
            if high == ESCAPE {
                return self.get(64);
            }
        }
        Some((u64::from(high) << low) | self.get(low)?)
    }

    /// Returns the bytes after the last one with bits.
    fn rest(self) -> &'a [u8] {
        self.bytes
    }
}

/// Takes bytes from the begin of the input; `None` if there are too few.
pub fn take<'a>(input: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = input.split_at_checked(count)?;
    *input = rest;
    Some(taken)
}

/// Writes a number in groups of seven bits, the lowest first.
pub fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads a number that [`write_varint`] has written.
pub fn varint(input: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = *take(input, 1)?.first()?;
        let bits = u64::from(byte & 0x7f);
        let shifted = bits << shift;
        if shifted >> shift != bits {
            return None;
        }
        value |= shifted;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Reads a number of things, each of which takes a byte or more of the input.
pub fn length(input: &mut &[u8]) -> Option<usize> {
    let length = usize::try_from(varint(input)?).ok()?;
    (length <= input.len()).then_some(length)
}

/// Writes the length of a text, and the text.
pub fn write_text(text: &[u8], out: &mut Vec<u8>) {
    write_varint(text.len() as u64, out);
    out.extend_from_slice(text);
}

/// Reads a text that [`write_text`] has written.
pub fn text(input: &mut &[u8]) -> Option<Vec<u8>> {
    let length = length(input)?;
    take(input, length).map(<[u8]>::to_vec)
}

/// Turns small negative numbers, in two's complement, into small positive ones.
fn zigzag(value: u64) -> u64 {
    (value << 1) ^ ((value as i64 >> 63) as u64)
}

fn unzigzag(value: u64) -> u64 {
    (value >> 1) ^ (value & 1).wrapping_neg()
}
