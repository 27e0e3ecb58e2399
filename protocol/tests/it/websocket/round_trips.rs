//! A client and a server that talk: whatever is sent arrives, whatever was agreed, however it is
//! cut into frames and pieces.

use super::stand::{End, Seen};
use proptest::collection::vec;
use proptest::prelude::*;
use ringlane_protocol::websocket::{CloseCode, DeflateParameters, MaskKeys, Role, Settings};

/// Something one end does.
#[derive(Clone, Debug)]
enum Deed {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

impl Deed {
    fn run(&self, end: &mut End) {
        let (sender, output, shared) = (&mut end.sender, &mut end.output, &mut end.shared);
        let done = match self {
            Self::Text(text) => sender.text(text, output, shared),
            Self::Binary(bytes) => sender.binary(bytes, output, shared),
            Self::Ping(payload) => sender.ping(payload, output),
            Self::Pong(payload) => sender.pong(payload, output),
        };
        assert_eq!(done, Ok(()));
    }

    fn seen(&self) -> Seen {
        match self.clone() {
            Self::Text(text) => Seen::Text(text),
            Self::Binary(bytes) => Seen::Binary(bytes),
            Self::Ping(payload) => Seen::Ping(payload),
            Self::Pong(payload) => Seen::Pong(payload),
        }
    }
}

/// Payloads that repeat themselves, near and far, and payloads that do not.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..300),
        (vec(any::<u8>(), 1..40), 1..200_usize).prop_map(|(part, times)| part.repeat(times)),
        (vec(any::<u8>(), 600..700), vec(any::<u8>(), 0..3000))
            .prop_map(|(far, between)| { [&far[..], &between, &far, &between].concat() }),
        vec(0..4_u8, 0..40_000),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        "\\PC{0,100}".prop_map(Deed::Text),
        ("\\PC{1,9}", 0..300_usize).prop_map(|(part, times)| Deed::Text(part.repeat(times))),
        payload().prop_map(Deed::Binary),
        vec(any::<u8>(), 0..=125).prop_map(Deed::Ping),
        vec(any::<u8>(), 0..=125).prop_map(Deed::Pong),
    ]
}

fn parameters() -> impl Strategy<Value = DeflateParameters> {
    let bits = || proptest::option::of(9..=15_u8);
    (any::<bool>(), any::<bool>(), bits(), bits()).prop_map(|(server, client, s_bits, c_bits)| {
        DeflateParameters {
            server_no_context_takeover: server,
            client_no_context_takeover: client,
            server_max_window_bits: s_bits,
            client_max_window_bits: c_bits,
        }
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    let frame_bytes = prop_oneof![Just(usize::MAX), 1..2000_usize];
    (frame_bytes, 0..100_usize, 0..=9_u8).prop_map(|(frame_bytes_max, min, level)| Settings {
        frame_bytes_max,
        compress_bytes_min: min,
        compress_level: level,
        ..Settings::default()
    })
}

/// Lets `from` do its deeds, then shows its output to `to` in pieces of these sizes, in turn.
fn talk(from: &mut End, to: &mut End, deeds: &[Deed], sizes: &[usize]) {
    from.output.clear();
    for deed in deeds {
        deed.run(from);
    }
    let closed = from
        .sender
        .close(CloseCode::NORMAL, "done", &mut from.output);
    assert_eq!(closed, Ok(()));
    let mut rest = &from.output[..];
    for size in sizes.iter().cycle() {
        let (piece, more) = rest.split_at(rest.len().min(*size));
        to.feed(piece);
        to.output.clear();
        rest = more;
        if rest.is_empty() {
            return;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn what_is_sent_arrives(
        deeds in vec(deed(), 0..12),
        answers in vec(deed(), 0..6),
        deflate in proptest::option::of(parameters()),
        settings in settings(),
        sizes in vec(1..5000_usize, 1..5),
    ) {
        let deflate = deflate.as_ref();
        let mut server = End::new(Role::Server, &settings, deflate);
        let mut client = End::new(Role::Client(MaskKeys::new()), &settings, deflate);
        let expected = |deeds: &[Deed]| {
            let mut seen: Vec<Seen> = deeds.iter().map(Deed::seen).collect();
            seen.push(Seen::Close(Some((1000, "done".to_owned()))));
            seen
        };
        talk(&mut client, &mut server, &deeds, &sizes);
        prop_assert_eq!(&server.seen, &expected(&deeds));
        // The other way, over a connection of its own: the first is closed.
        let mut server = End::new(Role::Server, &settings, deflate);
        let mut client = End::new(Role::Client(MaskKeys::new()), &settings, deflate);
        talk(&mut server, &mut client, &answers, &sizes);
        prop_assert_eq!(&client.seen, &expected(&answers));
    }

    /// However arbitrary bytes are cut, the same is seen and sent.
    #[test]
    fn any_bytes_mean_the_same_however_they_are_cut(
        input in vec(any::<u8>(), 0..200),
        deflate in proptest::option::of(parameters()),
        masked in any::<bool>(),
        size in 1..50_usize,
    ) {
        let settings = Settings { message_bytes_max: 64, ..Settings::default() };
        let end = || match masked {
            true => End::new(Role::Server, &settings, deflate.as_ref()),
            false => End::new(Role::Client(MaskKeys::new()), &settings, deflate.as_ref()),
        };
        let whole = end().feed_all([&input[..]]);
        for size in [1, size] {
            let pieces = end().feed_all(input.chunks(size));
            prop_assert_eq!(&pieces.seen, &whole.seen);
            if masked {
                prop_assert_eq!(&pieces.output, &whole.output);
            }
        }
    }
}
