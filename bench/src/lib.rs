//! Measurements of ringlane beside its peers: what several of its programs share.

#![forbid(unsafe_code)]

pub mod calendar;
pub mod machine;
pub mod process;
pub mod statistics;
pub mod target;
pub mod usage;
