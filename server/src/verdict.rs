//! Answers that no route gives: 404, 405, 501, the plain `OPTIONS`, a missing or superfluous slash.
//!
//! They run at the end of a chain like handlers, so that the outermost layers see them too.
//!
//! Not here: answers to what is no request at all (`conversation/refuse.rs`).

use ringlane_protocol::StatusCode;
use ringlane_router::Found;

use crate::chain::Chain;
use crate::{Context, Error};
use std::rc::Rc;

/// What is to be said to a request that no handler is there for; stored with the request.
pub(crate) enum Verdict {
    /// 204 with `Allow`; for the server as a whole without.
    Options(Option<String>),
    /// 405 with `Allow`.
    MethodNotAllowed(String),
    /// 501.
    UnknownMethod,
    /// 308 to this path and query.
    Redirect(Vec<u8>),
    /// 400 for this reason.
    BadPath(String),
}

impl Verdict {
    /// `None` if the path is not known, or a route answers after all.
    pub(crate) fn of(found: Found<'_, Rc<Chain>>, path: &str, query: Option<&str>) -> Option<Self> {
        match found {
            Found::Route(_) | Found::NotFound => None,
            Found::Options(allow) => Some(Self::Options(Some(allow.to_string()))),
            Found::MethodNotAllowed(allow) => Some(Self::MethodNotAllowed(allow.to_string())),
            Found::BadPath(flaw) => Some(Self::BadPath(flaw.to_string())),
            Found::Redirect(change) => {
                let mut location = change.apply(path.as_bytes()).concat();
                if let Some(query) = query {
                    location.push(b'?');
                    location.extend_from_slice(query.as_bytes());
                }
                Some(Self::Redirect(location))
            }
        }
    }
}

/// Answers a request whose path leads nowhere.
pub(crate) fn not_found(_: Context) -> Result<(), Error> {
    Err(Error::new(StatusCode::NOT_FOUND, "no such path"))
}

/// Answers as the request's verdict says.
pub(crate) fn answer(ctx: Context) -> Result<(), Error> {
    let Some(verdict) = ctx.get::<Verdict>() else {
        return not_found(ctx);
    };
    match verdict {
        Verdict::Options(allow) => {
            if let Some(allow) = allow {
                ctx.set_header("Allow", allow);
            }
            ctx.set_status(StatusCode::NO_CONTENT);
            Ok(())
        }
        Verdict::MethodNotAllowed(allow) => {
            ctx.set_header("Allow", allow);
            let message = format!("this path answers only {allow}");
            Err(Error::new(StatusCode::METHOD_NOT_ALLOWED, message))
        }
        Verdict::UnknownMethod => {
            let message = "this server does not know the method";
            Err(Error::new(StatusCode::NOT_IMPLEMENTED, message))
        }
        Verdict::Redirect(location) => {
            ctx.set_header("Location", location);
            ctx.set_status(StatusCode::PERMANENT_REDIRECT);
            Ok(())
        }
        Verdict::BadPath(flaw) => Err(Error::new(StatusCode::BAD_REQUEST, flaw.clone())),
    }
}
