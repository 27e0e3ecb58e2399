//! Paths: pattern in, value and parameters out.
