//! Every limit at its value and one beyond: message size, number of frames, waiting pongs.

use super::stand::{
    BINARY, CONTINUATION, End, FIN, PING, PONG, Seen, TEXT, check, got, got_close, sent,
};
use ringlane_protocol::websocket::{Error, PONG_BACKLOG_BYTES_MAX, Role, SendError, Settings};

const SMALL: Settings = Settings {
    message_bytes_max: 10,
    fragments_max: 4,
    frame_bytes_max: usize::MAX,
    compress_bytes_min: 1,
    compress_level: 6,
};

fn small() -> End {
    End::new(Role::Server, &SMALL, None)
}

#[test]
fn a_message_may_be_as_large_as_the_limit() {
    for frames in [
        vec![sent(FIN | BINARY, "0123456789")],
        vec![sent(BINARY, "01234"), sent(FIN | CONTINUATION, "56789")],
        vec![sent(BINARY, "0123456789"), sent(FIN | CONTINUATION, "")],
    ] {
        let seen = [Seen::Binary(b"0123456789".to_vec())];
        check("at the limit", small, &frames.concat(), &seen, b"");
    }
}

/// RFC 6455 §10.4, §7.4.1: told with the header that announces it, before any of it has come.
#[test]
fn one_byte_more_is_refused_by_its_header() {
    for frames in [
        vec![sent(FIN | BINARY, "0123456789x")],
        vec![sent(TEXT, "0123456789"), sent(FIN | CONTINUATION, "x")],
        vec![
            sent(TEXT, "01234"),
            sent(FIN | PING, ""),
            sent(CONTINUATION, "56789x"),
        ],
    ] {
        let mut input = frames.concat();
        let header_bytes = input.len() - frames[frames.len() - 1].len() + 6;
        input.truncate(header_bytes);
        let end = small().feed_all([&input[..]]);
        assert_eq!(end.seen.last(), Some(&Seen::Failed(Error::MessageTooLarge)));
        assert!(end.output.ends_with(&got_close(1009)));
    }
}

/// Control frames are no part of a message and count for nothing.
#[test]
fn control_frames_have_their_own_limit() {
    let payload = [b'p'; 125];
    let mut output = Vec::new();
    let sent_to = small().feed_all([&sent(FIN | PING, payload)[..]]);
    assert_eq!(sent_to.seen, [Seen::Ping(payload.to_vec())]);
    let (mut sender, too_long) = (small().sender, [b'p'; 126]);
    assert_eq!(sender.ping(&too_long, &mut output), Err(SendError::TooLong));
    assert_eq!(sender.pong(&too_long, &mut output), Err(SendError::TooLong));
    assert_eq!(output, b"");
    assert_eq!(sender.ping(&payload, &mut output), Ok(()));
    assert_eq!(sender.pong(&payload, &mut output), Ok(()));
    assert_eq!(
        output,
        [got(FIN | PING, payload), got(FIN | PONG, payload)].concat()
    );
}

#[test]
fn a_message_may_have_as_many_frames_as_the_limit() {
    let most = [
        sent(TEXT, "a"),
        sent(CONTINUATION, ""),
        sent(CONTINUATION, "b"),
        sent(FIN | CONTINUATION, "c"),
    ]
    .concat();
    // The count begins anew with each message.
    let seen = [Seen::Text("abc".to_owned()), Seen::Text("abc".to_owned())];
    check("most", small, &most.repeat(2), &seen, b"");
    let more = [
        sent(TEXT, ""),
        sent(CONTINUATION, "").repeat(3),
        sent(CONTINUATION, ""),
    ]
    .concat();
    let seen = [Seen::Failed(Error::TooManyFragments)];
    check("more", small, &more, &seen, &got_close(1008));
}

/// By default, 4 MiB may come in frames of 64 bytes.
#[test]
fn the_default_limit_lets_65536_fragments_pass() {
    let settings = Settings {
        message_bytes_max: 4 << 20,
        ..Settings::default()
    };
    let middle = sent(CONTINUATION, [b'*'; 64]);
    let mut end = End::new(Role::Server, &settings, None);
    end.feed(&sent(BINARY, [b'*'; 64]));
    for _ in 0..65_534 {
        end.feed(&middle);
    }
    end.feed(&sent(FIN | CONTINUATION, [b'*'; 64]));
    assert_eq!(end.seen, [Seen::Binary(vec![b'*'; 4 << 20])]);
}

/// RFC 6455 §5.5.3: every ping is answered while there is room, then only the latest, once.
#[test]
fn pongs_do_not_pile_up() {
    let mut end = End::server();
    let ping = |at: u32| sent(FIN | PING, at.to_be_bytes());
    let pong = |at: u32| got(FIN | PONG, at.to_be_bytes());
    let at_once = PONG_BACKLOG_BYTES_MAX.div_ceil(6) as u32;
    for at in 0..at_once + 1000 {
        end.feed(&ping(at));
    }
    assert_eq!(end.seen.len() as u32, at_once + 1000);
    assert_eq!(end.output.len(), at_once as usize * 6);
    assert!(end.output.ends_with(&pong(at_once - 1)));
    assert!(end.sender.owes_pong());
    end.output.clear();
    end.sender.settle(&mut end.output);
    assert_eq!(end.output, pong(at_once + 999));
    assert!(!end.sender.owes_pong());
    // The next input settles it, too. What else waits to be sent holds up no pong.
    end.output = vec![0; 10 * PONG_BACKLOG_BYTES_MAX];
    let fill = |end: &mut End| {
        for at in 0..at_once {
            end.feed(&ping(at));
        }
    };
    fill(&mut end);
    end.feed(&sent(FIN | PING, "longer than the one before"));
    assert!(
        end.output.ends_with(&pong(at_once - 2)),
        "one went out before"
    );
    end.output.clear();
    end.feed(b"");
    assert_eq!(end.output, got(FIN | PONG, "longer than the one before"));
    // At the end of the connection it is forgotten.
    fill(&mut end);
    end.feed(&ping(2));
    assert!(end.sender.owes_pong());
    end.feed(&sent(0x83, ""));
    assert!(!end.sender.owes_pong());
    assert!(end.output.ends_with(&got_close(1002)));
}
