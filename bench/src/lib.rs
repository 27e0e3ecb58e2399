//! Measurements of ringlane beside its peers.
