//! No input makes the head parser panic, loop, or read past the end; its verdict does not depend
//! on the cut; what it accepts obeys the rules that handlers rely on.

use ringlane_protocol::{HeadLimits, HeadParser, ParseError, Parsed, RequestHead, Version};

use super::at_every_cut;

/// Small, so that the fuzzer reaches them.
const LIMITS: HeadLimits = HeadLimits {
    head_bytes_max: 512,
    headers_max: 8,
    target_bytes_max: 64,
};

type Verdict = Option<Result<(usize, String), ParseError>>;

/// Takes the input as the head of a request (RFC 9112 §2), and what follows it.
///
/// # Panics
///
/// If the parser breaks a promise.
///
/// ```
/// ringlane_tests::decoders::request_head(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
/// ```
pub fn request_head(input: &[u8]) {
    let whole = at_every_cut(input, |pieces| verdict(input, pieces));
    if let Some(Ok((consumed, _))) = whole {
        assert!(0 < consumed && consumed <= input.len().min(LIMITS.head_bytes_max));
        let alone = verdict(input, &[&input[..consumed]]);
        assert_eq!(alone, whole, "with nothing behind it");
        // A record that has just held a head recognises its headers when they come again.
        let mut head = RequestHead::new();
        let mut again = |input: &[u8]| {
            let parsed = HeadParser::new().parse(input, &LIMITS, &mut head);
            (parsed, outline(&head))
        };
        assert_eq!(again(input), again(input), "twice");
    }
}

/// The parser is shown all that has come at each piece.
fn verdict(input: &[u8], pieces: &[&[u8]]) -> Verdict {
    let (mut parser, mut head) = (HeadParser::new(), RequestHead::new());
    let mut end = 0;
    for piece in pieces {
        end += piece.len();
        match parser.parse(&input[..end], &LIMITS, &mut head) {
            Ok(Parsed::Partial) => assert!(end < LIMITS.head_bytes_max),
            Ok(Parsed::Complete { consumed }) => {
                check(&head);
                return Some(Ok((consumed, outline(&head))));
            }
            Err(error) => return Some(Err(error)),
        }
    }
    None
}

/// What a handler can see of a head.
fn outline(head: &RequestHead) -> String {
    let (method, version, target) = (head.method(), head.version(), head.target());
    let place = (head.authority(), head.host(), head.path(), head.query());
    let headers: Vec<_> = head.headers().collect();
    let then = (head.keep_alive(), head.expects_continue(), head.upgrade());
    let framing = head.framing();
    format!("{method} {target} {version:?} {place:?} {headers:?} {framing:?} {then:?}")
}

fn check(head: &RequestHead) {
    let target = head.target();
    assert!(target.len() <= LIMITS.target_bytes_max);
    assert!(target.bytes().all(|byte| byte.is_ascii_graphic()));
    let path = head.path();
    assert!(
        path.starts_with('/') || path == "*" || (path.is_empty() && head.method() == "CONNECT")
    );
    assert!(head.version() == Version::HTTP_10 || !head.authority().is_empty());
    assert!(head.authority().starts_with(head.host()));
    assert!(head.headers().len() <= LIMITS.headers_max);
    for (name, value) in head.headers() {
        assert!(!name.is_empty());
        assert!(head.header_all(name).any(|other| other == value));
        assert!(
            value
                .iter()
                .all(|byte| *byte == b'\t' || !byte.is_ascii_control())
        );
    }
}
