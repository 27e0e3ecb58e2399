//! No input makes the decoders of paths and queries panic, loop, or read past the end; what is
//! escaped comes back; nothing grows.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ringlane_protocol::{percent, query};

/// Takes the input, up to its first byte that is no UTF-8, as a path and as a query.
///
/// # Panics
///
/// If a decoder breaks a promise.
///
/// ```
/// ringlane_tests::decoders::query_percent(b"a=1&b=%C3%A9+c");
/// ```
pub fn query_percent(input: &[u8]) {
    let input = input.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    if let Ok(decoded) = percent::decode(input) {
        assert!(decoded.len() <= input.len());
        assert!(input.contains('\0') || !decoded.contains('\0'));
    }
    let escaped = utf8_percent_encode(input, NON_ALPHANUMERIC).to_string();
    match percent::decode(&escaped) {
        Ok(decoded) => assert_eq!(decoded, input),
        Err(error) => {
            assert_eq!(error, percent::PercentError::Control);
            assert!(input.contains(|one: char| one.is_ascii_control()));
        }
    }
    let mut pairs = 0;
    for (name, value) in query::pairs(input) {
        // A byte that is no UTF-8 becomes U+FFFD, which is three.
        assert!(name.len() + value.len() <= 3 * input.len());
        pairs += 1;
    }
    assert!(pairs <= input.len());
    let once = format!("{escaped}={escaped}");
    let back: Vec<_> = query::pairs(&once).collect();
    assert_eq!(back, [(input.into(), input.into())]);
}
