//! What a server makes of errors: which types mean what, and what an answer to one looks like.
//!
//! Always true here:
//! - A panic in an error's page costs that page alone: the usual answer is sent.

use std::error::Error as StdError;
use std::sync::Arc;

use ringlane_reactor::contain;

use super::Error;
use crate::Context;

/// `None` if the error is of another type.
type Map = Arc<dyn Fn(&(dyn StdError + 'static)) -> Option<Error> + Send + Sync>;
type Page = Arc<dyn Fn(&Context, &Error) + Send + Sync>;

#[derive(Clone, Default)]
pub(crate) struct ErrorRules {
    maps: Vec<Map>,
    page: Option<Page>,
}

impl ErrorRules {
    pub(crate) fn add_map<E, F>(&mut self, map: F)
    where
        E: StdError + 'static,
        F: Fn(&E) -> Error + Send + Sync + 'static,
    {
        let map = move |error: &(dyn StdError + 'static)| error.downcast_ref().map(&map);
        self.maps.push(Arc::new(map));
    }

    pub(crate) fn set_page(&mut self, page: impl Fn(&Context, &Error) + Send + Sync + 'static) {
        self.page = Some(Arc::new(page));
    }

    /// What an error means by these rules, if nobody has said so before.
    pub(super) fn resolve(&self, mut error: Error) -> Error {
        let Some(source) = error.0.source.take_if(|_| error.0.is_unknown) else {
            return error;
        };
        match self.maps.iter().find_map(|map| map(&*source)) {
            Some(known) => known.caused_by(source),
            None => error.caused_by(source),
        }
    }

    /// Lets the server's own page be written. False if it panicked.
    pub(super) fn write_page(&self, ctx: &Context, error: &Error) -> bool {
        let Some(page) = &self.page else { return true };
        let is_written = contain(|| page(ctx, error)).is_some();
        if !is_written {
            tracing::error!("the page for errors has panicked");
        }
        is_written
    }
}
