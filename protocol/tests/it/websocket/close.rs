//! The end of a connection: codes, reasons, answers, and silence after it (RFC 6455 §5.5.1, §7).

use super::stand::{
    BINARY, CLOSE, End, FIN, PING, PONG, Seen, TEXT, check, closed, got, got_close, sent, text,
};
use ringlane_protocol::websocket::{CloseCode, Error, SendError};

/// RFC 6455 §7.4: which codes may be sent. Every one there is, by the RFC's own list and IANA's.
#[test]
fn only_codes_that_may_be_sent_are_taken() {
    for number in 0..=u16::MAX {
        let may_be_sent = match number {
            0..=999 => false,            // §7.4.2: not used
            1004..=1006 | 1015 => false, // §7.4.1: reserved, never in a frame
            1000..=1014 => true,         // §7.4.1 and IANA's registry
            1016..=2999 => false,        // §7.4.2: for later
            3000..=4999 => true,         // §7.4.2: libraries, applications
            5000.. => false,
        };
        assert_eq!(CloseCode::new(number).is_some(), may_be_sent, "{number}");
        let end = End::server().feed_all([&sent(FIN | CLOSE, number.to_be_bytes())[..]]);
        let (seen, answer) = if may_be_sent {
            (closed(number), got_close(number))
        } else {
            (Seen::Failed(Error::InvalidClose), got_close(1002))
        };
        assert_eq!((end.seen, end.output), (vec![seen], answer));
    }
}

#[test]
fn close_frames_are_answered_once_with_their_code() {
    let longest = "r".repeat(123);
    for (payload, seen, answer) in [
        (vec![], Seen::Close(None), got(FIN | CLOSE, "")),
        (vec![0x03, 0xe8], closed(1000), got_close(1000)),
        (
            [b"\x03\xe9", "Good bye \u{1f44b}".as_bytes()].concat(),
            Seen::Close(Some((1001, "Good bye \u{1f44b}".to_owned()))),
            got_close(1001),
        ),
        (
            [b"\x03\xe8", longest.as_bytes()].concat(),
            Seen::Close(Some((1000, longest.clone()))),
            got_close(1000),
        ),
        // §5.5.1: half a code.
        (
            vec![0x03],
            Seen::Failed(Error::InvalidClose),
            got_close(1002),
        ),
        // §8.1: a reason that is no text, or ends within a character.
        (
            b"\x03\xe8\xce\xba\xff".to_vec(),
            Seen::Failed(Error::InvalidUtf8),
            got_close(1007),
        ),
        (
            b"\x03\xe8abc\xe2\x82".to_vec(),
            Seen::Failed(Error::InvalidUtf8),
            got_close(1007),
        ),
    ] {
        let input = sent(FIN | CLOSE, &payload);
        check(
            &format!("{payload:x?}"),
            End::server,
            &input,
            &[seen],
            &answer,
        );
    }
}

/// §7.1.7, §1.4: whatever follows the end is dropped, a wrong frame and another close included.
#[test]
fn nothing_is_read_behind_the_end() {
    for end in [
        sent(FIN | CLOSE, 1000_u16.to_be_bytes()),
        sent(0x83, "no such opcode"),
        sent(FIN | TEXT, b"\xff"),
    ] {
        let alone = End::echo().feed_all([&end[..]]);
        for behind in [
            sent(FIN | CLOSE, 1001_u16.to_be_bytes()),
            sent(FIN | PING, "?"),
            sent(FIN | TEXT, "more"),
            vec![0xff; 300],
        ] {
            let input = [&end[..], &behind].concat();
            check("behind", End::echo, &input, &alone.seen, &alone.output);
        }
        assert!(alone.receiver.is_ended() && alone.sender.is_closed());
    }
}

/// §5.5.1: after our close frame no data goes out; what the peer had sent still comes in, and its
/// answer is not answered.
#[test]
fn our_own_close_waits_for_the_peers() {
    let begin = || {
        let mut end = End::echo();
        let closed = end
            .sender
            .close(CloseCode::GOING_AWAY, "bye", &mut end.output);
        assert_eq!(closed, Ok(()));
        end
    };
    let ours = got(FIN | CLOSE, b"\x03\xe9bye");
    let input = [
        sent(FIN | TEXT, "on its way"),
        sent(FIN | PING, "p"),
        sent(FIN | CLOSE, 1001_u16.to_be_bytes()),
    ]
    .concat();
    let seen = [text("on its way"), Seen::Ping(b"p".to_vec()), closed(1001)];
    let output = [ours, got(FIN | PONG, "p")].concat();
    check("ours", begin, &input, &seen, &output);

    let mut end = begin();
    let before = end.output.clone();
    let (sender, output) = (&mut end.sender, &mut end.output);
    let refused = Err(SendError::Closed);
    assert_eq!(sender.text("more", output, &mut end.shared), refused);
    assert_eq!(sender.binary(b"more", output, &mut end.shared), refused);
    assert_eq!(sender.ping(b"more", output), refused);
    assert_eq!(sender.pong(b"more", output), refused);
    assert_eq!(sender.close(CloseCode::NORMAL, "", output), refused);
    assert_eq!(end.output, before);
    assert!(!end.receiver.is_ended());
}

/// An error after our close frame is told to the application, and to nobody else.
#[test]
fn an_error_behind_our_close_sends_no_second_one() {
    let mut end = End::server();
    let closed = end.sender.close(CloseCode::NORMAL, "", &mut end.output);
    assert_eq!(closed, Ok(()));
    let end = end.feed_all([&sent(0x83, "")[..]]);
    assert_eq!(end.seen, [Seen::Failed(Error::ReservedOpcode)]);
    assert_eq!(end.output, got_close(1000));
}

/// Both sides of the longest reason.
#[test]
fn a_reason_has_at_most_123_bytes() {
    let mut end = End::server();
    let (sender, output) = (&mut end.sender, &mut end.output);
    let too_long = sender.close(CloseCode::NORMAL, &"r".repeat(124), output);
    assert_eq!((too_long, output.len()), (Err(SendError::TooLong), 0));
    assert_eq!(
        sender.close(CloseCode::NORMAL, &"r".repeat(123), output),
        Ok(())
    );
    assert_eq!(output.len(), 2 + 125);
    let other = End::client().feed_all([&end.output[..]]);
    assert_eq!(other.seen, [Seen::Close(Some((1000, "r".repeat(123))))]);
}

/// Both roles close: each frame crosses the other, and neither is answered.
#[test]
fn closes_may_cross() {
    let (mut server, mut client) = (End::server(), End::client());
    let crossed = server
        .sender
        .close(CloseCode::NORMAL, "", &mut server.output);
    assert_eq!(crossed, Ok(()));
    let crossed = client
        .sender
        .close(CloseCode::GOING_AWAY, "", &mut client.output);
    assert_eq!(crossed, Ok(()));
    let (from_server, from_client) = (server.output.clone(), client.output.clone());
    server.feed(&from_client);
    client.feed(&from_server);
    assert_eq!(
        (server.seen, client.seen),
        (vec![closed(1001)], vec![closed(1000)])
    );
    assert_eq!((server.output, client.output), (from_server, from_client));
}

#[test]
fn binary_messages_may_be_empty_right_before_the_end() {
    let input = [sent(FIN | BINARY, ""), sent(FIN | CLOSE, "")].concat();
    let seen = [Seen::Binary(vec![]), Seen::Close(None)];
    let output = [got(FIN | BINARY, ""), got(FIN | CLOSE, "")].concat();
    check("empty", End::echo, &input, &seen, &output);
}
