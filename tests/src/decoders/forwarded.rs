//! No input makes the readers of forwarding headers panic or loop; and whatever stands to the left
//! of an element, it is read as the same.

use ringlane_protocol::forwarded::{hops, x_forwarded_for};

const OWN: &[u8] = b", for=\"198.51.100.7:80\";proto=https";
const OWN_ADDRESS: &[u8] = b", 198.51.100.7";

/// Takes the input as the value of `Forwarded` (RFC 7239 §4) and of `X-Forwarded-For`.
///
/// # Panics
///
/// If a reader breaks a promise.
///
/// ```
/// ringlane_tests::decoders::forwarded(b"for=192.0.2.43, for=\"[2001:db8::7]:4711\"");
/// ```
pub fn forwarded(input: &[u8]) {
    assert!(hops(input).count() <= input.len());
    assert!(x_forwarded_for(input).count() <= input.len());
    let lied = [input, OWN].concat();
    assert_eq!(hops(&lied).next(), hops(OWN).next());
    let lied = [input, OWN_ADDRESS].concat();
    assert_eq!(
        x_forwarded_for(&lied).next(),
        x_forwarded_for(OWN_ADDRESS).next()
    );
}
