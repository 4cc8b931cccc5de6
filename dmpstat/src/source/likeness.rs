// SPDX-License-Identifier: GPL-2.0

//! Similar names, which an error about an unknown name proposes.

/// The least similarity of a proposed name, from 0 to 1.
const LEAST: f64 = 0.75;

/// Returns the name most similar to `wanted`, with its similarity; `None` if no name is similar. Of equally
/// similar names the last one is returned.
pub fn nearest<N: AsRef<str>>(
    wanted: &str,
    names: impl IntoIterator<Item = N>,
) -> Option<(f64, N)> {
    let names = names.into_iter();
    let alike = names.map(|name| (strsim::jaro_winkler(wanted, name.as_ref()), name));
    alike
        .filter(|(likeness, _)| *likeness >= LEAST)
        .max_by(|one, other| one.0.total_cmp(&other.0))
}
