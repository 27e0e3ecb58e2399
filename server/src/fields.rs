//! Named fields into users' types: a query, or a form without files.
//!
//! Always true here:
//! - Where something is wrong, the message names the field.
//! - What is kept of a client's text in a message is short, however long the text is.
//!
//! Not here: single values of a query (`context/request.rs`), forms with files
//! (`body/multipart.rs`).

use std::fmt;

use serde::de::DeserializeOwned;

use crate::{Error, Result, StatusCode};

/// Fields that one query or form may have. Beyond it: 413 for a form, 400 for a query.
pub const FIELDS_MAX: usize = 1024;

/// Characters of a message about what a client sent.
const MESSAGE_CHARS_MAX: usize = 300;

/// Reads `text`, fields as HTML forms write them, into a value. `what` it is, the message says.
pub(crate) fn decode<T: DeserializeOwned>(
    what: &str,
    text: &[u8],
    too_many: StatusCode,
) -> Result<T> {
    let separators = text.iter().filter(|byte| **byte == b'&').count();
    if separators >= FIELDS_MAX {
        let problem = format!("{what} has more than {FIELDS_MAX} fields");
        return Err(Error::new(too_many, problem));
    }
    let fields = serde_html_form::Deserializer::from_bytes(text);
    serde_path_to_error::deserialize(fields).map_err(|error| {
        let place = match error.path().iter().len() {
            0 => what.to_owned(),
            _ => format!("{what} field `{}`", error.path()),
        };
        wrong(format_args!("{place}: {}", error.inner()))
    })
}

/// A 400 with a message that may hold what the client sent: as much as serves to find it.
pub(crate) fn wrong(problem: impl fmt::Display) -> Error {
    let mut message = problem.to_string();
    if let Some((end, _)) = message.char_indices().nth(MESSAGE_CHARS_MAX) {
        message.truncate(end);
        message.push('…');
    }
    Error::new(StatusCode::BAD_REQUEST, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Page {
        number: u32,
        #[serde(default)]
        tag: Vec<u8>,
        sort: Option<Sort>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Sort {
        Up,
    }

    fn page(text: &str) -> Result<Page> {
        decode("query", text.as_bytes(), StatusCode::BAD_REQUEST)
    }

    #[test]
    fn fields_that_come_once_and_again() {
        let read = page("tag=1&number=7&tag=2&other=x&sort=up").unwrap();
        assert_eq!(
            (read.number, read.tag, read.sort),
            (7, vec![1, 2], Some(Sort::Up))
        );
        let read = page("number=%37").unwrap();
        assert_eq!((read.number, read.tag, read.sort), (7, vec![], None));
    }

    #[test]
    fn a_mistake_is_named() {
        for (text, expected) in [
            ("", "query: missing field `number`"),
            (
                "number=x",
                "query field `number`: invalid digit found in string",
            ),
            (
                "number=",
                "query field `number`: cannot parse integer from empty string",
            ),
            (
                "number=1&tag=1&tag=300",
                "query field `tag[1]`: number too large to fit in target type",
            ),
            (
                "number=1&sort=down",
                "query field `sort`: unknown variant `down`, expected `up`",
            ),
        ] {
            let error = page(text).unwrap_err();
            assert_eq!(
                (error.status().as_u16(), error.message()),
                (400, expected),
                "{text}"
            );
        }
    }

    #[test]
    fn as_many_fields_as_there_may_be_and_one_more() {
        let fields = |count: usize| format!("number=1{}", "&a=".repeat(count - 1));
        assert!(page(&fields(FIELDS_MAX)).is_ok());
        let error = page(&fields(FIELDS_MAX + 1)).unwrap_err();
        assert_eq!(error.message(), "query has more than 1024 fields");
        let error = decode::<Page>(
            "form",
            b"&".repeat(FIELDS_MAX).as_slice(),
            StatusCode::PAYLOAD_TOO_LARGE,
        );
        assert_eq!(error.unwrap_err().status(), 413);
    }

    #[test]
    fn messages_stay_short() {
        let at_most = wrong("é".repeat(MESSAGE_CHARS_MAX));
        assert_eq!(at_most.message().chars().count(), MESSAGE_CHARS_MAX);
        let error = page(&format!("number=1&sort={}", "é".repeat(10_000))).unwrap_err();
        assert_eq!(error.message().chars().count(), MESSAGE_CHARS_MAX + 1);
        assert!(error.message().ends_with("é…"), "{error:?}");
    }
}
