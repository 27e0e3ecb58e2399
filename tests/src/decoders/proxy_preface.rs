//! No input makes the PROXY decoder panic or read past the end; its verdict does not depend on the
//! cut, nor on what follows; what it accepts is within its maximum.

use ringlane_protocol::{PROXY_BYTES_MAX, ProxyParsed, parse_proxy};

/// Takes the input as what a proxy says before a request.
///
/// # Panics
///
/// If the decoder breaks a promise.
///
/// ```
/// ringlane_tests::decoders::proxy_preface(b"PROXY TCP4 192.0.2.7 198.51.100.1 50000 80\r\n");
/// ```
pub fn proxy_preface(input: &[u8]) {
    let whole = parse_proxy(input);
    for end in 0..input.len().min(2 * PROXY_BYTES_MAX) {
        match parse_proxy(&input[..end]) {
            Ok(ProxyParsed::Partial) => {}
            sooner => assert_eq!(sooner, whole, "cut at {end}"),
        }
    }
    if let Ok(ProxyParsed::Complete { consumed, .. }) = whole {
        assert!(consumed <= input.len().min(PROXY_BYTES_MAX));
        assert_eq!(parse_proxy(&input[..consumed]), whole);
    }
    if input.len() >= PROXY_BYTES_MAX {
        assert_ne!(whole, Ok(ProxyParsed::Partial));
    }
}
