//! No input makes the response headers panic, loop, or read past the end; whatever an application
//! sets, a client reads exactly the lines that were accepted, and one length: ours.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringlane_protocol::{
    ResponseBody, ResponseHead, ResponseHeaders, ServerFields, StatusCode, Version,
};

/// More would not fit the reader below.
const CHANGES_MAX: usize = 60;

fuzz_target!(|changes: Vec<(u8, &str, &[u8])>| {
    let mut headers = ResponseHeaders::new();
    let mut model: Vec<(&str, Vec<u8>)> = Vec::new();
    for (kind, name, value) in changes.into_iter().take(CHANGES_MAX) {
        let trimmed = || trim(value).to_vec();
        match kind % 5 {
            0 if headers.set(name, value).is_ok() => {
                model.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
                model.push((name, trimmed()));
            }
            1 if headers.add(name, value).is_ok() => model.push((name, trimmed())),
            2 => {
                let before = model.len();
                model.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
                assert_eq!(headers.remove(name), model.len() < before);
            }
            3 => {
                let known = model.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
                assert_eq!(headers.get(name), known.map(|(_, value)| value.as_slice()));
            }
            4 => {
                let Ok(member) = str::from_utf8(value) else { continue };
                if headers.add_to_list(name, member).is_ok() {
                    let is_known = |(other, _): &&mut (&str, _)| other.eq_ignore_ascii_case(name);
                    match model.iter_mut().rev().find(is_known) {
                        Some((_, list)) if list.is_empty() => *list = trimmed(),
                        Some(_) if trimmed().is_empty() => {}
                        Some((_, list)) => list.extend([b", ", trim(value)].concat()),
                        None => model.push((name, trimmed())),
                    }
                }
            }
            _ => {}
        }
    }
    assert_eq!(headers.len(), model.len());
    read_back(&headers, &model);
});

fn read_back(headers: &ResponseHeaders, model: &[(&str, Vec<u8>)]) {
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
    assert_eq!(response.parse(&out), Ok(httparse::Status::Complete(out.len())));
    let ours = if headers.contains("date") { 1 } else { 2 };
    let length = &response.headers[ours - 1];
    assert_eq!((length.name, length.value), ("Content-Length", &b"7"[..]));
    let sent = response.headers[ours..].iter().map(|sent| (sent.name, sent.value));
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
