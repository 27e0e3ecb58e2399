//! Fuzzes what `multipart_body` must hold to.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringlane_tests::decoders;

fuzz_target!(|input: &[u8]| decoders::multipart_body(input));
