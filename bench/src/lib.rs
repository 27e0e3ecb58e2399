//! Measurements of ringlane beside its peers.

#![forbid(unsafe_code)]
