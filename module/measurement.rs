// SPDX-License-Identifier: GPL-2.0

//! The measurements that can be switched while a device runs.
//!
//! Plain Rust without kernel types. dmpstat includes this file.

/// Defines the measurements by their names: an option of the table line, a message and a file have the name.
macro_rules! measurements {
    ($($(#[$doc:meta])* $measurement:ident: $name:literal, $field:ident;)+) => {
        /// A measurement that is off by default, and costs nothing then.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Measurement {
            $($(#[$doc])* $measurement,)+
        }

        /// A set of measurements.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Measurements {
            $($(#[$doc])* pub $field: bool,)+
        }

        impl Measurement {
            /// All measurements, in the order of the texts.
            pub const ALL: &[Self] = &[$(Self::$measurement),+];

            /// Returns the name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$measurement => $name,)+
                }
            }

            /// Returns the measurement with a name.
            pub fn from_name(name: &[u8]) -> Option<Self> {
                $(if name == Self::$measurement.name().as_bytes() {
                    return Some(Self::$measurement);
                })+
                None
            }
        }

        impl Measurements {
            /// No measurement.
            pub const NONE: Self = Self {
                $($field: false,)+
            };

            /// Tells if a measurement is in the set.
            pub const fn has(self, measurement: Measurement) -> bool {
                match measurement {
                    $(Measurement::$measurement => self.$field,)+
                }
            }

            /// Returns the set with or without a measurement.
            pub const fn with(mut self, measurement: Measurement, on: bool) -> Self {
                match measurement {
                    $(Measurement::$measurement => self.$field = on,)+
                }
                self
            }

            /// Returns the measurements that the other set lacks.
            pub const fn without(self, other: Self) -> Self {
                Self {
                    $($field: self.$field && !other.$field,)+
                }
            }

            /// Returns the measurements of both sets.
            pub const fn and(self, other: Self) -> Self {
                Self {
                    $($field: self.$field || other.$field,)+
                }
            }
        }
    };
}

measurements! {
    /// The latency of each request.
    Latency: "latency", latency;
    /// The distance of each read and write from earlier ones.
    Pattern: "pattern", pattern;
}
