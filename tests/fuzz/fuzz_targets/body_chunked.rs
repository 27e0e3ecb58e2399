//! Fuzzes what `body_chunked` must hold to.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringlane_tests::decoders;

fuzz_target!(|input: &[u8]| decoders::body_chunked(input));
