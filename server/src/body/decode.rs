//! Whole bodies as text, as JSON, as a form.
//!
//! Always true here:
//! - A body is not read before its declared type is one that can be understood.

use ringlane_protocol::MediaType;
use serde::de::DeserializeOwned;

use super::Body;
use crate::{Error, Result, StatusCode, fields};

impl Body {
    /// All that is left of the body, as text.
    ///
    /// # Errors
    ///
    /// See [`Body`]; 415 if the request declares another `charset` than UTF-8, 400 if the body is
    /// not UTF-8.
    pub async fn text(self) -> Result<String> {
        if self.0.media_type().is_some_and(|kind| !kind.is_utf8()) {
            return Err(unsupported("the body must be in UTF-8"));
        }
        let bytes = self.bytes().await?;
        String::from_utf8(bytes.into())
            .map_err(|_| Error::new(StatusCode::BAD_REQUEST, "the body is not valid UTF-8"))
    }

    /// All that is left of the body, parsed as JSON.
    ///
    /// # Errors
    ///
    /// See [`Body`]; 415 if the request does not declare JSON in UTF-8, 400 that names the problem,
    /// its field and its place if it is not, or not such a value.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        self.declared("application/json", |kind| kind.is_json())?;
        let bytes = self.bytes().await?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let (path, problem) = (error.path().to_string(), error.inner());
            // A place that has no name yet: the text broke off before it.
            match path.trim_end_matches('?').trim_end_matches('.') {
                "" => fields::wrong(format_args!("invalid JSON: {problem}")),
                path => fields::wrong(format_args!("invalid JSON: field `{path}`: {problem}")),
            }
        })?;
        let ended = json.end();
        ended.map_err(|error| fields::wrong(format_args!("invalid JSON: {error}")))?;
        Ok(value)
    }

    /// All that is left of the body, parsed as a form without files, as HTML forms send it by
    /// default. Names that come several times fill a `Vec`; names that the type does not have are
    /// passed over. There may be [`FIELDS_MAX`](crate::FIELDS_MAX) fields.
    ///
    /// # Errors
    ///
    /// See [`Body`]; 415 if the request does not declare such a form, 413 for too many fields, 400
    /// that names the field.
    ///
    /// ```
    /// use ringlane::{Context, Result};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Login { user: String, password: String }
    ///
    /// async fn login(ctx: Context) -> Result {
    ///     let login: Login = ctx.body().form().await?;
    ///     ctx.redirect(303, "/");
    ///     Ok(())
    /// }
    /// ```
    pub async fn form<T: DeserializeOwned>(self) -> Result<T> {
        const KIND: &str = "application/x-www-form-urlencoded";
        self.declared(KIND, |kind| kind.is(KIND))?;
        let bytes = self.bytes().await?;
        fields::decode("form", &bytes, StatusCode::PAYLOAD_TOO_LARGE)
    }

    /// Whether the body is declared as what is wanted, in UTF-8.
    fn declared(&self, wanted: &str, is_it: impl Fn(MediaType<'_>) -> bool) -> Result {
        match self.0.media_type() {
            Some(kind) if is_it(kind) && kind.is_utf8() => Ok(()),
            Some(kind) if is_it(kind) => Err(unsupported("the body must be in UTF-8")),
            Some(_) | None => {
                let problem = format!("the body must be declared as `Content-Type: {wanted}`");
                Err(unsupported(problem))
            }
        }
    }
}

fn unsupported(problem: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, problem)
}
