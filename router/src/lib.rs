//! Paths: pattern in, value and parameters out.
#![forbid(unsafe_code)]

mod builder;
mod error;
mod expressions;
mod freeze;
mod grow;
mod methods;
mod params;
mod path;
mod pattern;
mod router;
mod table;
mod tree;
mod walk;

pub use builder::{ROUTES_MAX, RouterBuilder};
pub use error::{Flaw, RouteError, RouteErrors, RouteName};
pub use methods::{Allow, METHODS_MAX};
pub use params::Params;
pub use path::{PATH_BYTES_MAX, PathFlaw};
pub use pattern::{PATTERN_BYTES_MAX, PATTERN_PARAMS_MAX, PATTERN_SEGMENTS_MAX};
pub use router::{Found, Route, Router, SlashChange, TrailingSlash};
pub use tree::SPAN_SEGMENTS_MAX;
