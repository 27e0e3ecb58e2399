//! No input makes the head parser panic, loop, or read past the end; its verdict does not depend
//! on the cut; what it accepts obeys the rules that handlers rely on.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringlane_protocol::{HeadLimits, HeadParser, ParseError, Parsed, RequestHead, Version};

/// Small, so that the fuzzer reaches them.
const LIMITS: HeadLimits = HeadLimits {
    head_bytes_max: 512,
    headers_max: 8,
    target_bytes_max: 64,
};

/// Every cut of an input up to this size is tried; of longer ones some.
const CUTS_MAX: usize = 64;

type Verdict = Option<Result<(usize, String), ParseError>>;

fuzz_target!(|input: &[u8]| {
    let whole = verdict(input, [].into_iter());
    assert_eq!(verdict(input, 0..input.len()), whole, "byte by byte");
    for cut in (0..input.len()).step_by(input.len() / CUTS_MAX + 1) {
        assert_eq!(verdict(input, [cut].into_iter()), whole, "cut at {cut}");
    }
    if let Some(Ok((consumed, _))) = whole {
        assert!(0 < consumed && consumed <= input.len().min(LIMITS.head_bytes_max));
        let alone = verdict(&input[..consumed], [].into_iter());
        assert_eq!(alone, whole, "with nothing behind it");
        // A record that has just held a head recognises its headers when they come again.
        let mut head = RequestHead::new();
        let mut again = |input: &[u8]| {
            let parsed = HeadParser::new().parse(input, &LIMITS, &mut head);
            (parsed, format!("{head:?}"))
        };
        assert_eq!(again(input), again(input), "twice");
    }
});

fn verdict(input: &[u8], cuts: impl Iterator<Item = usize>) -> Verdict {
    let (mut parser, mut head) = (HeadParser::new(), RequestHead::new());
    for end in cuts.chain([input.len()]) {
        match parser.parse(&input[..end], &LIMITS, &mut head) {
            Ok(Parsed::Partial) => assert!(end < LIMITS.head_bytes_max),
            Ok(Parsed::Complete { consumed }) => {
                check(&head);
                return Some(Ok((consumed, format!("{head:?}"))));
            }
            Err(error) => return Some(Err(error)),
        }
    }
    None
}

fn check(head: &RequestHead) {
    let target = head.target();
    assert!(target.len() <= LIMITS.target_bytes_max);
    assert!(target.bytes().all(|byte| byte.is_ascii_graphic()));
    let path = head.path();
    assert!(path.starts_with('/') || path == "*" || (path.is_empty() && head.method() == "CONNECT"));
    assert!(head.version() == Version::HTTP_10 || !head.authority().is_empty());
    assert!(head.authority().starts_with(head.host()));
    assert!(head.headers().len() <= LIMITS.headers_max);
    for (name, value) in head.headers() {
        assert!(!name.is_empty());
        assert!(head.header_all(name).any(|other| other == value));
        assert!(value.iter().all(|byte| *byte == b'\t' || !byte.is_ascii_control()));
    }
}
