//! Messages in several frames (RFC 6455 §5.4), and text judged as it comes (§8.1).

use super::stand::{
    BINARY, CLOSE, CONTINUATION, End, FIN, PING, PONG, Seen, TEXT, check, closed, got, got_close,
    sent, text,
};
use ringlane_protocol::websocket::Error;

#[test]
fn control_frames_come_between_fragments() {
    let input = [
        sent(TEXT, "frag"),
        sent(FIN | PING, "are you there"),
        sent(CONTINUATION, "ment"),
        sent(FIN | PONG, "yes"),
        sent(FIN | CONTINUATION, "ed"),
    ]
    .concat();
    let seen = [
        Seen::Ping(b"are you there".to_vec()),
        Seen::Pong(b"yes".to_vec()),
        text("fragmented"),
    ];
    let output = [
        got(FIN | PONG, "are you there"),
        got(FIN | TEXT, "fragmented"),
    ]
    .concat();
    check("between", End::echo, &input, &seen, &output);
}

#[test]
fn fragments_may_be_empty() {
    let input = [
        sent(BINARY, ""),
        sent(CONTINUATION, ""),
        sent(CONTINUATION, "x"),
        sent(CONTINUATION, ""),
        sent(FIN | CONTINUATION, ""),
        sent(TEXT, ""),
        sent(FIN | CONTINUATION, ""),
        sent(FIN | TEXT, ""),
    ]
    .concat();
    let seen = [Seen::Binary(b"x".to_vec()), text(""), text("")];
    let output = [
        got(FIN | BINARY, "x"),
        got(FIN | TEXT, ""),
        got(FIN | TEXT, ""),
    ]
    .concat();
    check("empty", End::echo, &input, &seen, &output);
}

#[test]
fn a_continuation_of_nothing_fails() {
    for first in [CONTINUATION, FIN | CONTINUATION] {
        let input = [sent(FIN | TEXT, "whole"), sent(first, "what?")].concat();
        let seen = [text("whole"), Seen::Failed(Error::UnexpectedContinuation)];
        let output = [got(FIN | TEXT, "whole"), got_close(1002)].concat();
        check("of nothing", End::echo, &input, &seen, &output);
    }
}

#[test]
fn a_new_message_within_another_fails() {
    for first in [TEXT, FIN | TEXT, BINARY, FIN | BINARY] {
        let input = [sent(TEXT, "be"), sent(first, "gin")].concat();
        let seen = [Seen::Failed(Error::ExpectedContinuation)];
        check("within", End::echo, &input, &seen, &got_close(1002));
    }
}

#[test]
fn a_close_frame_may_end_an_unfinished_message() {
    let input = [
        sent(TEXT, "unfini"),
        sent(FIN | CLOSE, 1000_u16.to_be_bytes()),
        sent(FIN | CONTINUATION, "shed"),
    ]
    .concat();
    check(
        "closed",
        End::echo,
        &input,
        &[closed(1000)],
        &got_close(1000),
    );
}

/// Characters of every length, cut within them by frames and by the network.
#[test]
fn characters_may_span_frames() {
    let whole = "a\u{e9}\u{20ac}\u{1f980}z";
    for first in 0..=whole.len() {
        for second in first..=whole.len() {
            let bytes = whole.as_bytes();
            let input = [
                sent(TEXT, &bytes[..first]),
                sent(CONTINUATION, &bytes[first..second]),
                sent(FIN | CONTINUATION, &bytes[second..]),
            ]
            .concat();
            let output = got(FIN | TEXT, whole);
            check("characters", End::echo, &input, &[text(whole)], &output);
        }
    }
}

#[test]
fn text_that_ends_within_a_character_fails() {
    for (input, name) in [
        (sent(FIN | TEXT, b"abc\xf0\x9f\xa6"), "one frame"),
        (
            [
                sent(TEXT, b"abc\xf0"),
                sent(FIN | CONTINUATION, b"\x9f\xa6"),
            ]
            .concat(),
            "two frames",
        ),
        (
            [sent(TEXT, b"abc\xf0"), sent(FIN | CONTINUATION, b"")].concat(),
            "an empty last frame",
        ),
    ] {
        let seen = [Seen::Failed(Error::InvalidUtf8)];
        check(name, End::echo, &input, &seen, &got_close(1007));
    }
}

/// The connection fails at the first byte that no text can have there: before its frame ends, and
/// before its message does.
#[test]
fn wrong_text_fails_at_its_first_wrong_byte() {
    let wrong = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80edited";
    let wrong_at = 12; // behind 0xf4 no character has 0x90
    for frame_bytes in 1..=wrong.len() {
        let mut input = Vec::new();
        let mut fails_at = 0;
        for (index, piece) in wrong.chunks(frame_bytes).enumerate() {
            let first = if index == 0 { TEXT } else { CONTINUATION };
            let frame = sent(first, piece);
            if (index * frame_bytes..(index + 1) * frame_bytes).contains(&wrong_at) {
                fails_at = input.len() + frame.len() - piece.len() + wrong_at % frame_bytes;
            }
            input.extend_from_slice(&frame);
        }
        let mut end = End::server();
        for &byte in &input[..fails_at] {
            end.feed(&[byte]);
        }
        assert_eq!(end.seen, [], "frames of {frame_bytes}");
        end.feed(&[input[fails_at]]);
        assert_eq!(end.seen, [Seen::Failed(Error::InvalidUtf8)]);
        let seen = [Seen::Failed(Error::InvalidUtf8)];
        check("wrong", End::server, &input, &seen, &got_close(1007));
    }
}

/// Binary messages are not text.
#[test]
fn binary_messages_hold_anything() {
    let input = [
        sent(BINARY, b"\xff\xfe"),
        sent(FIN | CONTINUATION, b"\xf4\x90"),
    ]
    .concat();
    let bytes = b"\xff\xfe\xf4\x90";
    let seen = [Seen::Binary(bytes.to_vec())];
    check("bytes", End::echo, &input, &seen, &got(FIN | BINARY, bytes));
}
