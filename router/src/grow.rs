//! Builds the tree from patterns, whatever their order.
//!
//! Always true here:
//! - Children are kept in ordered maps whose order is the precedence, so the order of
//!   registration leaves no trace.
//! - A child's index is higher than its parent's. The root's is 0.
//!
//! Not here: laying it out for lookups (`freeze.rs`), which pattern is which route's
//! (`builder.rs`).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::pattern::{Param, Part};
use crate::tree::{EndIndex, NodeIndex, SPAN_SEGMENTS_MAX};

/// A tree that patterns may still be added to.
#[derive(Debug)]
pub(crate) struct Sapling {
    pub(crate) sprouts: Vec<Sprout>,
    pub(crate) ends: Vec<Routes>,
    pub(crate) depth_max: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Sprout {
    pub(crate) end: Option<EndIndex>,
    pub(crate) literals: BTreeMap<String, NodeIndex>,
    pub(crate) params: BTreeMap<ParamRank, NodeIndex>,
    pub(crate) catch_alls: BTreeMap<CatchAllRank, EndIndex>,
}

/// A parameter among its siblings. The order of the fields is the precedence.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct ParamRank {
    pub(crate) prefix_len: Reverse<usize>,
    pub(crate) suffix_len: Reverse<usize>,
    pub(crate) reach: Reach,
    pub(crate) param: ParamText,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Reach {
    /// With an expression, inside one segment.
    Expression,
    /// With an expression, over one segment or several.
    Spanning,
    /// One segment, whatever it holds.
    Plain,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct ParamText {
    pub(crate) expression: String,
    pub(crate) prefix: String,
    pub(crate) suffix: String,
}

/// A catch-all among its siblings: with an expression before without.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct CatchAllRank {
    pub(crate) without: bool,
    pub(crate) expression: String,
}

/// The routes of one pattern.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    pub(crate) named: Vec<(usize, u32)>,
    pub(crate) any: Option<u32>,
}

impl Sapling {
    pub(crate) fn new() -> Self {
        Self {
            sprouts: vec![Sprout::default()],
            ends: Vec::new(),
            depth_max: 0,
        }
    }

    /// Lets `route` answer the paths of `parts` and the method with this number, or all methods.
    ///
    /// Fails with the route that does so already.
    pub(crate) fn plant(
        &mut self,
        parts: &[Part],
        method: Option<usize>,
        route: u32,
    ) -> Result<(), u32> {
        let end = self.end_of(parts);
        let routes = &mut self.ends[end.0 as usize];
        let taken = match method {
            Some(number) => {
                let named = routes.named.iter().find(|(named, _)| *named == number);
                named.map(|(_, route)| *route)
            }
            None => routes.any,
        };
        if let Some(taken) = taken {
            return if taken == route { Ok(()) } else { Err(taken) };
        }
        match method {
            Some(number) => routes.named.push((number, route)),
            None => routes.any = Some(route),
        }
        Ok(())
    }

    fn end_of(&mut self, parts: &[Part]) -> EndIndex {
        let mut node = NodeIndex(0);
        let mut depth = 0;
        for part in parts {
            node = match part {
                Part::Literal(text) => {
                    depth += 1;
                    let child = |sprout: &Sprout| sprout.literals.get(text).copied();
                    self.child(node, child, |sprout, new| {
                        sprout.literals.insert(text.clone(), new);
                    })
                }
                Part::Param(param) => {
                    depth += if param.spans() { SPAN_SEGMENTS_MAX } else { 1 };
                    let rank = ParamRank::of(param);
                    let child = |sprout: &Sprout| sprout.params.get(&rank).copied();
                    self.child(node, child, |sprout, new| {
                        sprout.params.insert(rank.clone(), new);
                    })
                }
                Part::CatchAll { expression } => {
                    self.depth_max = self.depth_max.max(depth);
                    return self.catch_all(node, expression.as_deref());
                }
            };
        }
        self.depth_max = self.depth_max.max(depth);
        let sprout = &mut self.sprouts[node.0 as usize];
        *sprout.end.get_or_insert_with(|| new_end(&mut self.ends))
    }

    fn child(
        &mut self,
        parent: NodeIndex,
        find: impl FnOnce(&Sprout) -> Option<NodeIndex>,
        insert: impl FnOnce(&mut Sprout, NodeIndex),
    ) -> NodeIndex {
        let new = NodeIndex(self.sprouts.len() as u32);
        let sprout = &mut self.sprouts[parent.0 as usize];
        if let Some(found) = find(sprout) {
            return found;
        }
        insert(sprout, new);
        self.sprouts.push(Sprout::default());
        new
    }

    fn catch_all(&mut self, node: NodeIndex, expression: Option<&str>) -> EndIndex {
        let rank = CatchAllRank {
            without: expression.is_none(),
            expression: expression.unwrap_or_default().to_owned(),
        };
        let ends = &mut self.ends;
        let catch_alls = &mut self.sprouts[node.0 as usize].catch_alls;
        *catch_alls.entry(rank).or_insert_with(|| new_end(ends))
    }
}

impl ParamRank {
    fn of(param: &Param) -> Self {
        let reach = match &param.expression {
            None => Reach::Plain,
            Some(_) if param.spans() => Reach::Spanning,
            Some(_) => Reach::Expression,
        };
        Self {
            prefix_len: Reverse(param.prefix.len()),
            suffix_len: Reverse(param.suffix.len()),
            reach,
            param: ParamText {
                expression: param.expression.clone().unwrap_or_default(),
                prefix: param.prefix.clone(),
                suffix: param.suffix.clone(),
            },
        }
    }

    /// Whether it has neither text around it nor an expression.
    pub(crate) fn is_bare(&self) -> bool {
        self.lens() == (0, 0) && self.reach == Reach::Plain
    }

    pub(crate) fn lens(&self) -> (usize, usize) {
        (self.prefix_len.0, self.suffix_len.0)
    }
}

fn new_end(ends: &mut Vec<Routes>) -> EndIndex {
    ends.push(Routes::default());
    EndIndex(ends.len() as u32 - 1)
}
