//! Which error types have a status of their own, and a message that clients may read.

use std::any::Any;
use std::error::Error as StdError;

use ringlane_protocol::StatusCode;

use crate::blocking::BlockingError;
use crate::breaker::BreakerOpen;
use crate::pool::PoolError;
use crate::time::Elapsed;

/// The status of an error that is not simply ours.
pub(super) fn status<E: StdError + 'static>(error: &E) -> Option<StatusCode> {
    let error: &dyn Any = error;
    if is_of_parsing(error) {
        return Some(StatusCode::BAD_REQUEST);
    }
    if error.is::<Elapsed>() {
        return Some(StatusCode::GATEWAY_TIMEOUT); // whatever the handler waited for
    }
    let is_exhausted = |error| matches!(error, &(PoolError::TimedOut | PoolError::Full));
    if error.is::<BreakerOpen>() || error.downcast_ref().is_some_and(is_exhausted) {
        return Some(StatusCode::SERVICE_UNAVAILABLE);
    }
    match error.downcast_ref::<BlockingError>()? {
        BlockingError::QueueFull => Some(StatusCode::SERVICE_UNAVAILABLE),
        BlockingError::Panicked(_) | BlockingError::NoThread(_) => None,
    }
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
