//! Which error types have a status of their own, and a message that clients may read.
//!
//! Always true here:
//! - What is exhausted for now says when to come back.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::time::Duration;

use ringlane_protocol::StatusCode;

use crate::blocking::BlockingError;
use crate::breaker::BreakerOpen;
use crate::pool::PoolError;
use crate::time::Elapsed;

/// What is answered to an error that is not simply ours.
pub(super) struct Known {
    pub(super) status: StatusCode,
    pub(super) message: Cow<'static, str>,
    /// When to come back.
    pub(super) retry_after: Option<Duration>,
}

pub(super) fn known<E: StdError + 'static>(error: &E) -> Option<Known> {
    let any: &dyn Any = error;
    let (status, retry_after) = if is_of_parsing(any) {
        (StatusCode::BAD_REQUEST, None)
    } else if any.is::<Elapsed>() {
        (StatusCode::GATEWAY_TIMEOUT, None) // whatever the handler waited for
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Some(exhausted(any)?))
    };
    let message = match any.downcast_ref() {
        Some(PoolError::Create(_)) => UNMADE.into(), // why, only the log is told
        _ => error.to_string().into(),
    };
    Some(Known {
        status,
        message,
        retry_after,
    })
}

const UNMADE: &str = "a resource that is needed could not be had; try again later";

/// When it may be otherwise, if it is only for now that there is none.
fn exhausted(error: &dyn Any) -> Option<Duration> {
    if let Some(open) = error.downcast_ref::<BreakerOpen>() {
        return Some(open.retry_after());
    }
    let is_full = matches!(error.downcast_ref(), Some(BlockingError::QueueFull));
    (is_full || error.is::<PoolError>()).then_some(Duration::ZERO)
}

fn is_of_parsing(error: &dyn Any) -> bool {
    error.is::<std::num::ParseIntError>()
        || error.is::<std::num::ParseFloatError>()
        || error.is::<std::num::TryFromIntError>()
        || error.is::<std::str::ParseBoolError>()
        || error.is::<std::char::ParseCharError>()
        || error.is::<std::net::AddrParseError>()
        || error.is::<std::str::Utf8Error>()
        || error.is::<std::string::FromUtf8Error>()
}
