//! Whole-system tests of ringlane.
