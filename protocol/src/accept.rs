//! Parses `Accept` and picks the media type that a client prefers (RFC 9110 §12.5.1).
//!
//! Always true here:
//! - The work is bounded by the header's length times the number of offers.
//! - What breaks the grammar is passed over, member by member: it asks for nothing.

use crate::media_type::MediaType;

/// The offer that the client wants most; of equals the first. Without any `Accept` that is the
/// first of all; `None` if it wants none of them.
///
/// ```
/// use ringlane_protocol::preferred;
///
/// let offers = ["application/json", "text/html"];
/// let accept = [&b"text/*;q=0.9, application/json;q=0.5"[..]];
/// assert_eq!(preferred(accept.into_iter(), &offers), Some("text/html"));
/// assert_eq!(preferred([].into_iter(), &offers), Some("application/json"));
/// assert_eq!(preferred([&b"image/png"[..]].into_iter(), &offers), None);
/// ```
pub fn preferred<'h, 'o>(
    accept: impl Iterator<Item = &'h [u8]> + Clone,
    offers: &[&'o str],
) -> Option<&'o str> {
    if accept.clone().next().is_none() {
        return offers.first().copied();
    }
    let mut best = None;
    let mut most = 0;
    for &offer in offers {
        let weight = weight_of(accept.clone(), offer);
        if weight > most {
            (best, most) = (Some(offer), weight);
        }
    }
    best
}

/// The media ranges of `Accept`, in order, each with its weight in thousandths, 0 to 1000: 0 means
/// that the client does not take it.
///
/// ```
/// use ringlane_protocol::media_ranges;
///
/// let accept = [&b"application/json, text/*;q=0.5"[..]];
/// let ranges: Vec<_> = media_ranges(accept.into_iter()).collect();
/// assert!(ranges[0].0.is_json() && ranges[0].1 == 1000);
/// assert!(ranges[1].0.is("text/*") && ranges[1].1 == 500);
/// ```
pub fn media_ranges<'h>(
    accept: impl Iterator<Item = &'h [u8]>,
) -> impl Iterator<Item = (MediaType<'h>, u16)> {
    accept
        .filter_map(|value| str::from_utf8(value).ok())
        .flat_map(|value| Members { rest: value })
        .filter_map(|range| MediaType::parse(range).and_then(with_weight))
}

/// The weight of the most specific range that the offer is in; 0 if there is none.
fn weight_of<'h>(accept: impl Iterator<Item = &'h [u8]>, offer: &str) -> u16 {
    let Some(offer) = MediaType::parse(offer) else {
        return 0;
    };
    let (mut weight, mut closest) = (0, 0);
    for (range, own) in media_ranges(accept) {
        let closeness = closeness(range, offer);
        if closeness > closest {
            (closest, weight) = (closeness, own);
        }
    }
    weight
}

/// How closely a range describes the offer; 0 if it does not. More parameters are closer.
fn closeness(range: MediaType<'_>, offer: MediaType<'_>) -> usize {
    if range.is("*/*") {
        return 1;
    }
    if let Some(kind) = range.essence().strip_suffix("/*") {
        let is_in = offer.essence().split('/').next();
        let is_in = is_in.is_some_and(|is_in| is_in.eq_ignore_ascii_case(kind));
        return if is_in { 2 } else { 0 };
    }
    if !range.is(offer.essence()) {
        return 0;
    }
    let mut closeness = 3;
    for (name, value) in range.parameters().members() {
        if name.eq_ignore_ascii_case("q") {
            break; // what follows is about the range itself
        }
        let offered = offer.parameter(name);
        if !offered.is_some_and(|offered| offered.eq_ignore_ascii_case(&value.text())) {
            return 0;
        }
        closeness += 1;
    }
    closeness
}

fn with_weight(range: MediaType<'_>) -> Option<(MediaType<'_>, u16)> {
    match range.parameter("q") {
        None => Some((range, 1000)),
        Some(text) => Some((range, weight(text.as_bytes())?)),
    }
}

/// A weight in thousandths (RFC 9110 §12.4.2): what stands behind `q=`, 0 to 1 with up to three
/// decimals. `None` if it is none.
///
/// ```
/// use ringlane_protocol::weight;
///
/// assert_eq!((weight(b"0.25"), weight(b"1."), weight(b"1.001")), (Some(250), Some(1000), None));
/// ```
pub fn weight(text: &[u8]) -> Option<u16> {
    let (whole, decimals) = match text {
        [whole] => (whole, &[][..]),
        [whole, b'.', decimals @ ..] if decimals.len() <= 3 => (whole, decimals),
        _ => return None,
    };
    let mut weight = match whole {
        b'0' => 0,
        b'1' => 1000,
        _ => return None,
    };
    for (digit, worth) in decimals.iter().zip([100, 10, 1]) {
        weight += u16::from(digit.is_ascii_digit().then(|| digit - b'0')?) * worth;
    }
    (weight <= 1000).then_some(weight)
}

/// The members of a list, cut at commas that no quotes are around.
struct Members<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Members<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let (mut quoted, mut escaped) = (false, false);
        let end = self.rest.bytes().position(|byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = quoted,
                b'"' => quoted = !quoted,
                b',' => return !quoted,
                _ => {}
            }
            false
        });
        let (member, rest) = match end {
            Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
            None => (self.rest, ""),
        };
        self.rest = rest;
        Some(member.trim_matches([' ', '\t']))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &[&str], expected: Option<&str>) {
        let offers = ["text/html", "application/json", "text/plain; charset=utf-8"];
        let lines = accept.iter().map(|line| line.as_bytes());
        assert_eq!(preferred(lines, &offers), expected, "{accept:?}");
    }

    #[test]
    fn weights_and_specificity() {
        let (html, json, plain) = (
            Some("text/html"),
            Some("application/json"),
            Some("text/plain; charset=utf-8"),
        );
        check(&[], html);
        check(&["*/*"], html);
        check(&["application/*"], json);
        check(&["application/json, */*;q=0.1"], json);
        check(&["text/html;q=0.4, application/json;q=0.5"], json);
        check(&["text/html;q=0.4", "application/json;q=0.5"], json);
        check(&["*/*, text/html;q=0"], json);
        check(&["text/*;q=0.3, text/html;q=0.2"], plain);
        check(&["text/plain;charset=UTF-8, text/*;q=0.9"], plain);
        check(&["text/plain;charset=latin1, text/plain;q=0.1"], plain);
        check(&["TEXT/HTML;Q=0.001"], html);
        check(&["image/png"], None);
        check(&["*/*;q=0"], None);
        check(&["application/json;q=0.000"], None);
        check(&[""], None);
    }

    #[test]
    fn what_breaks_the_grammar_asks_for_nothing() {
        for member in [
            "application/json;q=2",
            "application/json;q=1.001",
            "application/json;q=0.1234",
            "application/json;q=-1",
            "application/json;q=",
            "json",
            "application/json;;q=x",
            ",,",
        ] {
            check(&[&format!("{member}, text/html;q=0.1")], Some("text/html"));
        }
        check(
            &["a/b;c=\"d, application/json\", text/html"],
            Some("text/html"),
        );
        check(&["a/b;c=\"\\\", application/json\""], None);
        assert_eq!(preferred([&b"\xff"[..]].into_iter(), &["a/b"]), None);
    }
}
