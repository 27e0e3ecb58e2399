//! Measurements of ringlane beside its peers: what several of its programs share.

#![forbid(unsafe_code)]

pub mod target;
