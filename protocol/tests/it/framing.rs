//! Where a request body ends, and what is refused for being ambiguous.

use crate::rows::{Input, Row, check, head, refused};
use Input::{Fields, Whole};
use ringlane_protocol::ParseError as Error;

pub(crate) const ROWS: &[Row] = &[
    // Content-Length
    head(
        "RFC 9112 §6.3",
        "neither length nor coding: no body",
        Whole(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n"),
        "POST / 1.1 a none keep",
    ),
    head(
        "RFC 9110 §8.6",
        "a length",
        Fields(b"Content-Length: 5\r\n\r\n"),
        "GET / 1.1 a length 5 keep",
    ),
    head(
        "RFC 9110 §8.6",
        "a length of zero",
        Fields(b"Content-Length: 0\r\n\r\n"),
        "GET / 1.1 a length 0 keep",
    ),
    head(
        "RFC 9110 §8.6",
        "zeros before the length",
        Fields(b"content-length: 005\r\n\r\n"),
        "GET / 1.1 a length 5 keep",
    ),
    head(
        "RFC 9110 §8.6",
        "the largest length",
        Fields(b"Content-Length: 18446744073709551615\r\n\r\n"),
        "GET / 1.1 a length 18446744073709551615 keep",
    ),
    head(
        "RFC 9110 §8.6",
        "white space around the length",
        Fields(b"Content-Length:\t 5 \t\r\n\r\n"),
        "GET / 1.1 a length 5 keep",
    ),
    head(
        "RFC 9110 §8.6",
        "the same length on two lines",
        Fields(b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n"),
        "GET / 1.1 a length 5 keep",
    ),
    head(
        "RFC 9110 §8.6",
        "the same length in one list",
        Fields(b"Content-Length: 5, 5\r\n\r\n"),
        "GET / 1.1 a length 5 keep",
    ),
    head(
        "RFC 9112 §6.2",
        "a length in HTTP/1.0",
        Whole(b"POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n"),
        "POST / 1.0 - length 5 close",
    ),
    refused(
        "RFC 9112 §6.3",
        "differing lengths on two lines",
        Fields(b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n"),
        Error::DifferingLengths,
    ),
    refused(
        "RFC 9112 §6.3",
        "differing lengths in one list",
        Fields(b"Content-Length: 5, 6\r\n\r\n"),
        Error::DifferingLengths,
    ),
    refused(
        "RFC 9112 §6.3",
        "differing lengths, the smaller one behind",
        Fields(b"Content-Length: 6, 5\r\n\r\n"),
        Error::DifferingLengths,
    ),
    refused(
        "RFC 9112 §6.3",
        "a third length that equals the first",
        Fields(b"Content-Length: 5, 6, 5\r\n\r\n"),
        Error::DifferingLengths,
    ),
    refused(
        "RFC 9110 §8.6",
        "a length that overflows",
        Fields(b"Content-Length: 18446744073709551616\r\n\r\n"),
        Error::InvalidContentLength,
    ),
    refused(
        "RFC 9110 §8.6",
        "an empty length",
        Fields(b"Content-Length:\r\n\r\n"),
        Error::InvalidContentLength,
    ),
    refused(
        "RFC 9110 §8.6",
        "a plus sign",
        Fields(b"Content-Length: +5\r\n\r\n"),
        Error::InvalidContentLength,
    ),
    refused(
        "RFC 9110 §8.6",
        "a minus sign",
        Fields(b"Content-Length: -0\r\n\r\n"),
        Error::InvalidContentLength,
    ),
    refused(
        "RFC 9110 §8.6",
        "a hexadecimal length",
        Fields(b"Content-Length: 0x5\r\n\r\n"),
        Error::InvalidContentLength,
    ),
    refused(
        "RFC 9110 §8.6",
        "a decimal point",
        Fields(b"Content-Length: 5.0\r\n\r\n"),
        Error::InvalidContentLength,
    ),
    refused(
        "RFC 9110 §8.6",
        "an exponent",
        Fields(b"Content-Length: 5e0\r\n\r\n"),
        Error::InvalidContentLength,
    ),
    refused(
        "RFC 9110 §8.6",
        "an underscore between digits",
        Fields(b"Content-Length: 1_0\r\n\r\n"),
        Error::InvalidContentLength,
    ),
    refused(
        "RFC 9110 §8.6",
        "a space between digits",
        Fields(b"Content-Length: 1 0\r\n\r\n"),
        Error::InvalidContentLength,
    ),
    refused(
        "RFC 9110 §8.6",
        "a length in quotes",
        Fields(b"Content-Length: \"5\"\r\n\r\n"),
        Error::InvalidContentLength,
    ),
    refused(
        "RFC 9110 §8.6",
        "a parameter behind the length",
        Fields(b"Content-Length: 5;a=b\r\n\r\n"),
        Error::InvalidContentLength,
    ),
    refused(
        "RFC 9110 §8.6",
        "digits that are not ASCII",
        Fields("Content-Length: \u{665}\r\n\r\n".as_bytes()),
        Error::InvalidContentLength,
    ),
    refused(
        "RFC 9110 §8.6",
        "an empty member behind the length",
        Fields(b"Content-Length: 5,\r\n\r\n"),
        Error::InvalidContentLength,
    ),
    refused(
        "RFC 9110 §8.6",
        "an empty member before the length",
        Fields(b"Content-Length: ,5\r\n\r\n"),
        Error::InvalidContentLength,
    ),
    refused(
        "RFC 9110 §8.6",
        "an invalid length behind a valid one",
        Fields(b"Content-Length: 5\r\nContent-Length: five\r\n\r\n"),
        Error::InvalidContentLength,
    ),
    // Transfer-Encoding
    head(
        "RFC 9112 §7.1",
        "chunked",
        Fields(b"Transfer-Encoding: chunked\r\n\r\n"),
        "GET / 1.1 a chunked keep",
    ),
    head(
        "RFC 9112 §7",
        "chunked in mixed case",
        Fields(b"TRANSFER-ENCODING: ChunkeD\r\n\r\n"),
        "GET / 1.1 a chunked keep",
    ),
    head(
        "RFC 9110 §5.5",
        "tabs around chunked",
        Fields(b"Transfer-Encoding:\tchunked\t\r\n\r\n"),
        "GET / 1.1 a chunked keep",
    ),
    refused(
        "RFC 9112 §6.1",
        "length, then chunked",
        Fields(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Error::BothFramings,
    ),
    refused(
        "RFC 9112 §6.1",
        "chunked, then length",
        Fields(b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"),
        Error::BothFramings,
    ),
    refused(
        "RFC 9112 §6.1",
        "an invalid length beside chunked",
        Fields(b"Transfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n"),
        Error::BothFramings,
    ),
    refused(
        "RFC 9112 §6.1",
        "an unknown coding beside a length",
        Fields(b"Transfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\n"),
        Error::BothFramings,
    ),
    refused(
        "RFC 9112 §6.1",
        "chunked in HTTP/1.0",
        Whole(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Error::TransferEncodingInHttp10,
    ),
    refused(
        "RFC 9112 §6.1",
        "both framings in HTTP/1.0",
        Whole(b"POST / HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Error::TransferEncodingInHttp10,
    ),
    refused(
        "RFC 9112 §6.1",
        "chunked twice on one line",
        Fields(b"Transfer-Encoding: chunked, chunked\r\n\r\n"),
        Error::RepeatedChunked,
    ),
    refused(
        "RFC 9112 §6.1",
        "chunked twice on two lines",
        Fields(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Error::RepeatedChunked,
    ),
    refused(
        "RFC 9112 §6.3",
        "a coding behind chunked",
        Fields(b"Transfer-Encoding: chunked, gzip\r\n\r\n"),
        Error::ChunkedNotFinal,
    ),
    refused(
        "RFC 9112 §6.3",
        "identity behind chunked",
        Fields(b"Transfer-Encoding: chunked, identity\r\n\r\n"),
        Error::ChunkedNotFinal,
    ),
    refused(
        "RFC 9112 §6.3",
        "a coding behind chunked, on its own line",
        Fields(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n"),
        Error::ChunkedNotFinal,
    ),
    refused(
        "RFC 9112 §6.1",
        "a coding we do not know",
        Fields(b"Transfer-Encoding: gzip\r\n\r\n"),
        Error::UnknownTransferCoding,
    ),
    refused(
        "RFC 9112 §6.1",
        "a coding we do not know before chunked",
        Fields(b"Transfer-Encoding: gzip, chunked\r\n\r\n"),
        Error::UnknownTransferCoding,
    ),
    refused(
        "RFC 9112 §6.1",
        "a coding we do not know before chunked, on its own line",
        Fields(b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Error::UnknownTransferCoding,
    ),
    refused(
        "RFC 9112 §7",
        "identity is no coding any more",
        Fields(b"Transfer-Encoding: identity\r\n\r\n"),
        Error::UnknownTransferCoding,
    ),
    refused(
        "RFC 9112 §7",
        "a coding whose name ends as chunked does",
        Fields(b"Transfer-Encoding: xchunked\r\n\r\n"),
        Error::UnknownTransferCoding,
    ),
    refused(
        "RFC 9112 §7",
        "an unknown coding with a parameter",
        Fields(b"Transfer-Encoding: gzip ; level=9, chunked\r\n\r\n"),
        Error::UnknownTransferCoding,
    ),
    refused(
        "RFC 9112 §7.1",
        "chunked with a parameter",
        Fields(b"Transfer-Encoding: chunked;a=b\r\n\r\n"),
        Error::InvalidTransferEncoding,
    ),
    refused(
        "RFC 9112 §6.1",
        "an empty list of codings",
        Fields(b"Transfer-Encoding:\r\n\r\n"),
        Error::InvalidTransferEncoding,
    ),
    refused(
        "RFC 9110 §5.6.1",
        "an empty member before chunked",
        Fields(b"Transfer-Encoding: , chunked\r\n\r\n"),
        Error::InvalidTransferEncoding,
    ),
    refused(
        "RFC 9110 §5.6.1",
        "an empty member behind chunked",
        Fields(b"Transfer-Encoding: chunked,\r\n\r\n"),
        Error::InvalidTransferEncoding,
    ),
    refused(
        "RFC 9112 §7",
        "chunked in quotes",
        Fields(b"Transfer-Encoding: \"chunked\"\r\n\r\n"),
        Error::InvalidTransferEncoding,
    ),
    refused(
        "RFC 9112 §7",
        "a space within the coding",
        Fields(b"Transfer-Encoding: chunk ed\r\n\r\n"),
        Error::InvalidTransferEncoding,
    ),
    refused(
        "RFC 9112 §7",
        "obsolete text behind the coding",
        Fields(b"Transfer-Encoding: chunked\xa0\r\n\r\n"),
        Error::InvalidTransferEncoding,
    ),
];

#[test]
fn framings() {
    check(ROWS);
}
