//! Named fields into users' types: a query, or a form without files.
//!
//! Always true here:
//! - Where something is wrong, the message names the field.
//! - What is kept of a client's text in a message is short, however long the text is.
//!
//! Not here: single values of a query (`context/request.rs`), forms with files
//! (`body/multipart.rs`).

use std::fmt;

use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{self, DeserializeOwned, Deserializer, Visitor};

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
        let problem = error.inner().to_string();
        let name = error.path().to_string();
        if is_repeated(text, &name) {
            return wrong(format_args!("{place}: it came more than once"));
        }
        // Serde has forgotten by then what a flattened field was to be.
        let is_flattened = problem.starts_with("invalid type: string");
        let hint = match is_flattened {
            true => " (if it is flattened, `ringlane::fields::parsed` reads it)",
            false => "",
        };
        wrong(format_args!("{place}: {problem}{hint}"))
    })
}

/// Whether a name comes more than once, where one value was asked for.
fn is_repeated(text: &[u8], name: &str) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    let pairs = ringlane_protocol::query::pairs(text);
    pairs.filter(|(known, _)| known == name).count() > 1
}

/// Reads a field from its text, for types that parse it: numbers, booleans, addresses. Where serde
/// flattens a struct into another, it reads the fields of a query or a form as text without asking
/// what they are to be, so that numbers among them need this. From JSON, numbers and booleans are
/// taken as they are, too.
///
/// # Errors
///
/// If the text cannot be parsed.
///
/// ```
/// use ringlane::{Context, Server, testing::Client};
///
/// #[derive(serde::Deserialize)]
/// struct Page {
///     #[serde(deserialize_with = "ringlane::fields::parsed")]
///     number: u32,
///     #[serde(default, deserialize_with = "ringlane::fields::optional")]
///     size: Option<u32>,
/// }
///
/// #[derive(serde::Deserialize)]
/// struct Search {
///     text: String,
///     #[serde(flatten)]
///     page: Page,
/// }
///
/// let server = Server::builder().get("/search", |ctx: Context| -> ringlane::Result<String> {
///     let Search { text, page } = ctx.query_as()?;
///     Ok(format!("{text} on page {} of {:?}", page.number, page.size))
/// });
/// let mut client = Client::new(server.build()?)?;
/// let answer = client.get("/search?text=007&number=2").send()?;
/// assert_eq!(answer.text(), "007 on page 2 of None");
/// # Ok::<(), ringlane::Error>(())
/// ```
pub fn parsed<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(Text(PhantomData))
}

/// As [`parsed`], for a field that may be missing (then it needs `#[serde(default)]`, too) or have
/// no value.
///
/// # Errors
///
/// If there is a text that cannot be parsed.
pub fn optional<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_option(Optional(PhantomData))
}

/// What may be parsed.
struct Text<T>(PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number or a boolean")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }
}

/// What may be parsed, or is not there.
struct Optional<T>(PhantomData<T>);

impl<'de, T: FromStr<Err: fmt::Display>> Visitor<'de> for Optional<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number or a boolean, or nothing")
    }

    fn visit_none<E: de::Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        // What parses everything gives the text itself.
        let text: String = parsed(deserializer)?;
        match text.parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) if text.is_empty() => Ok(None),
            Err(error) => Err(de::Error::custom(error)),
        }
    }
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

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Part {
        #[serde(deserialize_with = "parsed")]
        id: i64,
        #[serde(default, deserialize_with = "optional")]
        size: Option<u8>,
        #[serde(default, deserialize_with = "optional")]
        is_open: Option<bool>,
        text: String,
    }

    #[derive(Debug, serde::Deserialize)]
    struct Whole {
        #[serde(flatten)]
        part: Part,
    }

    #[derive(Debug, serde::Deserialize)]
    struct Plain {
        #[serde(flatten)]
        _number: Number,
    }

    #[derive(Debug, serde::Deserialize)]
    struct Number {
        #[serde(rename = "id")]
        _id: i64,
    }

    fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
        decode("query", text.as_bytes(), StatusCode::BAD_REQUEST)
    }

    #[test]
    fn flattened_numbers_are_parsed_and_texts_stay_what_they_are() {
        let part = |id, size, is_open| Part {
            id,
            size,
            is_open,
            text: "007".to_owned(),
        };
        for (text, expected) in [
            (
                "id=-5&size=3&is_open=true&text=007",
                part(-5, Some(3), Some(true)),
            ),
            ("id=7&size=&text=007", part(7, None, None)),
            ("id=7&text=007", part(7, None, None)),
        ] {
            assert_eq!(read::<Whole>(text).unwrap().part, expected, "{text}");
            assert_eq!(read::<Part>(text).unwrap(), expected, "{text}");
        }
        let json = r#"{"id":-5,"size":3,"is_open":true,"text":"007"}"#;
        let whole: Whole = serde_json::from_str(json).unwrap();
        assert_eq!(whole.part, part(-5, Some(3), Some(true)));
        let json = r#"{"id":"-5","size":null,"text":"007"}"#;
        let whole: Whole = serde_json::from_str(json).unwrap();
        assert_eq!(whole.part, part(-5, None, None));
        for text in ["id=x&text=a", "id=1&size=300&text=a", "id=&text=a"] {
            assert_eq!(read::<Whole>(text).unwrap_err().status(), 400, "{text}");
        }
        let error = read::<Plain>("id=7").unwrap_err();
        assert!(
            error.message().contains("`ringlane::fields::parsed`"),
            "{error}"
        );
    }

    #[test]
    fn a_name_that_comes_twice_is_named() {
        let error = read::<Page>("number=1&number=2").unwrap_err();
        assert_eq!(
            error.message(),
            "query field `number`: it came more than once"
        );
    }

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
