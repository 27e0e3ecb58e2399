//! The tree of patterns that lookups search: one level per segment.
//!
//! Always true here:
//! - All children of one kind are found by hash, so no lookup walks over routes. Only different
//!   expressions (and different reaches of affixes) at one place are tried one after the other.
//! - Each list is in order of precedence, which depends on the patterns alone.
//! - A path from the root to a leaf holds at most one spanning parameter.
//!
//! Not here: building it (`grow.rs`), searching it (`walk.rs`).

use regex::bytes::Regex;

use crate::methods::{MethodSet, NO_ROUTE};
use crate::params::Span;
use crate::table::Table;

/// Most segments that one parameter reaches over, if its expression speaks of `/`. With it, the
/// runs of an expression that one lookup may cost are bounded. (A catch-all has no such limit.)
pub const SPAN_SEGMENTS_MAX: usize = 64;

/// Owns the shortcuts of patterns without parameters: the key is all of the path.
pub(crate) const WHOLE: u32 = 0;
/// Owns the shortcuts of patterns whose only parameter is their last segment, without text around
/// it, expression or more specific siblings: the key is the path up to its last slash, inclusive.
pub(crate) const BEFORE_PARAM: u32 = 1;

/// A node of the tree.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct NodeIndex(pub(crate) u32);

/// A path pattern without its names: what routes of all methods share.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct EndIndex(pub(crate) u32);

/// A compiled expression; equal texts share one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ExpressionIndex(pub(crate) u32);

#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) nodes: Box<[Node]>,
    /// Children by text, of nodes with several; the owner is the parent's index.
    pub(crate) literals: Table,
    /// The texts of all runs.
    pub(crate) runs: Box<[u8]>,
    pub(crate) shapes: Box<[Shape]>,
    /// Leaves by the text around the parameter; the owner is the shape's number.
    pub(crate) affixed: Table,
    pub(crate) leaves: Box<[Leaf]>,
    pub(crate) catch_alls: Box<[CatchAll]>,
    pub(crate) expressions: Box<[Regex]>,
    /// Ends that are found without a search; the owner is [`WHOLE`] or [`BEFORE_PARAM`].
    pub(crate) shortcuts: Table,
    pub(crate) ends: Ends,
    /// How many segments of a path can matter.
    pub(crate) segments_max: usize,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Node {
    /// The pattern that ends here.
    pub(crate) end: Option<EndIndex>,
    pub(crate) literals: Literals,
    /// In [`Tree::shapes`], the longest affixes first. Parameters without affix and expression
    /// are not among them.
    pub(crate) shapes: Span,
    /// Below a parameter without affix and expression.
    pub(crate) plain: Option<NodeIndex>,
    /// In [`Tree::catch_alls`]; the one without an expression comes last.
    pub(crate) catch_alls: Span,
    /// How many more segments a pattern may ask for from here on; `u32::MAX` with a catch-all
    /// below.
    pub(crate) height: u32,
}

/// The literal children of a node.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Literals {
    #[default]
    None,
    /// One, and below it perhaps others that have no siblings of any kind.
    Run(Run),
    /// Several.
    Table,
}

/// Literal segments that only come together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// In [`Tree::runs`]; the segments are joined by slashes.
    pub(crate) text: Span,
    pub(crate) segments: u32,
    pub(crate) child: NodeIndex,
}

/// The parameters of one node whose affixes have the same lengths.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) number: u32,
    pub(crate) prefix_len: usize,
    pub(crate) suffix_len: usize,
    pub(crate) spanning: Box<[Spanning]>,
}

/// The parameters of one node and one segment with the same text around them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leaf {
    pub(crate) expressions: Vec<(ExpressionIndex, NodeIndex)>,
    pub(crate) plain: Option<NodeIndex>,
}

/// A parameter that may reach over several segments.
#[derive(Clone, Debug)]
pub(crate) struct Spanning {
    pub(crate) prefix: Box<[u8]>,
    pub(crate) suffix: Box<[u8]>,
    pub(crate) expression: ExpressionIndex,
    pub(crate) child: NodeIndex,
}

#[derive(Clone, Debug)]
pub(crate) struct CatchAll {
    pub(crate) expression: Option<ExpressionIndex>,
    pub(crate) end: EndIndex,
}

/// Which routes each pattern has.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    /// One row of `width` routes for each end.
    pub(crate) rows: Box<[u32]>,
    pub(crate) width: usize,
    pub(crate) allowed: Box<[MethodSet]>,
}

impl Node {
    /// Whether children other than literal ones are to be tried.
    pub(crate) fn is_literal_only(&self) -> bool {
        self.shapes.is_empty() && self.plain.is_none() && self.catch_alls.is_empty()
    }
}

impl Tree {
    #[inline]
    pub(crate) fn node(&self, index: NodeIndex) -> &Node {
        &self.nodes[index.0 as usize]
    }

    pub(crate) fn shapes(&self, node: &Node) -> &[Shape] {
        &self.shapes[node.shapes.range()]
    }

    pub(crate) fn catch_alls(&self, node: &Node) -> &[CatchAll] {
        &self.catch_alls[node.catch_alls.range()]
    }

    pub(crate) fn matches(&self, expression: ExpressionIndex, text: &[u8]) -> bool {
        self.expressions[expression.0 as usize].is_match(text)
    }
}

impl Ends {
    /// The route that answers the methods of `column`.
    #[inline]
    pub(crate) fn route(&self, end: EndIndex, column: usize) -> Option<usize> {
        let route = self.rows[end.0 as usize * self.width + column];
        (route != NO_ROUTE).then_some(route as usize)
    }

    pub(crate) fn allowed(&self, end: EndIndex) -> MethodSet {
        self.allowed[end.0 as usize]
    }
}

const _: () = assert!(size_of::<Node>() <= 64, "a node fits into a cache line");
