//! The PROXY preface: both versions at every split, each limit and one beyond, what is refused.

use std::net::IpAddr;

use ringlane_protocol::{
    Endpoint, PROXY_BYTES_MAX, PROXY_V1_BYTES_MAX, ProxyEnds, ProxyError, ProxyParsed, parse_proxy,
};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The verdict over all bytes, which no cut of them may change; and nothing behind them may.
#[track_caller]
fn read(input: &[u8]) -> Result<Option<(usize, ProxyEnds<'_>)>, ProxyError> {
    let whole = parse_proxy(input);
    let mut fed = Ok(ProxyParsed::Partial);
    for end in 0..=input.len() {
        fed = parse_proxy(&input[..end]);
        if fed != Ok(ProxyParsed::Partial) {
            break;
        }
    }
    assert_eq!(fed, whole, "byte by byte");
    match whole? {
        ProxyParsed::Partial => Ok(None),
        ProxyParsed::Complete { consumed, ends } => {
            let more = [input, b"GET / HTTP/1.1\r\n"].concat();
            assert_eq!(parse_proxy(&more), whole, "with more behind");
            Ok(Some((consumed, ends)))
        }
    }
}

fn end(address: &str, port: u16) -> Endpoint {
    let address: IpAddr = address.parse().expect("an address");
    Endpoint { address, port }
}

fn tcp(source: (&str, u16), destination: (&str, u16)) -> ProxyEnds<'static> {
    ProxyEnds::Tcp {
        source: end(source.0, source.1),
        destination: end(destination.0, destination.1),
    }
}

#[test]
fn version_1_tells_both_ends() {
    for (line, ends) in [
        (
            "PROXY TCP4 192.0.2.7 198.51.100.1 50000 80\r\n",
            tcp(("192.0.2.7", 50000), ("198.51.100.1", 80)),
        ),
        (
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            tcp(("255.255.255.255", 65535), ("255.255.255.255", 65535)),
        ),
        (
            "PROXY TCP6 2001:db8::7 ::1 0 443\r\n",
            tcp(("2001:db8::7", 0), ("::1", 443)),
        ),
        ("PROXY UNKNOWN\r\n", ProxyEnds::Unsaid),
        ("PROXY UNKNOWN ffff::1 what ever\r\n", ProxyEnds::Unsaid),
    ] {
        assert_eq!(
            read(line.as_bytes()),
            Ok(Some((line.len(), ends))),
            "{line}"
        );
    }
}

#[test]
fn version_1_is_refused_where_it_is_not_exact() {
    for (line, error) in [
        ("PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n", "family"),
        ("PROXY \r\n", "family"),
        ("PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n", "family"),
        ("PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n", "address"),
        ("PROXY TCP4 1.1.1.1\r\n", "address"),
        ("PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n", "address"),
        ("PROXY TCP4 ::1 ::1 1 2\r\n", "address"),
        ("PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n", "address"),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n", "port"),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n", "port"),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n", "port"),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n", "port"),
        (
            "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
            "words behind the ports",
        ),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n\r\n", "port"),
    ] {
        let expected = Err(ProxyError::Malformed(error));
        assert_eq!(read(line.as_bytes()), expected, "{line:?}");
    }
    assert_eq!(
        read(b"PROXY \xff\r\n"),
        Err(ProxyError::Malformed("no text"))
    );
    for missing in [
        "GET / HTTP/1.1\r\n",
        "proxy TCP4",
        "PROXYTCP4",
        "\r\n\r\n\0\r\nQUIT\r",
        "X",
    ] {
        assert_eq!(
            read(missing.as_bytes()),
            Err(ProxyError::Missing),
            "{missing:?}"
        );
    }
    assert_eq!(read(b""), Ok(None));
}

#[test]
fn version_1_has_a_longest_line() {
    let line = |bytes: usize| {
        let start = "PROXY UNKNOWN ";
        format!("{start}{}\r\n", "x".repeat(bytes - start.len() - 2))
    };
    let longest = line(PROXY_V1_BYTES_MAX);
    assert_eq!(
        read(longest.as_bytes()),
        Ok(Some((PROXY_V1_BYTES_MAX, ProxyEnds::Unsaid)))
    );
    let longer = line(PROXY_V1_BYTES_MAX + 1);
    assert_eq!(read(longer.as_bytes()), Err(ProxyError::TooLong));
}

/// A preface of version 2.
fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).expect("the length has two bytes");
    [SIGNATURE, &[command, family], &length.to_be_bytes(), rest].concat()
}

#[test]
fn version_2_tells_both_ends() {
    let v4 = [192, 0, 2, 7, 198, 51, 100, 1, 0xc3, 0x50, 0, 80];
    let expected = tcp(("192.0.2.7", 50000), ("198.51.100.1", 80));
    let plain = v2(0x21, 0x11, &v4);
    assert_eq!(read(&plain), Ok(Some((28, expected))));
    // TLVs are passed over, whatever they are.
    let with_tlvs = v2(
        0x21,
        0x11,
        &[&v4[..], &[0x04, 0, 3, 1, 2, 3, 0xff]].concat(),
    );
    assert_eq!(read(&with_tlvs), Ok(Some((35, expected))));
    let mut v6 = [0; 36];
    v6[15] = 1;
    v6[31] = 2;
    v6[33] = 9;
    let six = v2(0x21, 0x21, &v6);
    let expected = tcp(("::1", 9), ("::2", 0));
    assert_eq!(read(&six), Ok(Some((52, expected))));
    let mut unix = [0; 216];
    unix[..5].copy_from_slice(b"/a.sk");
    unix[108..].fill(b'b');
    let ends = ProxyEnds::Unix {
        source: b"/a.sk",
        destination: &[b'b'; 108],
    };
    assert_eq!(read(&v2(0x21, 0x31, &unix)), Ok(Some((232, ends))));
}

#[test]
fn version_2_may_leave_the_ends_unsaid() {
    let addresses = [7; 216];
    for preface in [
        v2(0x20, 0x00, &[]),
        v2(0x20, 0x11, &addresses[..12]),
        v2(0x20, 0x11, &[]), // LOCAL: whatever the addresses would be
        v2(0x21, 0x00, &addresses[..9]),
        v2(0x21, 0x12, &addresses[..12]), // datagrams
        v2(0x21, 0x32, &addresses),
    ] {
        let expected = Ok(Some((preface.len(), ProxyEnds::Unsaid)));
        assert_eq!(read(&preface), expected, "{preface:?}");
    }
}

#[test]
fn version_2_is_refused_where_it_is_not_exact() {
    for (preface, error) in [
        (v2(0x11, 0x11, &[0; 12]), "version"),
        (v2(0x31, 0x11, &[0; 12]), "version"),
        (v2(0x22, 0x11, &[0; 12]), "command"),
        (v2(0x21, 0x41, &[0; 12]), "family"),
        (v2(0x21, 0x13, &[0; 12]), "transport"),
        (v2(0x20, 0x13, &[0; 12]), "transport"),
        (v2(0x21, 0x11, &[0; 11]), "length"),
        (v2(0x21, 0x21, &[0; 35]), "length"),
        (v2(0x21, 0x31, &[0; 215]), "length"),
    ] {
        let expected = Err(ProxyError::Malformed(error));
        assert_eq!(read(&preface), expected, "{preface:?}");
    }
}

#[test]
fn version_2_has_a_greatest_length_that_is_known_before_it_came() {
    let most = v2(0x21, 0x00, &[0; PROXY_BYTES_MAX - 16]);
    assert_eq!(read(&most), Ok(Some((PROXY_BYTES_MAX, ProxyEnds::Unsaid))));
    let more = v2(0x21, 0x00, &[0; PROXY_BYTES_MAX - 15]);
    assert_eq!(parse_proxy(&more[..16]), Err(ProxyError::TooLong));
    let most_of_all = [SIGNATURE, &[0x21, 0x11, 0xff, 0xff]].concat();
    assert_eq!(read(&most_of_all), Err(ProxyError::TooLong));
}
