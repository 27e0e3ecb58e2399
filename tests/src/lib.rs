//! Whole-system tests of ringlane. Here: every Rust snippet of the written pages, compiled, what
//! several tests are driven with, and what holds for any input of a decoder.
//!
//! Each page that holds a Rust snippet stands below, so `cargo test --doc` builds and runs it.
//! `it/snippets.rs` fails when a page is missing here, or when a snippet escapes the compiler.
//!
//! Not here: the tests themselves (`it/`).

#![forbid(unsafe_code)]

pub mod browser;
pub mod decoders;

/// Whether the kernel lets every process use io_uring: then a test that cannot has failed.
#[must_use]
pub fn kernel_allows_io_uring() -> bool {
    let setting = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
    setting.is_ok_and(|text| text.trim() == "0")
}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/WEBSOCKET.md")]
mod websocket {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/SSE.md")]
mod sse {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/DASHBOARD.md")]
mod dashboard {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/GUIDE.md")]
mod guide {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/from-hyperlane.md")]
mod from_hyperlane {}
