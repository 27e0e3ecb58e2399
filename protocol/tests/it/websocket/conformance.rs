//! The behaviours that the Autobahn test suite asks of a server, by its groups of cases.
//!
//! Each row is what a client sends to a server that sends every message back, and what it must get.
//! Where the suite tells OK from NON-STRICT, the row asks for OK. Groups 8 and 11 are empty.

use super::stand::{
    BINARY, CLOSE, CONTINUATION, End, FIN, KEY, PING, PONG, RSV1, TEXT, check, got, got_close, sent,
};
use ringlane_protocol::websocket::{
    DeflateParameters, MaskKeys, PONG_BACKLOG_BYTES_MAX, Role, Settings,
};

/// What the suite sends as text: characters of two and three bytes.
const GREETING: &str = "Hello-\u{b5}@\u{df}\u{f6}\u{e4}\u{fc}\u{e0}\u{e1}-UTF-8!!";

fn close_1000() -> Vec<u8> {
    sent(FIN | CLOSE, 1000_u16.to_be_bytes())
}

/// What is sent, then a clean close; what is got, then its answer. However it is cut, the bytes
/// that come back are the same: the suite's cases differ in how they chop.
#[track_caller]
fn clean(case: &str, sent: &[Vec<u8>], got: &[Vec<u8>]) {
    let input = [sent.concat(), close_1000()].concat();
    let output = [got.concat(), got_close(1000)].concat();
    answers(case, &input, &output);
}

/// What is sent, to which the server answers this and then fails the connection with a code. A
/// ping behind it is answered no more.
#[track_caller]
fn fails(case: &str, sent_before: &[Vec<u8>], got_before: &[Vec<u8>], code: u16) {
    let input = [sent_before.concat(), sent(FIN | PING, "still there?")].concat();
    let output = [got_before.concat(), got_close(code)].concat();
    answers(case, &input, &output);
}

#[track_caller]
fn answers(case: &str, input: &[u8], output: &[u8]) {
    let settings = Settings {
        message_bytes_max: 32 << 20,
        ..Settings::default()
    };
    let end = || End {
        echoes: true,
        ..End::new(Role::Server, &settings, None)
    };
    let whole = end().feed_all([input]);
    check(case, end, input, &whole.seen, output);
}

#[test]
fn group_1_framing() {
    for (opcode, letter) in [(TEXT, b'*'), (BINARY, 0xfe)] {
        for (case, len) in [0, 125, 126, 127, 128, 65535, 65536]
            .into_iter()
            .enumerate()
        {
            let payload = vec![letter; len];
            let echo = [got(FIN | opcode, &payload)];
            clean(
                &format!("1.{opcode}.{}", case + 1),
                &[sent(FIN | opcode, payload)],
                &echo,
            );
        }
    }
}

#[test]
fn group_2_pings_and_pongs() {
    clean("2.1", &[sent(FIN | PING, "")], &[got(FIN | PONG, "")]);
    clean(
        "2.2",
        &[sent(FIN | PING, "Hello, world!")],
        &[got(FIN | PONG, "Hello, world!")],
    );
    let binary = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff";
    clean(
        "2.3",
        &[sent(FIN | PING, binary)],
        &[got(FIN | PONG, binary)],
    );
    let longest = [0xfe; 125];
    clean(
        "2.4",
        &[sent(FIN | PING, longest)],
        &[got(FIN | PONG, longest)],
    );
    fails("2.5", &[sent(FIN | PING, [0xfe; 126])], &[], 1002);
    clean("2.7", &[sent(FIN | PONG, "")], &[]);
    clean("2.8", &[sent(FIN | PONG, "unsolicited pong payload")], &[]);
    clean(
        "2.9",
        &[
            sent(FIN | PONG, "unsolicited"),
            sent(FIN | PING, "ping payload"),
        ],
        &[got(FIN | PONG, "ping payload")],
    );
    let payloads: Vec<String> = (0..10).map(|at| format!("payload-{at}")).collect();
    let pings: Vec<_> = payloads.iter().map(|one| sent(FIN | PING, one)).collect();
    let pongs: Vec<_> = payloads.iter().map(|one| got(FIN | PONG, one)).collect();
    assert!(pongs.concat().len() < PONG_BACKLOG_BYTES_MAX);
    clean("2.10", &pings, &pongs);
}

#[test]
fn group_3_reserved_bits() {
    let (hello, echo) = (sent(FIN | TEXT, GREETING), got(FIN | TEXT, GREETING));
    for rsv in 1..=7_u8 {
        for opcode in [TEXT, BINARY, CLOSE, PING] {
            let wrong = sent(FIN | rsv << 4 | opcode, "x");
            fails(&format!("3.{rsv}"), std::slice::from_ref(&wrong), &[], 1002);
            let before = [hello.clone(), wrong];
            fails(
                &format!("3.{rsv}, behind a message"),
                &before,
                std::slice::from_ref(&echo),
                1002,
            );
        }
    }
}

#[test]
fn group_4_reserved_opcodes() {
    let (hello, echo) = (sent(FIN | TEXT, GREETING), got(FIN | TEXT, GREETING));
    for opcode in (3..=7).chain(11..=15) {
        for payload in ["", "reserved opcode payload"] {
            let wrong = sent(FIN | opcode, payload);
            fails(
                &format!("4, {opcode}"),
                std::slice::from_ref(&wrong),
                &[],
                1002,
            );
            let before = [hello.clone(), wrong];
            fails(
                &format!("4, {opcode}"),
                &before,
                std::slice::from_ref(&echo),
                1002,
            );
        }
    }
}

#[test]
fn group_5_fragmentation() {
    let echo = got(FIN | TEXT, "fragment1fragment2");
    let (one, two) = (
        sent(TEXT, "fragment1"),
        sent(FIN | CONTINUATION, "fragment2"),
    );
    for control in [PING, PONG] {
        let parts = [sent(control, "fragment1"), two.clone()];
        fails("5.1, 5.2", &parts, &[], 1002);
    }
    clean(
        "5.3 to 5.5",
        &[one.clone(), two.clone()],
        std::slice::from_ref(&echo),
    );
    let (ping, pong) = (
        sent(FIN | PING, "ping payload"),
        got(FIN | PONG, "ping payload"),
    );
    let parts = [one.clone(), ping.clone(), two.clone()];
    clean("5.6 to 5.8", &parts, &[pong.clone(), echo.clone()]);
    for first in [CONTINUATION, FIN | CONTINUATION] {
        let parts = [
            sent(first, "non-continuation payload"),
            sent(FIN | TEXT, "Hello, world!"),
        ];
        fails("5.9 to 5.14", &parts, &[], 1002);
    }
    let again = [
        one.clone(),
        two.clone(),
        sent(CONTINUATION, "fragment3"),
        sent(FIN | TEXT, "fragment4"),
    ];
    fails("5.15", &again, std::slice::from_ref(&echo), 1002);
    for fin in [0, FIN] {
        let never = [
            sent(fin | CONTINUATION, "fragment1"),
            sent(TEXT, "fragment2"),
            two.clone(),
        ];
        fails("5.16, 5.17", &[never.concat().repeat(2)], &[], 1002);
    }
    fails(
        "5.18",
        &[one.clone(), sent(FIN | TEXT, "fragment2")],
        &[],
        1002,
    );
    let long = [
        sent(TEXT, "fragment1"),
        sent(CONTINUATION, "fragment2"),
        sent(FIN | PING, "pongme 1!"),
        sent(CONTINUATION, "fragment3"),
        sent(CONTINUATION, "fragment4"),
        sent(FIN | PING, "pongme 2!"),
        sent(FIN | CONTINUATION, "fragment5"),
    ];
    let echoes = [
        got(FIN | PONG, "pongme 1!"),
        got(FIN | PONG, "pongme 2!"),
        got(FIN | TEXT, "fragment1fragment2fragment3fragment4fragment5"),
    ];
    clean("5.19, 5.20", &long, &echoes);
}

#[test]
fn group_6_utf_8() {
    clean("6.1.1", &[sent(FIN | TEXT, "")], &[got(FIN | TEXT, "")]);
    let empty = [
        sent(TEXT, ""),
        sent(CONTINUATION, ""),
        sent(FIN | CONTINUATION, ""),
    ];
    clean("6.1.2", &empty, &[got(FIN | TEXT, "")]);
    let middle = [
        sent(TEXT, ""),
        sent(CONTINUATION, "middle"),
        sent(FIN | CONTINUATION, ""),
    ];
    clean("6.1.3", &middle, &[got(FIN | TEXT, "middle")]);
    let echo = [got(FIN | TEXT, GREETING)];
    clean("6.2.1", &[sent(FIN | TEXT, GREETING)], &echo);
    for cut in 0..GREETING.len() {
        let (one, two) = GREETING.as_bytes().split_at(cut);
        let parts = [sent(TEXT, one), sent(FIN | CONTINUATION, two)];
        clean("6.2.2 to 6.2.4", &parts, &echo);
    }
    let bytes: Vec<_> = GREETING
        .bytes()
        .enumerate()
        .map(|(at, byte)| sent(if at == 0 { TEXT } else { CONTINUATION }, [byte]))
        .chain([sent(FIN | CONTINUATION, "")])
        .collect();
    clean("6.2.3", &bytes, &echo);
    // 6.3, 6.4: a surrogate, and what lies beyond the last character.
    for wrong in [
        &b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64"[..],
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80\x65\x64\x69\x74\x65\x64",
    ] {
        fails("6.3.1", &[sent(FIN | TEXT, wrong)], &[], 1007);
        // 6.4: as soon as the wrong part is there, the rest of frame and message is not waited for.
        fails("6.4.1", &[sent(TEXT, &wrong[..13])], &[], 1007);
        let unfinished = sent(FIN | TEXT, wrong);
        let mut end = End::echo();
        end.feed(&unfinished[..6 + 13]);
        assert_eq!(end.output, got_close(1007), "6.4.3");
    }
}

/// The groups 6.5 to 6.23: sequences that are text, and sequences that are not.
#[test]
fn group_6_sequences() {
    for valid in [
        "\u{0}\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}",
        "\u{d7ff}\u{e000}\u{fffd}\u{fffe}\u{fdd0}\u{1fffe}\u{10fffe}",
        "\u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}",
    ] {
        for end in valid.char_indices().map(|(at, _)| at) {
            let text = &valid[..end];
            clean(
                "6.5 to 6.22",
                &[sent(FIN | TEXT, text)],
                &[got(FIN | TEXT, text)],
            );
        }
    }
    for invalid in [
        &b"\xce"[..],
        b"\xce\xba\xe1\xbd",
        b"\xf8\x88\x80\x80\x80",
        b"\xfc\x84\x80\x80\x80\x80",
        b"\xf7\xbf\xbf\xbf",
        b"\x80",
        b"\x80\xbf\x80\xbf",
        b"\xc0\x20\xc1\x20",
        b"\xe0\x20",
        b"\xf0\x20",
        b"\xfe",
        b"\xfe\xfe\xff\xff",
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xed\xa0\x80",
        b"\xed\xaf\xbf\xed\xb0\x80",
    ] {
        fails("6.6 to 6.21", &[sent(FIN | TEXT, invalid)], &[], 1007);
    }
}

#[test]
fn group_7_closing() {
    let hello = [sent(FIN | TEXT, "Hello World!")];
    clean("7.1.1", &hello, &[got(FIN | TEXT, "Hello World!")]);
    let behind: [(&str, Vec<u8>); 3] = [
        ("7.1.2", close_1000()),
        ("7.1.3", sent(FIN | PING, "")),
        ("7.1.4", sent(FIN | TEXT, "Hello World!")),
    ];
    for (case, behind) in behind {
        answers(case, &[close_1000(), behind].concat(), &got_close(1000));
    }
    let parts = [
        sent(TEXT, "fragment1"),
        close_1000(),
        sent(FIN | CONTINUATION, "fragment2"),
    ];
    answers("7.1.5", &parts.concat(), &got_close(1000));
    let large = vec![b'*'; 256 * 1024];
    let parts = [
        sent(FIN | TEXT, &large),
        sent(FIN | TEXT, "Hello World!"),
        close_1000(),
        sent(FIN | PING, ""),
    ];
    let echoes = [
        got(FIN | TEXT, &large),
        got(FIN | TEXT, "Hello World!"),
        got_close(1000),
    ];
    answers("7.1.6", &parts.concat(), &echoes.concat());
    answers("7.3.1", &sent(FIN | CLOSE, ""), &got(FIN | CLOSE, ""));
    answers("7.3.2", &sent(FIN | CLOSE, "a"), &got_close(1002));
    answers("7.3.3", &close_1000(), &got_close(1000));
    let reason = |text: &str| sent(FIN | CLOSE, [b"\x03\xe8", text.as_bytes()].concat());
    answers("7.3.4", &reason("Hello World!"), &got_close(1000));
    answers("7.3.5", &reason(&"*".repeat(123)), &got_close(1000));
    answers("7.3.6", &reason(&"*".repeat(124)), &got_close(1002));
    let wrong = sent(FIN | CLOSE, b"\x03\xe8\xce\xba\xe1\xbd\xb9\xed\xa0\x80");
    answers("7.5.1", &wrong, &got_close(1007));
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
    ] {
        let input = sent(FIN | CLOSE, u16::to_be_bytes(code));
        answers(&format!("7.7, {code}"), &input, &got_close(code));
    }
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
    ] {
        let input = sent(FIN | CLOSE, u16::to_be_bytes(code));
        answers(&format!("7.9, 7.13, {code}"), &input, &got_close(1002));
    }
}

/// Large messages, whole and in fragments down to 64 bytes, in pieces as sockets give them.
#[test]
fn groups_9_and_10_size() {
    let settings = Settings {
        message_bytes_max: 16 << 20,
        ..Settings::default()
    };
    for len in [64 << 10, 1 << 20, 16 << 20] {
        let payload = vec![b'*'; len];
        for piece in [len / 4 + 7, 65_536, 1448] {
            let mut end = End {
                echoes: true,
                ..End::new(Role::Server, &settings, None)
            };
            sent(FIN | TEXT, &payload)
                .chunks(piece)
                .for_each(|piece| end.feed(piece));
            assert!(end.output == got(FIN | TEXT, &payload), "9.1, 9.5: {len}");
        }
    }
    let payload = vec![b'*'; 4 << 20];
    for fragment in [64, 256, 1 << 10, 64 << 10, 4 << 20] {
        let mut end = End {
            echoes: true,
            ..End::new(Role::Server, &settings, None)
        };
        for (at, piece) in payload.chunks(fragment).enumerate() {
            let fin = if (at + 1) * fragment == payload.len() {
                FIN
            } else {
                0
            };
            end.feed(&sent(
                fin | if at == 0 { BINARY } else { CONTINUATION },
                piece,
            ));
        }
        assert!(end.output == got(FIN | BINARY, &payload), "9.4: {fragment}");
    }
    // 10.1.1: 65,536 bytes in fragments of 1,300.
    let payload = vec![b'*'; 65_536];
    let mut parts: Vec<_> = payload
        .chunks(1300)
        .map(|part| sent(CONTINUATION, part))
        .collect();
    parts[0][0] = TEXT;
    parts[50][0] = FIN | CONTINUATION;
    clean("10.1.1", &parts, &[got(FIN | TEXT, payload)]);
}

/// Compressed messages of many sizes under every set of parameters that the suite offers.
#[test]
fn groups_12_and_13_compression() {
    let bits = [None, Some(9), Some(15)];
    let sets = bits
        .into_iter()
        .flat_map(|bits| [(false, bits), (true, bits)]);
    let words = "the quick {brown} \u{1f98a} jumps \"over\" the lazy dog, ".repeat(2600);
    for (no_takeover, bits) in sets {
        let deflate = DeflateParameters {
            server_no_context_takeover: no_takeover,
            server_max_window_bits: bits,
            ..DeflateParameters::default()
        };
        let end = |role| End::new(role, &Settings::default(), Some(&deflate));
        let mut server = End {
            echoes: true,
            ..end(Role::Server)
        };
        let mut client = end(Role::Client(MaskKeys::new()));
        let mut texts = 0;
        for len in [
            0, 16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072,
        ] {
            let start = len * 7 % 1000;
            let text: String = words.chars().cycle().skip(start).take(len).collect();
            for _ in 0..20 {
                client.output.clear();
                let sent = client
                    .sender
                    .text(&text, &mut client.output, &mut client.shared);
                assert_eq!(sent, Ok(()));
                server.output.clear();
                client
                    .output
                    .chunks(4096)
                    .for_each(|piece| server.feed(piece));
                assert!(len < 64 || server.output[0] & RSV1 != 0, "compressed");
                client.seen.clear();
                client.feed(&server.output);
                assert!(
                    client.seen == [super::stand::text(&text)],
                    "{len} {deflate:?}"
                );
                texts += 1;
            }
        }
        assert_eq!(server.seen.len(), texts);
    }
}

/// The suite masks with random keys, and with zeros in group 1: the key is only a key.
#[test]
fn a_key_of_zeros_is_a_key() {
    let mut input = vec![FIN | TEXT, 0x85, 0, 0, 0, 0];
    input.extend_from_slice(b"Hello");
    answers("zeros", &input, &got(FIN | TEXT, "Hello"));
    assert_ne!(KEY, [0; 4]);
}
