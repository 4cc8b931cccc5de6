// SPDX-License-Identifier: GPL-2.0

//! Groups of devices, each shown as one device.

use std::collections::HashMap;

use regex_lite::Regex;

use crate::model::interval::Interval;
use crate::model::snapshot::Snapshot;
use crate::model::sum;
use crate::source::lvm;

/// The group of a device.
#[derive(Clone, Debug)]
pub enum By {
    /// LVM's volume group.
    VolumeGroup,
    /// The first capture group of an expression's match in the name, or else the whole match.
    Match(Regex),
}

impl By {
    /// Reads `vg` or an expression.
    pub fn parse(word: &str) -> Result<Self, String> {
        match word {
            "vg" => Ok(Self::VolumeGroup),
            "" => Err("expected vg, or a regular expression".to_owned()),
            expression => Regex::new(expression)
                .map(Self::Match)
                .map_err(|error| error.to_string()),
        }
    }

    /// Returns the group of a device; `None` if it belongs to none.
    pub fn group(&self, device: &Snapshot) -> Option<String> {
        match self {
            Self::VolumeGroup => lvm::names(device).map(|(group, _)| group),
            Self::Match(expression) => {
                let name = device.shown_name();
                let captures = expression.captures(&name)?;
                let group = captures.get(1).or(captures.get(0))?;
                Some(group.as_str().to_owned()).filter(|group| !group.is_empty())
            }
        }
    }

    /// Returns the groups in the order of their first devices, each as the places of its devices. A device that
    /// belongs to no group is alone.
    pub fn all(&self, devices: &[Snapshot]) -> Vec<(Option<String>, Vec<usize>)> {
        let mut groups: Vec<(Option<String>, Vec<usize>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for (at, device) in devices.iter().enumerate() {
            match self.group(device) {
                None => groups.push((None, vec![at])),
                Some(name) => match places.get(&name) {
                    Some(place) => groups[*place].1.push(at),
                    None => {
                        places.insert(name.clone(), groups.len());
                        groups.push((Some(name), vec![at]));
                    }
                },
            }
        }
        groups
    }

    /// Returns the groups and their intervals.
    pub fn rows(
        &self,
        devices: &[Snapshot],
        interval: impl Fn(&Snapshot) -> Interval,
    ) -> Vec<(Snapshot, Interval)> {
        let groups = self.all(devices).into_iter();
        let rows = groups.filter_map(|(name, places)| {
            let members: Vec<&Snapshot> = places.iter().map(|at| &devices[*at]).collect();
            let intervals: Vec<Interval> = members.iter().map(|of| interval(of)).collect();
            match name {
                None => Some(((*members.first()?).clone(), intervals.into_iter().next()?)),
                Some(name) => {
                    let intervals: Vec<&Interval> = intervals.iter().collect();
                    Some((
                        sum::snapshots(&name, &members)?,
                        sum::intervals(&intervals)?,
                    ))
                }
            }
        });
        rows.collect()
    }
}
