//! Parses patterns: `/users/{id}`, `/v{major:\d+}/{*rest}`, `/posts/{slug?}`.
//!
//! ```text
//! pattern   = 1*( "/" segment )
//! segment   = literal / [ literal ] parameter [ literal ]
//! parameter = "{" [ "*" ] name [ "?" ] [ ":" expression ] "}"
//! literal   = 1*( character / "%" two digits / "{{" / "}}" )
//! ```
//!
//! In:  one pattern's text.
//! Out: its parts and the names of its parameters, or the first [`Flaw`].
//!
//! Always true here:
//! - Literals are stored decoded, so `/café` and `/caf%C3%A9` are the same pattern.
//! - Only the last segment of a pattern may be empty, optional or a catch-all.
//!
//! Not here: compiling expressions (`builder.rs`), what the pattern answers (`tree.rs`).

use std::fmt;

use crate::error::Flaw;
use crate::path::hexadecimal;

/// Longest pattern, in bytes, with the prefixes it is nested under.
pub const PATTERN_BYTES_MAX: usize = 1024;
/// Most segments in a pattern.
pub const PATTERN_SEGMENTS_MAX: usize = 64;
/// Most parameters in a pattern.
pub const PATTERN_PARAMS_MAX: usize = 16;

/// A pattern, taken apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Pattern {
    pub(crate) parts: Vec<Part>,
    pub(crate) names: Vec<String>,
    /// Whether paths that end before the last part match too.
    pub(crate) optional: bool,
}

/// What one segment, or for some parameters a run of them, must look like.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Part {
    /// Exactly this text, which is empty behind a trailing slash.
    Literal(String),
    Param(Param),
    /// Everything that is left, at least one byte.
    CatchAll {
        expression: Option<String>,
    },
}

/// A parameter and the literal text around it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Param {
    pub(crate) prefix: String,
    pub(crate) suffix: String,
    pub(crate) expression: Option<String>,
}

impl Part {
    pub(crate) fn expression(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Param(Param { expression, .. }) | Self::CatchAll { expression } => {
                expression.as_deref()
            }
        }
    }
}

/// As in a pattern, without names.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expression = self.expression().unwrap_or_default();
        let colon = if expression.is_empty() { "" } else { ":" };
        match self {
            Self::Literal(text) => f.write_str(text),
            Self::CatchAll { .. } => write!(f, "{{*{colon}{expression}}}"),
            Self::Param(Param { prefix, suffix, .. }) => {
                write!(f, "{prefix}{{{colon}{expression}}}{suffix}")
            }
        }
    }
}

impl Param {
    /// Whether it may reach over several segments: its expression speaks of `/`.
    pub(crate) fn spans(&self) -> bool {
        self.expression
            .as_ref()
            .is_some_and(|expression| expression.contains('/'))
    }
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Self, Flaw> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(Flaw::TooLong { bytes: text.len() });
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(Flaw::NoLeadingSlash);
        };
        let mut parser = Parser {
            text,
            rest,
            pattern: Self {
                parts: Vec::new(),
                names: Vec::new(),
                optional: false,
            },
        };
        loop {
            let part = parser.segment()?;
            parser.push(part)?;
            match parser.rest.strip_prefix('/') {
                Some(rest) => parser.rest = rest,
                None => return Ok(parser.pattern),
            }
        }
    }

    /// The paths it answers, as lists of parts without anything optional.
    pub(crate) fn expand(self) -> Vec<Vec<Part>> {
        let Self {
            parts, optional, ..
        } = self;
        let Some((last, before)) = parts.split_last().filter(|_| optional) else {
            return vec![parts];
        };
        let empty = || Part::Literal(String::new());
        let mut shortest = before.to_vec();
        if before.is_empty() {
            shortest.push(empty());
        }
        let mut expanded = vec![shortest];
        if matches!(last, Part::CatchAll { .. }) && !before.is_empty() {
            expanded.push(before.iter().cloned().chain([empty()]).collect());
        }
        expanded.push(parts);
        expanded
    }
}

struct Parser<'t> {
    text: &'t str,
    rest: &'t str,
    pattern: Pattern,
}

/// What stands between braces.
struct Placeholder<'t> {
    catch_all: bool,
    optional: bool,
    expression: Option<&'t str>,
}

impl<'t> Parser<'t> {
    fn push(&mut self, part: Part) -> Result<(), Flaw> {
        let last = !self.rest.starts_with('/');
        match &part {
            Part::Literal(text) if text.is_empty() && !last => return Err(Flaw::EmptySegment),
            Part::CatchAll { .. } if !last => return Err(Flaw::CatchAllNotLast),
            Part::Literal(_) | Part::Param(_) | Part::CatchAll { .. } => {}
        }
        if self.pattern.optional && !last {
            return Err(Flaw::OptionalNotLast);
        }
        let spanning = |part: &Part| matches!(part, Part::Param(param) if param.spans());
        if spanning(&part) && self.pattern.parts.iter().any(spanning) {
            return Err(Flaw::SpansTwice);
        }
        if self.pattern.parts.len() == PATTERN_SEGMENTS_MAX {
            return Err(Flaw::TooManySegments);
        }
        self.pattern.parts.push(part);
        Ok(())
    }

    /// Reads up to the next `/` outside braces.
    fn segment(&mut self) -> Result<Part, Flaw> {
        let old_parameter = [':', '*'].into_iter().find(|c| self.rest.starts_with(*c));
        if let Some(sigil) = old_parameter {
            return Err(Flaw::OldSyntax { sigil });
        }
        let prefix = self.literal()?;
        if !self.rest.starts_with('{') {
            return Ok(Part::Literal(prefix));
        }
        let placeholder = self.placeholder()?;
        let suffix = self.literal()?;
        if self.rest.starts_with('{') {
            return Err(Flaw::TwoParams);
        }
        let whole = prefix.is_empty() && suffix.is_empty();
        if placeholder.optional && !whole {
            return Err(Flaw::OptionalNotWhole);
        }
        self.pattern.optional = placeholder.optional;
        let expression = placeholder.expression.map(str::to_owned);
        match placeholder.catch_all {
            true if !whole => Err(Flaw::CatchAllNotWhole),
            true => Ok(Part::CatchAll { expression }),
            false => Ok(Part::Param(Param {
                prefix,
                suffix,
                expression,
            })),
        }
    }

    /// Reads literal text and decodes it.
    fn literal(&mut self) -> Result<String, Flaw> {
        let mut bytes = Vec::new();
        while let Some(char) = self.rest.chars().next() {
            let mut read = char.len_utf8();
            match char {
                '/' => break,
                '{' | '}' if self.rest[1..].starts_with(char) => {
                    bytes.push(char as u8);
                    read = 2;
                }
                '{' => break,
                '}' => return Err(Flaw::StrayBrace { at: self.at() }),
                '?' | '#' => return Err(Flaw::NotInPaths { char }),
                '%' => {
                    let digits = self.rest.as_bytes()[1..].first_chunk();
                    let byte = digits.and_then(|digits| hexadecimal(*digits));
                    bytes.push(byte.ok_or_else(|| Flaw::Escape { at: self.at() })?);
                    read = 3;
                }
                _ => bytes.extend_from_slice(&self.rest.as_bytes()[..read]),
            }
            self.rest = &self.rest[read..];
        }
        String::from_utf8(bytes).map_err(|_| Flaw::Utf8)
    }

    /// Reads `{…}`, which is known to begin here.
    fn placeholder(&mut self) -> Result<Placeholder<'t>, Flaw> {
        let inside = &self.rest[1..];
        let end = closing_brace(inside).ok_or_else(|| Flaw::UnclosedBrace { at: self.at() })?;
        self.rest = &inside[end + 1..];
        let (head, expression) = match inside[..end].split_once(':') {
            Some((head, expression)) => (head, Some(expression)),
            None => (&inside[..end], None),
        };
        let (catch_all, head) = strip(head, head.strip_prefix('*'));
        let (optional, name) = strip(head, head.strip_suffix('?'));
        self.name(name)?;
        if expression == Some("") {
            return Err(Flaw::EmptyExpression {
                name: name.to_owned(),
            });
        }
        Ok(Placeholder {
            catch_all,
            optional,
            expression,
        })
    }

    fn name(&mut self, name: &str) -> Result<(), Flaw> {
        let owned = || name.to_owned();
        if name.is_empty() {
            return Err(Flaw::EmptyName);
        }
        if !name
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_' || c == '-')
        {
            return Err(Flaw::BadName { name: owned() });
        }
        let names = &mut self.pattern.names;
        if names.iter().any(|taken| taken == name) {
            return Err(Flaw::DuplicateName { name: owned() });
        }
        if names.len() == PATTERN_PARAMS_MAX {
            return Err(Flaw::TooManyParams);
        }
        names.push(owned());
        Ok(())
    }

    /// How many bytes of the pattern were read.
    fn at(&self) -> usize {
        self.text.len() - self.rest.len()
    }
}

/// Whether something was stripped off `text`, and what is left.
fn strip<'t>(text: &'t str, stripped: Option<&'t str>) -> (bool, &'t str) {
    stripped.map_or((false, text), |rest| (true, rest))
}

/// Where the brace closes that was opened just before `inside`.
///
/// An expression may hold braces of its own, in pairs (`\d{4}`), escaped (`\{`) or in a class
/// (`[{}]`).
fn closing_brace(inside: &str) -> Option<usize> {
    let bytes = inside.as_bytes();
    let (mut braces, mut classes, mut at) = (0_usize, 0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'[' => {
                classes += 1;
                // A bracket that comes first in its class is an ordinary member of it.
                at += usize::from(bytes.get(at + 1) == Some(&b'^'));
                at += usize::from(bytes.get(at + 1) == Some(&b']'));
            }
            b']' => classes = classes.saturating_sub(1),
            b'{' if classes == 0 => braces += 1,
            b'}' if classes == 0 && braces == 0 => return Some(at),
            b'}' if classes == 0 => braces -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}
