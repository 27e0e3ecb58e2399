//! permessage-deflate at work (RFC 7692 §6, §7.2): the RFC's own examples, histories, bombs.

use super::plain_inflate::inflate;
use super::stand::{
    BINARY, CONTINUATION, End, FIN, PING, PONG, RSV1, Seen, TEXT, check, got, got_close, sent, text,
};
use ringlane_protocol::websocket::{
    DeflateParameters, Error, FrameHeader, FrameRules, MaskKeys, Prepared, Role, Settings, Shared,
};

const TAKEOVER: DeflateParameters = DeflateParameters {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: None,
    client_max_window_bits: None,
};
const NO_TAKEOVER: DeflateParameters = DeflateParameters {
    server_no_context_takeover: true,
    client_no_context_takeover: true,
    ..TAKEOVER
};

/// Everything is compressed, however short.
fn all() -> Settings {
    Settings {
        compress_bytes_min: 0,
        ..Settings::default()
    }
}

fn server(deflate: &DeflateParameters) -> End {
    End::new(Role::Server, &all(), Some(deflate))
}

fn client(deflate: &DeflateParameters) -> End {
    End::new(Role::Client(MaskKeys::new()), &all(), Some(deflate))
}

/// "Hello", compressed (RFC 7692 §7.2.3.1).
const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
/// The same again, as a reference to the first (§7.2.3.2).
const HELLO_AGAIN: &[u8] = b"\xf2\x00\x11\x00\x00";

#[test]
fn the_examples_of_the_rfc_are_read() {
    let rows: [(&str, Vec<u8>); 6] = [
        ("§7.2.3.1: one block", sent(FIN | RSV1 | TEXT, HELLO)),
        (
            "§7.2.3.1: two fragments",
            [
                sent(RSV1 | TEXT, &HELLO[..3]),
                sent(FIN | CONTINUATION, &HELLO[3..]),
            ]
            .concat(),
        ),
        (
            "§7.2.3.3: a block without compression",
            sent(FIN | RSV1 | TEXT, b"\x00\x05\x00\xfa\xffHello\x00"),
        ),
        (
            "§7.2.3.4: a block marked as the last",
            sent(FIN | RSV1 | TEXT, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"),
        ),
        (
            "§7.2.3.4: without the byte behind it",
            sent(FIN | RSV1 | TEXT, b"\xf3\x48\xcd\xc9\xc9\x07\x00"),
        ),
        (
            "§7.2.3.5: two blocks",
            sent(
                FIN | RSV1 | TEXT,
                b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
            ),
        ),
    ];
    for (rule, input) in rows {
        for deflate in [TAKEOVER, NO_TAKEOVER] {
            // Twice, so that nothing is left behind.
            let seen = [text("Hello"), text("Hello")];
            let input = input.repeat(2);
            check(rule, || server(&deflate), &input, &seen, b"");
        }
    }
}

#[test]
fn an_empty_message_may_be_compressed() {
    let input = [
        sent(FIN | RSV1 | TEXT, b"\x00"), // RFC 7692 §7.2.3.6
        sent(FIN | RSV1 | BINARY, b""),
        sent(FIN | RSV1 | TEXT, b"\x02\x00"),
        [sent(RSV1 | TEXT, b""), sent(FIN | CONTINUATION, b"\x00")].concat(),
    ]
    .concat();
    let seen = [text(""), Seen::Binary(vec![]), text(""), text("")];
    for deflate in [TAKEOVER, NO_TAKEOVER] {
        check("empty", || server(&deflate), &input, &seen, b"");
    }
}

/// §7.1.1: history is kept exactly if it was not agreed that it is not.
#[test]
fn a_message_refers_to_the_one_before_it_if_that_was_agreed() {
    let input = [
        sent(FIN | RSV1 | TEXT, HELLO),
        // §6: messages without RSV1 are no part of the history.
        sent(FIN | TEXT, "not compressed"),
        sent(FIN | RSV1 | TEXT, HELLO_AGAIN),
    ]
    .concat();
    let seen = [text("Hello"), text("not compressed"), text("Hello")];
    check("kept", || server(&TAKEOVER), &input, &seen, b"");
    let seen = [
        text("Hello"),
        text("not compressed"),
        Seen::Failed(Error::InvalidDeflate),
    ];
    check(
        "not kept",
        || server(&NO_TAKEOVER),
        &input,
        &seen,
        &got_close(1007),
    );
}

/// §7.2.3.1, §7.2.3.2: what we send is what the RFC shows.
#[test]
fn what_is_sent_is_what_the_rfc_shows() {
    let mut end = server(&TAKEOVER);
    for _ in 0..2 {
        let sent = end.sender.text("Hello", &mut end.output, &mut end.shared);
        assert_eq!(sent, Ok(()));
    }
    let frames = [
        got(FIN | RSV1 | TEXT, HELLO),
        got(FIN | RSV1 | TEXT, HELLO_AGAIN),
    ];
    assert_eq!(end.output, frames.concat());
}

#[test]
fn control_frames_come_between_compressed_fragments() {
    let input = [
        sent(RSV1 | TEXT, &HELLO[..1]),
        sent(FIN | PING, "p"),
        sent(CONTINUATION, &HELLO[1..6]),
        sent(FIN | CONTINUATION, &HELLO[6..]),
    ]
    .concat();
    let seen = [Seen::Ping(b"p".to_vec()), text("Hello")];
    for deflate in [TAKEOVER, NO_TAKEOVER] {
        check(
            "between",
            || server(&deflate),
            &input,
            &seen,
            &got(FIN | PONG, "p"),
        );
    }
}

/// RFC 7692 §6.1: RSV1 says it once, on the first fragment.
#[test]
fn rsv1_on_a_continuation_fails() {
    let input = [
        sent(RSV1 | TEXT, &HELLO[..3]),
        sent(FIN | RSV1 | CONTINUATION, &HELLO[3..]),
    ]
    .concat();
    let seen = [Seen::Failed(Error::ReservedBits)];
    check(
        "twice",
        || server(&TAKEOVER),
        &input,
        &seen,
        &got_close(1002),
    );
}

#[test]
fn data_that_is_no_deflate_fails() {
    for wrong in [
        &b"\x06"[..],                     // block type 3
        b"\x00\x05\x00\x00\x00Hello\x00", // a stored block whose lengths differ
        b"\xf2\x00\x11\x00\x00",          // a reference to before the beginning
    ] {
        let input = sent(FIN | RSV1 | BINARY, wrong);
        let seen = [Seen::Failed(Error::InvalidDeflate)];
        check(
            &format!("{wrong:x?}"),
            || server(&TAKEOVER),
            &input,
            &seen,
            &got_close(1007),
        );
    }
}

/// RFC 6455 §8.1: judged as it is decompressed, not when the message is whole.
#[test]
fn compressed_text_fails_at_its_first_wrong_byte() {
    let mut sender = client(&TAKEOVER);
    let wrong = [
        b"long enough to be seen ".repeat(40),
        b"\xff".to_vec(),
        vec![b'x'; 999],
    ]
    .concat();
    let sent_off = sender
        .sender
        .binary(&wrong, &mut sender.output, &mut sender.shared);
    assert_eq!(sent_off, Ok(()));
    sender.output[0] = RSV1 | TEXT; // it goes on
    let seen = [Seen::Failed(Error::InvalidUtf8)];
    check(
        "wrong",
        || server(&TAKEOVER),
        &sender.output,
        &seen,
        &got_close(1007),
    );
}

/// At the limit and one beyond, counted while it is decompressed: a bomb is never made whole.
#[test]
fn bombs_are_stopped_at_the_limit() {
    for limit in [1, 1000, 1023, 1024, 1025, 100_000] {
        let settings = Settings {
            message_bytes_max: limit,
            ..all()
        };
        for deflate in [TAKEOVER, NO_TAKEOVER] {
            let server = || End::new(Role::Server, &settings, Some(&deflate));
            let message = |len: usize| {
                let mut end = client(&deflate);
                let bytes = vec![0; len];
                let sent = end.sender.binary(&bytes, &mut end.output, &mut end.shared);
                assert_eq!(sent, Ok(()));
                end.output
            };
            let seen = [Seen::Binary(vec![0; limit])];
            check(&format!("{limit}"), server, &message(limit), &seen, b"");
            for len in [limit + 1, limit + 2, 50 * limit] {
                let mut input = message(len);
                input[0] |= RSV1; // what grew was not compressed
                if input.len() < 12 {
                    continue;
                }
                let end = server().feed_all([&input[..]]);
                assert_eq!(
                    end.seen,
                    [Seen::Failed(Error::MessageTooLarge)],
                    "{len} of {limit}"
                );
                assert_eq!(end.output, got_close(1009));
            }
        }
    }
}

/// What a compressed message takes on the wire is bounded as well: empty blocks say nothing, for
/// as long as one likes.
#[test]
fn compressed_messages_are_bounded_on_the_wire() {
    let settings = Settings {
        message_bytes_max: 100,
        ..all()
    };
    let server = || End::new(Role::Server, &settings, Some(&TAKEOVER));
    let blocks = |len: usize| b"\x00\x00\x00\xff\xff".repeat(len / 5 + 1)[..len].to_vec();
    let most = sent(FIN | RSV1 | BINARY, blocks(2 * 100 + 1024 - 4));
    assert_eq!(server().feed_all([&most[..]]).seen, [Seen::Binary(vec![])]);
    let more = [
        sent(RSV1 | BINARY, blocks(1000)),
        sent(CONTINUATION, blocks(2 * 100 + 24)),
    ]
    .concat();
    assert_eq!(server().feed_all([&more[..]]).seen, []);
    let more = [more, sent(CONTINUATION, "x")].concat();
    let end = server().feed_all([&more[..]]);
    assert_eq!(end.seen, [Seen::Failed(Error::MessageTooLarge)]);
}

/// A block marked as the last ends a history; any number of them may stand in a message.
#[test]
fn many_last_blocks_are_read() {
    let hello = b"\xf3\x48\xcd\xc9\xc9\x07\x00".repeat(100);
    let input = sent(FIN | RSV1 | TEXT, [&hello[..], b"\x00"].concat());
    let seen = [text(&"Hello".repeat(100))];
    check("last", || server(&TAKEOVER), &input, &seen, b"");
}

/// Without history a message that does not shrink is sent as it is, if that is allowed.
#[test]
fn what_grows_by_compressing_is_sent_as_it_is_unless_all_must_be_compressed() {
    let some = Settings {
        compress_bytes_min: 1,
        ..Settings::default()
    };
    for (settings, is_compressed) in [(some, false), (all(), true)] {
        let mut end = End::new(Role::Server, &settings, Some(&NO_TAKEOVER));
        let sent = end.sender.text("no gain", &mut end.output, &mut end.shared);
        assert_eq!(sent, Ok(()));
        assert_eq!(end.output[0] & RSV1 != 0, is_compressed);
        let peer = client(&NO_TAKEOVER).feed_all([&end.output[..]]);
        assert_eq!(peer.seen, [Seen::Text("no gain".to_owned())]);
    }
}

#[test]
fn short_messages_are_sent_as_they_are() {
    let settings = Settings {
        compress_bytes_min: 100,
        ..Settings::default()
    };
    let mut end = End::new(Role::Server, &settings, Some(&TAKEOVER));
    for len in [0, 99, 100] {
        end.output.clear();
        let message = "m".repeat(len);
        let sent = end.sender.text(&message, &mut end.output, &mut end.shared);
        assert_eq!(sent, Ok(()));
        let is_compressed = end.output[0] & RSV1 != 0;
        assert_eq!(is_compressed, len == 100, "{len}");
    }
    // Not even where everything is compressed: there is nothing to compress.
    let mut end = server(&TAKEOVER);
    assert_eq!(
        end.sender.text("", &mut end.output, &mut end.shared),
        Ok(())
    );
    assert_eq!(end.output, got(FIN | TEXT, ""));
}

/// A message prepared once is read by peers with any window and any history, and what follows it
/// on the same connection is, too.
#[test]
fn a_prepared_message_suits_every_peer() {
    let mut shared = Shared::new();
    let short = Prepared::text(&"short ".repeat(60), &all(), &mut shared);
    let long: String = (0..9000)
        .map(|at| format!("{} ", at * 7919 % 1009))
        .collect();
    let long = Prepared::text(&long, &all(), &mut shared);
    assert!(short.compressed().is_some() && long.compressed().is_some());
    for bits in [None, Some(9), Some(12), Some(15)] {
        for server_no_context_takeover in [false, true] {
            let deflate = DeflateParameters {
                server_no_context_takeover,
                server_max_window_bits: bits,
                ..TAKEOVER
            };
            let (mut server, mut client) = (server(&deflate), client(&deflate));
            let mut expected = Vec::new();
            for _ in 0..2 {
                let own = "a message of its own, of its own".to_owned();
                let sent = server
                    .sender
                    .text(&own, &mut server.output, &mut server.shared);
                assert_eq!(sent, Ok(()));
                expected.push(Seen::Text(own));
                for prepared in [&short, &long] {
                    let frame = server.sender.prepared(prepared);
                    let frame = frame.expect("not closed").expect("a server");
                    server.output.extend_from_slice(frame);
                    let is_compressed = frame[0] & RSV1 != 0;
                    let fits = prepared.payload_bytes() <= 1 << bits.unwrap_or(15);
                    assert_eq!(is_compressed, fits || bits.unwrap_or(15) == 15);
                    let plain = End::client().feed_all([&prepared.plain()[..]]);
                    expected.extend(plain.seen);
                }
            }
            client.feed(&server.output);
            assert_eq!(client.seen, expected, "{deflate:?}");
        }
    }
    let (mut plain, mut shut) = (End::client(), End::server());
    assert_eq!(
        plain.sender.prepared(&short),
        Ok(None),
        "clients mask each frame anew"
    );
    shut.feed(&sent(0x83, ""));
    assert!(shut.sender.prepared(&short).is_err());
}

/// A peer that allows a window of 256 bytes only is sent nothing compressed.
#[test]
fn a_window_that_cannot_be_kept_to_means_no_compression() {
    let deflate = DeflateParameters {
        client_max_window_bits: Some(8),
        ..TAKEOVER
    };
    let mut end = client(&deflate);
    let message = "m".repeat(1000);
    assert_eq!(
        end.sender.text(&message, &mut end.output, &mut end.shared),
        Ok(())
    );
    assert_eq!(end.output[0], FIN | TEXT);
    let mut server = server(&deflate);
    server.feed(&end.output);
    assert_eq!(server.seen, [Seen::Text(message)]);
}

/// RFC 7692 §7.1.2: no window larger than the one agreed on is ever looked back to.
#[test]
fn what_is_sent_stays_within_the_window() {
    let far: Vec<u8> = (0..700_u32).map(|at| (at * at % 251) as u8).collect();
    for bits in 9..=15 {
        for level in 1..=9 {
            let deflate = DeflateParameters {
                server_max_window_bits: Some(bits),
                ..TAKEOVER
            };
            let settings = Settings {
                compress_level: level,
                ..all()
            };
            let mut end = End::new(Role::Server, &settings, Some(&deflate));
            let (mut stream, mut expected) = (Vec::new(), Vec::new());
            for gap in (0..16).map(|power| 1_usize << power) {
                let between: Vec<u8> = (0..gap).map(|at| (at * 7919 / 13) as u8).collect();
                for message in [&far, &between] {
                    end.output.clear();
                    let (output, shared) = (&mut end.output, &mut end.shared);
                    assert_eq!(end.sender.binary(message, output, shared), Ok(()));
                    let rules = FrameRules {
                        masked: false,
                        compression: true,
                    };
                    let decoded = FrameHeader::decode(output, rules);
                    let (_, header_bytes) = decoded.expect("valid").expect("whole");
                    stream.extend_from_slice(&output[header_bytes..]);
                    stream.extend_from_slice(b"\x00\x00\xff\xff");
                    expected.extend_from_slice(message);
                }
            }
            let (read, farthest) = inflate(&stream);
            assert!(read == expected, "{bits} bits, level {level}");
            assert!(
                farthest <= 1 << bits,
                "{bits} bits, level {level}: {farthest}"
            );
            // It is used, too.
            assert!(
                farthest > 1 << (bits - 2),
                "{bits} bits, level {level}: {farthest}"
            );
        }
    }
}
