//! No input makes the reader of events panic or loop, and its items do not depend on the cut; what
//! is written of any text is that text to the reader, and nothing else.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringlane_protocol::event_stream::{Decoder, Fields, Item};

/// Every cut of an input up to this size is tried; of longer ones some.
const CUTS_MAX: usize = 64;

fuzz_target!(|input: &[u8]| {
    let whole = read([input].into_iter());
    assert_eq!(read(input.chunks(1)), whole, "byte by byte");
    for cut in (0..input.len()).step_by(input.len() / CUTS_MAX + 1) {
        let pieces = [&input[..cut], &input[cut..]];
        assert_eq!(read(pieces.into_iter()), whole, "cut at {cut}");
    }
    if let Ok(text) = str::from_utf8(input) {
        write(text);
    }
});

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Item>, String) {
    let (mut decoder, mut items) = (Decoder::default(), Vec::new());
    for mut piece in pieces {
        loop {
            let step = decoder.decode(piece).expect("the fuzzer's inputs are short");
            piece = &piece[step.consumed..];
            match step.item {
                Some(item) => items.push(item),
                None => break,
            }
        }
        assert!(piece.is_empty(), "all is consumed");
    }
    (items, decoder.last_event_id().to_owned())
}

/// Writes the first line as name and id, and all of it as data.
fn write(text: &str) {
    let first = text.split(['\n', '\r']).next().unwrap_or_default();
    let fields = Fields {
        id: Some(first),
        event: Some(first),
        data: Some(text),
        ..Fields::default()
    };
    let mut out = Vec::new();
    if fields.write(&mut out).is_err() {
        assert!(first.contains('\0') && out.is_empty());
        return;
    }
    let (items, id) = read([out.as_slice()].into_iter());
    let [Item::Event(event)] = &items[..] else {
        panic!("one event, not {items:?}");
    };
    assert_eq!((id.as_str(), event.id.as_str()), (first, first));
    let name = if first.is_empty() { "message" } else { first };
    assert_eq!(event.event, name);
    assert_eq!(event.data, text.replace("\r\n", "\n").replace('\r', "\n"));
}
