//! Placeholder that is replaced next.
