//! Chunk extensions and trailers: checked, bounded, dropped. Their limits at maximum and beyond.

use crate::bodies::{body, broken};
use crate::rows::{Expected, Input, Row, check};
use Input::Long;
use ringlane_protocol::BodyError as Error;
use ringlane_protocol::{CHUNK_EXTENSION_BYTES_MAX, CHUNK_LINE_BYTES_MAX, TRAILER_BYTES_MAX};

/// Ends a chunk line, has one byte of data, and ends the body.
const LINE_TAIL: &[u8] = b"\r\nx\r\n0\r\n\r\n";

pub(crate) const ROWS: &[Row] = &[
    // Extensions
    body(
        "RFC 9112 §7.1.1",
        "a name alone",
        b"1;a\r\nb\r\n0\r\n\r\n",
        b"b",
    ),
    body(
        "RFC 9112 §7.1.1",
        "a name and a token",
        b"1;a=b\r\nc\r\n0;d=e\r\n\r\n",
        b"c",
    ),
    body(
        "RFC 9112 §7.1.1",
        "two extensions",
        b"1;a=b;c\r\nd\r\n0\r\n\r\n",
        b"d",
    ),
    body(
        "RFC 9112 §7.1.1",
        "a quoted value",
        b"1;a=\"b;c=d\"\r\ne\r\n0\r\n\r\n",
        b"e",
    ),
    body(
        "RFC 9110 §5.6.4",
        "an escaped quote",
        b"1;a=\"\\\"\\\\\"\r\nb\r\n0\r\n\r\n",
        b"b",
    ),
    body(
        "RFC 9110 §5.6.4",
        "obsolete text in quotes",
        b"1;a=\"\xff\t\"\r\nb\r\n0\r\n\r\n",
        b"b",
    ),
    body(
        "RFC 9110 §5.6.4",
        "empty quotes",
        b"1;a=\"\";b\r\nc\r\n0\r\n\r\n",
        b"c",
    ),
    body(
        "RFC 9110 §5.6.3",
        "bad white space where it is allowed",
        b"1 \t; a \t= \tb ; c = \"d\" ;e\r\nf\r\n0\r\n\r\n",
        b"f",
    ),
    broken(
        "RFC 9112 §7.1.1",
        "no name",
        b"1;\r",
        Error::InvalidExtension,
    ),
    broken(
        "RFC 9112 §7.1.1",
        "two semicolons",
        b"1;;",
        Error::InvalidExtension,
    ),
    broken(
        "RFC 9112 §7.1.1",
        "a value without a name",
        b"1;=",
        Error::InvalidExtension,
    ),
    broken(
        "RFC 9112 §7.1.1",
        "no value behind the equals sign",
        b"1;a=\r",
        Error::InvalidExtension,
    ),
    broken(
        "RFC 9112 §7.1.1",
        "white space at the end",
        b"1;a \r",
        Error::InvalidExtension,
    ),
    broken(
        "RFC 9112 §7.1.1",
        "white space behind a value",
        b"1;a=b \r",
        Error::InvalidExtension,
    ),
    broken(
        "RFC 9112 §7.1.1",
        "a second value",
        b"1;a=b=",
        Error::InvalidExtension,
    ),
    broken(
        "RFC 9112 §7.1.1",
        "a word behind white space",
        b"1;a b",
        Error::InvalidExtension,
    ),
    broken(
        "RFC 9112 §7.1.1",
        "a delimiter in the name",
        b"1;a(",
        Error::InvalidExtension,
    ),
    broken(
        "RFC 9112 §7.1.1",
        "a word behind the quotes",
        b"1;a=\"b\"c",
        Error::InvalidExtension,
    ),
    broken(
        "RFC 9110 §5.6.4",
        "quotes over the line's end",
        b"1;a=\"\r",
        Error::InvalidExtension,
    ),
    broken(
        "RFC 9110 §5.6.4",
        "an escaped CR",
        b"1;a=\"\\\r",
        Error::InvalidExtension,
    ),
    broken(
        "RFC 9110 §5.6.4",
        "NUL in quotes",
        b"1;a=\"\0",
        Error::InvalidExtension,
    ),
    broken(
        "RFC 9112 §2.2",
        "a bare LF in an extension",
        b"1;a\n",
        Error::BareLineFeed,
    ),
    broken(
        "RFC 9112 §2.2",
        "a bare LF in quotes",
        b"1;a=\"\n",
        Error::BareLineFeed,
    ),
    broken(
        "RFC 9112 §2.2",
        "a bare CR in an extension",
        b"1;a\rb",
        Error::BareCarriageReturn,
    ),
    // Trailers
    body("RFC 9112 §7.1.2", "one trailer", b"0\r\nA: b\r\n\r\n", b""),
    body(
        "RFC 9112 §7.1.2",
        "two trailers",
        b"1\r\na\r\n0\r\nA:\r\nB: \xff\t \r\n\r\n",
        b"a",
    ),
    body(
        "RFC 9110 §6.5.1",
        "a trailer that would frame is dropped",
        b"0\r\nContent-Length: 5\r\n\r\n",
        b"",
    ),
    broken(
        "RFC 9112 §7.1.2",
        "no colon",
        b"0\r\nA\r",
        Error::InvalidTrailer,
    ),
    broken(
        "RFC 9112 §7.1.2",
        "no name",
        b"0\r\n:",
        Error::InvalidTrailer,
    ),
    broken(
        "RFC 9112 §5.1",
        "a space before a trailer's colon",
        b"0\r\nA ",
        Error::InvalidTrailer,
    ),
    broken(
        "RFC 9112 §5.2",
        "a folded trailer",
        b"0\r\nA: b\r\n ",
        Error::InvalidTrailer,
    ),
    broken(
        "RFC 9110 §5.5",
        "NUL in a trailer",
        b"0\r\nA: \0",
        Error::InvalidTrailer,
    ),
    broken(
        "RFC 9112 §2.2",
        "a bare LF behind a trailer",
        b"0\r\nA: b\n",
        Error::BareLineFeed,
    ),
    broken(
        "RFC 9112 §2.2",
        "a bare CR in a trailer",
        b"0\r\nA: b\rc",
        Error::BareCarriageReturn,
    ),
    // Limits
    Row {
        rule: "RFC 9112 §7.1.1",
        cause: "a chunk line as long as its limit",
        input: Long {
            before: b"1;",
            fill: b"a",
            times: CHUNK_LINE_BYTES_MAX - 2,
            after: LINE_TAIL,
        },
        expected: Expected::Body(b"x"),
    },
    Row {
        rule: "RFC 9112 §7.1.1",
        cause: "a chunk line one byte longer than its limit",
        input: Long {
            before: b"1;",
            fill: b"a",
            times: CHUNK_LINE_BYTES_MAX - 1,
            after: b"",
        },
        expected: Expected::BodyError(Error::ChunkLineTooLong),
    },
    Row {
        rule: "RFC 9112 §7.1",
        cause: "zeros that fill the chunk line",
        input: Long {
            before: b"",
            fill: b"0",
            times: CHUNK_LINE_BYTES_MAX + 1,
            after: b"",
        },
        expected: Expected::BodyError(Error::ChunkLineTooLong),
    },
    Row {
        rule: "RFC 9112 §7.1",
        cause: "sizes of sixteen digits, however many",
        input: Long {
            before: b"",
            fill: b"0000000000000001\r\nx\r\n",
            times: CHUNK_EXTENSION_BYTES_MAX + 1,
            after: b"0\r\n\r\n",
        },
        expected: Expected::BodyBytes(CHUNK_EXTENSION_BYTES_MAX + 1),
    },
    Row {
        rule: "RFC 9112 §7.1",
        cause: "as many zeros beyond the sixteenth digit as the limit of extensions",
        input: Long {
            before: b"",
            fill: b"00000000000000000000000000000001\r\nx\r\n",
            times: CHUNK_EXTENSION_BYTES_MAX / 16,
            after: b"1\r\nx\r\n0\r\n\r\n",
        },
        expected: Expected::BodyBytes(CHUNK_EXTENSION_BYTES_MAX / 16 + 1),
    },
    Row {
        rule: "RFC 9112 §7.1",
        cause: "one zero more beyond the sixteenth digit than the limit of extensions",
        input: Long {
            before: b"",
            fill: b"00000000000000000000000000000001\r\nx\r\n",
            times: CHUNK_EXTENSION_BYTES_MAX / 16,
            after: b"00000000000000001",
        },
        expected: Expected::BodyError(Error::ExtensionsTooLarge),
    },
    Row {
        rule: "RFC 9112 §7.1.1",
        cause: "as many extension bytes as their limit",
        input: Long {
            before: b"",
            fill: b"1;extension=16b.\r\nx\r\n",
            times: CHUNK_EXTENSION_BYTES_MAX / 15,
            after: b"1;abc\r\nx\r\n0\r\n\r\n",
        },
        expected: Expected::BodyBytes(CHUNK_EXTENSION_BYTES_MAX / 15 + 1),
    },
    Row {
        rule: "RFC 9112 §7.1.1",
        cause: "one extension byte more than their limit",
        input: Long {
            before: b"",
            fill: b"1;extension=16b.\r\nx\r\n",
            times: CHUNK_EXTENSION_BYTES_MAX / 15,
            after: b"1;abcd",
        },
        expected: Expected::BodyError(Error::ExtensionsTooLarge),
    },
    Row {
        rule: "RFC 9112 §7.1.2",
        cause: "trailers as long as their limit",
        input: Long {
            before: b"0\r\n",
            fill: b"A:bcde\r\n",
            times: TRAILER_BYTES_MAX / 8,
            after: b"\r\n",
        },
        expected: Expected::Body(b""),
    },
    Row {
        rule: "RFC 9112 §7.1.2",
        cause: "trailers one byte longer than their limit",
        input: Long {
            before: b"0\r\n",
            fill: b"A:bcde\r\n",
            times: TRAILER_BYTES_MAX / 8,
            after: b"A",
        },
        expected: Expected::BodyError(Error::TrailersTooLarge),
    },
];

#[test]
fn extensions_and_trailers() {
    check(ROWS);
}
