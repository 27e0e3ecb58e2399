//! Fuzzes what `response_headers` must hold to.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringlane_tests::decoders;

fuzz_target!(|input: &[u8]| decoders::response_headers(input));
