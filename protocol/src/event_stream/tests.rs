//! Tests that events survive encoding and decoding, with the standard's examples at every cut.

use std::time::Duration;

use super::*;

/// Everything in a stream that comes in these pieces, and the id that counts at its end.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Item>, String) {
    let (mut decoder, mut items) = (Decoder::default(), Vec::new());
    for mut piece in pieces {
        loop {
            let step = decoder.decode(piece).expect("short enough");
            piece = &piece[step.consumed..];
            match step.item {
                Some(item) => items.push(item),
                None => break,
            }
        }
        assert!(piece.is_empty(), "all is consumed when more is needed");
    }
    (items, decoder.last_event_id().to_owned())
}

/// The same, in words: whole, byte by byte, and cut in two at every place.
#[track_caller]
fn check(stream: impl AsRef<[u8]>, expected: &str) {
    let stream = stream.as_ref();
    let whole = read([stream]);
    assert_eq!(read(stream.chunks(1)), whole, "byte by byte");
    for cut in 0..=stream.len() {
        assert_eq!(read([&stream[..cut], &stream[cut..]]), whole, "cut {cut}");
    }
    let words: Vec<String> = whole.0.iter().map(word).collect();
    assert_eq!(words.join(" | "), expected);
}

fn word(item: &Item) -> String {
    match item {
        Item::Event(event) => format!("{}#{} {:?}", event.event, event.id, event.data),
        Item::Comment(text) => format!(": {text}"),
        Item::Retry(time) => format!("retry {time:?}"),
    }
}

#[test]
fn the_standards_examples_are_read_as_it_says() {
    check(
        "data: YHOO\ndata: +2\ndata: 10\n\n",
        r#"message# "YHOO\n+2\n10""#,
    );
    check(
        ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        r#": test stream | message#1 "first event" | message# "second event" | message# " third event""#,
    );
    check(
        "data\n\ndata\ndata\n\ndata:",
        r#"message# "" | message# "\n""#,
    );
    check(
        "data:test\n\ndata: test\n\n",
        r#"message# "test" | message# "test""#,
    );
}

#[test]
fn every_end_of_a_line_is_one() {
    for end in ["\n", "\r", "\r\n"] {
        let stream = format!("event: add{end}data: 7{end}{end}:a{end}data:8{end}{end}");
        check(stream, r#"add# "7" | : a | message# "8""#);
    }
    check(
        "data: a\r\n\rdata: b\n\r\n",
        r#"message# "a" | message# "b""#,
    );
}

#[test]
fn one_mark_at_the_beginning_is_none_of_the_text() {
    check("\u{feff}data: a\n\n", r#"message# "a""#);
    check("\u{feff}\u{feff}data: a\n\n", "");
    check(": b\n\u{feff}data: a\n\n", ": b");
}

#[test]
fn fields_that_are_none_are_ignored() {
    check("Data: a\n data: b\ndata : c\nfoo\nfoo: bar\n\n", "");
    check(
        "retry: 20\nretry: 2x\nretry\nretry: \nretry: -1\n\n",
        "retry 20ms",
    );
    check("retry: 99999999999999999999999\n\n", "");
    check(
        "id: 1\0\nid: 2\ndata: a\n\nid: 3\0\ndata:b\n\n",
        r#"message#2 "a" | message#2 "b""#,
    );
}

#[test]
fn an_id_counts_without_data_and_not_before_its_blocks_end() {
    let (items, id) = read([b"id: 5\n\nid: 6\n".as_slice()]);
    assert_eq!((items, id.as_str()), (vec![], "5"));
    check("event: a\n\ndata: b\n\n", r#"message# "b""#);
    check("data: never ended\n", "");
}

#[test]
fn broken_text_is_replaced() {
    check(b"data: \xff\xe2\x82\n\n", "message# \"\u{fffd}\u{fffd}\"");
}

#[test]
fn a_block_has_a_longest_length() {
    let mut decoder = Decoder::default();
    let line = [b"data:".as_slice(), &vec![b'a'; EVENT_BYTES_MAX - 5]].concat();
    let step = decoder.decode(&line).expect("it just fits");
    assert_eq!(step.consumed, EVENT_BYTES_MAX);
    assert!(
        decoder
            .clone()
            .decode(b"\n\n")
            .expect("ended")
            .item
            .is_some()
    );
    assert!(decoder.decode(b"a").is_err());
}

/// What a reader makes of a block.
#[track_caller]
fn written(fields: Fields<'_>, expected: &str) {
    let mut out = Vec::new();
    fields.write(&mut out).expect("it can be written");
    check(out, expected);
}

#[test]
fn what_is_written_is_what_is_read() {
    let fields = Fields {
        comment: Some("hello"),
        retry: Some(Duration::from_millis(1500)),
        id: Some(" 7 "),
        event: Some("price: low"),
        data: Some(" tea\r\ndata: x\rid: 1\n\n"),
    };
    written(
        fields,
        r#": hello | retry 1.5s | price: low# 7  " tea\ndata: x\nid: 1\n\n""#,
    );
    let data = |data| Fields {
        data: Some(data),
        ..Fields::default()
    };
    for text in [
        "",
        "\n",
        "\n\n",
        "a",
        "a\n",
        "\na",
        ":",
        ": a",
        " ",
        "\u{feff}",
        "ä\n\u{2028}ö",
    ] {
        written(data(text), &format!("message# {text:?}"));
    }
    written(data("a\r\nb\rc\nd\n\re"), r#"message# "a\nb\nc\nd\n\ne""#);
    let empty = Fields {
        id: Some(""),
        event: Some(""),
        ..data("a")
    };
    written(empty, r#"message# "a""#);
}

#[test]
fn no_value_becomes_a_field() {
    let mut out = Vec::new();
    for end in ["\n", "\r", "\r\n"] {
        let text = format!("a{end}data: injected{end}{end}data: more");
        let event = Fields {
            event: Some(&text),
            ..Fields::default()
        };
        assert_eq!(event.write(&mut out), Err(FieldError::Event));
        let id = Fields {
            id: Some(&text),
            ..Fields::default()
        };
        assert_eq!(id.write(&mut out), Err(FieldError::Id));
        let comment = Fields {
            comment: Some(&text),
            ..Fields::default()
        };
        written(comment, ": a | : data: injected | :  | : data: more");
    }
    let nul = Fields {
        id: Some("a\0"),
        ..Fields::default()
    };
    assert_eq!(nul.write(&mut out), Err(FieldError::Id));
    assert!(out.is_empty(), "what is refused leaves nothing");
}

#[test]
fn the_longest_wait_is_a_number() {
    let mut out = Vec::new();
    let fields = Fields {
        retry: Some(Duration::MAX),
        ..Fields::default()
    };
    fields.write(&mut out).expect("it can be written");
    assert_eq!(out, format!("retry: {}\n\n", u64::MAX).as_bytes());
}
