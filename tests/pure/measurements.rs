// SPDX-License-Identifier: GPL-2.0

use crate::measurement::{Measurement, Measurements};

const BOTH: [Measurement; 2] = [Measurement::Latency, Measurement::Pattern];

/// Returns a set of measurements.
fn set(latency: bool, pattern: bool) -> Measurements {
    Measurements { latency, pattern }
}

#[test]
fn a_measurement_is_found_by_its_whole_name_only() {
    for measurement in BOTH {
        let name = measurement.name().as_bytes();
        assert_eq!(Measurement::from_name(name), Some(measurement));
        assert_eq!(Measurement::from_name(&name[1..]), None);
        assert_eq!(Measurement::from_name(&[name, b"s"].concat()), None);
    }
    assert_eq!(Measurement::from_name(b""), None);
    assert_eq!(BOTH.map(Measurement::name), ["latency", "pattern"]);
    assert_eq!(Measurement::ALL, BOTH);
}

#[test]
fn a_set_changes_in_one_measurement() {
    for (latency, pattern) in [(false, false), (false, true), (true, false), (true, true)] {
        let before = set(latency, pattern);
        assert_eq!(BOTH.map(|each| before.has(each)), [latency, pattern]);
        for on in [false, true] {
            assert_eq!(before.with(Measurement::Latency, on), set(on, pattern));
            assert_eq!(before.with(Measurement::Pattern, on), set(latency, on));
        }
    }
    assert_eq!(Measurements::NONE, set(false, false));
}

#[test]
fn sets_are_added_and_subtracted() {
    let (latency, pattern, both) = (set(true, false), set(false, true), set(true, true));
    assert_eq!(latency.and(pattern), both);
    assert_eq!(pattern.and(latency), both);
    assert_eq!(latency.and(latency), latency);
    assert_eq!(both.without(latency), pattern);
    assert_eq!(both.without(pattern), latency);
    assert_eq!(latency.without(pattern), latency);
    assert_eq!(latency.without(both), Measurements::NONE);
}
