//! Errors of routes: flaws of single patterns, and conflicts between two.
//!
//! Always true here: every message names the routes in full, with method and prefix.
//!
//! Not here: finding the errors (`pattern.rs`, `builder.rs`, `tree.rs`).

use std::{error, fmt};

use http::Method;

use crate::builder::ROUTES_MAX;
use crate::methods::METHODS_MAX;
use crate::pattern::{PATTERN_BYTES_MAX, PATTERN_PARAMS_MAX, PATTERN_SEGMENTS_MAX};

/// Everything that is wrong with a router's routes; never empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RouteErrors(pub(crate) Vec<RouteError>);

impl RouteErrors {
    /// The errors, bad patterns before conflicts.
    pub fn iter(&self) -> impl Iterator<Item = &RouteError> {
        self.0.iter()
    }
}

impl fmt::Display for RouteErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl error::Error for RouteErrors {}

/// One reason why [`build`](crate::RouterBuilder::build) gave no router.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RouteError {
    /// A route whose pattern is none.
    Pattern {
        /// The route.
        route: RouteName,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// Two routes that answer the same method on the same paths.
    Conflict {
        /// The one that was registered first.
        first: RouteName,
        /// The one that came later.
        second: RouteName,
        /// The paths both answer, as a pattern whose parameters have no names.
        paths: String,
    },
    /// More than [`METHODS_MAX`] different methods.
    TooManyMethods,
    /// More than [`ROUTES_MAX`] routes.
    TooManyRoutes,
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern { route, flaw } => write!(f, "route `{route}`: {flaw}"),
            Self::Conflict {
                first,
                second,
                paths,
            } => write!(
                f,
                "route `{second}` conflicts with `{first}`: both answer `{paths}`"
            ),
            Self::TooManyMethods => write!(f, "more than {METHODS_MAX} different methods"),
            Self::TooManyRoutes => write!(f, "more than {ROUTES_MAX} routes"),
        }
    }
}

impl error::Error for RouteError {}

/// A route as it was registered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RouteName {
    /// `None`: all methods.
    pub method: Option<Method>,
    /// The pattern with its prefixes.
    pub pattern: String,
}

impl fmt::Display for RouteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.method.as_ref().map_or("ANY", Method::as_str);
        write!(f, "{method} {}", self.pattern)
    }
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Flaw {
    /// A name with characters other than letters, digits, `_` and `-`.
    BadName {
        /// The name.
        name: String,
    },
    /// A catch-all before the last segment.
    CatchAllNotLast,
    /// A catch-all with text beside it in its segment.
    CatchAllNotWhole,
    /// Two parameters of one name.
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A colon with no expression behind it.
    EmptyExpression {
        /// The parameter.
        name: String,
    },
    /// Braces without a name.
    EmptyName,
    /// Two slashes in a row.
    EmptySegment,
    /// A `%` without two hexadecimal digits.
    Escape {
        /// Where it stands, in bytes.
        at: usize,
    },
    /// A regular expression that does not compile.
    Expression {
        /// The expression.
        expression: String,
        /// What the compiler said.
        message: String,
    },
    /// No `/` at the start, of the pattern or of the prefix it is nested under.
    NoLeadingSlash,
    /// A character that ends the path of a request.
    NotInPaths {
        /// The character.
        char: char,
    },
    /// A segment written in the way other routers write parameters.
    OldSyntax {
        /// The character it starts with.
        sigil: char,
    },
    /// An optional parameter before the last segment.
    OptionalNotLast,
    /// An optional parameter with text beside it in its segment.
    OptionalNotWhole,
    /// Two parameters that may reach over several segments.
    SpansTwice,
    /// A `}` that closes nothing.
    StrayBrace {
        /// Where it stands, in bytes.
        at: usize,
    },
    /// More than [`PATTERN_BYTES_MAX`] bytes.
    TooLong {
        /// How many there are.
        bytes: usize,
    },
    /// More than [`PATTERN_PARAMS_MAX`] parameters.
    TooManyParams,
    /// More than [`PATTERN_SEGMENTS_MAX`] segments.
    TooManySegments,
    /// Two parameters in one segment.
    TwoParams,
    /// A `{` that is never closed.
    UnclosedBrace {
        /// Where it stands, in bytes.
        at: usize,
    },
    /// Escapes that do not decode to UTF-8.
    Utf8,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName { name } => write!(
                f,
                "`{name}` is no parameter name (letters, digits, `_` and `-` are)"
            ),
            Self::CatchAllNotLast => f.write_str("a catch-all must be the last segment"),
            Self::CatchAllNotWhole => f.write_str("a catch-all must be the whole segment"),
            Self::DuplicateName { name } => write!(f, "two parameters are named `{name}`"),
            Self::EmptyExpression { name } => {
                write!(f, "parameter `{name}` has a colon but no expression")
            }
            Self::EmptyName => f.write_str("a parameter has no name"),
            Self::EmptySegment => f.write_str("two slashes in a row"),
            Self::Escape { at } => write!(
                f,
                "malformed percent-escape at byte {at} (write `%25` for a percent sign)"
            ),
            Self::Expression {
                expression,
                message,
            } => write!(f, "bad regular expression `{expression}`: {message}"),
            Self::NoLeadingSlash => f.write_str("patterns and prefixes must start with `/`"),
            Self::NotInPaths { char } => write!(f, "`{char}` never stands in a path"),
            Self::OldSyntax { sigil: ':' } => {
                f.write_str("a parameter is written `{name}` (write `%3A` for a colon)")
            }
            Self::OldSyntax { sigil: _ } => {
                f.write_str("a catch-all is written `{*name}` (write `%2A` for a star)")
            }
            Self::OptionalNotLast => f.write_str("an optional parameter must be the last segment"),
            Self::OptionalNotWhole => {
                f.write_str("an optional parameter must be the whole segment")
            }
            Self::SpansTwice => f.write_str(
                "only one parameter may have `/` in its expression, and so reach over segments",
            ),
            Self::StrayBrace { at } => {
                write!(
                    f,
                    "unbalanced brace: `}}` at byte {at} closes nothing (write `}}}}` for a brace)"
                )
            }
            Self::TooLong { bytes } => {
                write!(f, "{bytes} bytes are more than {PATTERN_BYTES_MAX}")
            }
            Self::TooManyParams => write!(f, "more than {PATTERN_PARAMS_MAX} parameters"),
            Self::TooManySegments => write!(f, "more than {PATTERN_SEGMENTS_MAX} segments"),
            Self::TwoParams => f.write_str("two parameters in one segment"),
            Self::UnclosedBrace { at } => {
                write!(
                    f,
                    "unbalanced brace: `{{` at byte {at} is never closed (write `{{{{` for a brace)"
                )
            }
            Self::Utf8 => f.write_str("percent-escapes that are not UTF-8"),
        }
    }
}
