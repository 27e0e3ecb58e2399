//! Headers of frames: every rule of RFC 6455 §5.2 and §5.5, obeyed and broken, at every split.

use super::stand::{BINARY, CLOSE, CONTINUATION, End, FIN, KEY, PING, PONG, RSV1, Seen, TEXT};
use super::stand::{check, frame, got_close, sent};
use ringlane_protocol::websocket::{Error, FrameHeader, FrameRules, Opcode};

const FROM_CLIENT: FrameRules = FrameRules {
    masked: true,
    compression: false,
};
const FROM_SERVER: FrameRules = FrameRules {
    masked: false,
    compression: false,
};

/// The last byte of each is the one that breaks the rule.
const BROKEN: [(&str, &[u8], Error); 19] = [
    (
        "RFC 6455 §5.2: RSV1 without an extension",
        &[0xc1],
        Error::ReservedBits,
    ),
    ("RFC 6455 §5.2: RSV2", &[0xa1], Error::ReservedBits),
    ("RFC 6455 §5.2: RSV3", &[0x91], Error::ReservedBits),
    ("RFC 6455 §5.2: all of them", &[0xf2], Error::ReservedBits),
    ("RFC 6455 §5.2: opcode 3", &[0x83], Error::ReservedOpcode),
    ("RFC 6455 §5.2: opcode 7", &[0x07], Error::ReservedOpcode),
    ("RFC 6455 §5.2: opcode 11", &[0x8b], Error::ReservedOpcode),
    ("RFC 6455 §5.2: opcode 15", &[0x8f], Error::ReservedOpcode),
    (
        "RFC 6455 §5.5: a close frame that goes on",
        &[0x08],
        Error::FragmentedControl,
    ),
    (
        "RFC 6455 §5.5: a ping that goes on",
        &[0x09],
        Error::FragmentedControl,
    ),
    (
        "RFC 6455 §5.5: a pong that goes on",
        &[0x0a],
        Error::FragmentedControl,
    ),
    ("RFC 6455 §5.1: no mask", &[0x81, 0x05], Error::Unmasked),
    (
        "RFC 6455 §5.1: no mask on a control frame",
        &[0x89, 0x00],
        Error::Unmasked,
    ),
    (
        "RFC 6455 §5.5: a ping of 126 bytes",
        &[0x89, 0xfe],
        Error::ControlTooLong,
    ),
    (
        "RFC 6455 §5.5: a close frame of 64-bit length",
        &[0x88, 0xff],
        Error::ControlTooLong,
    ),
    (
        "RFC 6455 §5.2: 125 in 16 bits",
        &[0x81, 0xfe, 0, 125],
        Error::LengthNotMinimal,
    ),
    (
        "RFC 6455 §5.2: 0 in 16 bits",
        &[0x81, 0xfe, 0, 0],
        Error::LengthNotMinimal,
    ),
    (
        "RFC 6455 §5.2: 65535 in 64 bits",
        &[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
        Error::LengthNotMinimal,
    ),
    (
        "RFC 6455 §5.2: the top bit of a length",
        &[0x82, 0xff, 0x80],
        Error::LengthTooLarge,
    ),
];

#[test]
fn a_broken_header_is_refused_at_its_first_wrong_byte() {
    for (rule, input, error) in BROKEN {
        for end in 0..input.len() {
            let early = FrameHeader::decode(&input[..end], FROM_CLIENT);
            assert_eq!(early, Ok(None), "{rule}, {end} bytes");
        }
        for tail in [&b""[..], b"\0", &[0xff; 20]] {
            let whole = [input, tail].concat();
            assert_eq!(
                FrameHeader::decode(&whole, FROM_CLIENT),
                Err(error),
                "{rule}"
            );
        }
        let seen = [Seen::Failed(error)];
        check(rule, End::server, input, &seen, &got_close(1002));
    }
}

/// A 10-byte header, or 14 bytes with a mask, whose length wraps any sum it is added to: it made
/// another server slice out of bounds.
#[test]
fn lengths_near_the_end_of_64_bits_are_harmless() {
    for last in [0xff, 0xf7, 0xf1, 0xf0, 0x00] {
        let length = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, last];
        let unmasked = [&[0x82, 0x7f][..], &length].concat();
        let masked = [&[0x82, 0xff][..], &length, &KEY].concat();
        assert_eq!((unmasked.len(), masked.len()), (10, 14));
        let refused = [Seen::Failed(Error::LengthTooLarge)];
        check("14 bytes", End::server, &masked, &refused, &got_close(1002));
        let refused = [Seen::Failed(Error::Unmasked)];
        check(
            "10 bytes",
            End::server,
            &unmasked,
            &refused,
            &got_close(1002),
        );
        let end = End::client().feed_all([&unmasked[..]]);
        assert_eq!(end.seen, [Seen::Failed(Error::LengthTooLarge)]);
        // The largest length there is parses, and is too much.
        let largest = [&masked[..2], &[0x7f], &masked[3..]].concat();
        let refused = [Seen::Failed(Error::MessageTooLarge)];
        check(
            "2^63 - 1",
            End::server,
            &largest,
            &refused,
            &got_close(1009),
        );
    }
}

#[test]
fn a_client_refuses_masked_frames() {
    let input = frame(FIN | TEXT, b"Hello", true);
    let end = End::client().feed_all([&input[..]]);
    assert_eq!(end.seen, [Seen::Failed(Error::Masked)]);
}

/// RSV1 has a meaning only on the first frame of a data message (RFC 7692 §6.1).
#[test]
fn rsv1_is_for_the_start_of_messages() {
    let rules = FrameRules {
        masked: true,
        compression: true,
    };
    for opcode in [TEXT, BINARY] {
        for fin in [0, FIN] {
            assert_eq!(FrameHeader::decode(&[fin | RSV1 | opcode], rules), Ok(None));
        }
    }
    for first in [
        CONTINUATION,
        FIN | CONTINUATION,
        FIN | PING,
        FIN | PONG,
        FIN | CLOSE,
    ] {
        let refused = FrameHeader::decode(&[first | RSV1], rules);
        assert_eq!(refused, Err(Error::ReservedBits), "{first:x}");
    }
}

/// All first two bytes there are, judged by the rules written out once more.
#[test]
fn every_first_two_bytes_are_judged_by_the_rules() {
    for bits in 0..=u16::MAX {
        let [first, second] = bits.to_be_bytes();
        let (fin, opcode, length) = (first & FIN != 0, first & 0x0f, second & 0x7f);
        let is_control = opcode >= 8;
        let is_fine = first & 0x70 == 0
            && matches!(opcode, 0..=2 | 8..=10)
            && (!is_control || (fin && length <= 125));
        for rules in [FROM_CLIENT, FROM_SERVER] {
            let is_fine = is_fine && (second & 0x80 != 0) == rules.masked;
            let decoded = FrameHeader::decode(&[first, second], rules);
            assert_eq!(decoded.is_ok(), is_fine, "{bits:04x} {rules:?}");
            let is_whole = is_fine && !rules.masked && length <= 125;
            assert_eq!(
                matches!(decoded, Ok(Some(_))),
                is_whole,
                "{bits:04x} {rules:?}"
            );
        }
    }
}

#[test]
fn what_is_written_is_read_back_at_every_split() {
    let lengths = [0, 1, 125, 126, 127, 0xffff, 0x1_0000, u64::MAX >> 1];
    let opcodes = [
        Opcode::Continuation,
        Opcode::Text,
        Opcode::Binary,
        Opcode::Close,
        Opcode::Ping,
        Opcode::Pong,
    ];
    for payload_bytes in lengths {
        for opcode in opcodes {
            if opcode.is_control() && payload_bytes > 125 {
                continue;
            }
            for mask in [None, Some(KEY)] {
                let header = FrameHeader {
                    fin: opcode.is_control() || payload_bytes % 2 == 0,
                    rsv1: false,
                    opcode,
                    mask,
                    payload_bytes,
                };
                let bytes = header.to_bytes();
                let bytes = bytes.as_ref();
                let rules = FrameRules {
                    masked: mask.is_some(),
                    compression: false,
                };
                for end in 0..bytes.len() {
                    assert_eq!(FrameHeader::decode(&bytes[..end], rules), Ok(None));
                }
                let more = [bytes, &[0xff; 3]].concat();
                let whole = Ok(Some((header, bytes.len())));
                assert_eq!(FrameHeader::decode(&more, rules), whole, "{header:?}");
            }
        }
    }
}

/// Payloads on both sides of each step in the length's encoding, cut everywhere.
#[test]
fn payloads_of_every_length_class_arrive() {
    for len in [0, 1, 2, 125, 126, 127, 128, 65535, 65536, 65537] {
        let payload: Vec<u8> = (0..len).map(|at| at as u8).collect();
        let input = sent(FIN | BINARY, &payload);
        let output = super::stand::got(FIN | BINARY, &payload);
        let seen = [Seen::Binary(payload)];
        check(&format!("{len} bytes"), End::echo, &input, &seen, &output);
    }
}

#[test]
#[should_panic(expected = "no frame is that long")]
fn a_header_of_an_impossible_length_is_our_bug() {
    let header = FrameHeader {
        fin: true,
        rsv1: false,
        opcode: Opcode::Binary,
        mask: None,
        payload_bytes: 1 << 63,
    };
    let _ = header.to_bytes();
}
