//! Code that the measuring programs share.

#![forbid(unsafe_code)]

pub mod calendar;
pub mod folded;
pub mod machine;
pub mod process;
pub mod statistics;
pub mod target;
pub mod usage;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The repository that this program was built from.
#[must_use]
pub fn root() -> PathBuf {
    let bench = Path::new(env!("CARGO_MANIFEST_DIR"));
    bench.parent().unwrap_or(bench).to_path_buf()
}

/// How a program ends: what went wrong is said on standard error.
#[must_use]
pub fn finish(result: io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
