//! No input makes the reader of events panic or loop, and its items do not depend on the cut; what
//! is written of any text is that text to the reader, and nothing else.

use ringlane_protocol::event_stream::{Decoder, Fields, Item};

use super::at_every_cut;

/// Takes the input as an event stream, and as the fields of one event.
///
/// # Panics
///
/// If the reader or the writer breaks a promise.
///
/// ```
/// ringlane_tests::decoders::event_stream(b"data: hello\n\n");
/// ```
pub fn event_stream(input: &[u8]) {
    at_every_cut(input, read);
    if let Ok(text) = str::from_utf8(input) {
        write(text);
    }
}

fn read(pieces: &[&[u8]]) -> (Vec<Item>, String) {
    let (mut decoder, mut items) = (Decoder::default(), Vec::new());
    for mut piece in pieces.iter().copied() {
        loop {
            let step = decoder.decode(piece).expect("the inputs are short");
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
    let (items, id) = read(&[&out]);
    let [Item::Event(event)] = &items[..] else {
        panic!("one event, not {items:?}");
    };
    assert_eq!((id.as_str(), event.id.as_str()), (first, first));
    let name = if first.is_empty() { "message" } else { first };
    assert_eq!(event.event, name);
    assert_eq!(event.data, text.replace("\r\n", "\n").replace('\r', "\n"));
}
