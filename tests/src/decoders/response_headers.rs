//! No input makes the response headers panic, loop, or read past the end; whatever an application
//! sets, a client reads exactly the lines that were accepted, and one length: ours.

use ringlane_protocol::{
    ResponseBody, ResponseHead, ResponseHeaders, ServerFields, StatusCode, Version,
};

/// More would not fit the reader below.
const CHANGES_MAX: usize = 60;

/// A header as an application set it: its name, and its value without white space at its ends.
type Set<'i> = (&'i str, Vec<u8>);

/// Takes the input as changes to the headers of a response, one behind the other. Each is three
/// bytes and what they announce: what to do, the length of the name, that of the value.
///
/// # Panics
///
/// If the headers break a promise.
///
/// ```
/// ringlane_tests::decoders::response_headers(b"\x00\x04\x03Name1\r\n");
/// ```
pub fn response_headers(input: &[u8]) {
    let mut headers = ResponseHeaders::new();
    let mut model: Vec<Set<'_>> = Vec::new();
    let mut rest = input;
    for _ in 0..CHANGES_MAX {
        let Some((kind, name, value)) = next_change(&mut rest) else {
            break;
        };
        change(&mut headers, &mut model, kind, name, value);
    }
    assert_eq!(headers.len(), model.len());
    read_back(&headers, &model);
}

/// What to do, a name and a value. A name ends before what is no UTF-8: none can hold that.
fn next_change<'i>(rest: &mut &'i [u8]) -> Option<(u8, &'i str, &'i [u8])> {
    let [kind, name, value, behind @ ..] = *rest else {
        return None;
    };
    let (name, behind) = behind.split_at(usize::from(*name).min(behind.len()));
    let (value, behind) = behind.split_at(usize::from(*value).min(behind.len()));
    *rest = behind;
    let name = name.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    Some((*kind, name, value))
}

fn change<'i>(
    headers: &mut ResponseHeaders,
    model: &mut Vec<Set<'i>>,
    kind: u8,
    name: &'i str,
    value: &'i [u8],
) {
    let is_named = |(other, _): &Set<'_>| other.eq_ignore_ascii_case(name);
    match kind % 5 {
        0 if headers.set(name, value).is_ok() => {
            model.retain(|set| !is_named(set));
            model.push((name, trim(value).to_vec()));
        }
        1 if headers.add(name, value).is_ok() => model.push((name, trim(value).to_vec())),
        2 => {
            let before = model.len();
            model.retain(|set| !is_named(set));
            assert_eq!(headers.remove(name), model.len() < before);
        }
        3 => {
            let known = model.iter().find(|set| is_named(set));
            assert_eq!(headers.get(name), known.map(|(_, value)| value.as_slice()));
        }
        4 => {
            let member = str::from_utf8(value);
            if member.is_ok_and(|member| headers.add_to_list(name, member).is_ok()) {
                match model.iter_mut().rev().find(|set| is_named(set)) {
                    Some((_, list)) if list.is_empty() => *list = trim(value).to_vec(),
                    Some(_) if trim(value).is_empty() => {}
                    Some((_, list)) => list.extend([b", ", trim(value)].concat()),
                    None => model.push((name, trim(value).to_vec())),
                }
            }
        }
        _ => {}
    }
}

fn read_back(headers: &ResponseHeaders, model: &[Set<'_>]) {
    let mut out = Vec::new();
    ResponseHead {
        status: StatusCode::OK,
        headers,
        content_type: None,
        body: ResponseBody::Length(7),
        version: Version::HTTP_11,
        head_request: false,
        keep_alive: true,
        own: &ServerFields::new(None),
        upgrade: None,
    }
    .write(&mut out);
    let mut storage = [httparse::EMPTY_HEADER; CHANGES_MAX + 2];
    let mut response = httparse::Response::new(&mut storage);
    let parsed = response.parse(&out);
    assert_eq!(parsed, Ok(httparse::Status::Complete(out.len())));
    let ours = if headers.contains("date") { 1 } else { 2 };
    let length = &response.headers[ours - 1];
    assert_eq!((length.name, length.value), ("Content-Length", &b"7"[..]));
    let sent = response.headers[ours..].iter();
    let sent = sent.map(|sent| (sent.name, sent.value));
    assert!(sent.eq(model.iter().map(|(name, value)| (*name, value.as_slice()))));
    let feed_lines = out.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(feed_lines, response.headers.len() + 2);
}

/// Without SP and HTAB at either end, as no recipient sees them.
fn trim(value: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().take_while(|byte| is_space(byte)).count();
    let end = value.iter().rev().take_while(|byte| is_space(byte)).count();
    &value[start..value.len().max(start + end) - end]
}
