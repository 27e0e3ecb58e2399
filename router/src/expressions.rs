//! Compiles the regular expressions of patterns: once each, anchored at both ends.
//!
//! Always true here: an expression that was accepted matches the whole text of a parameter or
//! nothing.
//!
//! Not here: where expressions stand in patterns (`pattern.rs`), running them (`walk.rs`).

use std::collections::HashMap;

use regex::bytes::{Regex, RegexBuilder};

use crate::error::Flaw;
use crate::tree::ExpressionIndex;

/// Most bytes that one compiled expression may take.
const EXPRESSION_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Most bytes that one expression's matching states may take, per thread that runs it. Beyond it,
/// matching is slower and not wrong.
const EXPRESSION_STATES_BYTES_MAX: usize = 512 * 1024;

/// The expressions of one router, by their text.
#[derive(Debug, Default)]
pub(crate) struct Expressions {
    compiled: Vec<Regex>,
    by_text: HashMap<String, ExpressionIndex>,
}

impl Expressions {
    /// Compiles `text`, unless it was seen before.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), Flaw> {
        if self.by_text.contains_key(text) {
            return Ok(());
        }
        let flaw = |error: regex::Error| Flaw::Expression {
            expression: text.to_owned(),
            message: last_line(&error.to_string()),
        };
        // By itself first, or `a)(b` would be well-formed.
        compile(text).map_err(flaw)?;
        let anchored = compile(&format!(r"\A(?:{text})\z")).map_err(flaw)?;
        let index = ExpressionIndex(self.compiled.len() as u32);
        self.compiled.push(anchored);
        self.by_text.insert(text.to_owned(), index);
        Ok(())
    }

    /// An expression that was added before.
    pub(crate) fn index(&self, text: &str) -> ExpressionIndex {
        self.by_text[text]
    }

    pub(crate) fn into_compiled(self) -> Box<[Regex]> {
        self.compiled.into()
    }
}

fn compile(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text)
        .size_limit(EXPRESSION_BYTES_MAX)
        .dfa_size_limit(EXPRESSION_STATES_BYTES_MAX)
        .build()
}

/// The compiler draws the expression over several lines; what it has to say is on the last.
fn last_line(message: &str) -> String {
    let last = message.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}
