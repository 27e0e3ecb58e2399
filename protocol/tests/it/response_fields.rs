//! Response headers: what an application may set, and that nothing it sets can frame a message.

use proptest::collection::vec;
use proptest::prelude::*;
use ringlane_protocol::HeaderError as Error;
use ringlane_protocol::{
    RESPONSE_HEADER_BYTES_MAX, ResponseBody, ResponseHead, ResponseHeaders, ServerFields,
    StatusCode, Version,
};

/// One header, and what comes of setting it.
pub(crate) struct Row {
    pub(crate) rule: &'static str,
    pub(crate) cause: &'static str,
    name: &'static str,
    value: &'static [u8],
    expected: Result<&'static [u8], Error>,
}

const fn set(
    rule: &'static str,
    cause: &'static str,
    (name, value): (&'static str, &'static [u8]),
    expected: Result<&'static [u8], Error>,
) -> Row {
    Row {
        rule,
        cause,
        name,
        value,
        expected,
    }
}

const fn framing(name: &'static str) -> Result<&'static [u8], Error> {
    Err(Error::Framing { name })
}

pub(crate) const ROWS: &[Row] = &[
    set(
        "RFC 9110 §5.5",
        "a value of our own",
        ("X-A", b"b"),
        Ok(b"b"),
    ),
    set(
        "RFC 9110 §5.5",
        "an empty value of our own",
        ("X-A", b""),
        Ok(b""),
    ),
    set(
        "RFC 9110 §5.5",
        "white space around our value",
        ("X-A", b" \tb c\t "),
        Ok(b"b c"),
    ),
    set(
        "RFC 9110 §5.5",
        "obsolete text in our value",
        ("X-A", b"\xe9"),
        Ok(b"\xe9"),
    ),
    set(
        "RFC 9110 §5.6.2",
        "a name of ours of every kind of tchar",
        ("!#$%&'*+-.^_`|~0aZ", b"b"),
        Ok(b"b"),
    ),
    set(
        "RFC 9110 §5.1",
        "an empty name of ours",
        ("", b"b"),
        Err(Error::InvalidName),
    ),
    set(
        "RFC 9110 §5.1",
        "a colon in our name",
        ("X:", b"b"),
        Err(Error::InvalidName),
    ),
    set(
        "RFC 9110 §5.1",
        "a space in our name",
        ("X A", b"b"),
        Err(Error::InvalidName),
    ),
    set(
        "RFC 9110 §5.1",
        "CR LF in our name",
        ("X\r\nY", b"b"),
        Err(Error::InvalidName),
    ),
    set(
        "RFC 9110 §5.1",
        "our name in UTF-8",
        ("\u{e9}", b"b"),
        Err(Error::InvalidName),
    ),
    set(
        "RFC 9110 §5.5",
        "CR LF in our value",
        ("X-A", b"b\r\nc"),
        Err(Error::InvalidValue),
    ),
    set(
        "RFC 9110 §5.5",
        "a bare LF in our value",
        ("X-A", b"b\nc"),
        Err(Error::InvalidValue),
    ),
    set(
        "RFC 9110 §5.5",
        "a bare CR in our value",
        ("X-A", b"b\rc"),
        Err(Error::InvalidValue),
    ),
    set(
        "RFC 9110 §5.5",
        "NUL in our value",
        ("X-A", b"b\0"),
        Err(Error::InvalidValue),
    ),
    set(
        "RFC 9110 §5.5",
        "DEL in our value",
        ("X-A", b"\x7f"),
        Err(Error::InvalidValue),
    ),
    set(
        "RFC 9110 §5.5",
        "CR LF at the value's end",
        ("X-A", b"b\r\n"),
        Err(Error::InvalidValue),
    ),
    set(
        "RFC 9112 §6.2",
        "a second length",
        ("content-length", b"0"),
        framing("content-length"),
    ),
    set(
        "RFC 9112 §6.2",
        "a second length in capitals",
        ("CONTENT-LENGTH", b"0"),
        framing("content-length"),
    ),
    set(
        "RFC 9112 §6.1",
        "a second framing",
        ("Transfer-Encoding", b"gzip"),
        framing("transfer-encoding"),
    ),
    set(
        "RFC 9110 §7.6.1",
        "an option of the connection",
        ("Connection", b"close"),
        framing("connection"),
    ),
    set(
        "RFC 9110 §7.6.1",
        "a time to stay",
        ("Keep-Alive", b"timeout=5"),
        framing("keep-alive"),
    ),
    set(
        "RFC 9110 §7.6.1",
        "an option of a proxy",
        ("Proxy-Connection", b"close"),
        framing("proxy-connection"),
    ),
    set(
        "RFC 9110 §7.8",
        "another protocol",
        ("Upgrade", b"h2c"),
        framing("upgrade"),
    ),
    set(
        "RFC 9110 §10.1.4",
        "codings of the connection",
        ("TE", b"trailers"),
        framing("te"),
    ),
    set(
        "RFC 9110 §6.6.2",
        "trailers that will not come",
        ("Trailer", b"X"),
        framing("trailer"),
    ),
];

#[test]
fn what_may_be_set() {
    for row in ROWS {
        for change in [ResponseHeaders::set, ResponseHeaders::add] {
            let mut headers = ResponseHeaders::new();
            let changed = change(&mut headers, row.name, row.value);
            let actual = changed.map(|()| headers.get(row.name).unwrap_or(b"nothing"));
            assert_eq!(actual, row.expected, "{}: {}", row.rule, row.cause);
            assert_eq!(headers.is_empty(), row.expected.is_err(), "{}", row.cause);
        }
    }
}

#[test]
fn a_name_is_the_same_in_any_case() -> Result<(), Error> {
    let mut headers = ResponseHeaders::new();
    headers.add("A", "1")?;
    headers.add("B", "2")?;
    headers.add("a", "3")?;
    assert_eq!(
        headers
            .iter()
            .map(|(_, value)| value[0])
            .collect::<Vec<_>>(),
        *b"123"
    );
    headers.set("b", "4")?;
    headers.set("C", "5")?;
    assert_eq!(headers.get("B"), Some(&b"4"[..]));
    assert!(headers.remove("a"));
    assert!(!headers.remove("a") && !headers.contains("A"));
    let left: Vec<_> = headers.iter().collect();
    assert_eq!(left, [("b", &b"4"[..]), ("C", b"5")]);
    Ok(())
}

#[test]
fn members_of_a_list_go_to_its_last_line() -> Result<(), Error> {
    let mut headers = ResponseHeaders::new();
    for (name, value) in [
        ("Vary", "A"),
        ("X", "1"),
        ("vary", "B"),
        ("Y", "2"),
        ("Z", ""),
    ] {
        headers.add(name, value)?;
    }
    headers.add_to_list("VARY", " C ")?;
    headers.add_to_list("VARY", "D")?;
    headers.add_to_list("Vary", "")?;
    headers.add_to_list("X", "3")?;
    headers.add_to_list("Z", "4")?;
    headers.add_to_list("New", "5")?;
    let lines: Vec<_> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
        .collect();
    let expected = [
        "Vary: A",
        "X: 1, 3",
        "vary: B, C, D",
        "Y: 2",
        "Z: 4",
        "New: 5",
    ];
    assert_eq!(lines, expected);
    let out = written(&headers);
    let end = b"X: 1, 3\r\nvary: B, C, D\r\nY: 2\r\nZ: 4\r\nNew: 5\r\n\r\n";
    assert!(out.ends_with(end), "{}", String::from_utf8_lossy(&out));
    assert!(headers.remove("vary") && headers.remove("z"));
    assert_eq!(headers.get("New"), Some(&b"5"[..]));
    let refused = Err(Error::InvalidValue);
    assert_eq!(headers.add_to_list("New", "6\r\nX: y"), refused);
    let refused = Err(Error::Framing { name: "trailer" });
    assert_eq!(headers.add_to_list("Trailer", "X"), refused);
    let name = "Trailer".to_owned() + "\n";
    assert_eq!(headers.add_to_list(&name, "X"), Err(Error::InvalidName));
    assert_eq!(headers.get("New"), Some(&b"5"[..]));
    Ok(())
}

/// A refused change leaves everything as it was.
#[test]
fn what_is_refused_changes_nothing() -> Result<(), Error> {
    let mut headers = ResponseHeaders::new();
    headers.set("A", "1")?;
    assert_eq!(headers.set("A", "2\n"), Err(Error::InvalidValue));
    assert_eq!(headers.get("A"), Some(&b"1"[..]));
    Ok(())
}

#[test]
fn headers_fit_to_the_last_byte() -> Result<(), Error> {
    let mut headers = ResponseHeaders::new();
    let value = "v".repeat(RESPONSE_HEADER_BYTES_MAX - "A: \r\n".len());
    assert_eq!(headers.set("A", format!("{value}v")), Err(Error::TooLarge));
    headers.set("A", &value)?;
    headers.set("a", &value)?; // what is replaced does not count
    assert_eq!(headers.add("B", ""), Err(Error::TooLarge));
    assert_eq!(headers.add_to_list("A", "w"), Err(Error::TooLarge));
    headers.set("A", &value[3..])?;
    headers.add_to_list("a", "w")?;
    assert_eq!(headers.add_to_list("A", "w"), Err(Error::TooLarge));
    headers.set("A", &value[5..])?;
    headers.add("B", "")
}

fn written(headers: &ResponseHeaders) -> Vec<u8> {
    let mut out = Vec::new();
    ResponseHead {
        status: StatusCode::OK,
        headers,
        content_type: None,
        body: ResponseBody::Length(7),
        version: Version::HTTP_11,
        head_request: false,
        keep_alive: true,
        own: &ServerFields::new(None),
        upgrade: None,
    }
    .write(&mut out);
    out
}

/// A name, mostly one of a few, so that they meet; a value, mostly of bytes that could harm.
fn header() -> impl Strategy<Value = (String, Vec<u8>)> {
    let names = "(Content-Length|content-LENGTH|Date|X|x|A-b|[\\x00-\\x7f]{1,3})";
    let bytes = prop_oneof![
        Just(b'\r'),
        Just(b'\n'),
        Just(b':'),
        Just(b' '),
        any::<u8>()
    ];
    (names, vec(bytes, 0..6))
}

proptest! {
    /// Whatever an application tries, a client reads one length, ours, and the lines that were
    /// accepted.
    #[test]
    fn no_header_injects_a_line_or_a_length(
        changes in vec((0..3_u8, header()), 0..12)
    ) {
        let mut headers = ResponseHeaders::new();
        let mut model: Vec<(String, Vec<u8>)> = Vec::new();
        for (kind, (name, value)) in changes {
            let others = |(other, _): &(String, Vec<u8>)| !other.eq_ignore_ascii_case(&name);
            if kind == 0 {
                headers.remove(&name);
                model.retain(others);
            } else if kind == 1 && headers.set(&name, &value).is_ok() {
                model.retain(others);
                model.push((name, value.trim_ascii().to_vec()));
            } else if kind == 2 && headers.add(&name, &value).is_ok() {
                model.push((name, value.trim_ascii().to_vec()));
            }
        }
        let out = written(&headers);
        let mut storage = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut storage);
        prop_assert_eq!(response.parse(&out), Ok(httparse::Status::Complete(out.len())));
        let sent: Vec<_> = response.headers.iter().map(|sent| (sent.name, sent.value)).collect();
        let ours = if headers.contains("date") { 1 } else { 2 };
        prop_assert_eq!(sent[ours - 1], ("Content-Length", &b"7"[..]));
        let expected = model.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        prop_assert_eq!(&sent[ours..], expected.collect::<Vec<_>>());
    }
}

#[test]
fn prepared_headers_replace_what_they_name() {
    let mut prepared = ResponseHeaders::new();
    for (name, value) in [("X-B", "new"), ("Date", "then"), ("X-C", "1")] {
        prepared.set(name, value).unwrap();
    }
    prepared.add("X-C", "2").unwrap();
    for before in [
        &[][..],
        &[("X-A", "a")],
        &[("x-b", "old"), ("X-A", "a")],
        &[
            ("X-A", "a"),
            ("X-b", "old"),
            ("x-c", "old"),
            ("X-B", "older"),
        ],
    ] {
        let mut at_once = ResponseHeaders::new();
        for (name, value) in before {
            at_once.add(name, value).unwrap();
        }
        let mut one_by_one = at_once.clone();
        at_once.set_all(&prepared).unwrap();
        one_by_one.set("X-B", "new").unwrap();
        one_by_one.set("Date", "then").unwrap();
        one_by_one.set("X-C", "1").unwrap();
        one_by_one.add("X-C", "2").unwrap();
        assert!(at_once.iter().eq(one_by_one.iter()), "{at_once:?}");
        // The server's own date is left out, and later values find these.
        at_once.set("x-c", "3").unwrap();
        assert_eq!(at_once.iter().filter(|(name, _)| *name == "X-C").count(), 0);
        assert_eq!(at_once.get("date"), Some(&b"then"[..]));
    }
}

#[test]
fn prepared_headers_fit_exactly_or_change_nothing() {
    let line_bytes = "X-A: \r\n".len();
    let mut prepared = ResponseHeaders::new();
    let value = "p".repeat(100);
    prepared.set("X-P", &value).unwrap();
    for (room, fits) in [(100 + line_bytes, true), (99 + line_bytes, false)] {
        let mut headers = ResponseHeaders::new();
        let filled = RESPONSE_HEADER_BYTES_MAX - room - line_bytes;
        headers.set("X-A", "a".repeat(filled)).unwrap();
        assert_eq!(headers.set_all(&prepared).is_ok(), fits);
        assert_eq!(headers.len(), if fits { 2 } else { 1 });
        assert_eq!(
            headers.set_all(&prepared).is_ok(),
            fits,
            "in place of itself"
        );
    }
}
