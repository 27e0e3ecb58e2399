//! Conditional requests, row by row (RFC 9110 §13).

use ringlane_protocol::{HeadLimits, HeadParser, Precondition, RequestHead, Validators};

/// 06 Nov 1994 08:49:37 GMT.
const MODIFIED: u64 = 784_111_777;
const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

const STRONG: Validators<'_> = Validators {
    etag: Some("\"a\""),
    modified: Some(MODIFIED),
};
const WEAK: Validators<'_> = Validators {
    etag: Some("W/\"a\""),
    modified: Some(MODIFIED),
};
const NONE: Validators<'_> = Validators {
    etag: None,
    modified: None,
};

fn head(method: &str, lines: &str) -> RequestHead {
    let input = format!("{method} / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let mut head = RequestHead::new();
    let parsed = HeadParser::new().parse(input.as_bytes(), &HeadLimits::default(), &mut head);
    assert!(parsed.is_ok(), "{input}");
    head
}

#[track_caller]
fn check(validators: Validators<'_>, lines: &str, get: Precondition, put: Precondition) {
    for (method, expected) in [("GET", get), ("HEAD", get), ("PUT", put)] {
        let actual = validators.check(&head(method, lines));
        assert_eq!(actual, expected, "{method} {lines:?}");
    }
}

#[test]
fn tags() {
    use Precondition::{Failed, NotModified, Proceed};
    check(STRONG, "", Proceed, Proceed);
    for same in [
        "\"a\"",
        "W/\"a\"",
        "*",
        "\"b\", \"a\"",
        "\"b\",, W/\"a\" ,",
        "\"b\"\r\nIf-None-Match: \"a\"",
    ] {
        check(
            STRONG,
            &format!("If-None-Match: {same}\r\n"),
            NotModified,
            Failed,
        );
        check(
            WEAK,
            &format!("If-None-Match: {same}\r\n"),
            NotModified,
            Failed,
        );
    }
    for other in ["\"b\"", "a", "\"a", "", "\"A\"", "w/\"a\"", "\"b\" x \"a\""] {
        check(
            STRONG,
            &format!("If-None-Match: {other}\r\n"),
            Proceed,
            Proceed,
        );
        check(STRONG, &format!("If-Match: {other}\r\n"), Failed, Failed);
    }
    check(STRONG, "If-Match: \"a,b\", \"a\"\r\n", Proceed, Proceed);
    check(STRONG, "If-Match: *\r\n", Proceed, Proceed);
    // RFC 9110 §13.1.1: strong comparison, so a weak tag never matches.
    check(STRONG, "If-Match: W/\"a\"\r\n", Failed, Failed);
    check(WEAK, "If-Match: W/\"a\"\r\n", Failed, Failed);
    check(NONE, "If-None-Match: \"a\"\r\n", Proceed, Proceed);
    check(NONE, "If-Match: \"a\"\r\n", Failed, Failed);
}

#[test]
fn dates() {
    use Precondition::{Failed, NotModified, Proceed};
    check(
        STRONG,
        &format!("If-Modified-Since: {SAME}\r\n"),
        NotModified,
        Proceed,
    );
    check(
        STRONG,
        &format!("If-Modified-Since: {BEFORE}\r\n"),
        Proceed,
        Proceed,
    );
    check(
        STRONG,
        "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n",
        NotModified,
        Proceed,
    );
    check(STRONG, "If-Modified-Since: yesterday\r\n", Proceed, Proceed);
    check(
        STRONG,
        &format!("If-Unmodified-Since: {SAME}\r\n"),
        Proceed,
        Proceed,
    );
    check(
        STRONG,
        &format!("If-Unmodified-Since: {BEFORE}\r\n"),
        Failed,
        Failed,
    );
    check(
        NONE,
        &format!("If-Unmodified-Since: {BEFORE}\r\n"),
        Proceed,
        Proceed,
    );
    check(
        NONE,
        &format!("If-Modified-Since: {SAME}\r\n"),
        Proceed,
        Proceed,
    );
}

#[test]
fn tags_come_before_dates() {
    use Precondition::{Failed, NotModified, Proceed};
    let both =
        |tag: &str, date: &str| format!("If-None-Match: {tag}\r\nIf-Modified-Since: {date}\r\n");
    check(STRONG, &both("\"b\"", SAME), Proceed, Proceed);
    check(STRONG, &both("\"a\"", BEFORE), NotModified, Failed);
    let both =
        |tag: &str, date: &str| format!("If-Match: {tag}\r\nIf-Unmodified-Since: {date}\r\n");
    check(STRONG, &both("\"a\"", BEFORE), Proceed, Proceed);
    check(STRONG, &both("\"b\"", SAME), Failed, Failed);
}

#[test]
fn a_range_needs_the_very_same_state() {
    for (validators, line, expected) in [
        (STRONG, "", true),
        (STRONG, "If-Range: \"a\"\r\n", true),
        (STRONG, "If-Range: W/\"a\"\r\n", false),
        (WEAK, "If-Range: W/\"a\"\r\n", false),
        (STRONG, "If-Range: \"b\"\r\n", false),
        (STRONG, "If-Range: \"a\", \"b\"\r\n", false),
        (STRONG, "If-Range: a\r\n", false),
        (STRONG, &format!("If-Range: {SAME}\r\n"), true),
        (STRONG, &format!("If-Range: {BEFORE}\r\n"), false),
        (NONE, &format!("If-Range: {SAME}\r\n"), false),
        (NONE, "If-Range: \"a\"\r\n", false),
    ] {
        assert_eq!(
            validators.hold_for_range(&head("GET", line)),
            expected,
            "{line}"
        );
    }
}

#[test]
fn what_is_an_entity_tag() {
    for (etag, expected) in [
        ("\"\"", true),
        ("\"a\"", true),
        ("W/\"a\"", true),
        ("\"\u{e9}\"", true),
        ("a", false),
        ("\"a", false),
        ("\"a b\"", false),
        ("\"a\"b\"", false),
        ("\"a\r\n\"", false),
        ("w/\"a\"", false),
    ] {
        let validators = Validators {
            etag: Some(etag),
            modified: None,
        };
        assert_eq!(validators.is_valid(), expected, "{etag}");
    }
}
