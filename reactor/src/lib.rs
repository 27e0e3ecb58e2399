//! Thread-per-core event loop.
