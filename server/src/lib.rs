//! Thread-per-core web server framework for Linux.
