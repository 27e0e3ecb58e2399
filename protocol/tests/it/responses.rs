//! Response heads: which framing goes with which status, version and method.

use ResponseBody::{Chunked, Length, None as NoBody, UntilClose};
use ringlane_protocol::{
    ResponseBody, ResponseHead, ResponseHeaders, ServerFields, StatusCode, Version,
};

/// One answer, and the lines it consists of besides `Date`.
pub(crate) struct Row {
    pub(crate) rule: &'static str,
    pub(crate) cause: &'static str,
    request: Request,
    status: u16,
    body: ResponseBody,
    expected: &'static [&'static str],
    /// What follows the head, and whether the connection stays.
    then: (ResponseBody, bool),
}

/// What of a request an answer depends on.
#[derive(Clone, Copy)]
enum Request {
    Get11,
    Head11,
    Close11,
    Get10,
    Keep10,
    HeadKeep10,
}

impl Request {
    const fn version(self) -> Version {
        match self {
            Self::Get11 | Self::Head11 | Self::Close11 => Version::HTTP_11,
            Self::Get10 | Self::Keep10 | Self::HeadKeep10 => Version::HTTP_10,
        }
    }

    const fn is_head(self) -> bool {
        matches!(self, Self::Head11 | Self::HeadKeep10)
    }

    const fn keep_alive(self) -> bool {
        !matches!(self, Self::Close11 | Self::Get10)
    }
}

const fn row(
    rule: &'static str,
    cause: &'static str,
    (request, status, body): (Request, u16, ResponseBody),
    expected: &'static [&'static str],
    then: (ResponseBody, bool),
) -> Row {
    Row {
        rule,
        cause,
        request,
        status,
        body,
        expected,
        then,
    }
}

const OK: &str = "HTTP/1.1 200 OK";

pub(crate) const ROWS: &[Row] = &[
    row(
        "RFC 9110 §8.6",
        "a length is announced",
        (Request::Get11, 200, Length(13)),
        &[OK, "Content-Length: 13"],
        (Length(13), true),
    ),
    row(
        "RFC 9110 §8.6",
        "no body is announced as empty",
        (Request::Get11, 200, NoBody),
        &[OK, "Content-Length: 0"],
        (NoBody, true),
    ),
    row(
        "RFC 9110 §8.6",
        "the largest length is announced",
        (Request::Get11, 200, Length(u64::MAX)),
        &[OK, "Content-Length: 18446744073709551615"],
        (Length(u64::MAX), true),
    ),
    row(
        "RFC 9112 §6.1",
        "chunks are announced",
        (Request::Get11, 200, Chunked),
        &[OK, "Transfer-Encoding: chunked"],
        (Chunked, true),
    ),
    row(
        "RFC 9112 §6.3",
        "until close is not announced, and closes",
        (Request::Get11, 200, UntilClose),
        &[OK, "Connection: close"],
        (UntilClose, false),
    ),
    // Persistence
    row(
        "RFC 9112 §9.6",
        "close is told",
        (Request::Close11, 200, Length(1)),
        &[OK, "Content-Length: 1", "Connection: close"],
        (Length(1), false),
    ),
    row(
        "RFC 9112 §9.6",
        "close is told once with chunks",
        (Request::Close11, 200, Chunked),
        &[OK, "Transfer-Encoding: chunked", "Connection: close"],
        (Chunked, false),
    ),
    row(
        "RFC 9112 §9.3",
        "a client of 1.0 is told that the connection stays",
        (Request::Keep10, 200, Length(1)),
        &[OK, "Content-Length: 1", "Connection: keep-alive"],
        (Length(1), true),
    ),
    row(
        "RFC 9112 §9.3",
        "a client of 1.0 is told that the connection ends",
        (Request::Get10, 200, Length(1)),
        &[OK, "Content-Length: 1", "Connection: close"],
        (Length(1), false),
    ),
    row(
        "RFC 9112 §6.1",
        "a client of 1.0 gets no chunks",
        (Request::Keep10, 200, Chunked),
        &[OK, "Connection: close"],
        (UntilClose, false),
    ),
    row(
        "RFC 9112 §6.3",
        "a client of 1.0 reads until close",
        (Request::Get10, 200, UntilClose),
        &[OK, "Connection: close"],
        (UntilClose, false),
    ),
    // HEAD
    row(
        "RFC 9110 §9.3.2",
        "HEAD tells the length of GET",
        (Request::Head11, 200, Length(13)),
        &[OK, "Content-Length: 13"],
        (NoBody, true),
    ),
    row(
        "RFC 9112 §6.1",
        "HEAD tells the chunks of GET",
        (Request::Head11, 200, Chunked),
        &[OK, "Transfer-Encoding: chunked"],
        (NoBody, true),
    ),
    row(
        "RFC 9110 §8.6",
        "HEAD does not invent a length",
        (Request::Head11, 200, NoBody),
        &[OK],
        (NoBody, true),
    ),
    row(
        "RFC 9112 §6.3",
        "HEAD needs no close where GET does",
        (Request::Head11, 200, UntilClose),
        &[OK],
        (NoBody, true),
    ),
    row(
        "RFC 9112 §6.1",
        "HEAD of 1.0 tells no chunks",
        (Request::HeadKeep10, 200, Chunked),
        &[OK, "Connection: keep-alive"],
        (NoBody, true),
    ),
    row(
        "RFC 9110 §15.5.5",
        "HEAD of nothing",
        (Request::Head11, 404, Length(9)),
        &["HTTP/1.1 404 Not Found", "Content-Length: 9"],
        (NoBody, true),
    ),
    // Statuses without a body
    row(
        "RFC 9110 §15.3.5",
        "204 has no length",
        (Request::Get11, 204, NoBody),
        &["HTTP/1.1 204 No Content"],
        (NoBody, true),
    ),
    row(
        "RFC 9110 §8.6",
        "204 drops a length",
        (Request::Get11, 204, Length(5)),
        &["HTTP/1.1 204 No Content"],
        (NoBody, true),
    ),
    row(
        "RFC 9112 §6.1",
        "204 drops chunks",
        (Request::Get11, 204, Chunked),
        &["HTTP/1.1 204 No Content"],
        (NoBody, true),
    ),
    row(
        "RFC 9112 §9.3",
        "204 stays where another status would end",
        (Request::Get11, 204, UntilClose),
        &["HTTP/1.1 204 No Content"],
        (NoBody, true),
    ),
    row(
        "RFC 9110 §15.3.6",
        "205 is announced as empty",
        (Request::Get11, 205, Length(5)),
        &["HTTP/1.1 205 Reset Content", "Content-Length: 0"],
        (NoBody, true),
    ),
    row(
        "RFC 9110 §15.4.5",
        "304 has no body and no length",
        (Request::Get11, 304, Length(5)),
        &["HTTP/1.1 304 Not Modified"],
        (NoBody, true),
    ),
    row(
        "RFC 9112 §6.1",
        "304 drops chunks",
        (Request::Get11, 304, Chunked),
        &["HTTP/1.1 304 Not Modified"],
        (NoBody, true),
    ),
    row(
        "RFC 9112 §9.6",
        "304 tells close",
        (Request::Close11, 304, NoBody),
        &["HTTP/1.1 304 Not Modified", "Connection: close"],
        (NoBody, false),
    ),
    // Status lines
    row(
        "RFC 9112 §4",
        "a status without a known reason keeps its space",
        (Request::Get11, 299, NoBody),
        &["HTTP/1.1 299 ", "Content-Length: 0"],
        (NoBody, true),
    ),
    row(
        "RFC 9112 §4",
        "the largest status",
        (Request::Get11, 999, NoBody),
        &["HTTP/1.1 999 ", "Content-Length: 0"],
        (NoBody, true),
    ),
    row(
        "RFC 9110 §2.5",
        "our version, whatever the client's",
        (Request::Keep10, 404, NoBody),
        &[
            "HTTP/1.1 404 Not Found",
            "Content-Length: 0",
            "Connection: keep-alive",
        ],
        (NoBody, true),
    ),
];

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// The lines of an answer, the empty one not among them.
fn lines(head: &ResponseHead<'_>) -> Vec<String> {
    let mut out = b"before".to_vec();
    head.write(&mut out);
    let out = String::from_utf8(out).expect("these answers are text");
    let out = out.strip_prefix("before").expect("what was there stays");
    let head = out.strip_suffix("\r\n\r\n").expect("an empty line ends it");
    head.split("\r\n").map(str::to_owned).collect()
}

fn own(server: Option<&str>, unix_seconds: u64) -> ServerFields {
    let mut own = ServerFields::new(server);
    own.set_time(unix_seconds);
    own
}

fn with<'a>(headers: &'a ResponseHeaders, status: u16, own: &'a ServerFields) -> ResponseHead<'a> {
    ResponseHead {
        status: StatusCode::from_u16(status).expect("a status of three digits"),
        headers,
        content_type: None,
        body: NoBody,
        version: Version::HTTP_11,
        head_request: false,
        keep_alive: true,
        own,
        upgrade: None,
    }
}

#[test]
fn framing_follows_status_version_and_method() {
    let headers = ResponseHeaders::new();
    let own = own(None, 784_111_777);
    for row in ROWS {
        let head = ResponseHead {
            body: row.body,
            version: row.request.version(),
            head_request: row.request.is_head(),
            keep_alive: row.request.keep_alive(),
            ..with(&headers, row.status, &own)
        };
        let mut actual = lines(&head);
        assert_eq!(actual.remove(1), format!("Date: {DATE}"), "{}", row.cause);
        assert_eq!(actual, row.expected, "{}", row.cause);
        assert_eq!(
            (head.framing(), head.keeps_alive()),
            row.then,
            "{}",
            row.cause
        );
    }
}

/// RFC 9110 §15.2: interim answers are a status line and what the application says.
#[test]
fn interim_answers_say_nothing_of_the_connection() -> Result<(), ringlane_protocol::HeaderError> {
    let mut headers = ResponseHeaders::new();
    let own = own(Some("ringlane"), 0);
    headers.set("Link", "</a.css>; rel=preload")?;
    let hints = ResponseHead {
        body: Length(5),
        keep_alive: false,
        ..with(&headers, 103, &own)
    };
    assert_eq!(
        lines(&hints),
        ["HTTP/1.1 103 Early Hints", "Link: </a.css>; rel=preload"]
    );
    let mut out = Vec::new();
    with(&ResponseHeaders::new(), 100, &own).write(&mut out);
    assert_eq!(out, ringlane_protocol::CONTINUE);
    Ok(())
}

/// RFC 9110 §7.8: whoever sends `Upgrade` also lists it in `Connection`.
#[test]
fn upgrades_are_listed() {
    let headers = ResponseHeaders::new();
    let own = own(None, 784_111_777);
    let switching = ResponseHead {
        upgrade: Some("websocket"),
        ..with(&headers, 101, &own)
    };
    assert_eq!(
        lines(&switching),
        [
            "HTTP/1.1 101 Switching Protocols",
            "Connection: upgrade",
            "Upgrade: websocket"
        ]
    );
    let required = ResponseHead {
        upgrade: Some("websocket"),
        ..with(&headers, 426, &own)
    };
    assert_eq!(
        lines(&required)[3..],
        ["Connection: upgrade", "Upgrade: websocket"]
    );
}

/// RFC 9110 §6.6.1, §10.2.4: the application's word comes first, and once.
#[test]
fn date_and_server_are_the_applications_if_it_wants() -> Result<(), ringlane_protocol::HeaderError>
{
    let mut headers = ResponseHeaders::new();
    let own = own(Some("ringlane"), 784_111_777);
    // A 200 takes a shorter way: its lines and those of a 204 must be the same.
    let ours = |headers: &ResponseHeaders| {
        let usual = ResponseHead {
            head_request: true,
            ..with(headers, 200, &own)
        };
        let rare = lines(&with(headers, 204, &own));
        assert_eq!(lines(&usual)[1..], rare[1..]);
        rare
    };
    let date_line = format!("Date: {DATE}");
    assert_eq!(
        ours(&headers)[1..],
        [date_line.as_str(), "Server: ringlane"]
    );
    headers.set("dAtE", "today")?;
    headers.set("Server", "mine")?;
    assert_eq!(ours(&headers)[1..], ["dAtE: today", "Server: mine"]);
    headers.remove("date");
    headers.remove("SERVER");
    assert_eq!(
        ours(&headers)[1..],
        [date_line.as_str(), "Server: ringlane"]
    );
    headers.set("date", "today")?;
    assert_eq!(ours(&headers)[1..], ["Server: ringlane", "date: today"]);
    headers.clear();
    assert_eq!(
        ours(&headers)[1..],
        [date_line.as_str(), "Server: ringlane"]
    );
    Ok(())
}

/// RFC 9110 §8.3: likewise the media type.
#[test]
fn the_content_type_is_the_applications_if_it_wants() -> Result<(), ringlane_protocol::HeaderError>
{
    let mut headers = ResponseHeaders::new();
    let own = own(None, 0);
    let ours = |headers: &ResponseHeaders| {
        let head = ResponseHead {
            content_type: Some("text/plain"),
            body: Length(5),
            ..with(headers, 200, &own)
        };
        lines(&head).split_off(3)
    };
    assert_eq!(ours(&headers), ["Content-Type: text/plain"]);
    headers.add("content-TYPE", "a/b")?;
    assert_eq!(ours(&headers), ["content-TYPE: a/b"]);
    headers.remove("Content-Type");
    assert_eq!(ours(&headers), ["Content-Type: text/plain"]);
    Ok(())
}

/// A configured name cannot inject lines either.
#[test]
fn values_of_the_server_are_left_out_if_they_would_break_a_line() {
    let headers = ResponseHeaders::new();
    let own = own(Some("a\r\nSet-Cookie: b"), 0);
    let head = ResponseHead {
        content_type: Some("a\nb"),
        upgrade: Some("a\nb"),
        ..with(&headers, 200, &own)
    };
    assert_eq!(lines(&head).len(), 3);
}
