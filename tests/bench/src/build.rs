// SPDX-License-Identifier: GPL-2.0

//! The source and compilers of the guest's kernel, which determine its instructions.

use std::fmt;

use serde::Serialize;

use crate::guest::Failure;

/// The variable that names the kernel's .config.
const CONFIG: &str = "DMP_BENCH_CONFIG";

/// A kernel's version, and those of its compilers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Build {
    pub kernel: String,
    pub rustc: String,
    pub cc: String,
}

impl Build {
    /// Reads the build from the .config that `DMP_BENCH_CONFIG` names.
    pub fn from_env() -> Result<Self, Failure> {
        let wrong = |error: String| Failure::Words(format!("{CONFIG}: {error}"));
        let path = std::env::var(CONFIG).map_err(|error| wrong(error.to_string()))?;
        let config = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::from_config(&config).ok_or_else(|| wrong("the file is not a kernel's .config".into()))
    }

    fn from_config(config: &str) -> Option<Self> {
        let text = |name: &str| {
            let begin = format!("CONFIG_{name}_VERSION_TEXT=\"");
            let line = config.lines().find_map(|line| line.strip_prefix(&begin))?;
            line.strip_suffix('"')
        };
        let kernel = config
            .lines()
            .find(|line| line.ends_with(" Kernel Configuration"))?;
        let cc = text("CC")?;
        Some(Self {
            kernel: kernel.split(' ').nth_back(2)?.into(),
            rustc: format!("rustc {}", text("RUSTC")?.split(' ').nth(1)?),
            cc: format!("{} {}", cc.split(' ').next()?, cc.split(' ').next_back()?),
        })
    }

    /// Returns the kernel's series, such as 6.12.
    fn series(&self) -> String {
        let parts: Vec<&str> = self.kernel.split('.').take(2).collect();
        parts.join(".")
    }
}

/// The form of the baseline.
impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, {}", self.series(), self.rustc, self.cc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_read_from_its_kernel_config() {
        let config = "#\n# Linux/x86_64 6.12.117 Kernel Configuration\n#\n\
                      CONFIG_CC_VERSION_TEXT=\"gcc (Debian 14.2.0-19) 14.2.0\"\n\
                      CONFIG_RUSTC_VERSION_TEXT=\"rustc 1.85.1 (4eb161250 2025-03-15)\"\n";
        let build = Build::from_config(config).unwrap();
        assert_eq!(build.to_string(), "6.12, rustc 1.85.1, gcc 14.2.0");
        assert_eq!(Build::from_config("CONFIG_64BIT=y\n"), None);
    }
}
