//! What an application's own errors mean.

use std::error::Error as StdError;

use super::Error;
use crate::{Context, IntoResponse};

/// An error of an application, which knows what is to be answered.
///
/// Say for each variant which status it has, what clients are told, and its code. What they are
/// told is up to you; the error itself, as its `Display` and its sources tell it, reaches the log
/// and nobody else.
///
/// ```
/// use ringlane::{AppError, Context, Error};
///
/// #[derive(Debug, thiserror::Error)]
/// enum Mistake {
///     #[error("connection to the database failed: {0}")]
///     Database(String),
///     #[error("rate limit exceeded")]
///     RateLimit,
/// }
///
/// impl AppError for Mistake {
///     fn to_error(&self) -> Error {
///         match self {
///             Self::Database(_) => Error::new(500, "the database failed").with_code("DB_ERROR"),
///             Self::RateLimit => Error::new(429, self.to_string())
///                 .with_code("RATE_LIMIT")
///                 .with_header("Retry-After", "1"),
///         }
///     }
/// }
///
/// async fn handler(ctx: Context) -> Result<(), Mistake> {
///     Err(Mistake::RateLimit)
/// }
/// ```
///
/// A handler may return such an error, as above. For one that returns [`Result`](crate::Result),
/// where `?` takes errors of every type, tell the server of it:
/// [`.map_error(Mistake::to_error)`](crate::Builder::map_error).
pub trait AppError: StdError + Send + Sync + 'static {
    /// What is to be answered: status, message, code, headers.
    fn to_error(&self) -> Error;
}

#[diagnostic::do_not_recommend]
impl<E: AppError> IntoResponse for E {
    fn into_response(self, ctx: &Context) {
        self.to_error().caused_by(Box::new(self)).into_response(ctx);
    }
}

impl Error {
    /// Keeps what caused this, unless that is known already.
    pub(super) fn caused_by(mut self, cause: Box<dyn StdError + Send>) -> Self {
        self.0.source.get_or_insert(cause);
        self.0.is_unknown = false;
        self
    }
}
