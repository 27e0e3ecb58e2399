//! Errors as answers: a status, a code for programs, a message for people, and a source for the
//! log.
//!
//! In:  any error type, by `?`; or a status and a message.
//! Out: JSON `{error, message, code}` where the client accepts JSON, else the message as text.
//!
//! Always true here:
//! - The text of an error that nobody meant for clients reaches the log and never a client.
//!
//! Not here: what may be returned instead of an error (`respond.rs`).

mod known;
mod of_application;
mod rules;
mod write;

pub use of_application::AppError;
pub(crate) use rules::ErrorRules;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use ringlane_protocol::StatusCode;

use crate::IntoStatus;
use crate::escaped::Escaped;

/// What handlers return: a response, or an error that becomes one.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// `Ok(())` of the usual [`Result`], for asynchronous blocks whose type nothing else tells.
///
/// ```
/// # fn routes() -> ringlane::Builder {
/// ringlane::Server::builder().get("/users/{id}", |ctx| async move {
///     let id: u64 = ctx.param("id")?;
///     ctx.text_fmt(format_args!("user {id}"));
///     ringlane::ok()
/// })
/// # }
/// ```
pub const fn ok() -> Result {
    Ok(())
}

/// An error that is answered with a status.
///
/// `?` makes one of every error type. Errors of parsing numbers and text are the client's
/// (400, with their message); all others become a 500 that says nothing, and are logged. To say
/// something else, map the error; or say once what its type means: [`AppError`] for one of your
/// own, [`Builder::map_error`](crate::Builder::map_error) for any.
///
/// ```
/// use ringlane::{Context, Error, Result};
///
/// fn show(ctx: Context) -> Result {
///     let text = std::fs::read_to_string("notes.txt")?; // 500, logged
///     let line: usize = ctx.query("line")?; // 400, names the parameter
///     let line = text.lines().nth(line);
///     let line = line.ok_or_else(|| Error::new(404, "no such line").with_code("NO_LINE"))?;
///     ctx.text(line);
///     Ok(())
/// }
/// ```
///
/// It does not implement [`std::error::Error`] itself: that is what lets it be made of every type
/// that does.
pub struct Error(Box<Report>);

struct Report {
    status: StatusCode,
    message: Cow<'static, str>,
    code: Option<Cow<'static, str>>,
    headers: Vec<(Cow<'static, str>, String)>,
    source: Option<Box<dyn StdError + Send>>,
    /// Made by `?` of an error of which nobody has said here what it means.
    is_unknown: bool,
}

impl Error {
    /// An error whose message the client may read.
    ///
    /// # Panics
    ///
    /// If the status is a number outside of 200 to 999.
    pub fn new(status: impl IntoStatus, message: impl Into<Cow<'static, str>>) -> Self {
        let status = status
            .into_status()
            .expect("a status is a number from 200 to 999");
        Self(Box::new(Report {
            status,
            message: message.into(),
            code: None,
            headers: Vec::new(),
            source: None,
            is_unknown: false,
        }))
    }

    /// An error for the log: the client gets a 500 that says nothing.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source: Box<dyn StdError + Send + Sync> = source.into();
        Self::hidden(source)
    }

    fn hidden(source: Box<dyn StdError + Send>) -> Self {
        Self(Box::new(Report {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            message: INTERNAL.into(),
            code: None,
            headers: Vec::new(),
            source: Some(source),
            is_unknown: true,
        }))
    }

    /// Sets the code that programs read. Without it, it is the status' name: `NOT_FOUND`.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.0.code = Some(code.into());
        self.0.is_unknown = false;
        self
    }

    /// Sets a header of the answer, such as `Retry-After`. An invalid one makes the answer a 500,
    /// and is logged.
    ///
    /// ```
    /// use ringlane::Error;
    ///
    /// let error = Error::new(429, "one request a second").with_header("Retry-After", "1");
    /// ```
    #[must_use]
    pub fn with_header(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
    ) -> Self {
        self.0.headers.push((name.into(), value.into()));
        self.0.is_unknown = false;
        self
    }

    /// Keeps what caused this, for the log.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source: Box<dyn StdError + Send + Sync> = source.into();
        self.0.source = Some(source);
        self.0.is_unknown = false;
        self
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// What the client is told.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The code that programs read.
    pub fn code(&self) -> Cow<'_, str> {
        match &self.0.code {
            Some(code) => Cow::Borrowed(code),
            None => Cow::Owned(code_of(self.0.status)),
        }
    }

    /// What caused this, if anything did.
    pub fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// All that a client learns of an error that was not meant for it.
const INTERNAL: &str = "internal server error";

/// `404` → `NOT_FOUND`.
fn code_of(status: StatusCode) -> String {
    let name = status.canonical_reason().unwrap_or("ERROR");
    let letter = |letter: char| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' => Some(letter.to_ascii_uppercase()),
        ' ' | '-' => Some('_'),
        _ => None, // the apostrophe of "I'm a teapot"
    };
    name.chars().filter_map(letter).collect()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())?;
        let mut source = self.source();
        // What `?` made of an error that clients may read has that error's words already.
        if let Some(cause) = source.filter(|cause| cause.to_string() == self.message()) {
            source = cause.source();
        }
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

/// As `Display`, behind the status: what `main` prints when it returns this.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It is what logs show, and its text may hold what a client sent.
        write!(f, "{} {}", self.status().as_str(), Escaped(self))
    }
}

impl<E: StdError + Send + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        let known = known::known(&error);
        let mut made = Self::hidden(Box::new(error));
        if let Some(known) = known {
            made.0.status = known.status;
            made.0.message = known.message;
            if let Some(time) = known.retry_after {
                // RFC 9110 §10.2.3: whole seconds. Zero would ask for a storm.
                let seconds = time.as_nanos().div_ceil(1_000_000_000).max(1);
                let header = ("Retry-After".into(), seconds.to_string());
                made.0.headers.push(header);
            }
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Client;
    use crate::{Context, Server};

    #[test]
    fn an_error_is_not_kept_as_long_as_what_it_replaces() -> Result {
        for (said, kept) in [
            ("public, max-age=31536000, immutable", None),
            ("Private, max-age=600", Some("no-store")),
            ("private, no-cache", Some("private, no-cache")),
            ("no-store", Some("no-store")),
        ] {
            let server = Server::builder().get("/", move |ctx: Context| -> Result {
                ctx.set_header("Cache-Control", said)
                    .set_header("Expires", "Thu, 01 Jan 2099 00:00:00 GMT");
                Err(Error::new(404, "not there"))
            });
            let answer = Client::new(server.build()?)?.get("/").send()?;
            assert_eq!(answer.header("Cache-Control"), kept, "{said}");
            assert_eq!(answer.header("Expires"), None);
            assert_eq!(answer.header("Vary"), Some("Accept"));
        }
        let server = Server::builder().get("/", |_| {
            Err::<(), _>(Error::new(404, "").with_header("Cache-Control", "max-age=60"))
        });
        let answer = Client::new(server.build()?)?.get("/").send()?;
        assert_eq!(
            answer.header("Cache-Control"),
            Some("max-age=60"),
            "its own"
        );
        Ok(())
    }

    #[test]
    fn words_that_are_the_message_are_said_once() {
        let error = "x".parse::<u8>().expect_err("no number");
        let words = error.to_string();
        let known = Error::from(error.clone());
        assert_eq!(known.to_string(), words);
        assert_eq!(format!("{known:?}"), format!("400 {words}"));
        assert!(known.source().is_some(), "it is kept all the same");
        let renamed = Error::new(400, "no number").with_source(error);
        assert_eq!(renamed.to_string(), format!("no number: {words}"));
    }

    #[test]
    fn codes_are_the_names_of_statuses() {
        for (status, code) in [
            (404, "NOT_FOUND"),
            (500, "INTERNAL_SERVER_ERROR"),
            (418, "IM_A_TEAPOT"),
            (207, "MULTI_STATUS"),
            (799, "ERROR"),
        ] {
            assert_eq!(Error::new(status, "").code(), code);
        }
        assert_eq!(Error::new(400, "").with_code("MINE").code(), "MINE");
    }

    #[test]
    fn the_log_reads_the_whole_chain_and_the_client_does_not() {
        let error = Error::from(std::io::Error::other("disk 7 is on fire"));
        assert_eq!(error.status(), 500);
        assert_eq!(error.message(), INTERNAL);
        assert_eq!(
            error.to_string(),
            "internal server error: disk 7 is on fire"
        );
        assert_eq!(
            format!("{error:?}"),
            "500 internal server error: disk 7 is on fire"
        );
    }

    #[test]
    fn errors_of_parsing_are_the_clients() {
        let error = Error::from("x".parse::<u8>().unwrap_err());
        assert_eq!(error.status(), 400);
        assert_eq!(error.message(), "invalid digit found in string");
    }
}
