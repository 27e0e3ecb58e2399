//! Fuzzes what `websocket_handshake` must hold to.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringlane_tests::decoders;

fuzz_target!(|input: &[u8]| decoders::websocket_handshake(input));
