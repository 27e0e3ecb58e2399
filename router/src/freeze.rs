//! Turns the growing tree into flat tables for lookups.
//!
//! Always true here: nothing is decided; every order is the one that the growing tree keeps.
//!
//! Not here: what the order is (`grow.rs`), what the tables are for (`tree.rs`).

use std::collections::BTreeMap;

use crate::expressions::Expressions;
use crate::grow::{ParamRank, ParamText, Reach, Routes, Sapling, Sprout};
use crate::methods::{MethodSet, Methods};
use crate::params::Span;
use crate::table::TableBuilder;
use crate::tree::{
    BEFORE_PARAM, CatchAll, Ends, Leaf, Literals, Node, NodeIndex, Run, SPAN_SEGMENTS_MAX, Shape,
    Spanning, Tree, WHOLE,
};

impl Sapling {
    /// The finished tree.
    pub(crate) fn freeze(
        self,
        methods: &Methods,
        expressions: Expressions,
        slash_is_ignored: bool,
    ) -> Tree {
        let mut shortcuts = TableBuilder::default();
        self.shortcuts(NodeIndex(0), "", slash_is_ignored, &mut shortcuts);
        let mut freezer = Freezer::new(&expressions);
        let mut nodes = vec![Node::default(); self.sprouts.len()];
        // Children before parents, because a parent's height and run are made of its children's.
        for (index, sprout) in self.sprouts.into_iter().enumerate().rev() {
            let height = sprout.height(&nodes);
            nodes[index] = freezer.node(NodeIndex(index as u32), sprout, height, &nodes);
        }
        let Freezer {
            literals,
            runs,
            shapes,
            affixed,
            leaves,
            catch_alls,
            ..
        } = freezer;
        Tree {
            nodes: nodes.into(),
            literals: literals.build(),
            runs: runs.into(),
            shapes: shapes.into(),
            affixed: affixed.build(),
            leaves: leaves.into(),
            catch_alls: catch_alls.into(),
            expressions: expressions.into_compiled(),
            shortcuts: shortcuts.build(),
            ends: freeze_ends(&self.ends, methods),
            // One more is where a catch-all begins.
            segments_max: self.depth_max + 1,
        }
    }

    /// Collects the patterns of literals alone, and those with one parameter behind them, from
    /// `index` on, which is reached by `path`.
    fn shortcuts(
        &self,
        index: NodeIndex,
        path: &str,
        slash_is_ignored: bool,
        table: &mut TableBuilder,
    ) {
        let sprout = &self.sprouts[index.0 as usize];
        let slashed = format!("{path}/");
        if let Some(end) = sprout.end {
            if !path.is_empty() {
                table.insert(WHOLE, path.as_bytes(), end.0);
            }
            if slash_is_ignored {
                table.insert(WHOLE, slashed.as_bytes(), end.0);
            }
        }
        // The first one is bare only if there are no others.
        if let Some((rank, child)) = sprout.params.first_key_value()
            && rank.is_bare()
            && let Some(end) = self.sprouts[child.0 as usize].end
        {
            table.insert(BEFORE_PARAM, slashed.as_bytes(), end.0);
        }
        for (text, child) in &sprout.literals {
            // Text with a percent sign never stands in a path as it is, and with a slash it would
            // stand there as two segments.
            if !text.contains(['%', '/']) {
                let path = format!("{slashed}{text}");
                self.shortcuts(*child, &path, slash_is_ignored, table);
            }
        }
    }
}

impl Sprout {
    fn height(&self, nodes: &[Node]) -> u32 {
        if !self.catch_alls.is_empty() {
            return u32::MAX;
        }
        let of = |child: &NodeIndex| nodes[child.0 as usize].height;
        let literals = self.literals.values().map(|child| (1, of(child)));
        let params = self.params.iter().map(|(rank, child)| match rank.reach {
            Reach::Expression | Reach::Plain => (1, of(child)),
            Reach::Spanning => (SPAN_SEGMENTS_MAX as u32, of(child)),
        });
        let heights = literals.chain(params);
        heights
            .map(|(own, below)| below.saturating_add(own))
            .max()
            .unwrap_or(0)
    }
}

fn freeze_ends(ends: &[Routes], methods: &Methods) -> Ends {
    let rows = ends
        .iter()
        .flat_map(|routes| methods.row(&routes.named, routes.any));
    let allowed = ends
        .iter()
        .map(|routes| MethodSet::of_routes(&routes.named));
    Ends {
        rows: rows.collect(),
        width: methods.width(),
        allowed: allowed.collect(),
    }
}

struct Freezer<'e> {
    expressions: &'e Expressions,
    literals: TableBuilder,
    runs: Vec<u8>,
    shapes: Vec<Shape>,
    affixed: TableBuilder,
    leaves: Vec<Leaf>,
    catch_alls: Vec<CatchAll>,
}

impl<'e> Freezer<'e> {
    fn new(expressions: &'e Expressions) -> Self {
        Self {
            expressions,
            literals: TableBuilder::default(),
            runs: Vec::new(),
            shapes: Vec::new(),
            affixed: TableBuilder::default(),
            leaves: Vec::new(),
            catch_alls: Vec::new(),
        }
    }

    fn node(&mut self, index: NodeIndex, sprout: Sprout, height: u32, nodes: &[Node]) -> Node {
        let literals = self.literals(index, &sprout.literals, nodes);
        let mut params: Vec<(ParamRank, NodeIndex)> = sprout.params.into_iter().collect();
        let plain = params.pop_if(|(rank, _)| rank.is_bare());
        let first_shape = self.shapes.len();
        for params in params.chunk_by(|(a, _), (b, _)| a.lens() == b.lens()) {
            self.shape(params);
        }
        let first_catch_all = self.catch_alls.len();
        for (rank, end) in sprout.catch_alls {
            self.catch_alls.push(CatchAll {
                expression: (!rank.without).then(|| self.expressions.index(&rank.expression)),
                end,
            });
        }
        Node {
            end: sprout.end,
            literals,
            shapes: Span::new(first_shape, self.shapes.len()),
            plain: plain.map(|(_, child)| child),
            catch_alls: Span::new(first_catch_all, self.catch_alls.len()),
            height,
        }
    }

    fn literals(
        &mut self,
        parent: NodeIndex,
        children: &BTreeMap<String, NodeIndex>,
        nodes: &[Node],
    ) -> Literals {
        let mut all = children.iter();
        // In a run, each slash parts two segments; so text with a slash of its own is looked up.
        let single = all.next().filter(|(text, _)| !text.contains('/'));
        let (Some((text, child)), None) = (single, all.next()) else {
            for (text, child) in children {
                self.literals.insert(parent.0, text.as_bytes(), child.0);
            }
            return match children.is_empty() {
                true => Literals::None,
                false => Literals::Table,
            };
        };
        let mut run = Run {
            text: Span::new(self.runs.len(), self.runs.len() + text.len()),
            segments: 1,
            child: *child,
        };
        self.runs.extend_from_slice(text.as_bytes());
        let below = &nodes[child.0 as usize];
        if let Literals::Run(behind) = below.literals
            && below.end.is_none()
            && below.is_literal_only()
        {
            self.runs.push(b'/');
            self.runs.extend_from_within(behind.text.range());
            run = Run {
                text: Span::new(run.text.range().start, self.runs.len()),
                segments: run.segments + behind.segments,
                child: behind.child,
            };
        }
        Literals::Run(run)
    }

    fn shape(&mut self, params: &[(ParamRank, NodeIndex)]) {
        let shape = self.shapes.len() as u32;
        let mut spanning = Vec::new();
        let mut leaves: BTreeMap<(&str, &str), Leaf> = BTreeMap::new();
        for (rank, child) in params {
            let ParamText {
                expression,
                prefix,
                suffix,
            } = &rank.param;
            let around = (prefix.as_str(), suffix.as_str());
            match rank.reach {
                Reach::Expression => {
                    let expression = self.expressions.index(expression);
                    let leaf = leaves.entry(around).or_default();
                    leaf.expressions.push((expression, *child));
                }
                Reach::Plain => leaves.entry(around).or_default().plain = Some(*child),
                Reach::Spanning => spanning.push(Spanning {
                    prefix: prefix.as_bytes().into(),
                    suffix: suffix.as_bytes().into(),
                    expression: self.expressions.index(expression),
                    child: *child,
                }),
            }
        }
        for (around, leaf) in leaves {
            let number = self.leaves.len() as u32;
            let around = (around.0.as_bytes(), around.1.as_bytes());
            self.affixed.insert_pair(shape, around, number);
            self.leaves.push(leaf);
        }
        let (prefix_len, suffix_len) = params.first().map_or((0, 0), |(rank, _)| rank.lens());
        self.shapes.push(Shape {
            number: shape,
            prefix_len,
            suffix_len,
            spanning: spanning.into(),
        });
    }
}
