//! Searches the tree for the most specific route of a path and a method.
//!
//! Always true here:
//! - Children are tried in order of precedence and the first whose subtree answers wins, so a
//!   route is found whenever one matches, and it is the most specific one.
//! - Captures are as they were wherever a search goes back.
//! - A node is entered at most once per lookup, or, below a parameter that spans segments, at
//!   most [`SPAN_SEGMENTS_MAX`] times: the tree has no other choice of where a segment ends. So
//!   backtracking costs at most one visit to each pattern that agrees with the path so far, and
//!   never multiplies.
//! - Recursion is as deep as the longest pattern.
//!
//! Not here: cutting the path (`path.rs`), the shortcut for whole static paths (`router.rs`).

use crate::methods::MethodSet;
use crate::params::{Capture, Span};
use crate::tree::{EndIndex, Literals, Node, NodeIndex, SPAN_SEGMENTS_MAX, Shape, Spanning, Tree};

/// One search.
pub(crate) struct Walk<'a> {
    pub(crate) tree: &'a Tree,
    /// Of the request's method, in the rows of routes.
    pub(crate) column: usize,
    pub(crate) text: &'a [u8],
    pub(crate) segments: &'a [Span],
    /// How many segments the path has, stored or not.
    pub(crate) segments_all: usize,
    /// Where the path ends in `text`.
    pub(crate) end: u32,
    /// Whether the path ends with a slash that may be overlooked.
    pub(crate) spare_slash: bool,
    pub(crate) captures: &'a mut Vec<Capture>,
    /// What the patterns answer that match the path but not the method.
    pub(crate) allowed: MethodSet,
}

impl<'a> Walk<'a> {
    /// The route, by index. Its captures are left in place.
    pub(crate) fn run(&mut self) -> Option<usize> {
        self.enter(NodeIndex(0), 0)
    }

    /// Searches below `index`, whose patterns have read the segments before `at`.
    fn enter(&mut self, index: NodeIndex, at: usize) -> Option<usize> {
        let kept = self.captures.len();
        let route = self.descend(index, at);
        if route.is_none() {
            self.captures.truncate(kept);
        }
        route
    }

    /// As [`enter`](Self::enter), but may leave captures behind where it found nothing.
    ///
    /// The last child to be tried needs no way back, so it is gone to in a loop.
    fn descend(&mut self, mut index: NodeIndex, mut at: usize) -> Option<usize> {
        loop {
            let node = self.tree.node(index);
            if self.ends_at(at)
                && let Some(end) = node.end
                && let Some(route) = self.accept(end)
            {
                return Some(route);
            }
            let segment = *self.segments.get(at)?;
            if let Some((child, stop)) = self.literal(index, node, at, segment) {
                if node.is_literal_only() {
                    (index, at) = (child, stop);
                    continue;
                }
                if let Some(route) = self.enter(child, stop) {
                    return Some(route);
                }
            }
            for shape in self.tree.shapes(node) {
                if let Some(route) = self.shape(shape, at, segment) {
                    return Some(route);
                }
            }
            if let Some(child) = node.plain
                && !segment.is_empty()
            {
                if node.catch_alls.is_empty() {
                    self.captures.push(Capture::of(segment));
                    (index, at) = (child, at + 1);
                    continue;
                }
                if let Some(route) = self.capture(segment, child, at + 1) {
                    return Some(route);
                }
            }
            return self.catch_alls(node, segment.start);
        }
    }

    /// The child whose literal text stands at `at`, and where it has read up to.
    #[inline]
    fn literal(
        &self,
        index: NodeIndex,
        node: &Node,
        at: usize,
        segment: Span,
    ) -> Option<(NodeIndex, usize)> {
        match node.literals {
            Literals::None => None,
            Literals::Table => {
                let child = self.tree.literals.find(index.0, segment.of(self.text))?;
                Some((NodeIndex(child), at + 1))
            }
            Literals::Run(run) => {
                let stop = at + run.segments as usize;
                let last = self.segments.get(stop - 1)?;
                let text = Span {
                    start: segment.start,
                    end: last.end,
                };
                // As many segments and the same text: so they end at the same places, even if the
                // text was decoded and has slashes that part nothing.
                let same = text.of(self.text) == run.text.of(&self.tree.runs);
                same.then_some((run.child, stop))
            }
        }
    }

    /// Whether a pattern that has read the segments before `at` has read the path.
    #[inline]
    fn ends_at(&self, at: usize) -> bool {
        at == self.segments_all || self.spare_slash && at + 1 == self.segments_all
    }

    /// The route of this pattern and the request's method, or a note of the methods it has instead.
    fn accept(&mut self, end: EndIndex) -> Option<usize> {
        let route = self.tree.ends.route(end, self.column);
        if route.is_none() {
            self.allowed = self.allowed.union(self.tree.ends.allowed(end));
        }
        route
    }

    fn capture(&mut self, text: Span, child: NodeIndex, at: usize) -> Option<usize> {
        let kept = self.captures.len();
        self.captures.push(Capture::of(text));
        let route = self.descend(child, at);
        if route.is_none() {
            self.captures.truncate(kept);
        }
        route
    }

    /// Tries the parameters of one shape, with an expression before without.
    fn shape(&mut self, shape: &'a Shape, at: usize, segment: Span) -> Option<usize> {
        let tree = self.tree;
        let affixes = shape.prefix_len + shape.suffix_len;
        let leaf = if segment.len() > affixes {
            let (prefix, rest) = segment.of(self.text).split_at(shape.prefix_len);
            let (_, suffix) = rest.split_at(rest.len() - shape.suffix_len);
            tree.affixed.find_pair(shape.number, (prefix, suffix))
        } else {
            None
        };
        let leaf = leaf.map(|leaf| &tree.leaves[leaf as usize]);
        let inner = segment.trimmed(shape.prefix_len, shape.suffix_len);
        if let (Some(leaf), Some(inner)) = (leaf, inner) {
            for (expression, child) in &leaf.expressions {
                if tree.matches(*expression, inner.of(self.text))
                    && let Some(route) = self.capture(inner, *child, at + 1)
                {
                    return Some(route);
                }
            }
        }
        for spanning in &shape.spanning {
            if let Some(route) = self.spanning(spanning, at, segment) {
                return Some(route);
            }
        }
        let child = leaf?.plain?;
        self.capture(inner?, child, at + 1)
    }

    /// Tries to let one parameter reach over several segments, over as many as possible first.
    fn spanning(&mut self, spanning: &'a Spanning, at: usize, first: Span) -> Option<usize> {
        let tree = self.tree;
        if !first.of(self.text).starts_with(&spanning.prefix) {
            return None;
        }
        let height = tree.node(spanning.child).height as usize;
        let unread_max = height.saturating_add(usize::from(self.spare_slash));
        let stop_max = self.segments.len().min(at + SPAN_SEGMENTS_MAX);
        for stop in (at + 1..=stop_max).rev() {
            let unread = self.segments_all - stop;
            if unread > unread_max {
                return None;
            }
            let last = self.segments[stop - 1];
            let whole = Span {
                start: first.start,
                end: last.end,
            };
            if last.of(self.text).ends_with(&spanning.suffix)
                && let Some(inner) = whole.trimmed(spanning.prefix.len(), spanning.suffix.len())
                && tree.matches(spanning.expression, inner.of(self.text))
                && let Some(route) = self.capture(inner, spanning.child, stop)
            {
                return Some(route);
            }
        }
        None
    }

    /// Tries to give everything from `start` on to a catch-all.
    fn catch_alls(&mut self, node: &'a Node, start: u32) -> Option<usize> {
        if node.catch_alls.is_empty() || start >= self.end {
            return None;
        }
        let rest = Span {
            start,
            end: self.end,
        };
        let without_slash = self.without_slash(rest);
        for catch_all in self.tree.catch_alls(node) {
            let text = match catch_all.expression {
                None => Some(rest),
                Some(expression) => [Some(rest), without_slash]
                    .into_iter()
                    .flatten()
                    .find(|text| self.tree.matches(expression, text.of(self.text))),
            };
            if let Some(text) = text
                && let Some(route) = self.accept(catch_all.end)
            {
                self.captures.push(Capture::of(text));
                return Some(route);
            }
        }
        None
    }

    /// `rest` without a trailing slash, if there is one and it may be overlooked.
    fn without_slash(&self, rest: Span) -> Option<Span> {
        let text = rest.trimmed(0, 1)?;
        self.spare_slash.then_some(text)
    }
}
