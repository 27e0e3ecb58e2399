//! What is sent: whole frames, cut to size, masked by clients (RFC 6455 §5.1, §5.4, §5.7).

use super::stand::{BINARY, CONTINUATION, End, FIN, PING, PONG, RSV1, Seen, TEXT, got, text};
use ringlane_protocol::websocket::{DeflateParameters, MaskKeys, Prepared, Role, Settings, Shared};

fn cut_to(frame_bytes_max: usize) -> Settings {
    Settings {
        frame_bytes_max,
        compress_bytes_min: 1,
        ..Settings::default()
    }
}

/// RFC 6455 §5.7.
#[test]
fn a_servers_frames_are_those_of_the_rfc() {
    let mut end = End::server();
    let (sender, output, shared) = (&mut end.sender, &mut end.output, &mut end.shared);
    assert_eq!(sender.text("Hello", output, shared), Ok(()));
    assert_eq!(sender.ping(b"Hello", output), Ok(()));
    assert_eq!(sender.binary(&[7; 256], output, shared), Ok(()));
    assert_eq!(sender.binary(&[7; 65536], output, shared), Ok(()));
    let expected = [
        &b"\x81\x05Hello\x89\x05Hello\x82\x7e\x01\x00"[..],
        &[7; 256],
        b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00",
        &[7; 65536],
    ];
    assert_eq!(end.output, expected.concat());
}

#[test]
fn messages_are_cut_at_the_limit_and_one_beyond() {
    for (len, frames) in [
        (0, vec![got(FIN | TEXT, "")]),
        (3, vec![got(FIN | TEXT, "mmm")]),
        (4, vec![got(TEXT, "mmm"), got(FIN | CONTINUATION, "m")]),
        (6, vec![got(TEXT, "mmm"), got(FIN | CONTINUATION, "mmm")]),
        (
            7,
            vec![
                got(TEXT, "mmm"),
                got(CONTINUATION, "mmm"),
                got(FIN | CONTINUATION, "m"),
            ],
        ),
    ] {
        let mut end = End::new(Role::Server, &cut_to(3), None);
        let message = "m".repeat(len);
        assert_eq!(
            end.sender.text(&message, &mut end.output, &mut end.shared),
            Ok(())
        );
        assert_eq!(end.output, frames.concat(), "{len}");
        let prepared = Prepared::text(&message, &cut_to(3), &mut Shared::new());
        assert_eq!(prepared.plain(), &end.output);
        // Control frames are never cut (§5.5).
        end.output.clear();
        assert_eq!(end.sender.ping(b"12345", &mut end.output), Ok(()));
        assert_eq!(end.output, got(FIN | PING, "12345"));
    }
    // Zero means the smallest there is.
    let mut end = End::new(Role::Server, &cut_to(0), None);
    assert_eq!(
        end.sender.text("ab", &mut end.output, &mut end.shared),
        Ok(())
    );
    assert_eq!(
        end.output,
        [got(TEXT, "a"), got(FIN | CONTINUATION, "b")].concat()
    );
}

/// RFC 7692 §6.1: a message is compressed whole, then cut; RSV1 stands on the first frame.
#[test]
fn compressed_messages_are_cut_behind_compression() {
    let deflate = DeflateParameters::default();
    let mut end = End::new(Role::Server, &cut_to(2), Some(&deflate));
    assert_eq!(
        end.sender.text("Hello", &mut end.output, &mut end.shared),
        Ok(())
    );
    let frames = [
        got(RSV1 | TEXT, b"\xf2\x48"),
        got(CONTINUATION, b"\xcd\xc9"),
        got(CONTINUATION, b"\xc9\x07"),
        got(FIN | CONTINUATION, b"\x00"),
    ];
    assert_eq!(end.output, frames.concat());
}

/// RFC 6455 §5.3, §10.3: every frame under a fresh key, those of a cut message too.
#[test]
fn a_client_masks_every_frame_with_another_key() {
    let mut client = End::new(Role::Client(MaskKeys::new()), &cut_to(10), None);
    let message = [0; 1000];
    let sent = client
        .sender
        .binary(&message, &mut client.output, &mut client.shared);
    assert_eq!(sent, Ok(()));
    assert_eq!(client.sender.pong(&[], &mut client.output), Ok(()));
    let mut keys: Vec<[u8; 4]> = Vec::new();
    let (frames, pong) = client.output.split_at(100 * 16);
    for frame in frames.chunks(16) {
        assert_eq!(frame[1], 0x80 | 10);
        let key = [frame[2], frame[3], frame[4], frame[5]];
        assert_eq!(frame[6..], key.repeat(3)[..10], "zeros show the key");
        keys.push(key);
    }
    assert_eq!(
        (pong.len(), pong[..2].to_vec()),
        (6, vec![FIN | PONG, 0x80])
    );
    keys.sort_unstable();
    keys.dedup();
    assert!(keys.len() > 95, "{} of 100 keys differ", keys.len());
    let mut server = End::server();
    server.feed(&client.output);
    assert_eq!(
        server.seen,
        [Seen::Binary(message.to_vec()), Seen::Pong(vec![])]
    );
}

/// Two clients' keys have nothing to do with each other.
#[test]
fn clients_do_not_share_keys() {
    let first = |mut end: End| {
        assert_eq!(end.sender.ping(b"", &mut end.output), Ok(()));
        end.output
    };
    let firsts: Vec<_> = (0..8).map(|_| first(End::client())).collect();
    assert!(firsts.iter().any(|one| *one != firsts[0]));
}

/// A message may be answered while it lies in the input.
#[test]
fn an_answer_may_borrow_what_it_answers() {
    let mut server = End::echo();
    let mut client = End::client();
    let sent = client
        .sender
        .text("to and fro", &mut client.output, &mut client.shared);
    assert_eq!(sent, Ok(()));
    server.feed(&client.output);
    client.feed(&server.output);
    assert_eq!(client.seen, [text("to and fro")]);
    assert_eq!(server.output, got(FIN | TEXT, "to and fro"));
    assert!(got(FIN | BINARY, "")[..1] != server.output[..1]);
}
