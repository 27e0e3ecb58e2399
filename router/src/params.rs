//! The result of a lookup: names of parameters and where their text lies.
//!
//! Always true here:
//! - Nothing is borrowed: names are copied from the route (a few bytes), text is spans of the
//!   path, or of a decoded copy that is kept here. So a record may own its path and its `Params`
//!   side by side, and outlive the router.
//! - Buffers keep their capacity: once warm, a lookup allocates nothing.
//!
//! Not here: finding the route (`walk.rs`).

use std::ops::Range;
use std::str;

/// Where bytes lie inside a text: `start..end`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end, "a span cannot end before it starts");
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    pub(crate) fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// What is left inside of a head and a tail; `None` if that is nothing.
    pub(crate) fn trimmed(self, head: usize, tail: usize) -> Option<Self> {
        let inside = self.len() > head + tail;
        inside.then(|| Self {
            start: self.start + head as u32,
            end: self.end - tail as u32,
        })
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    pub(crate) fn of(self, text: &[u8]) -> &[u8] {
        &text[self.range()]
    }

    /// As [`of`](Self::of), of a text that may not be the one the span was made for.
    fn within(self, text: &[u8]) -> Option<&[u8]> {
        text.get(self.range())
    }
}

/// One parameter of the route that was found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Capture {
    name: Span,
    /// In the raw path.
    raw: Span,
    /// In the raw path as well, or in the decoded copy if there is one.
    pub(crate) text: Span,
}

impl Capture {
    pub(crate) fn of(text: Span) -> Self {
        Self {
            name: Span::default(),
            raw: text,
            text,
        }
    }
}

/// The parameters of a request's path, filled by [`Router::find`](crate::Router::find).
///
/// It is meant to be kept and used again for the next request: `find` clears it first. The path
/// is not kept; whoever asks shows it again.
///
/// ```
/// use http::Method;
/// use ringlane_router::{Params, RouterBuilder};
///
/// let mut routes = RouterBuilder::new();
/// routes.route(Method::GET, "/users/{id}/files/{*file}", ());
/// let router = routes.build()?;
///
/// let mut params = Params::new();
/// let path = b"/users/7/files/notes/to%20do.txt";
/// router.find(&Method::GET, path, &mut params);
/// assert_eq!(params.get("id", path), Some("7"));
/// assert_eq!(params.get("file", path), Some("notes/to do.txt"));
/// assert_eq!(params.raw("file", path), Some(&b"notes/to%20do.txt"[..]));
/// assert_eq!(params.get("name", path), None);
/// # Ok::<(), ringlane_router::RouteErrors>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Params {
    pub(crate) captures: Vec<Capture>,
    /// The names of `captures`, one behind the other.
    names: String,
    /// The decoded path, if it is not the path itself.
    pub(crate) decoded: Vec<u8>,
    /// Used during a lookup only. It holds as many as the router asks for, valid or not.
    pub(crate) segments: Vec<Span>,
}

impl Params {
    /// No parameters, and no memory yet.
    pub const fn new() -> Self {
        Self {
            captures: Vec::new(),
            names: String::new(),
            decoded: Vec::new(),
            segments: Vec::new(),
        }
    }

    /// Forgets all parameters and keeps the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.captures.clear();
        self.names.clear();
        self.decoded.clear();
    }

    /// How many parameters there are. One that is optional and absent does not count.
    pub fn len(&self) -> usize {
        self.captures.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.captures.is_empty()
    }

    /// The decoded text of the parameter `name`; `path` is the one that was looked up.
    ///
    /// `None` if the route has no such parameter, or has it as its optional part and the path
    /// ends before. (Shown another path, the answer is some other text or `None`.)
    pub fn get<'p>(&'p self, name: &str, path: &'p [u8]) -> Option<&'p str> {
        self.text(self.capture(name)?, path)
    }

    /// The bytes of the parameter `name` as they stand in the path, escapes and all.
    ///
    /// The text of a catch-all does not tell `a%2Fb` from `a/b`; this does.
    pub fn raw<'p>(&self, name: &str, path: &'p [u8]) -> Option<&'p [u8]> {
        self.capture(name)?.raw.within(path)
    }

    /// Names and decoded texts, in the pattern's order.
    pub fn iter<'p>(&'p self, path: &'p [u8]) -> impl Iterator<Item = (&'p str, &'p str)> {
        self.captures
            .iter()
            .filter_map(move |capture| Some((self.name(capture)?, self.text(capture, path)?)))
    }

    /// Puts names on the captures of a lookup that has found its route.
    pub(crate) fn finish(&mut self, names: &Names, path: &[u8], decoded: bool) {
        debug_assert!(self.captures.len() <= names.ends.len(), "each has a name");
        self.names.push_str(&names.joined);
        let mut start = 0;
        for (capture, end) in self.captures.iter_mut().zip(&names.ends) {
            capture.name = Span { start, end: *end };
            start = *end;
        }
        if decoded {
            self.find_raw(path);
        }
    }

    /// Captures lie in the pattern's order, so one pass over the path places them all.
    fn find_raw(&mut self, path: &[u8]) {
        let (mut raw, mut text) = (0, 0);
        let mut advance = |to: u32| {
            while text < to {
                let escaped = path.get(raw as usize) == Some(&b'%');
                raw += if escaped { 3 } else { 1 };
                text += 1;
            }
            raw
        };
        for capture in &mut self.captures {
            let start = advance(capture.text.start);
            let end = advance(capture.text.end);
            capture.raw = Span { start, end };
        }
    }

    fn capture(&self, name: &str) -> Option<&Capture> {
        self.captures
            .iter()
            .find(|capture| self.name(capture) == Some(name))
    }

    fn name(&self, capture: &Capture) -> Option<&str> {
        self.names.get(capture.name.range())
    }

    fn text<'p>(&'p self, capture: &Capture, path: &'p [u8]) -> Option<&'p str> {
        let source = if self.decoded.is_empty() {
            path
        } else {
            &self.decoded
        };
        str::from_utf8(capture.text.within(source)?).ok()
    }
}

/// A route's parameter names, as they are copied into [`Params`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    joined: Box<str>,
    /// Where each name ends in `joined`.
    ends: Box<[u32]>,
}

impl Names {
    pub(crate) fn of(names: &[String]) -> Self {
        let mut end = 0;
        let ends = names.iter().map(|name| {
            end += name.len() as u32;
            end
        });
        Self {
            ends: ends.collect(),
            joined: names.concat().into(),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.ends.iter().scan(0, |start, end| {
            let name = self.joined.get(*start as usize..*end as usize);
            *start = *end;
            name
        })
    }
}
